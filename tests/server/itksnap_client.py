"""ITK-SNAP 4.4, request by request: libcurl with a connection per call, no user agent, no compression asked for."""
import base64
import gzip
import json
import socket

import numpy as np
import requests

from running_server import scan

BARE = {"User-Agent": None, "Accept-Encoding": None, "Connection": None}


def metadata(shape, components=1) -> str:
    """`shape` is that of the array, z first."""
    return json.dumps({"dimensions": list(shape[::-1]), "spacing": [0.7, 0.7, 2.0], "origin": [0.0, 0.0, 0.0],
                       "direction": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], "components_per_pixel": components,
                       "component_type": "float32"})


def encode(volume, shape=None) -> list:
    """The parts of an upload, in ITK-SNAP's order."""
    values = np.ascontiguousarray(volume, "<f4")
    return [("file", ("image.gz", gzip.compress(values.tobytes(), 1), "application/gzip")),
            ("metadata", (None, metadata(shape or values.shape), "application/json"))]


class Client:
    """Either generation of ITK-SNAP: `v2` or not."""

    def __init__(self, url, v2=True, image=None):
        self.url = url
        self.v2 = v2
        self.image = scan(np.float32) if image is None else image
        self.id = None

    def get(self, path) -> requests.Response:
        return requests.get(f"{self.url}/{path}", headers=BARE)

    def post(self, path, parts) -> requests.Response:
        return requests.post(f"{self.url}/{path}", files=parts, headers=BARE)

    def start(self):
        answer = self.get("v2/start_session/nnInteractive" if self.v2 else "start_session")
        assert answer.status_code == 200
        self.id = answer.json()["session_id"]
        return self

    def upload(self) -> requests.Response:
        return self.post(f"upload_raw/{self.id}?filename=upload.nii.gz", encode(self.image))

    def point(self, x, y, z, foreground=True) -> requests.Response:
        sign = "true" if foreground else "false"
        if self.v2:
            return self.get(f"v2/process_point_interaction/{self.id}?point={x}&point={y}&point={z}&foreground={sign}")
        return self.get(f"process_point_interaction/{self.id}?x={x}&y={y}&z={z}&foreground={sign}")

    def draw(self, kind, drawing, foreground=True) -> requests.Response:
        sign = "true" if foreground else "false"
        return self.post(f"process_{kind}_interaction/{self.id}?foreground={sign}", encode(drawing))

    def current(self) -> np.ndarray:
        """The mask as it is: a stroke that adds nothing changes nothing."""
        return self.mask(self.draw("scribble", np.zeros_like(self.image)))

    def reset(self) -> requests.Response:
        return self.get(f"{'v2/' if self.v2 else ''}reset_interactions/{self.id}")

    def end(self) -> requests.Response:
        return self.get(f"{'v2/' if self.v2 else ''}end_session/{self.id}")

    def mask(self, answer) -> np.ndarray:
        """What ITK-SNAP reads; it does not forgive."""
        assert answer.status_code == 200, answer.text
        assert "Content-Encoding" not in answer.headers and "Transfer-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        json_answer = answer.json()
        assert json_answer["status"] == "success"
        text = json_answer["result"]
        assert len(text) % 4 == 0 and not set(text) & set("\r\n ")
        voxels = np.frombuffer(gzip.decompress(base64.b64decode(text, validate=True)), np.int8)
        assert voxels.size == self.image.size
        assert set(np.unique(voxels)) <= {0, 1}
        return voxels.reshape(self.image.shape).astype(bool)


def upload_expecting_100(client, port) -> tuple:
    """An upload as libcurl sends a large one: its head first, the body when the server says so. (whether it said so, the answer)"""
    request = requests.Request("POST", f"{client.url}/upload_raw/{client.id}?filename=upload.nii.gz", files=encode(client.image))
    prepared = request.prepare()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall((f"POST {prepared.path_url} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n"
                            f"Content-Length: {len(prepared.body)}\r\nContent-Type: {prepared.headers['Content-Type']}\r\n"
                            "Expect: 100-continue\r\n\r\n").encode())
        interim = connection.recv(4096)
        if not interim.startswith(b"HTTP/1.1 100"):
            return False, interim
        connection.sendall(prepared.body)
        answer = b""
        while b"}" not in answer:
            block = connection.recv(65536)
            if not block:
                break
            answer += block
    return True, answer
