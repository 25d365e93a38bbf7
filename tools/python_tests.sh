#!/usr/bin/env bash
# Runs the tests that drive the program from outside, with clients from PyPI in a virtual environment under build/.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/.."

venv=build/venv
stamp=$venv/requirements.txt
if ! cat tests/requirements*.txt | cmp -s - "$stamp"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r tests/requirements.txt
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -r tests/requirements_alone.txt
  cat tests/requirements*.txt >"$stamp"
fi
# Which kernels are the fastest is remembered there, as a user's programs do in their own folder.
export XDG_CACHE_HOME=$PWD/build/cache
# All of them: the files of two cores side by side. Chosen ones: one after the other, for their output.
all="tests --ignore=tests/engines --ignore=tests/slicer --numprocesses=2 --dist=loadfile"
SAGITTAL_PROGRAM=$program exec "$venv/bin/pytest" -q ${PYTHON_TESTS:-$all} "${@:2}"
