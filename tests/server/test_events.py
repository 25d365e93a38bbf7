"""The events of a session as a WebSocket client hears them: progress, coarse and final masks, of everybody's prompts; and what stops a
prediction."""
import base64
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import time

import numpy as np
import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from native_client import Client, drawing_prompt, nifti, paste
from running_server import Server
from test_left_clients import MODEL, QUICK, SHAPE, SLOW, ask_and_leave, counted, large_scan, server, wait_for  # noqa: F401 - server is a fixture

CLICK = {"type": "point", "ijk": list(QUICK[::-1])}
SLOW_CLICK = {"type": "point", "ijk": list(SLOW[::-1])}
SOCKETS = int(os.environ.get("SAGITTAL_EVENT_SOCKETS", 1000))


def stroke():
    """It is looked at from afar, then refined: four passes."""
    drawing = np.zeros(SHAPE, np.uint8)
    drawing[24, 240, 200:250] = 1
    return drawing_prompt("scribble", drawing, True)


@pytest.fixture(scope="module")
def file():
    return nifti(large_scan())


def open_session(server, file, key=""):
    client = Client(server.url, key)
    session = client.open(client.upload(file))
    session.add_segment()
    return session


@pytest.fixture
def session(server, file):
    opened = open_session(server, file)
    yield opened
    opened.client.http.delete(opened.client.url + opened.path)


def listen(server, session, **options):
    return connect(f"{server.url.replace('http', 'ws', 1)}/api/v1{session.path}/events", max_size=None, **options)


class Listener:
    """Draws each mask into its place as it comes."""

    def __init__(self, server, session, **options):
        self.socket = listen(server, session, **options)
        self.mask = np.zeros(SHAPE, np.uint8)
        self.events = []
        assert self.next()["type"] == "hello"

    def next(self, timeout=300):
        event = json.loads(self.socket.recv(timeout))
        self.events.append(event)
        if event["type"] == "mask":
            paste(event, self.mask)
            assert int(self.mask.sum()) == event["voxels"]
        return event

    def until(self, wanted):
        """Everything up to the first event that is as wanted, which is the last of it."""
        while not wanted(self.next()):
            pass
        return self.events[-1]

    def kinds(self):
        kinds = ["coarse" if event.get("coarse") else event["type"] for event in self.events]
        return [kind for kind in kinds if kind != "progress"]


is_final = lambda event: event["type"] == "mask" and not event["coarse"]
is_coarse = lambda event: event["type"] == "mask" and event["coarse"]
is_error = lambda event: event["type"] == "error"


def test_progress_then_a_coarse_mask_then_the_final_one(server, session):
    listener, colleague = Listener(server, session), Listener(server, session)
    path = f"{session.path}/segments/1"
    request = session.client.ask("POST", f"{path}/prompts?wait=false", 202, json=stroke())["request"]
    final = listener.until(is_final)
    assert listener.kinds()[1] == "coarse" and listener.kinds()[-1] == "mask"
    assert all(event["request"] == request for event in listener.events[1:])
    assert np.array_equal(session.bits(1), listener.mask) and final["voxels"] == listener.mask.sum() > 0
    for stage in ("zooming", "refining"):
        fractions = [event["fraction"] for event in listener.events if event.get("stage") == stage]
        assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    assert colleague.until(is_final) == final
    for step in ("undo", "redo", "reset"):
        session.client.ask("POST", f"{path}/{step}")
        assert listener.until(is_final)["revision"] == colleague.until(is_final)["revision"]
        assert np.array_equal(session.bits(1), listener.mask)
    session.client.ask("PATCH", path, json={"name": "liver"})
    assert colleague.until(lambda event: event["type"] == "segments")["segments"][0]["name"] == "liver"
    session.client.ask("DELETE", session.path, 204)
    assert colleague.next()["type"] == "closed"
    with pytest.raises(ConnectionClosed) as closed:
        colleague.socket.recv(20)
    assert closed.value.rcvd.code == 1000


