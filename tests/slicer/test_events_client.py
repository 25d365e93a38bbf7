"""What a session tells while it happens, and the WebSocket that carries it."""
import base64
import hashlib
import signal
import struct
import threading
import time

import pytest

from forged_server import ForgedServer
from native_client import nifti
from running_server import Server, free_port, scan
from SagittalLib.client import Api, BadAnswer, Connection, EventStream, SagittalError, ServerError, Unreachable
from SagittalLib.client.web_socket import MAX_MESSAGE, WebSocket


def upload(api):
    file = nifti(scan())
    volume = hashlib.sha256(file).hexdigest()
    api.put_piece(volume, "scan.nii.gz", file, 0, len(file))
    return volume


class Heard:
    """Events and states of a stream, to be waited for."""

    def __init__(self, connection, path):
        self.events, self.states, self.changed = [], [], threading.Condition()
        self.stream = EventStream(connection, path, self.on_event, self.on_state)

    def on_event(self, event):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def on_state(self, state):
        with self.changed:
            self.states.append(state)
            self.changed.notify_all()

    def until(self, condition, seconds=20):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), seconds), (self.events, self.states)


def test_a_session_tells_masks_and_its_end(api):
    session = api.open_session(upload(api))
    heard = Heard(api.connection, "sessions/%s/events" % session["id"])
    heard.until(lambda h: h.events)
    assert heard.events[0]["type"] == "hello" and heard.states == [None]
    api.add_segment(session["id"], {"name": "Ball"})
    reply = api.prompt(session["id"], 1, {"type": "point", "ijk": [16, 14, 12]}, session["geometry"]["shape"])
    heard.until(lambda h: any(e["type"] == "mask" and not e["coarse"] for e in h.events))
    last = [e for e in heard.events if e["type"] == "mask"][-1]
    assert last["voxels"] == reply.voxels > 0 and last["request"] == reply.request
    api.close_session(session["id"])
    heard.until(lambda h: h.events[-1]["type"] == "closed")
    heard.stream.close(5)


def test_after_a_restart_it_listens_again(program, tmp_path):
    port = free_port()
    server = Server(program, port=port, data_dir=tmp_path)
    api = Api(Connection(server.url))
    session = api.open_session(upload(api))
    heard = Heard(api.connection, "sessions/%s/events" % session["id"])
    heard.until(lambda h: h.events)
    server.stop(signal.SIGKILL)
    heard.until(lambda h: isinstance(h.states[-1], Unreachable))
    server = Server(program, port=port, data_dir=tmp_path)
    try:
        heard.until(lambda h: [e["type"] for e in h.events].count("hello") == 2)
        assert heard.states[-1] is None
    finally:
        heard.stream.close(5)
        server.stop()


def test_what_the_server_refuses_ends_a_stream(api):
    heard = Heard(api.connection, "sessions/none/events")
    heard.until(lambda h: h.states)
    assert isinstance(heard.states[0], ServerError) and heard.states[0].status == 404
    heard.stream.close(5)
    assert not heard.stream.is_open


def frame(opcode, data, last=True, length=None):
    size = len(data) if length is None else length
    head = bytes([opcode | (0x80 if last else 0)])
    head += bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
    return head + data


def hand_shake(request: bytes, then=b"") -> bytes:
    key = [line.split(b": ")[1] for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key")][0]
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept + b"\r\n\r\n" + then)


def listen(*frames):
    forged = ForgedServer([lambda request: hand_shake(request, b"".join(frames))])
    return WebSocket(Connection(forged.url), "x/events"), forged


def test_messages_come_in_pieces_with_pings_between():
    text = "Größe"
    data = text.encode()
    web_socket, _ = listen(frame(1, data[:3], last=False), frame(9, b"hi"), frame(0, data[3:]), frame(1, b"x" * 70000),
                           frame(8, struct.pack(">H", 1001)))
    assert web_socket.receive() == text
    assert web_socket.receive() == "x" * 70000
    assert web_socket.receive() is None and web_socket.close_code == 1001


@pytest.mark.parametrize("lie", [
    frame(1, b"", length=MAX_MESSAGE + 1),
    b"\x81\xff" + b"\xff" * 8,
    b"\x81\x81abcdx",
    frame(1 | 0x40, b"x"),
    frame(3, b"x"),
    frame(2, b"x"),
    frame(9, b"x" * 200),
    frame(9, b"x", last=False),
    frame(0, b"x"),
    frame(1, b"x", last=False) + frame(1, b"y"),
    frame(1, b"\xff\xfe"),
    frame(1, b"half", length=5),
], ids=range(12))
def test_forged_frames_are_refused(lie):
    web_socket, _ = listen(lie)
    with pytest.raises((BadAnswer, Unreachable)):
        web_socket.receive()
    web_socket.close()


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"nonsense\r\n\r\n",
    b"x" * 100000,
    b"",
], ids=range(5))
def test_what_is_no_web_socket_is_refused(head):
    forged = ForgedServer([head])
    with pytest.raises(SagittalError):
        WebSocket(Connection(forged.url, connect_timeout=2), "x/events")


def test_it_is_closed_from_another_thread(api):
    session = api.open_session(upload(api))
    web_socket = WebSocket(api.connection, "sessions/%s/events" % session["id"])
    assert "hello" in web_socket.receive()
    threading.Timer(0.2, web_socket.close).start()
    begin = time.monotonic()
    assert web_socket.receive() is None
    assert time.monotonic() - begin < 3
    api.close_session(session["id"])
