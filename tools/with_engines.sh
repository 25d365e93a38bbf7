#!/usr/bin/env bash
# Runs a command beside engines that belong to it alone: with_engines.sh COMMAND…  Podman has a store of its own, a dockerd
# and a Slurm of one node are started where they are installed, uv is in PATH; SAGITTAL_ENGINES names their folder.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
chmod 755 "$work"
daemon=
clean_up() {
  [ ! -e "$work/slurm" ] || "$here/slurm_here.sh" stop "$work/slurm"
  [ -z "$daemon" ] || { kill "$daemon" && wait "$daemon" || true; }
  umount -R "$work"/* 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
export SAGITTAL_ENGINES=$work

printf '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n' >"$work/containers.conf"
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/store"\nrunroot = "%s/run"\n' "$work" "$work" >"$work/storage.conf"
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf

if [ "$(id -u)" = 0 ] && command -v dockerd >/dev/null; then
  export DOCKER_HOST=unix://$work/docker.sock
  dockerd --host "$DOCKER_HOST" --data-root "$work/docker" --exec-root "$work/docker-run" --pidfile "$work/docker.pid" \
    --storage-driver vfs --iptables=false --bridge=none >"$work/dockerd.log" 2>&1 &
  daemon=$!
  for _ in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
  docker version >/dev/null 2>&1 || tail -5 "$work/dockerd.log" >&2
fi

if why=$("$here/slurm_here.sh" start "$work/slurm" 2>&1); then
  export SLURM_CONF=$work/slurm/slurm.conf SAGITTAL_SLURM=$work/slurm
else
  echo "Slurm is not tried: $why" >&2
fi

uv=$here/../build/uv
if ! cmp -s "$here/../tests/engines/requirements.txt" "$uv/requirements.txt"; then
  python3 -m venv "$uv"
  "$uv/bin/pip" install -q --disable-pip-version-check -r "$here/../tests/engines/requirements.txt"
  cp "$here/../tests/engines/requirements.txt" "$uv/requirements.txt"
fi
PATH=$PATH:$(realpath "$uv/bin")
export PATH

"$@"
