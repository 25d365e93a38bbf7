# make demo   a real head CT and a real brain MR, segmented on this machine
# make test   the whole test suite
# make serve  the viewer and the server for 3D Slicer at http://127.0.0.1:1527
PRESET ?= release
BUILD := build/$(PRESET)
PROGRAM := $(BUILD)/bin/sagittal
FUZZ_SECONDS ?= 5
FUZZ_SEED ?= 1

.PHONY: help configure build demo test test-cpp test-python test-engines test-fuzz test-long serve format lint clean

help:
	@sed -n 's/^# //p' Makefile

## The browser viewer is part of the program; WEB=OFF builds without it, and without Node.js and npm.
WEB ?= $(if $(filter asan tsan fuzz,$(PRESET)),OFF,ON)
configure:
	@tools/install_dependencies.sh build $(if $(filter ON,$(WEB)),web)
	@cmake --preset $(PRESET) -DSAGITTAL_WEB=$(WEB) --log-level=WARNING

build: configure
	@cmake --build --preset $(PRESET) --target sagittal

## The demonstration needs no browser: where npm is not there, it is not installed for it.
demo: WEB := $(shell command -v npm >/dev/null && echo ON || echo OFF)
demo: build
	@tools/install_dependencies.sh demo
	@tools/demo.sh $(PROGRAM) build/demo

test: test-cpp test-python test-fuzz
	@echo "All tests passed."

test-cpp: configure
	@tools/install_dependencies.sh demo test
	@python3 tools/check_layers.py
	@cmake --build --preset $(PRESET)
	@ctest --preset $(PRESET)

test-python: build
	@tools/install_dependencies.sh test
	@tools/python_tests.sh $(PROGRAM)

# Orthanc with its DICOMweb plug-in, Podman and dockerd, each started by the tests with a folder of its own.
test-engines: build
	@tools/install_dependencies.sh test engines
	@cmake --build --preset $(PRESET) --target runners_test
	@tools/engine_tests.sh $(BUILD)/bin/runners_test
	@PYTHON_TESTS=tests/engines tools/python_tests.sh $(PROGRAM)

test-fuzz:
	@tools/install_dependencies.sh build test
	@tools/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_SEED)

KILLS ?= 200
# 200 kills, fifty annotators for five minutes, 10,000 idle connections, the original server beside this one, a minute for each fuzz target.
test-long: build
	@tools/install_dependencies.sh test
	@SAGITTAL_LOAD_SECONDS=300 SAGITTAL_IDLE_CONNECTIONS=10000 \
	 PYTHON_TESTS="tests/server/test_load.py tests/server/test_hostile.py" tools/python_tests.sh $(PROGRAM)
	@SAGITTAL_SIDE_BY_SIDE=1 PYTHON_TESTS=tests/server/test_side_by_side.py tools/python_tests.sh $(PROGRAM) -rs
	@SAGITTAL_KILLS=$(KILLS) PYTHON_TESTS=tests/server/test_kill.py tools/python_tests.sh $(PROGRAM) -s
	@$(MAKE) test-fuzz FUZZ_SECONDS=60

serve: build
	@tools/install_dependencies.sh demo
	@[ -e build/demo/case/head_ct.mhd ] || python3 tools/demo_case.py build/demo/case
	@$(PROGRAM) serve

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

lint: build
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 --dry-run --Werror
	@git ls-files 'src/*.cpp' 'apps/*.cpp' | xargs -P2 -n4 clang-tidy-14 -p $(BUILD) --quiet

clean:
	@rm -rf build
