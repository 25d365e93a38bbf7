#!/usr/bin/env bash
# Makes a model the way MHub's are, in the new folder $1: a root file system with Debian's Python, and pydicom and highdicom
# from the tests' virtual environment $2. It reads the CT series of its input and writes what is bright in it as DICOM SEG.
set -euo pipefail
root=$1
venv=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
python=$(realpath /usr/bin/python3)
library=/usr/lib/$(basename "$python")
packages=$(echo "$venv"/lib/python3*/site-packages)

mkdir -p "$root"/{proc,dev,etc,tmp,root,usr/bin,usr/local/bin,app/models/bright/config,app/data/{input_data,output_data}}
cp "$python" "$root/usr/bin/python3"
mkdir -p "$root$library" "$root/app/packages"
tar -C "$library" --exclude=test --exclude=__pycache__ --exclude='config-*' -c . | tar -C "$root$library" -x
for name in numpy numpy.libs pydicom highdicom PIL pillow.libs pyjpegls _CharLS jpeg_ls packaging typing_extensions; do
  for part in "$packages/$name" "$packages/$name".* "$packages/$name"-*.dist-info; do
    [ ! -e "$part" ] || cp -r "$part" "$root/app/packages/"
  done
done
# Everything that these are linked with, at the place where the loader looks for it.
{ echo "$python"; find "$root/app/packages" "$root$library" -name '*.so*' -type f; } | xargs ldd 2>/dev/null |
  awk '$3 ~ /^\// {print $3} $1 ~ /^\/.*ld-linux/ {print $1}' | sort -u | grep -v "^$root" | while read -r file; do
  mkdir -p "$root$(dirname "$file")"
  cp -L "$file" "$root$file"
done
install -m 755 "$here/../tests/engines/bright_model.py" "$root/usr/local/bin/mhub.run"
cp "$here/../tests/engines/bright_workflow.yml" "$root/app/models/bright/config/default.yml"
