#!/usr/bin/env bash
# Tries what runs strangers' programs with the real engines that with_engines.sh brings, as root and without, and then the
# whole of `sagittal hub run` with each of them. $1: the folder of the tests' programs; $2: sagittal.
set -euo pipefail
tests=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
work=$SAGITTAL_ENGINES

"$tests/environment_test" --gtest_filter='RealEnvironments*' --gtest_brief=1
"$tests/runners_test" --gtest_filter='Podman*:Docker*:Runc.*:RealSlurm*' --gtest_brief=1

if command -v docker-registry >/dev/null && command -v podman >/dev/null; then
  SAGITTAL_REGISTRY=$("$here/image_here.sh" "$work/registry" $((20000 + RANDOM % 10000)))
  export SAGITTAL_REGISTRY
  "$tests/hub_image_test" --gtest_filter='*RealRegistry*' --gtest_brief=1 || failed=1
  kill "$(cat "$work/registry/registry.pid")"
  [ -z "${failed:-}" ]
else
  echo "No registry is tried: docker-registry or podman is not installed" >&2
fi

PYTHON_TESTS=tests/engines "$here/python_tests.sh" "$2" -rs

if [ "$(id -u)" = 0 ]; then
  echo "The same without root:"
  printf '[storage]\ndriver = "vfs"\nrootless_storage_path = "%s/newcomer/home/store"\nrunroot = "%s/newcomer/run/store"\n' \
    "$work" "$work" >"$work/storage.conf"
  install -D "$tests/runners_test" "$work/newcomer/runners_test"
  "$here/as_newcomer.sh" "$work/newcomer" "$work/newcomer/runners_test" \
    --gtest_filter='Podman*:Bubblewrap*:Runc.*' --gtest_brief=1
fi
