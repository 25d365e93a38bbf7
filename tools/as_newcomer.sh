#!/usr/bin/env bash
# Runs a command as a user without rights who may make containers: as_newcomer.sh FOLDER COMMAND… The user exists for that
# command only, in namespaces of its own: nothing of this machine's users is changed, and nobody is left. Needs root.
set -euo pipefail
if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 1; }
  exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" --inside "$@"
fi
folder=$(realpath -m "$2")
shift 2
number=54321
install -d -m 755 "$folder"
install -d -o $number -g $number "$folder/home" "$folder/run" "$folder/tmp"
cp /etc/passwd /etc/group "$folder"
echo "newcomer:x:$number:$number::$folder/home:/bin/sh" >>"$folder/passwd"
echo "newcomer:x:$number:" >>"$folder/group"
echo "newcomer:200000:65536" | tee "$folder/subuid" >"$folder/subgid"
for name in passwd group subuid subgid; do
  touch "/etc/$name"
  mount --bind "$folder/$name" "/etc/$name"
done
exec setpriv --reuid $number --regid $number --clear-groups \
  env HOME="$folder/home" XDG_RUNTIME_DIR="$folder/run" TMPDIR="$folder/tmp" USER=newcomer LOGNAME=newcomer "$@"
