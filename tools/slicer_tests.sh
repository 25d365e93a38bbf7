#!/usr/bin/env bash
# Runs the tests of the 3D Slicer extension with Slicer's own libraries, from PyPI, in a virtual environment under build/.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/.."

venv=build/slicer_venv
stamp=$venv/requirements.txt
if ! cmp -s tests/slicer/requirements.txt "$stamp"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r tests/slicer/requirements.txt
  cp tests/slicer/requirements.txt "$stamp"
fi
SAGITTAL_PROGRAM=$program exec "$venv/bin/pytest" -q tests/slicer "${@:2}"
