#!/usr/bin/env bash
# Segments a head CT and a brain MR that Debian ships, from a few clicks each: demo.sh PROGRAM OUT_DIR
set -euo pipefail
program=$(realpath "$1")
out=$2
cd "$(dirname "$0")/.."
mkdir -p "$out"
mricron=/usr/share/mricron/templates

segment() {  # title, image, reference, name, prompts...
  local title=$1 image=$2 reference=$3 name=$4
  shift 4
  echo "$title"
  "$program" segment "$image" -o "$out/$name.nii.gz" --reference "$reference" --picture "$out/$name.png" "$@"
  echo
}

python3 tools/demo_case.py "$out/case"
segment "Head CT (invesalius-examples), skull" "$out/case/head_ct.mhd" "$out/case/skull.mhd" head_ct \
  --prompts tools/demo_head_ct.json
segment "Brain MR (mricron-data), brain" $mricron/ch2.nii.gz $mricron/ch2bet.nii.gz brain_mr \
  --prompts tools/demo_brain_mr.json
echo "Pictures: $out/head_ct.png $out/brain_mr.png"
