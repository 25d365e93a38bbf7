#!/usr/bin/env bash
# Runs the tests of the 3D Slicer extension with Slicer's own libraries, from PyPI, in a virtual environment under build/,
# on a display of their own where there is none.
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
tools/python39.sh
# Which kernels are the fastest is remembered there, as a user's programs do in their own folder.
export XDG_CACHE_HOME=$PWD/build/cache

# Panels are drawn by the platform of Qt that Slicer has on Linux, which needs a display.
display=()
[ -n "${DISPLAY:-}" ] || display=(xvfb-run -a -s "-screen 0 1280x1024x24 -nolisten tcp")
QT_QPA_PLATFORM=xcb SAGITTAL_PROGRAM=$program "${display[@]}" "$venv/bin/pytest" -q tests/slicer "${@:2}"
