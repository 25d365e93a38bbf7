#!/usr/bin/env bash
# Puts NVIDIA's compiler and cuDNN, as PyPI has them, into FOLDER/cuda and FOLDER/cudnn (1.2 GB): cuda_toolkit.sh FOLDER
# Where nvcc is on PATH and cuDNN's headers are installed, nothing is to be done.
set -euo pipefail
folder=$(realpath -m "$1")
cd "$(dirname "$0")"

if command -v nvcc >/dev/null; then
  for header in /usr/include/cudnn.h "$(dirname "$(realpath "$(command -v nvcc)")")/../include/cudnn.h" \
    /usr/include/*-linux-gnu/cudnn.h; do
    [ ! -e "$header" ] || exit 0
  done
fi
requirements=cuda_requirements.txt
! cmp -s "$requirements" "$folder/requirements.txt" || exit 0

echo "Putting NVIDIA's CUDA toolkit and cuDNN into $folder"
rm -rf "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r "$requirements"
packages=("$folder"/venv/lib/python3*/site-packages/nvidia)
ln -s "${packages[0]}/cu13" "$folder/cuda"
ln -s "${packages[0]}/cudnn" "$folder/cudnn"
cp "$requirements" "$folder/requirements.txt"
