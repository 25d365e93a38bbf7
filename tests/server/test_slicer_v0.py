"""The server as the nnInteractive extension of 3D Slicer, versions 0.1 to 0.3, uses it: bare requests calls, multipart
bodies of requests and requests_toolbelt, masks unpacked with NumPy."""
import os
import re
import signal
import socket
import threading
import time

import numpy as np
import pytest
import requests

from running_server import SHAPE, Server, scan
from slicer_v0_client import Client, npy

NO_IMAGE = {"status": "error", "message": "No image uploaded"}


@pytest.fixture
def client(server, request):
    """A client of its own, with image and empty segment uploaded."""
    ready = Client(f"{server.url}/{request.node.name.replace('[', '-').replace(']', '')[:60]}")
    assert ready.upload_image() == {"status": "ok"}
    assert ready.upload_segment() == {"status": "ok"}
    return ready


def stroke_at(k, dtype=np.uint8):
    mask = np.zeros(SHAPE, dtype)
    mask[k, 12:16, 14:18] = 1
    return mask


def test_it_says_one_line_and_is_ready_within_a_second(server):
    assert server.ready_line == f"Sagittal is ready at {server.url}\n"
    assert server.cpu_seconds_to_ready < 1  # processor time: what else the machine does is no matter


def test_connection_test_and_health(server):
    page = requests.get(f"{server.url}/server", timeout=5)
    assert page.status_code == 200 and server.url in page.text
    assert requests.get(server.url, timeout=5).status_code == 200
    assert requests.get(f"{server.url}/alice", timeout=5).status_code == 200
    assert requests.get(f"{server.url}/healthz", timeout=5).json() == {"ok": True, "status": "ok"}
    assert requests.head(f"{server.url}/healthz", timeout=5).status_code == 200
    assert "sagittal_uptime_seconds" in requests.get(f"{server.url}/metrics", timeout=5).text


def test_each_prompt_is_answered_with_a_mask(client):
    answers = [client.point([12, 14, 16]), client.box([12, 20, 22], [12, 6, 8]), client.draw("lasso", stroke_at(12)),
               client.draw("scribble", stroke_at(12, np.int16)), client.draw("scribble", stroke_at(12), positive=False)]
    for answer in answers:
        assert isinstance(answer, np.ndarray), answer


def test_the_metrics_tell_what_a_prompt_waited_for(server, client):
    client.point([12, 14, 16])
    text = requests.get(f"{server.url}/metrics").text
    for stage in ('http_request_seconds_count{route="/add_point_interaction"}', 'queue_seconds_count{work="prediction"}',
                  'prediction_seconds_count{type="point"}'):
        assert re.search(rf"^sagittal_{re.escape(stage)} [1-9]", text, re.MULTILINE), stage


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_volumes_of_every_scalar_type(client, dtype):
    client.image = scan(dtype)
    assert client.upload_image() == {"status": "ok"}
    assert isinstance(client.point([12, 14, 16]), np.ndarray)


def test_a_colour_volume_is_explained_and_not_asked_for_again(client):
    client.image = np.zeros((*SHAPE, 3), np.uint8)
    answer = client.upload_image()
    assert answer["status"] == "error" and "3 values per voxel" in answer["message"]
    for answer in (client.point([1, 1, 1]), client.upload_segment(np.zeros(SHAPE, bool))):
        assert "3 values per voxel" in answer["message"] and "No image uploaded" not in answer["message"]


@pytest.mark.parametrize("coordinate", [[-1, 0, 0], [24, 0, 0], [0, 28, 0], [0, 0, 32], [10**9, 10**9, -10**9], [2**63, 0, 0]])
def test_clicks_outside_the_volume_are_explained(client, coordinate):
    answer = client.point(coordinate)
    assert answer["status"] == "error" and "outside" in answer["message"]
    assert isinstance(client.point([12, 14, 16]), np.ndarray)


@pytest.mark.parametrize("one, two", [([12, 6, 8], [12, 20, 22]), ([13, 20, 22], [12, 6, 8]), ([-3, 6, 40], [-1, 20, 8]),
                                      ([24, 6, 8], [24, 20, 22]), ([12, 6, 8], [12, 6, 8])])
def test_boxes_in_any_order_off_by_one_or_sticking_out(client, one, two):
    assert isinstance(client.box(one, two), np.ndarray)


def test_a_scribble_is_only_the_ones(client):
    difference = stroke_at(12, np.int16)
    difference[2] = -1
    assert isinstance(client.draw("scribble", difference), np.ndarray)
    removed = np.zeros(SHAPE, np.int16) - stroke_at(12, np.int16)
    assert client.draw("scribble", removed)["status"] == "error"


def test_without_an_image_the_client_is_asked_for_it_and_recovers(server):
    fresh = Client(f"{server.url}/fresh")
    assert fresh.point([12, 14, 16]) == NO_IMAGE
    assert fresh.upload_segment() == NO_IMAGE
    fresh.upload_image()
    fresh.upload_segment()
    assert isinstance(fresh.point([12, 14, 16]), np.ndarray)