def test_a_newer_prompt_supersedes_the_running_one_and_counts_it_in(server, file, session, sagittal, tmp_path):
    listener = Listener(server, session)
    path = f"{session.path}/segments/1/prompts"
    older = session.client.ask("POST", f"{path}?wait=false", 202, json=SLOW_CLICK)["request"]
    listener.until(is_coarse)
    reply = session.client.ask("POST", f"{path}?supersede=true", json=CLICK)
    error = listener.until(is_error)
    assert error["request"] == older
    assert error["error"]["code"] == "cancelled" and error["error"]["details"] == {"superseded": True}
    listener.until(lambda event: is_final(event) and event["request"] == reply["request"])
    other = open_session(server, file)
    other.prompt(1, {**SLOW_CLICK, "predict": False})
    other.prompt(1, CLICK)
    assert np.array_equal(session.bits(1), other.masks[1]) and np.array_equal(listener.mask, other.masks[1])

    (tmp_path / "scan.nii.gz").write_bytes(file)
    (tmp_path / "prompts.json").write_text(json.dumps(session.client.ask("GET", path)))
    done = sagittal("segment", tmp_path / "scan.nii.gz", "-o", tmp_path / "mask.npy", "--prompts", tmp_path / "prompts.json", *MODEL)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(tmp_path / "mask.npy"), other.masks[1])


def test_a_stopped_prediction_leaves_the_session_as_it_was(server, session):
    session.prompt(1, CLICK)
    listener = Listener(server, session)
    listener.mask[:] = session.masks[1]
    predictions = counted(server.url, "sagittal_predictions_total")
    path = f"{session.path}/segments/1"
    session.client.ask("POST", f"{path}/prompts?wait=false", 202, json=SLOW_CLICK)
    listener.until(is_coarse)
    session.client.ask("DELETE", f"{path}/prediction", 204)
    error = listener.until(is_error)["error"]
    assert error["code"] == "cancelled" and error["details"] == {"superseded": False}
    assert counted(server.url, "sagittal_predictions_total") == predictions
    assert np.array_equal(session.bits(1), session.masks[1])
    assert np.array_equal(listener.mask, session.masks[1]), "the preview was taken back"
    assert session.client.ask("GET", path)["prompts"] == 1


def test_a_client_that_leaves_stops_its_prediction(server, session):
    url = f"{session.client.url}{session.path}/segments/1/prompts"
    ask_and_leave(server.url, requests.Request("POST", url, json=SLOW_CLICK))
    assert session.client.ask("GET", f"{session.path}/segments/1")["prompts"] == 0
    assert not session.bits(1).any()


def test_listeners_need_a_key_and_come_from_no_foreign_page(program, file, tmp_path):
    add = lambda name: subprocess.run([program, "key", "add", name, "--api-key-file", tmp_path / "keys.json"], capture_output=True, text=True,
                                      check=True).stdout.strip()
    alice, bob = add("alice"), add("bob")
    running = Server(program, *MODEL, "--api-key-file", tmp_path / "keys.json")
    try:
        session = open_session(running, file, alice)

        def status(**options):
            with pytest.raises(InvalidStatus) as refused:
                listen(running, session, **options)
            return refused.value.response.status_code

        assert status() == 401 and status(subprotocols=["sagittal.v1", "key.wrong"]) == 401
        assert status(subprotocols=["sagittal.v1", f"key.{bob}"]) == 404
        assert status(subprotocols=["sagittal.v1", f"key.{alice}"], origin="https://evil.example") == 403
        page = Listener(running, session, subprotocols=["sagittal.v1", f"key.{alice}"], origin=running.url)
        assert page.socket.subprotocol == "sagittal.v1"
        script = Listener(running, session, additional_headers={"Authorization": f"Bearer {alice}"})
        session.client.ask("PATCH", session.path, json={"shared": True})
        guest = Listener(running, session, subprotocols=["sagittal.v1", f"key.{bob}"])
        session.prompt(1, CLICK)
        for listener in (page, script, guest):
            listener.until(is_final)
            assert np.array_equal(listener.mask, session.masks[1])
        session.client.ask("PATCH", session.path, json={"shared": False})
        with pytest.raises(ConnectionClosed) as closed:
            guest.socket.recv(20)
        assert closed.value.rcvd.code == 1008
        subprocess.run([program, "key", "revoke", "alice", "--api-key-file", tmp_path / "keys.json"], check=True, capture_output=True)
        with pytest.raises(ConnectionClosed) as closed:
            page.socket.recv(60)
        assert closed.value.rcvd.code == 1008
    finally:
        running.process.kill()
        running.process.wait()


