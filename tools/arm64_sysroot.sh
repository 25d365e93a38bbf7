#!/usr/bin/env bash
# Unpacks the libraries that the program is built with, and what they need, for arm64: arm64_sysroot.sh FOLDER
# Nothing of this machine's packages changes: apt gets a state of its own.
set -euo pipefail
sysroot=$(realpath -m "$1")
cd "$(dirname "$0")"

mapfile -t packages < <(awk '$1 == "build" && $2 ~ /-dev$/ {print $2}' packages.txt)
[ "$(cat "$sysroot/packages" 2>/dev/null)" != "${packages[*]}" ] || exit 0

state=$sysroot.apt
rm -rf "$sysroot" "$state"
mkdir -p "$sysroot"/usr/{bin,sbin,lib} "$state"/{lists,archives}/partial
ln -s usr/bin usr/sbin usr/lib "$sysroot"  # as Debian's base-files has them
: >"$state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" >"$state/sources.list"
apt_arm64=(apt-get -qq -y -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=
  -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state"
  -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=-)
echo "Unpacking Debian's arm64 libraries in $sysroot"
"${apt_arm64[@]}" update
"${apt_arm64[@]}" install --download-only --no-install-recommends "${packages[@]}" >/dev/null
for package in "$state"/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$sysroot" --keep-directory-symlink
done
find "$sysroot" -lname '/*' -printf '%p\t%l\n' | while IFS=$'\t' read -r link target; do
  ln -sfnr "$sysroot$target" "$link"
done
# Debian's DCMTK and OpenJPEG name other libraries by whole paths.
find "$sysroot/usr/lib" -name '*.cmake' -exec sed -i 's|;/usr/lib/|;${CMAKE_SYSROOT}/usr/lib/|g' {} +
echo "${packages[*]}" >"$sysroot/packages"
rm -rf "$state"