@pytest.mark.parametrize("kind", ["lasso", "scribble"])
def test_a_drawing_sent_again_without_its_body_is_answered(server, kind):
    """The extension repeats the request with an encoder already read to its end: full length announced, nothing sent."""
    fresh = Client(f"{server.url}/resend-{kind}")
    encoder = fresh.encode_drawing(stroke_at(12), True)
    assert fresh.draw(kind, None, encoder=encoder) == NO_IMAGE
    fresh.upload_image()
    fresh.upload_segment()
    answer = []
    thread = threading.Thread(target=lambda: answer.append(fresh.draw(kind, None, encoder=encoder)), daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert answer, "both sides wait for ever"
    assert isinstance(answer[0], np.ndarray)


def test_clients_are_kept_apart(server):
    alice, bob = Client(f"{server.url}/alice-apart"), Client(server.url.replace("http://", "http://bob:secret@"))
    assert alice.upload_image() == {"status": "ok"}
    assert bob.point([12, 14, 16]) == NO_IMAGE
    bob.image = scan(shape=(20, 20, 21))
    assert bob.upload_image() == {"status": "ok"}
    assert isinstance(alice.point([12, 14, 16]), np.ndarray)
    assert isinstance(bob.point([10, 10, 10]), np.ndarray)
    assert Client(server.url).point([1, 1, 1]) == NO_IMAGE


def test_health_answers_during_predictions(client, server):
    """Of the health requests made while a click is being answered, some are answered first."""
    inside = 0
    for k in range(8, 16):
        thread = threading.Thread(target=client.point, args=([k, 14, 16],))
        thread.start()
        while thread.is_alive():
            assert requests.get(f"{server.url}/healthz", timeout=60).status_code == 200
            inside += thread.is_alive()
        thread.join()
        if inside:
            return
    pytest.fail("health was never answered before the prediction was")


def test_another_server_asks_for_the_image_again(program, model):
    first = Server(program, *model)
    user = Client(first.url)
    user.upload_image()
    assert isinstance(user.point([12, 14, 16]), np.ndarray)
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = Server(program, *model, port=first.port)
    try:
        assert user.point([12, 14, 16]) == NO_IMAGE
        user.upload_image()
        assert isinstance(user.point([12, 14, 16]), np.ndarray)
    finally:
        assert second.stop(signal.SIGINT) == 0


def test_stop_is_clean_also_during_a_prediction(program, model):
    running = Server(program, *model)
    user = Client(running.url)
    user.upload_image()
    outcome = []

    def click():
        try:
            outcome.append(user.point([12, 14, 16]))
        except (requests.RequestException, AssertionError) as error:
            outcome.append(error)

    thread = threading.Thread(target=click)
    thread.start()
    time.sleep(0.02)
    assert running.stop(signal.SIGTERM) == 0
    thread.join(timeout=10)
    assert outcome


def test_a_used_port_is_a_clear_error(server, sagittal, model):
    result = sagittal("serve", "--port", server.port, "--data-dir", "none", *model)
    assert result.returncode == 1
    assert f"{server.port}: the port is in use" in result.stderr and result.stdout == ""


def test_wrong_usage_and_unknown_models(sagittal):
    assert sagittal("serve", "--port", "70000").returncode == 2
    unknown = sagittal("serve", "--model", "no-such-model")
    assert unknown.returncode == 1 and "no-such-model" in unknown.stderr


MALFORMED = [
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"\x00\x01\x02\x03" * 100,
    b"POST /upload_image HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /upload_image HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 3000000000000\r\n\r\n",
    b"POST /upload_image HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 700000\r\n\r\n" + b"a" * 99999,
    b"POST /add_point_interaction HTTP/1.1\r\nContent-Length: 30000\r\n\r\n" + b"[" * 30000,
    b"POST /add_scribble_interaction HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"POST /u%s/add_point_interaction HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
]


def test_malformed_requests_from_many_clients_do_no_harm(program, model):
    """Short form of the load test: SAGITTAL_LOAD_SECONDS lengthens it."""
    running = Server(program, *model, "--max-sessions", "4")
    user = Client(f"{running.url}/user")
    user.upload_image()
    before = user.point([12, 14, 16])
    deadline = time.monotonic() + float(os.environ.get("SAGITTAL_LOAD_SECONDS", 20))
    sent = [0]

    def attack(seed):
        random = np.random.default_rng(seed)
        while time.monotonic() < deadline:
            data = MALFORMED[random.integers(len(MALFORMED))]
            if data.count(b"%s"):
                data = data.replace(b"%s", str(random.integers(10**6)).encode())
            if random.random() < 0.3:
                data = bytes(b ^ (random.random() < 0.02) for b in data[:2000])
            try:
                with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
                    connection.sendall(data)
                    connection.settimeout(0.2)
                    if random.random() < 0.7:
                        connection.recv(4096)
            except OSError:
                pass
            sent[0] += 1

    warm = None
    threads = [threading.Thread(target=attack, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.5)
        assert requests.get(f"{running.url}/healthz", timeout=10).status_code == 200
        if warm is None and time.monotonic() > deadline - 0.7 * float(os.environ.get("SAGITTAL_LOAD_SECONDS", 20)):
            warm = running.resident_bytes()
    for thread in threads:
        thread.join()
    assert sent[0] > 100
    assert running.resident_bytes() < warm + (64 << 20)
    assert isinstance(user.point([12, 14, 16]), np.ndarray) and isinstance(before, np.ndarray)
    assert running.stop() == 0
