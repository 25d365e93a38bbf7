#!/usr/bin/env bash
# Runs a model the way MHub's are on a real CT, in bubblewrap and in each engine that answers. $1: the folder of the tests'
# programs; $2: a new folder for the image. Called by engine_tests.sh, which says where the engines keep theirs.
set -euo pipefail
tests=$1 image=$2
here=$(dirname "$(realpath "$0")")
venv=$here/../build/venv
if [ ! -d "$venv" ]; then
  echo "No model is tried: make test-python makes its Python packages" >&2
  exit 0
fi
"$here/model_here.sh" "$image" "$venv"
for engine in podman docker; do
  if "$engine" version >/dev/null 2>&1; then
    tar -C "$image" -c . | "$engine" import --change 'ENTRYPOINT ["mhub.run"]' - localhost/mhubai/bright:latest >/dev/null
  fi
done
SAGITTAL_ENGINES=1 SAGITTAL_MODEL_IMAGE=$image "$tests/hub_io_test" --gtest_filter='RealModel*' --gtest_brief=1
