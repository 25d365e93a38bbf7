"""Records what clients send to the server and what they are answered, byte by byte, as fixtures of test_exchanges.py:

    SAGITTAL_PROGRAM=build/release/bin/sagittal build/venv/bin/python tests/server/exchanges/record.py

3D Slicer's extension sends with requests and requests_toolbelt, ITK-SNAP with libcurl (here the command curl), MONAI Label's 3D Slicer
module with its own client, its OHIF extension from Chromium. The bytes are those of these libraries."""
import base64
import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent / "web")]

import numpy as np  # noqa: E402
import requests  # noqa: E402
from monailabel.client import MONAILabelClient  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

import ct_series  # noqa: E402
import itksnap_client  # noqa: E402
import nrrd  # noqa: E402
import slicer_v0_client  # noqa: E402
from exchange import body_size, split_head  # noqa: E402
from running_server import Server, scan  # noqa: E402

SHAPE = (10, 12, 14)
CENTRE = [n // 2 for n in SHAPE]
SERIES = "1.2.826.0.1.3680043.8.498.77"


class Recorder:
    """A proxy that keeps each request with its answer, in the order of the answers."""

    def __init__(self, port: int):
        self.port, self.exchanges, self.socket = port, [], socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        with client, socket.create_connection(("127.0.0.1", self.port)) as server:
            while request := self.message(client, server):
                answer = self.message(server, client)
                self.exchanges.append((request, answer))

    @staticmethod
    def message(source, target) -> bytes:
        """One message, passed on as it comes; empty where the connection ends."""
        data = b""
        while b"\r\n\r\n" not in data or len(data) < body_size(data) + len(split_head(data)[0]) + 4:
            block = source.recv(1 << 16)
            if not block:
                return b""
            target.sendall(block)
            data += block
            if data.startswith(b"HTTP/1.1 100"):
                data = data.split(b"\r\n\r\n", 1)[1]
        return data


def slicer(url):
    user = slicer_v0_client.Client(f"{url}/recorded", scan(shape=SHAPE))
    requests.get(url)
    user.point(CENTRE)  # without an image
    user.upload_image()
    user.upload_segment()
    stroke = np.zeros(SHAPE, np.int16)
    stroke[CENTRE[0], CENTRE[1], 3:8] = 1
    user.point(CENTRE)
    user.point([-1, 0, 99], positive=False)
    user.box(CENTRE, [CENTRE[0], 2, 3])
    user.draw("lasso", stroke.astype(np.uint8))
    user.draw("scribble", -stroke, positive=False)
    user.draw("scribble", stroke)


class Curl(itksnap_client.Client):
    """ITK-SNAP's requests as libcurl writes them."""

    def call(self, path, *form):
        done = subprocess.run(["curl", "-s", "-H", "User-Agent:", *form, f"{self.url}/{path}"], capture_output=True, check=True)
        return done.stdout

    def get(self, path):
        return self.call(path)

    def post(self, path, parts):
        (_, (_, packed, _)), (_, (_, metadata, _)) = parts
        with tempfile.NamedTemporaryFile() as file:
            file.write(packed)
            file.flush()
            return self.call(path, "-F", f"file=@{file.name};filename=image.gz;type=application/gzip",
                             "-F", f"metadata={metadata};type=application/json")

    def start(self):
        self.id = json.loads(self.get("v2/start_session/nnInteractive" if self.v2 else "start_session"))["session_id"]
        return self


def itksnap(url):
    for v2 in (False, True):
        user = Curl(url, v2, scan(np.float32, SHAPE))
        user.get("status")
        if v2:
            user.get("v2/models")
        user.start()
        user.point(1, 2, 3)  # without an image
        user.upload()
        stroke = np.zeros(SHAPE, np.float32)
        stroke[CENTRE[0], CENTRE[1], 3:8] = 1
        user.point(*CENTRE[::-1])
        user.point(99, 0, 0, False)
        user.draw("scribble", stroke)
        user.draw("lasso", stroke, False)
        user.reset()
        user.end()
        user.point(*CENTRE[::-1])  # of a session that ended


def monai(url):
    with tempfile.TemporaryDirectory() as folder:
        client = MONAILabelClient(url, tmpdir=folder)
        client.auth_enabled()
        client.info()
        session = client.create_session(nrrd.write(Path(folder) / "image.nrrd", scan(shape=SHAPE)))["session_id"]
        client.get_session(session)
        clicks = {"result_extension": ".nrrd", "result_dtype": "uint8", "label": "liver", "foreground": [CENTRE[::-1]], "background": []}
        client.infer("nnInteractive", "CT", clicks, session_id=session)
        client.infer("nnInteractive", "CT", {**clicks, "background": [[1, 1, 1]]}, session_id=session)
        client.train_status(check_if_running=True)
        client.remove_session(session)
        for ended in (lambda: client.get_session(session), lambda: client.infer("nnInteractive", "never sent", clicks)):
            try:
                ended()
            except Exception as error:  # noqa: BLE001: what the module shows
                assert "Status" in str(error) or error.msg


OHIF = """async ([url, series]) => {
  const ask = (path, method, body) => fetch(url + path, { method, body, headers: { accept: 'application/json,multipart/form-data' } })
    .then((answer) => answer.arrayBuffer());
  const form = (params, ...file) => {
    const data = new FormData();
    data.append('params', JSON.stringify(params));
    if (file.length) data.append(...file);
    return data;
  };
  const how = { result_extension: '.nrrd', result_dtype: 'uint8', result_compress: false, restore_label_idx: false };
  const image = '?image=' + series;
  await ask('/info/', 'GET');
  await ask('/infer/nnInteractive' + image + '&output=image', 'POST', form({ foreground: [[7, 6, 5]], background: [], ...how }));
  await ask('/infer/nnInteractive' + image + '&output=image', 'POST', form({ foreground: [[99, 6, 5]], background: [], ...how }));
  await ask('/train/?check_if_running=true', 'GET');
  await ask('/activelearning/random', 'POST', '{}');
  const label = new Blob([new Uint8Array(%d).fill(1, 100, 200)]);
  await ask('/datastore/label' + image, 'PUT', form({ label_info: [{ name: 'liver', idx: 1 }] }, 'label', label, 'label.bin'));
}"""


def ohif(url):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{url}/healthz")
        page.evaluate(OHIF % int(np.prod(SHAPE)), [url, SERIES])
        browser.close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        ct_series.write(Path(folder) / "scans", scan(shape=SHAPE), SERIES)
        for drive in (slicer, itksnap, monai, ohif):
            server = Server(os.environ["SAGITTAL_PROGRAM"], "--studies", f"{folder}/scans")
            recorder = Recorder(server.port)
            drive(recorder.url)
            server.stop()
            rows = [{"request": pack(request), "answer": pack(answer)} for request, answer in recorder.exchanges
                    if not request.startswith((b"GET /healthz", b"GET /favicon"))]
            (HERE / f"{drive.__name__}.json").write_text(json.dumps(rows, indent=0) + "\n")
            print(drive.__name__, len(rows))


def pack(message: bytes) -> str:
    return base64.b64encode(gzip.compress(message, mtime=0)).decode()


if __name__ == "__main__":
    main()
