#!/usr/bin/env bash
# The files of a release of the checked-out version: release_files.sh OUT [PACKAGES]. Packages, source, documentation, for each package what it
# holds (SPDX 2.3, checked) and the licence texts, and SHA256SUMS. PACKAGES: a folder of packages that are built already.
set -euo pipefail
mkdir -p "$1"
out=$(realpath "$1")
packages=${2:+$(realpath "$2")}
cd "$(dirname "$0")/.."

version=$(sed -n -E 's/^project\(sagittal VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
if [ -z "$packages" ]; then
  make package docs
  packages=$PWD/build/packages
  tar -C build/docs --exclude .doctrees --transform "s|^html|sagittal-$version-docs|" -czf "$out/sagittal-$version-docs.tar.gz" html
fi
git archive --prefix="sagittal-$version/" -o "$out/sagittal-$version-source.tar.gz" HEAD

venv=${RELEASE_VENV:-build/release_venv}
if ! cmp -s tools/release_requirements.txt "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r tools/release_requirements.txt
  cp tools/release_requirements.txt "$venv/requirements.txt"
fi
found=
for package in "$packages"/sagittal_"$version"_*.deb "$packages"/sagittal-"$version"-linux-*.tar.gz; do
  [ -e "$package" ] || continue
  found=yes
  name=${package##*/}
  cp "$package" "$out/"
  tools/sbom.py "$package" "$out/$name.spdx.json" --licences "$out/$name.licences.txt"
  "$venv/bin/pyspdxtools" -i "$out/$name.spdx.json"
done
[ -n "$found" ] || { echo "release: no package of $version in $packages" >&2; exit 1; }

cd "$out"
rm -f SHA256SUMS
sha256sum -- * >../SHA256SUMS
mv ../SHA256SUMS .
