# make demo   a real head CT and a real brain MR, segmented on this machine
# make test   the whole test suite
# make serve  the viewer and the server for 3D Slicer at http://127.0.0.1:1527
# make docs   the documentation's site, build/docs/html/index.html
PRESET ?= release
BUILD := build/$(PRESET)
PROGRAM := $(BUILD)/bin/sagittal
FUZZ_SECONDS ?= 5
FUZZ_SEED ?= 1

.PHONY: help configure build package image demo test test-packages test-cpp test-python test-slicer test-engines test-video test-fuzz test-long test-side-by-side test-kills test-load test-soak test-streams test-sanitizers test-arm64 serve docs format lint clean

help:
	@sed -n 's/^# //p' Makefile

## The browser viewer is part of the program; WEB=OFF builds without it, and without Node.js and npm.
WEB ?= $(if $(filter asan tsan fuzz,$(PRESET)),OFF,ON)
## FFMPEG=ON: the plug-in for videos too, which Debian's FFmpeg puts under the GPL.
FFMPEG ?= OFF
configure:
	@tools/install_dependencies.sh build $(if $(filter ON,$(WEB)),web) $(if $(filter ON,$(FFMPEG)),video) $(if $(filter cuda,$(PRESET)),cuda)
	@$(if $(filter cuda,$(PRESET)),tools/cuda_toolkit.sh build/cuda-toolkit)
	@cmake --preset $(PRESET) -DSAGITTAL_WEB=$(WEB) -DSAGITTAL_FFMPEG=$(FFMPEG) --log-level=WARNING

build: configure
	@cmake --build --preset $(PRESET) --target sagittal

## build/packages/: sagittal_VERSION_amd64.deb, and a tarball that brings its libraries.
package: build
	@tools/install_dependencies.sh package
	@cmake --build --preset $(PRESET) --target reference
	@rm -rf build/packages
	@cd $(BUILD) && cpack
	@rm -r build/packages/_CPack_Packages

