"""A client of the native API, /api/v1, as little as it takes."""
import base64
import gzip
import hashlib
import struct

import numpy as np
import requests


def nifti(array: np.ndarray, spacing=(1.0, 1.0, 1.0)) -> bytes:
    """A .nii.gz of an array [k, j, i] of int16, voxels along R, A, S."""
    header = struct.pack("<i35xB8h12x4h8f", 348, 0, 3, *array.shape[::-1], 1, 1, 1, 1, 0, 4, 16, 0, 1.0, *spacing,
                         0, 0, 0, 0)
    header += struct.pack("<f", 352.0).ljust(344 - len(header), b"\0") + b"n+1\0" + b"\0" * 4
    return gzip.compress(header + array.astype("<i2").tobytes(), compresslevel=1)


def paste(reply: dict, mask: np.ndarray) -> None:
    """Writes what a reply says into the whole mask [k, j, i]."""
    (i0, i1), (j0, j1), (k0, k1) = reply["bounds"]
    shape = (k1 - k0, j1 - j0, i1 - i0)
    bits = np.frombuffer(base64.b64decode(reply["mask"]), np.uint8)
    mask[k0:k1, j0:j1, i0:i1] = np.unpackbits(bits)[:np.prod(shape)].reshape(shape)


def drawing_prompt(kind: str, drawing: np.ndarray, include: bool) -> dict:
    """A scribble or lasso of a whole mask [k, j, i]."""
    found = np.argwhere(drawing)
    lo, hi = found.min(axis=0), found.max(axis=0) + 1
    crop = drawing[lo[0]:hi[0], lo[1]:hi[1], lo[2]:hi[2]]
    return {"type": kind, "bounds": [[int(lo[a]), int(hi[a])] for a in (2, 1, 0)],
            "mask": base64.b64encode(np.packbits(crop).tobytes()).decode(), "include": include}


class Client:
    def __init__(self, url: str, key: str = ""):
        self.http = requests.Session()
        self.url = f"{url}/api/v1"
        if key:
            self.http.headers["Authorization"] = f"Bearer {key}"

    def ask(self, method: str, path: str, status=(200, 201), **options):
        response = self.http.request(method, self.url + path, **options)
        wanted = status if isinstance(status, tuple) else (status,)
        assert response.status_code in wanted, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response.json() if "json" in response.headers.get("Content-Type", "") else response.content

    def upload(self, file: bytes, name="scan.nii.gz") -> str:
        return self.ask("POST", "/volumes", params={"name": name}, data=file)["id"]

    def upload_in_pieces(self, file: bytes, size=1 << 16) -> str:
        id = hashlib.sha256(file).hexdigest()
        head = self.http.head(f"{self.url}/volumes/{id}")
        begin = int(head.headers.get("Sagittal-Received", 0)) if head.status_code == 206 else 0
        while head.status_code != 200 and begin < len(file):
            piece = file[begin:begin + size]
            self.ask("PUT", f"/volumes/{id}", (200, 201, 202), data=piece,
                     headers={"Content-Range": f"bytes {begin}-{begin + len(piece) - 1}/{len(file)}"})
            begin += len(piece)
        return id

    def open(self, volume: str, **more) -> "Session":
        return Session(self, self.ask("POST", "/sessions", 201, json={"volume": volume, **more}))


class Session:
    """One session with the masks of its segments, followed by the replies alone."""

    def __init__(self, client: Client, info: dict):
        self.client, self.info, self.id = client, info, info["id"]
        self.path = f"/sessions/{self.id}"
        self.shape = tuple(info["geometry"]["shape"][::-1])
        self.masks = {}

    def add_segment(self, **description) -> int:
        number = self.client.ask("POST", f"{self.path}/segments", 201, json=description)["number"]
        self.masks[number] = np.zeros(self.shape, np.uint8)
        return number

    def change(self, number: int, what: str, body=None) -> dict:
        reply = self.client.ask("POST", f"{self.path}/segments/{number}/{what}", json=body)
        paste(reply, self.masks[number])
        assert int(self.masks[number].sum()) == reply["voxels"]
        return reply

    def prompt(self, number: int, prompt: dict) -> dict:
        return self.change(number, "prompts", prompt)

    def point(self, number: int, ijk, include=True) -> dict:
        return self.prompt(number, {"type": "point", "ijk": list(ijk), "include": include})

    def bits(self, number: int) -> np.ndarray:
        mask = np.zeros(self.shape, np.uint8)
        paste(self.client.ask("GET", f"{self.path}/segments/{number}/mask?format=bits"), mask)
        return mask
