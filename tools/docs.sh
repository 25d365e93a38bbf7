#!/usr/bin/env bash
# Builds the documentation's site: docs.sh PROGRAM OUT. The two references are made by the program, into docs/reference.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/.."
mkdir -p "$2"
out=$(realpath "$2")

venv=build/docs_venv
if ! cmp -s docs/requirements.txt "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r docs/requirements.txt
  cp docs/requirements.txt "$venv/requirements.txt"
fi

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; wait; rm -rf "$work"' EXIT
touch "$work/log"
"$program" serve --port 0 --data-dir "$work/data" >>"$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do
  address=$(sed -n 's/^Sagittal is ready at \(http[^ ]*\).*/\1/p' "$work/log")
  [ -z "$address" ] || break
  sleep 0.1
done
[ -n "$address" ] || { cat "$work/log" >&2; exit 1; }
curl -sf --noproxy '*' "$address/api/v1/openapi.json" >"$work/openapi.json"
env --unset=XDG_DATA_HOME HOME='~' "$program" reference "$work/cli"

mkdir -p docs/reference
# Only what has changed is written, so that only that is built again.
tools/rest_reference.py "$work/openapi.json" >"$work/rest.md"
for page in rest.md cli/cli.md; do
  cmp -s "$work/$page" "docs/reference/${page##*/}" || cp "$work/$page" docs/reference/
done
"$venv/bin/sphinx-build" -q -W --keep-going -b html docs "$out" "${@:3}"
