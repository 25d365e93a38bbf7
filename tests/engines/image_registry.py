"""Debian's docker-registry on a port of its own, and images pushed to it by the distribution protocol alone."""
import hashlib
import io
import json
import subprocess
import tarfile
import time
from pathlib import Path

import requests

from running_server import free_port


USER = ("reader", "s3cret")
HTPASSWD = "reader:$2b$04$MOAH6ZLSZh0.pF2kSDomC.bau9qa82kjY1eJf92P81CVeSfcFbWzO\n"


def layer_of(folder: Path) -> bytes:
    """A tar file of all below `folder`, root's."""
    def roots(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(folder, ".", filter=roots)
        return file.getvalue()


class Registry:
    def __init__(self, folder: Path, private: bool = False):
        folder.mkdir()
        self.port, self.user = free_port(), USER if private else None
        config = {"version": 0.1, "log": {"level": "error"}, "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
                  "http": {"addr": f"127.0.0.1:{self.port}"}}
        if private:
            (folder / "users").write_text(HTPASSWD)
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "users")}}
        (folder / "config.yml").write_text(json.dumps(config))
        with open(folder / "log", "w") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=log)
        for _ in range(100):
            try:
                requests.get(f"http://127.0.0.1:{self.port}/v2/", timeout=2)
                return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise RuntimeError((folder / "log").read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def push(self, name: str, layers: list, entry_point: list) -> str:
        """Tar files, the lowest first; the image's digest."""
        url = f"http://127.0.0.1:{self.port}/v2/{name}"
        config = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": entry_point, "WorkingDir": "/app"},
                  "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]}}
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self._blob(url, "config", json.dumps(config).encode()),
            "layers": [self._blob(url, "layer", layer) for layer in layers]}).encode()
        self._ask("PUT", f"{url}/manifests/latest", manifest, "application/vnd.oci.image.manifest.v1+json")
        return _digest(manifest)

    def _blob(self, url: str, kind: str, data: bytes) -> dict:
        digest = _digest(data)
        place = self._ask("POST", f"{url}/blobs/uploads/").headers["Location"]
        self._ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", data)
        media = {"config": "config.v1+json", "layer": "layer.v1.tar"}[kind]
        return {"mediaType": f"application/vnd.oci.image.{media}", "digest": digest, "size": len(data)}

    def _ask(self, method: str, url: str, data: bytes = b"", kind: str = "application/octet-stream") -> requests.Response:
        answer = requests.request(method, url, data=data, headers={"Content-Type": kind}, auth=self.user)
        answer.raise_for_status()
        return answer


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
