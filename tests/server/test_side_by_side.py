"""The original v2 server and this one, driven by the same unmodified client through the same calls.

Needs a Python with the packages of python/requirements.txt: SAGITTAL_ORIGINAL_PYTHON, else ../venv. Minutes on two cores:
part of `make test-long`, and elsewhere only with SAGITTAL_SIDE_BY_SIDE=1.

The original is of the version that the stored sessions were made with, whatever that Python holds: 2.6 answers other masks
(a Dice of 0.972 after the last prompt of "sarcoma borders"). In equal versions the number of threads and the type of the image
make no difference.
"""
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import requests
from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession

from running_server import Server
from test_parity_v2 import PARITY, STORED, apply, read_volume  # noqa: F401 - a fixture

ROOT = PARITY.parent.parent
PYTHON = Path(os.environ.get("SAGITTAL_ORIGINAL_PYTHON", ROOT.parent / "venv/bin/python"))
CHECKPOINT = PARITY / STORED["checkpoint"]

if not os.environ.get("SAGITTAL_SIDE_BY_SIDE"):
    pytest.skip("takes minutes; SAGITTAL_SIDE_BY_SIDE=1 runs it", allow_module_level=True)


def original_packages() -> Path:
    """A folder with nnInteractive in the version of the stored sessions; in build/ from the first time on."""
    folder = ROOT / f"build/nnInteractive-{STORED['nnInteractive']}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        subprocess.run([PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--target", part,
                        f"nnInteractive=={STORED['nnInteractive']}"], check=True)
        part.rename(folder)
    return folder


def original(port: int, log) -> subprocess.Popen:
    command = [PYTHON, PARITY / "original_server.py", "--model-dir", CHECKPOINT, "--fold", "0", "--device", "cpu",
               "--host", "127.0.0.1", "--port", str(port), "--torch-n-threads", "2", "--no-torch-compile",
               "--interactions-storage", "tensor"]
    return subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT,
                            env={**os.environ, "PYTHONPATH": str(original_packages())})


@pytest.fixture(scope="module")
def urls(program, tmp_path_factory):
    """Of the original server and of this one, on the frozen parity checkpoint in fp32."""
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import torch, nnInteractive, fastapi"], capture_output=True).returncode:
        pytest.skip(f"no original nnInteractive in {PYTHON} (SAGITTAL_ORIGINAL_PYTHON)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("original") / "log"
    with log.open("w") as out:
        process = original(port, out)
    ours = Server(program, "--model", str(CHECKPOINT), "--precision", "fp32")
    try:
        while not re.search("Uvicorn running|startup complete", log.read_text()):
            assert process.poll() is None, log.read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", ours.url
    finally:
        process.terminate()
        process.wait()
        ours.stop()


def dice(a: np.ndarray, b: np.ndarray) -> float:
    total = int((a > 0).sum()) + int((b > 0).sum())
    return 2 * int(((a > 0) & (b > 0)).sum()) / total if total else 1.0


def test_both_offer_the_same_prompts(urls):
    theirs, ours = (requests.get(f"{url}/capabilities").json() for url in urls)
    assert theirs["inference_session_version"] == STORED["nnInteractive"]
    assert {key: ours.get(key) for key in theirs} == theirs


@pytest.mark.parametrize("sequence", STORED["sequences"], ids=lambda s: s["name"].replace(" ", "-"))
def test_both_fill_the_clients_buffer_alike(urls, read_volume, sequence):  # noqa: F811
    image = read_volume(sequence["volume"])
    sessions = [nnInteractiveRemoteInferenceSession(url, read_timeout=600) for url in urls]
    try:
        for session in sessions:
            session.set_image(image[None])
            session.set_target_buffer(np.zeros(image.shape, np.uint8))
        for number, step in enumerate(sequence["steps"]):
            theirs, ours = (apply(session, step, image.shape) for session in sessions)
            if step["type"] not in ("reset", "autozoom"):
                assert ours == theirs, f"step {number}, {step['type']}: {ours} and {theirs}"
            alike = dice(*(session.target_buffer for session in sessions))
            assert alike >= 0.9999, f"step {number}, {step['type']}: Dice {alike}"
    finally:
        for session in sessions:
            session.close()
