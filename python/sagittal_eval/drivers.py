"""Two ways to put prompts to a checkpoint: the program's server, and the Python original in this process."""
import contextlib
import gzip
import io
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import requests


class Original:
    """nnInteractive's own session on the CPU."""

    def __init__(self, model: Path, threads: int):
        import torch
        from nnInteractive.inference.inference_session import nnInteractiveInferenceSession
        with contextlib.redirect_stdout(io.StringIO()):
            self.session = nnInteractiveInferenceSession(device=torch.device("cpu"), torch_n_threads=threads,
                                                         interactions_storage="tensor")
            self.session.initialize_from_trained_model_folder(str(model), 0)

    def start(self, image: np.ndarray) -> None:
        self.target = np.zeros(image.shape, np.uint8)
        self.session.set_image(image[None])
        self.session.set_target_buffer(self.target)

    def add(self, kind: str, what: object, include: bool) -> np.ndarray:
        add = getattr(self.session, f"add_{kind.replace('box', 'bbox')}_interaction")
        with contextlib.redirect_stdout(io.StringIO()):
            add(what, include)
        return self.target > 0


class Program:
    """`sagittal serve`, spoken to as 3D Slicer's extension does."""

    def __init__(self, model: Path, program: Path, threads: int):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.server = subprocess.Popen([program, "serve", "--port", str(port), "--model", str(model), "--threads",
                                        str(threads), "--data-dir", "none"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(self.url + "/healthz", timeout=5)
                return
            time.sleep(0.1)
        raise SystemExit("the server did not start")

    def __del__(self) -> None:
        self.server.terminate()

    def post(self, path: str, **content: object) -> requests.Response:
        answer = requests.post(self.url + path, timeout=600, **content)
        answer.raise_for_status()
        return answer

    def start(self, image: np.ndarray) -> None:
        self.shape = image.shape
        self.post("/upload_image", files={"file": ("volume.npy", npy(image), "application/octet-stream")})

    def add(self, kind: str, what: object, include: bool) -> np.ndarray:
        if kind == "point":
            answer = self.post("/add_point_interaction", json={"voxel_coord": what, "positive_click": include})
        elif kind == "box":
            corners = {"outer_point_one": [a for a, _ in what], "outer_point_two": [b - 1 for _, b in what]}
            answer = self.post("/add_bbox_interaction", json=corners | {"positive_click": include})
        else:
            files = {"file": ("volume.npy.gz", gzip.compress(npy(what), 1), "application/octet-stream")}
            answer = self.post(f"/add_{kind}_interaction", files=files, data={"positive_click": str(include)})
        bits = np.unpackbits(np.frombuffer(answer.content, np.uint8))
        return bits[:np.prod(self.shape)].reshape(self.shape) > 0


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
