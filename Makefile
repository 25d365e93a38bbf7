# make demo   a real head CT and a real brain MR, segmented on this machine
# make test   the whole test suite
# make serve  the server for 3D Slicer at http://127.0.0.1:1527
PRESET ?= release
BUILD := build/$(PRESET)
PROGRAM := $(BUILD)/bin/sagittal
FUZZ_SECONDS ?= 5
FUZZ_SEED ?= 1

.PHONY: help configure build demo test test-cpp test-python test-fuzz serve format lint clean

help:
	@sed -n 's/^# //p' Makefile

configure:
	@tools/install_dependencies.sh build
	@cmake --preset $(PRESET) --log-level=WARNING

build: configure
	@cmake --build --preset $(PRESET) --target sagittal

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

test-fuzz:
	@tools/install_dependencies.sh build test
	@tools/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_SEED)

serve: build
	@$(PROGRAM) serve

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

lint: build
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 --dry-run --Werror
	@git ls-files 'src/*.cpp' 'apps/*.cpp' | xargs -P2 -n4 clang-tidy-14 -p $(BUILD) --quiet

clean:
	@rm -rf build