image: package
	@podman build --format docker --build-arg PACKAGE=$$(ls build/packages/*.deb) -t sagittal .

## The demonstration needs no browser: where npm is not there, it is not installed for it.
demo: WEB := $(shell command -v npm >/dev/null && echo ON || echo OFF)
demo: build
	@tools/install_dependencies.sh demo
	@tools/demo.sh $(PROGRAM) build/demo

test: test-cpp test-python test-slicer test-fuzz
	@echo "All tests passed."

# Before it is configured, for what a test is built against is looked for then.
test-packages:
	@tools/install_dependencies.sh demo test

test-cpp: test-packages configure
	@python3 tools/check_layers.py
	@cmake --build --preset $(PRESET)
	@ctest --preset $(PRESET)

test-python: build
	@tools/install_dependencies.sh test
	@cmake --build --preset $(PRESET) --target igtl_peer
	@tools/python_tests.sh $(PROGRAM)

# The extension of 3D Slicer, with Slicer's own libraries.
test-slicer: build
	@tools/install_dependencies.sh test
	@tools/slicer_tests.sh $(PROGRAM)

# Orthanc with its DICOMweb plug-in, Podman and dockerd, each started by the tests with a folder of its own; and the packages on
# bare systems.
test-engines: package
	@tools/install_dependencies.sh test engines
	@cmake --build --preset $(PRESET) --target runners_test environment_test hub_image_test
	@tools/with_engines.sh tools/engine_tests.sh $(BUILD)/bin $(PROGRAM)

# The plug-in for videos and cameras, which nothing else needs.
test-video: FFMPEG := ON
test-video: build
	@tools/install_dependencies.sh test video
	@cmake --build --preset $(PRESET) --target sagittal_ffmpeg video_test
	@$(BUILD)/bin/video_test --gtest_brief=1
	@PYTHON_TESTS=tests/stream/video tools/python_tests.sh $(PROGRAM) -rs

test-fuzz:
	@tools/install_dependencies.sh build test
	@tools/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_SEED)

# Hours: each of these alone is a target too. docs/developing.md says what they do.
test-long: test-side-by-side test-kills test-load test-soak test-streams test-sanitizers test-arm64
	@$(MAKE) test-fuzz FUZZ_SECONDS=60
	@echo "All long tests passed."

test-side-by-side: build
	@tools/install_dependencies.sh test
	@SAGITTAL_SIDE_BY_SIDE=1 PYTHON_TESTS=tests/server/test_side_by_side.py tools/python_tests.sh $(PROGRAM) -rs

KILLS ?= 200
KILL_SEEDS ?= 1 2
test-kills: build
	@tools/install_dependencies.sh test
	@for seed in $(KILL_SEEDS); do SAGITTAL_KILLS=$(KILLS) SAGITTAL_SEED=$$seed PYTHON_TESTS=tests/server/test_kill.py \
	 tools/python_tests.sh $(PROGRAM) -s || exit 1; done

test-load: build
	@tools/install_dependencies.sh test
	@SAGITTAL_LOAD_SECONDS=300 SAGITTAL_IDLE_CONNECTIONS=10000 \
	 PYTHON_TESTS="tests/server/test_load.py tests/server/test_hostile.py" tools/python_tests.sh $(PROGRAM)

SOAK_SECONDS ?= 3600
test-soak: build
	@tools/install_dependencies.sh test
	@SAGITTAL_LOAD_SECONDS=$(SOAK_SECONDS) PYTHON_TESTS=tests/server/test_load.py tools/python_tests.sh $(PROGRAM) -k plain

test-streams: build
	@tools/install_dependencies.sh test
	@cmake --build --preset $(PRESET) --target igtl_test
	@SAGITTAL_STREAM_SECONDS=$(SOAK_SECONDS) $(BUILD)/bin/igtl_test --gtest_filter='Soak.*'
	@SAGITTAL_STREAM_SECONDS=$(SOAK_SECONDS) PYTHON_TESTS=tests/stream/igtl/peers/test_stream_soak.py tools/python_tests.sh $(PROGRAM) -s

SANITIZED := test_native_api test_events test_studies test_dicomweb test_nninteractive_v2 test_itksnap test_slicer_v0 test_monai_label test_exchanges
test-sanitizers:
	@for preset in asan tsan; do $(MAKE) PRESET=$$preset test-cpp || exit 1; done
	@PYTHON_TESTS="$(SANITIZED:%=tests/server/%.py)" tools/python_tests.sh build/asan/bin/sagittal

# What the answers depend on, built for arm64 and run by qemu-user; which kernels are the fastest there is not remembered for this machine.
ARM64_TESTS := base_test volume_test store_test nn_test
test-arm64:
	@tools/install_dependencies.sh build arm64
	@tools/arm64_sysroot.sh build/arm64-sysroot
	@cmake --preset arm64 --log-level=WARNING --no-warn-unused-cli
	@cmake --build --preset arm64 --target $(ARM64_TESTS)
	@for test in $(ARM64_TESTS); do XDG_CACHE_HOME=$(CURDIR)/build/arm64/cache \
	 qemu-aarch64 -L build/arm64-sysroot build/arm64/bin/$$test --gtest_brief=1 --gtest_filter='-*full_size' || exit 1; done

serve: build
	@tools/install_dependencies.sh demo
	@[ -e build/demo/case/head_ct.mhd ] || python3 tools/demo_case.py build/demo/case
	@$(PROGRAM) serve

docs: build
	@tools/install_dependencies.sh test
	@tools/docs.sh $(PROGRAM) build/docs/html
	@echo "The documentation is at build/docs/html/index.html"

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

lint: build
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 --dry-run --Werror
	@git ls-files 'src/*.cpp' 'apps/*.cpp' | xargs -P2 -n4 clang-tidy-14 -p $(BUILD) --quiet

clean:
	@rm -rf build
