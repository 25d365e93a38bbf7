#!/usr/bin/env bash
# Puts Python 3.9, which Slicer 5.6 has, into build/python39, of Debian 11's packages (x86_64), with numpy and pytest. Where
# that cannot be, it says why, and the test that needs it is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/python39
[ ! -e "$folder/ready" ] || cmp -s "$0" "$folder/ready" || rm -rf "$folder"
[ ! -e "$folder/ready" ] || exit 0
[ "$(uname -m)" = x86_64 ] || { echo "Python 3.9 is only fetched for x86_64." >&2; exit 0; }

packages="p/python3.9/python3.9-minimal_3.9.2-1_amd64.deb 5d6003c5c20223a2547ac4976e09a9ec778dbe351507a6292bef3b60df5f4aa7
p/python3.9/libpython3.9-minimal_3.9.2-1_amd64.deb 594283526d67e03e3c4e96534f6bfe5da1bf41da5d49360553c9b79fbf08c4ab
p/python3.9/libpython3.9-stdlib_3.9.2-1_amd64.deb 32ac64d959ac2dbc5bb289532fc9834dab8f671b5455695a3a9315aad973c65b
o/openssl/libssl1.1_1.1.1w-0+deb11u1_amd64.deb aadf8b4b197335645b230c2839b4517aa444fd2e8f434e5438c48a18857988f7
libf/libffi/libffi7_3.3-6_amd64.deb 30ca89bfddae5fa6e0a2a044f22b6e50cd17c4bc6bc850c579819aeab7101f0f
m/mpdecimal/libmpdec3_2.5.1-1_amd64.deb 816404866f754d5662d69db50072018dccb78cf372fc38e0be961fab0f57d741"
mkdir -p "$folder"
while read -r path sum; do
  file=$folder/$(basename "$path")
  if ! curl -fsS -m 120 -o "$file" "http://deb.debian.org/debian/pool/main/$path" || ! echo "$sum  $file" | sha256sum -c --quiet; then
    echo "No Python 3.9: $path is not to be had from deb.debian.org." >&2
    exit 0
  fi
  dpkg -x "$file" "$folder"
  rm "$file"
done <<<"$packages"
build/slicer_venv/bin/pip install -q --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp --python-version 3.9 \
  --platform manylinux2014_x86_64 --platform any --target "$folder/site" -r tests/slicer/python39/requirements.txt
cp "$0" "$folder/ready"
