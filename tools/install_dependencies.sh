#!/usr/bin/env bash
# Installs what is missing of the named sections of tools/packages.txt: install_dependencies.sh build test
set -euo pipefail
cd "$(dirname "$0")"

missing=()
for section in "$@"; do
  while read -r package command; do
    [ -n "$command" ] && command -v "$command" >/dev/null && continue
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
  done < <(awk -v section="$section" '$1 == section {print $2, $3}' packages.txt)
done
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Daemons are started by the tests that need them, not by apt.
if [[ " $* " == *" engines "* ]] && [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin /usr/sbin/policy-rc.d
  trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
fi
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -q -y --no-remove --no-install-recommends "${missing[@]}"
