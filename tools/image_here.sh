#!/usr/bin/env bash
# Builds a small image with Podman and serves it from a registry on this machine: image_here.sh FOLDER PORT
# Prints "127.0.0.1:PORT" once it can be pulled; FOLDER/registry.pid is the registry's process.
set -euo pipefail
folder=$1
port=$2
mkdir -p "$folder/context"
cp /bin/busybox "$folder/context/"
echo through a link >"$folder/context/name"
cat >"$folder/context/Containerfile" <<'END'
FROM scratch
COPY busybox /bin/busybox
COPY name /old/gone
RUN ["/bin/busybox", "rm", "/old/gone"]
RUN ["/bin/busybox", "ln", "-s", "bin", "/usr"]
COPY name format /usr/
WORKDIR /old
ENTRYPOINT ["/bin/busybox"]
CMD ["echo", "default"]
END
printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' \
  "$folder/registry" "$port" >"$folder/registry.yml"
docker-registry serve "$folder/registry.yml" >"$folder/registry.log" 2>&1 &
echo $! >"$folder/registry.pid"
for _ in $(seq 50); do curl -sf "http://127.0.0.1:$port/v2/" >/dev/null && break; sleep 0.1; done

for format in "v2s2 gzip" "oci zstd"; do
  read -r kind packing <<<"$format"
  echo "$format" >"$folder/context/format"  # a layer that is there already is not packed again
  podman build -q --isolation chroot -t sagittal-test-image "$folder/context" >/dev/null
  podman push -q --tls-verify=false --format "$kind" --compression-format "$packing" sagittal-test-image \
    "127.0.0.1:$port/model/$kind-$packing" >&2
done
echo "127.0.0.1:$port"