def test_a_server_that_goes_down_says_so_after_the_last_result(program, file, tmp_path, monkeypatch):
    from test_tls import make_certificate
    make_certificate(tmp_path, "events")
    running = Server(program, *MODEL, "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    try:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
        client = Client(running.url)
        session = client.open(client.upload(file))
        session.add_segment()
        listener = Listener(running, session, ssl=ssl._create_unverified_context())
        client.ask("POST", f"{session.path}/segments/1/prompts?wait=false", 202, json=stroke())
        running.process.send_signal(signal.SIGTERM)
        listener.until(is_final)
        with pytest.raises(ConnectionClosed) as closed:
            listener.socket.recv(20)
        assert closed.value.rcvd.code == 1001
        assert running.process.wait(timeout=30) == 0
    finally:
        running.process.kill()
        running.process.wait()


# ---- readers that a library would not be


def raw(server, session) -> socket.socket:
    """A socket whose handshake is done."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(f"GET /api/v1{session.path}/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return connection


def exactly(connection, count) -> bytes:
    data = bytearray()
    while len(data) < count:
        block = connection.recv(min(count - len(data), 1 << 20))
        assert block, "the server closed without a goodbye"
        data += block
    return bytes(data)


def frame(connection):
    """The next frame: opcode and payload."""
    first, second = exactly(connection, 2)
    length = second & 127
    if length > 125:
        length = struct.unpack(">H" if length == 126 else ">Q", exactly(connection, 2 if length == 126 else 8))[0]
    return first & 15, exactly(connection, length)


def close_code(connection) -> int:
    opcode, payload = frame(connection)
    while opcode != 8:
        opcode, payload = frame(connection)
    return struct.unpack(">H", payload[:2])[0]


def test_a_reader_too_slow_for_final_masks_is_told_to_come_again(server, session):
    slow, quick = raw(server, session), Listener(server, session)
    everything = base64.b64encode(np.packbits(np.random.default_rng(0).integers(0, 2, SHAPE, dtype=np.uint8)).tobytes()).decode()
    session.prompt(1, {"type": "init", "mask": everything})
    revision = 0
    for n in range(60):  # each event has 1.8 MB
        revision = session.client.ask("POST", f"{session.path}/segments/1/{'redo' if n % 2 else 'undo'}")["revision"]
        quick.until(lambda event: is_final(event) and event["revision"] == revision)
    assert close_code(slow) == 1013
    assert np.array_equal(session.bits(1), quick.mask)


def test_forged_frames_end_their_own_connection_only(server, session):
    listener = Listener(server, session)
    masked = lambda first, payload: bytes([first, 128 | len(payload)]) + b"\0\0\0\0" + payload
    for forged, code in ((b"\x81\x05hello", 1002), (masked(0x81, b"\xff\xfe"), 1007), (masked(0xF1, b"x"), 1002), (masked(0x83, b"x"), 1002),
                         (b"\x81\xfe\x20\x00\0\0\0\0" + b"x" * 8192, 1009), (b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0", 1009)):
        connection = raw(server, session)
        connection.sendall(forged)
        assert close_code(connection) == code, forged[:20]
        connection.close()
    noise = raw(server, session)
    try:
        noise.sendall(os.urandom(100_000))
    except OSError:
        pass
    session.prompt(1, CLICK)
    listener.until(is_final)
    assert np.array_equal(session.masks[1], listener.mask)


def test_a_thousand_listeners_hold_up_nobody(server, session):
    before = server.resident_bytes()
    sockets = [raw(server, session) for _ in range(SOCKETS)]
    assert counted(server.url, "sagittal_event_listeners") == SOCKETS
    started = time.monotonic()
    reply = session.prompt(1, CLICK)
    assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
    for connection in sockets:
        text = b""
        while b'"coarse":false' not in text:
            opcode, payload = frame(connection)
            text = payload if opcode else text + payload
        assert json.loads(text)["request"] == reply["request"]
    assert server.resident_bytes() < before + (256 << 20), time.monotonic() - started
    for connection in sockets:
        connection.close()
    wait_for(lambda: counted(server.url, "sagittal_event_listeners") == 0)
