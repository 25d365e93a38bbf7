#!/usr/bin/env bash
# The files of a bare Debian 12 as a tar archive, made once: bare_debian.sh OUT.tar  Needs root, debootstrap and Debian's mirror.
set -euo pipefail
out=$(realpath -m "$1")
[ ! -e "$out" ] || exit 0
mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase bookworm "$work/root" http://deb.debian.org/debian >"$work/log" 2>&1 || {
  tail -3 "$work/log" >&2
  exit 1
}
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
echo force-unsafe-io >"$work/root/etc/dpkg/dpkg.cfg.d/unsafe-io"  # as in the images that Debian publishes
tar --numeric-owner -C "$work/root" -cf "$work/root.tar" .
mv "$work/root.tar" "$out"
