"""pyigtl, the library that scripts for 3D Slicer use, as client and as server: what it sends comes back the same."""
import time

import numpy as np
import pyigtl
import pytest
from igtl_wire import PATIENCE_S, Peer, free_port

MATRIX = np.array([[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]], dtype=float)


def numbers(*shape, dtype=np.uint8):
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


def images():
    yield "gray", pyigtl.ImageMessage(numbers(2, 30, 40), device_name="gray")
    yield "colour", pyigtl.ImageMessage(numbers(1, 30, 40, 3), MATRIX, device_name="colour")
    for dtype in (np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64):
        name = np.dtype(dtype).name
        yield name, pyigtl.ImageMessage(numbers(1, 8, 9, dtype=dtype), MATRIX, "LPS", device_name=name)


def others():
    yield "transform", pyigtl.TransformMessage(MATRIX, device_name="transform")
    yield "string", pyigtl.StringMessage("some words", device_name="string")
    yield "point", pyigtl.PointMessage([[1, 2, 3], [4, 5, 6]], names=["a", "b"], device_name="point")


CASES = dict([*images(), *others()])
FIELDS = ("image", "matrix", "ijk_to_world_matrix", "string", "positions", "names")


def expect_the_same(sent, received):
    assert type(received) is type(sent)
    compared = 0
    for name in FIELDS:
        if getattr(sent, name, None) is not None:
            there = getattr(received, name)
            if name in ("string", "names"):
                assert there == getattr(sent, name)
            else:
                np.testing.assert_allclose(np.squeeze(there), np.squeeze(np.asarray(getattr(sent, name))), err_msg=name)
            compared += 1
    assert compared > 0


def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def client(program):
    """pyigtl's, of a server of ours."""
    with Peer(program, "server") as peer:
        client = pyigtl.OpenIGTLinkClient("127.0.0.1", peer.port)
        until(client.is_connected)
        yield client
        client.stop()


@pytest.fixture(scope="module")
def server(program):
    """pyigtl's, with a client of ours."""
    port = free_port()
    server = pyigtl.OpenIGTLinkServer(port)
    with Peer(program, "client", port):
        until(server.is_connected)
        yield server
    server.stop()


@pytest.mark.parametrize("name", CASES)
def test_a_server_of_ours_gives_back_what_pyigtl_sends(client, name):
    assert client.send_message(CASES[name])
    expect_the_same(CASES[name], client.wait_for_message(name, timeout=PATIENCE_S))


@pytest.mark.parametrize("name", CASES)
def test_a_client_of_ours_gives_back_what_pyigtl_sends(server, name):
    assert server.send_message(CASES[name])
    expect_the_same(CASES[name], server.wait_for_message(name, timeout=PATIENCE_S))


def test_pyigtls_surfaces_are_taken(program):
    """It cannot read them itself."""
    with Peer(program, "server") as peer:
        client = pyigtl.OpenIGTLinkClient("127.0.0.1", peer.port)
        until(client.is_connected)
        points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)
        client.send_message(pyigtl.PolyDataMessage(points=points, polygons=np.array([3, 0, 1, 2]), device_name="surface"))
        assert peer.wait_for("message").startswith('message POLYDATA "surface"')
        client.stop()


def test_pyigtls_positions_of_its_own_making_are_refused(program):
    """Its POSITION is a list of 152 bytes each; everybody else's is one of 28."""
    with Peer(program, "server") as peer:
        client = pyigtl.OpenIGTLinkClient("127.0.0.1", peer.port)
        until(client.is_connected)
        client.send_message(pyigtl.PositionMessage([[1, 2, 3]], quaternions=[[0, 0, 0, 1]], device_name="position"))
        client.send_message(pyigtl.StringMessage("behind", device_name="string"))
        assert client.wait_for_message("string", timeout=PATIENCE_S).string == "behind"
        assert peer.counters()["refused"] == 1
        client.stop()
