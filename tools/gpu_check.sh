#!/usr/bin/env bash
# What only a machine with an NVIDIA GPU can show, in one go:
#   tools/gpu_check.sh prepare     with a network: builds everything, fetches PyTorch and compute-sanitizer into build/
#   tools/gpu_check.sh run         on the GPU, without a network: prints PASS or FAIL for each thing; exit status 1 with any FAIL
# --dry-run before either prints its commands instead.
set -uo pipefail
cd "$(dirname "$0")/.."

bin=build/cuda/bin
venv=build/gpu-venv
reports=build/gpu-check
unit_tests=(nn_cuda_test nn_cuda_device_test)
sanitizer_wheel=nvidia-cuda-sanitizer-api==13.4.92
dry=""
[ "${1:-}" != --dry-run ] || { dry=yes; shift; }

# Runs a command, or prints it.
doing() {
  if [ -n "$dry" ]; then
    printf '%q ' "$@"
    echo
  else
    "$@"
  fi
}

failed=0
# verdict SENTENCE COMMAND...: the command's output, then PASS or FAIL.
verdict() {
  local sentence=$1
  shift
  echo "== $sentence"
  if doing "$@"; then
    [ -n "$dry" ] || echo "PASS  $sentence"
  else
    echo "FAIL  $sentence"
    failed=1
  fi
}

# GoogleTest's cases: none may fail, and one at least must have run. tests NAME COMMAND...
tests() {
  local report=$reports/$1.json
  shift
  rm -f "$report"
  "$@" --gtest_brief=1 "--gtest_output=json:$report" && python3 - "$report" <<'PYTHON'
import json, sys
cases = [case for suite in json.load(open(sys.argv[1]))["testsuites"] for case in suite["testsuite"]]
ran = [case for case in cases if case.get("result") == "COMPLETED"]
print(f"{len(ran)} tests ran, {len(cases) - len(ran)} were skipped")
sys.exit(not ran)
PYTHON
}

prepare() {
  set -e
  doing make PRESET=cuda WEB=OFF build
  doing cmake --build --preset cuda --target "${unit_tests[@]}" parity_test
  doing python3 -m venv "$venv"
  doing "$venv/bin/pip" install -q --disable-pip-version-check -r python/requirements.txt "$sanitizer_wheel"
}

# compute-sanitizer of the toolkit, or of the wheel.
sanitizer() {
  command -v compute-sanitizer || find "$PWD/$venv"/lib/python3*/site-packages/nvidia -name compute-sanitizer -type f 2>/dev/null | head -1
}

run() {
  local tool test found options
  local cudnn=(env "LD_LIBRARY_PATH=$PWD/build/cuda-toolkit/cudnn/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}")
  local program=$reports/sagittal  # with its cuDNN, which PyTorch, with one of its own, is not to see
  if [ -z "$dry" ]; then
    mkdir -p "$reports"
    printf '#!/bin/sh\nexec %s "$@"\n' "$(printf '%q ' "${cudnn[@]}" "$PWD/$bin/sagittal")" | install -m 755 /dev/stdin "$program"
  fi
  export SAGITTAL_CUDA_TESTS=1
  verdict "a card is found" "$program" bench engine --device cuda:0 --patch 64 64 64 --repeats 1
  for test in "${unit_tests[@]}"; do
    verdict "unit tests on the card: $test" tests "$test" "${cudnn[@]}" "$bin/$test"
  done
  verdict "Dice >= 0.99 on every stored sequence" tests parity "${cudnn[@]}" "$bin/parity_test" '--gtest_filter=*OnACard*'
  found=$(sanitizer)
  for tool in memcheck racecheck initcheck; do
    options=(--tool "$tool" --error-exitcode 3)
    [ "$tool" != memcheck ] || options+=(--report-api-errors no)  # the tests ask for some
    for test in "${unit_tests[@]}"; do
      verdict "compute-sanitizer is content: $tool, $test" tests "$tool-$test" \
        "${cudnn[@]}" "${found:-compute-sanitizer}" "${options[@]}" "$bin/$test"
    done
  done
  verdict "a full-size pass: 1.5 times as fast, half the memory" "$venv/bin/python" benchmarks/gpu.py "$program" passes
  verdict "click to mask: twice as fast, half the memory, the same masks" \
    "$venv/bin/python" benchmarks/gpu.py "$program" clicks
  return "$failed"
}

case ${1:-} in
  prepare | run) "$1" ;;
  *)
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
    ;;
esac
