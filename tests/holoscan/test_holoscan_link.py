"""Links of holoscan/sagittal_holoscan: they last, and nobody waits for a peer."""
import socket
import time

import numpy as np
import pytest
from sagittal_holoscan import Envelope, Image, Link, String, Transform, messages


def until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture
def server():
    link = Link(port=0, role="server")
    link.got = []
    link.on_message(lambda message: link.got.append(message) if not isinstance(message, messages.Status) else None)
    link.open()
    yield link
    link.close()


@pytest.fixture
def client(server):
    link = Link(port=server.port, retry_s=0.05)
    link.got = []
    link.on_message(lambda message: link.got.append(message) if not isinstance(message, messages.Status) else None)
    link.open()
    until(lambda: link.counters()["peers"] == 1 and server.counters()["peers"] == 1, "they meet")
    yield link
    link.close()


def test_both_ways(server, client):
    client.send(Image(np.full((2, 3, 1), 7, np.uint8), envelope=Envelope("probe", 5_000_000_000, {"a": "b"})))
    client.send(Transform(np.diag([1.0, -1, -1, 1]), Envelope("ProbeToTracker")))
    server.send(String("hello", Envelope("words")))
    until(lambda: len(server.got) == 2 and len(client.got) == 1, "all arrive")
    image = next(message for message in server.got if isinstance(message, Image))
    assert image.pixels.tolist() == [[[7]] * 3] * 2
    assert (image.envelope.acquired_ns, image.envelope.metadata) == (5_000_000_000, {"a": "b"})
    assert client.got[0].text == "hello"


def test_a_peer_that_goes_is_found_again(client, server):
    server.close()
    until(lambda: client.counters()["peers"] == 0, "it is missed")
    client.send(String("lost"))
    server.open()  # on the same port
    until(lambda: client.counters()["peers"] == 1, "it is found again")
    client.send(String("found"))
    until(lambda: [message.text for message in server.got] == ["found"], "it is served again")
    assert client.counters()["connects"] == 2 and client.counters()["not_connected"] == 1
    server.open()  # the fixture closes it once


def test_a_peer_that_takes_nothing_delays_nobody(server):
    silent = socket.create_connection(("127.0.0.1", server.port))
    until(lambda: server.counters()["peers"] == 1, "it is there")
    pixels = np.zeros((1000, 1000, 1), np.uint8)
    began = time.monotonic()
    for _ in range(100):
        server.send(Image(pixels, envelope=Envelope("camera")))
    assert time.monotonic() - began < 5
    assert server.counters()["dropped"] >= 80
    silent.close()


def test_it_says_at_once_that_it_speaks_protocol_3(server):
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        header = messages.parse_header(peer.recv(messages.HEADER.size, socket.MSG_WAITALL))
    assert (header.version, header.kind, header.device) == (2, "STATUS", "")


def test_garbage_and_promises_end_only_who_sends_them(server, client):
    for data in (b"\xff" * 100, messages.HEADER.pack(2, b"IMAGE", b"x", 0, 1 << 40, 0)):
        with socket.create_connection(("127.0.0.1", server.port)) as liar:
            liar.sendall(data)
            while liar.recv(1000):
                pass
    client.send(String("fine"))
    until(lambda: [message.text for message in server.got] == ["fine"], "others go on")
    assert server.counters()["refused"] == 2


def test_wrong_checksums_and_unknown_types_are_counted(server):
    good = messages.pack(String("good"))
    bad = bytearray(messages.pack(String("bad")))
    bad[-1] ^= 1
    other = messages.HEADER.pack(1, b"CLIENTINFO", b"", 0, 0, 0)
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(bytes(bad) + other + good)
        until(lambda: len(server.got) == 1, "the good one arrives")
    counts = server.counters()
    assert (server.got[0].text, counts["bad_checksums"], counts["skipped"]) == ("good", 1, 1)


def test_a_time_that_was_not_sent_is_that_of_arrival(server):
    data = bytearray(messages.pack(String("now")))
    data[34:42] = bytes(8)
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(bytes(data))
        until(lambda: server.got, "it arrives")
    assert abs(server.got[0].envelope.acquired_ns - time.time_ns()) < 60e9


def test_closing_sends_what_waits(server):
    link = Link(port=server.port)
    link.open()
    until(lambda: link.counters()["peers"] == 1, "they meet")
    for n in range(50):
        link.send(String(str(n)))
    link.close()
    until(lambda: len(server.got) == 50, "all arrive")
