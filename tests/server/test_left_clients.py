"""A prediction whose client has left is stopped, in every protocol, and its session is as it was before the prompt."""
import json
import re
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
from monailabel.client import MONAILabelClient

import itksnap_client
import nrrd
import slicer_v0_client
from running_server import Server
from test_nninteractive_v2 import open_session

PARITY = Path(__file__).resolve().parent.parent / "parity"
MODEL = ["--model", PARITY / "checkpoint", "--precision", "fp32"]  # frozen, so that clicks go on meaning what they mean here
SHAPE = (160, 260, 260)
SLOW, QUICK = (24, 240, 240), (80, 120, 120)  # clicks, k j i, that take 137 passes and one


def large_scan():
    k, j, i = np.meshgrid(*[np.arange(n, dtype=np.float32) for n in SHAPE], indexing="ij")
    near = lambda centre, radii: sum(((a - c) / r) ** 2 for a, c, r in zip((k, j, i), centre, radii)) < 1
    bright = near(QUICK, (75, 110, 110)) | near(SLOW, (8, 8, 8))
    return (bright * 100 + np.random.default_rng(2).integers(0, 20, SHAPE)).astype(np.int16)


@pytest.fixture(scope="module")
def image():
    return large_scan()


@pytest.fixture(scope="module")
def server(program):
    running = Server(program, *MODEL)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture(scope="module")
def expected(server, image):
    """What the quick click gives in a session that never saw another prompt."""
    client = slicer_v0_client.Client(f"{server.url}/undisturbed", image)
    client.upload_image()
    return client.point(QUICK)


def counted(url, name) -> float:
    text = requests.get(f"{url}/metrics", timeout=10, verify=False).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


def wait_for(condition):
    for _ in range(2400):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("it did not come true")


def ask_and_leave(url, request: requests.Request):
    """Sends the request, waits until its prediction has begun, and closes the connection; the server then stops it."""
    predictions = counted(url, "sagittal_predictions_total")
    target = urlsplit(url)
    prepared = request.prepare()
    head = f"{prepared.method} {prepared.path_url} HTTP/1.1\r\nHost: {target.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in prepared.headers.items()) + "\r\n"
    body = prepared.body or b""
    connection = socket.create_connection((target.hostname, target.port), timeout=20)
    if target.scheme == "https":
        connection = ssl._create_unverified_context().wrap_socket(connection)
    connection.sendall(head.encode() + (body.encode() if isinstance(body, str) else body))
    wait_for(lambda: counted(url, "sagittal_queue_running") == 1)
    connection.close()
    wait_for(lambda: counted(url, "sagittal_queue_running") == 0)
    assert counted(url, "sagittal_predictions_total") == predictions, "it went on to its end"


def test_nninteractive(server, image, expected):
    session = open_session(server.url, image=image)
    headers = {"X-Lease-Token": session._lease_token}
    for path, body in (("add_point_interaction", {"coordinates": SLOW, "include_interaction": True}),
                       ("add_bbox_interaction", {"bbox_coords": [[80, 81], [10, 230], [10, 230]],
                                                 "include_interaction": True})):
        ask_and_leave(server.url, requests.Request("POST", f"{server.url}/{path}", json=body, headers=headers))
    assert not session.undo(), "there is no step to undo"
    session.add_point_interaction(QUICK, True)
    assert np.array_equal(session.target_buffer.astype(bool), expected)
    session.close()


def test_the_first_slicer_protocol(server, image, expected):
    client = slicer_v0_client.Client(f"{server.url}/leaving", image)
    client.upload_image()
    click = {"voxel_coord": SLOW, "positive_click": True}
    ask_and_leave(server.url, requests.Request("POST", f"{client.url}/add_point_interaction", json=click))
    assert np.array_equal(client.point(QUICK), expected)


def test_itksnap(server, image, expected):
    client = itksnap_client.Client(server.url, image=image).start()
    assert client.upload().status_code == 200
    k, j, i = SLOW
    query = f"point={i}&point={j}&point={k}&foreground=true"
    ask_and_leave(server.url, requests.Request("GET", f"{server.url}/v2/process_point_interaction/{client.id}?{query}"))
    assert np.array_equal(client.mask(client.point(*QUICK[::-1])), expected)
    client.end()


def test_monai_label(server, image, expected, tmp_path):
    client = MONAILabelClient(server.url, tmpdir=str(tmp_path), client_id="user-xyz")
    session = client.create_session(nrrd.write(tmp_path / "image.nrrd", image))["session_id"]

    def infer(centre):
        params = {"label": "liver", "foreground": [list(centre[::-1])], "background": [], "result_extension": ".nrrd", "result_dtype": "uint8"}
        return requests.Request("POST", f"{server.url}/infer/nnInteractive?session_id={session}&output=image",
                                files={"params": (None, json.dumps(params))})

    ask_and_leave(server.url, infer(SLOW))
    answer = requests.Session().send(infer(QUICK).prepare(), timeout=120)
    assert np.array_equal(nrrd.read(answer.content)[1].astype(bool), expected)
    client.remove_session(session)


def test_over_tls_too(program, image, tmp_path):
    from test_tls import make_certificate
    make_certificate(tmp_path, "left")
    running = Server(program, *MODEL, "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    try:
        upload = {"file": ("volume.npy", slicer_v0_client.npy(image), "application/octet-stream")}
        assert requests.post(f"{running.url}/upload_image", files=upload, verify=False, timeout=60).json() == {"status": "ok"}
        click = {"voxel_coord": SLOW, "positive_click": True}
        ask_and_leave(running.url, requests.Request("POST", f"{running.url}/add_point_interaction", json=click))
    finally:
        running.process.kill()
        running.process.wait()
