"""OpenIGTLink in pure Python: against the program's own pipelines, and against peers that mean harm."""
import os
import struct
import time

import numpy as np
import pytest

from SagittalLib.streams import contents, crc64, wire
from SagittalLib.streams.igtl import READERS, Link
from SagittalLib.streams.parts import Parts
from stream_peers import Peer, Pipeline, oblique, until


@pytest.fixture
def linked():
    made = []

    def link(port, **more):
        made.append(Link("127.0.0.1", port, **more))
        return made[-1]

    yield link
    for one in made:
        one.close(5)
    assert not any(thread.is_alive() for one in made for thread in one._threads)


def arrival(link, kind, device=None, seconds=20.0):
    kept = link.__dict__.setdefault("kept", [])

    def found():
        kept.extend(link.take())
        here = [n for n, one in enumerate(kept) if one.kind == kind and device in (None, one.device)]
        return kept.pop(here[0]) if here else None

    return until(found, seconds)


def slow_crc(data, crc=0):
    for byte in data:
        for bit in range(7, -1, -1):
            top = crc >> 63 ^ byte >> bit & 1
            crc = (crc << 1) & (1 << 64) - 1 ^ (crc64.POLYNOMIAL if top else 0)
    return crc


def test_the_checksum_is_that_of_the_standard():
    assert crc64.crc64(b"123456789") == 0x6C40DF5F0B497347 and crc64.crc64(b"") == 0
    data = os.urandom(60000)
    for size in (1, 199, 201, 208, 4096, 19815, 19817, 40001, 60000):
        assert crc64.crc64(data[:size]) == slow_crc(data[:size]), size
    for cut in (1, 7, 300, 30000):
        assert crc64.crc64(data[cut:], crc64.crc64(data[:cut])) == crc64.crc64(data)


def test_long_data_is_folded_without_loss():
    data = np.random.default_rng(3).integers(0, 256, 3_000_011, np.uint8)
    parts = crc64.crc64(b"")
    for begin in range(0, len(data), 15000):  # pieces so short that most of the folding is left out
        parts = crc64.crc64(data[begin:begin + 15000], parts)
    assert crc64.crc64(data) == parts


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4"])
def test_an_oblique_image_comes_back_from_a_pipeline_at_its_place(program, linked, dtype):
    voxels = (np.arange(3 * 40 * 256).reshape(3, 40, 256) % 251).astype(dtype)
    with Pipeline(program, "slicer_roundtrip") as pipeline:
        link = linked(pipeline.port)
        link.send("IMAGE", "Askew", *contents.write_image(contents.Image(voxels, oblique())), metadata={"Who": "Ann"})
        back = arrival(link, "IMAGE", "Processed")
    assert back.value.voxels.dtype == np.dtype(dtype) and np.array_equal(back.value.voxels, voxels)
    assert np.allclose(back.value.ijk_to_ras, oblique(), atol=1e-4)
    assert back.metadata["Who"] == "Ann" and back.pipeline_ms >= 0 and abs(back.acquired - time.time()) < 60


def test_colours_come_back_negative(program, linked):
    voxels = np.random.default_rng(1).integers(0, 256, (1, 48, 64, 3), np.uint8)
    with Pipeline(program, "invert") as pipeline:
        link = linked(pipeline.port)
        link.send("IMAGE", "Colours", *contents.write_image(contents.Image(voxels, np.eye(4))))
        back = arrival(link, "IMAGE", "Inverted")
    assert np.array_equal(back.value.voxels, 255 - voxels) and back.value.components == 3


def test_transforms_texts_and_commands_are_understood(program, linked):
    matrix = oblique()
    with Pipeline(program, "slicer_roundtrip") as pipeline:
        link = linked(pipeline.port)
        link.send("TRANSFORM", "ProbeToTrackerWithALongName", contents.write_transform(matrix))
        link.send("STRING", "Note", contents.write_string("härter"))
        assert np.allclose(arrival(link, "TRANSFORM", "ProbeToTrackerWithALongName").value, matrix, atol=1e-5)
        assert arrival(link, "STRING", "Note").value == "härter"
        number = link.send_command("SetParameter", "smooth.width=128")
        answer = arrival(link, "RTS_COMMAND").value
        assert answer[0] == number and "SUCCESS" in answer[2]
        number = link.send_command("SetParameter", "smooth.width=wide")
        assert "FAIL" in arrival(link, "RTS_COMMAND").value[2]


def test_a_pipeline_that_is_killed_and_comes_again_is_found_again(program, linked):
    with Pipeline(program, "slicer_roundtrip") as pipeline:
        link = linked(pipeline.port)
        until(lambda: link.is_connected)
        pipeline.kill()
        until(lambda: not link.is_connected and link.error is not None)
        pipeline.start()
        until(lambda: link.is_connected)
        link.send("STRING", "Note", contents.write_string("again"))
        assert arrival(link, "STRING", "Note").value == "again"


def test_who_listens_is_found_by_a_pipeline_that_connects(program, linked, tmp_path):
    file = tmp_path / "to_slicer.yaml"
    link = linked(0, listens=True)
    until(lambda: link.port)
    (tmp_path / "pictures").mkdir()
    np.save(tmp_path / "pictures/0.npy", np.full((1, 24, 32), 77, np.uint8))
    file.write_text("pipeline: 1\noperators:\n"
                    "  folder: {type: image_folder, folder: pictures, device: Sent, repeat: true, frame_rate: 20}\n"
                    f"  slicer: {{type: igtl_output, role: client, host: 127.0.0.1, port: {link.port}}}\n"
                    "flows:\n  - folder -> slicer\n")
    import subprocess
    process = subprocess.Popen([program, "stream", "run", str(file), "--quiet"], stdout=subprocess.DEVNULL)
    try:
        assert int(arrival(link, "IMAGE", "Sent").value.voxels.max()) == 77
    finally:
        process.kill()
        process.wait()


def test_only_the_latest_of_each_device_waits(linked):
    frames = [wire.pack("IMAGE", "Probe", *contents.write_image(contents.Image(np.full((1, 64, 64), n, np.uint8), np.eye(4))))
              for n in range(50)]

    def talk(connection):
        for parts in frames:
            connection.sendall(b"".join(map(bytes, parts)))

    with Peer(talk) as peer:
        told = []
        link = linked(peer.port, on_arrival=lambda: told.append(1))
        until(lambda: link.counts() and link.counts()["IMAGE", "Probe"].received == 50)
        (last,) = link.take()
        assert last.value.voxels.max() == 49 and len(told) == 1
        assert link.counts()["IMAGE", "Probe"].replaced == 49 and len(link._free) <= 4


def part_of(whole, matrix, i, j, k, device="Probe"):
    """The message of a box [begin, end) of an image."""
    voxels = np.ascontiguousarray(whole[k[0]:k[1], j[0]:j[1], i[0]:i[1]])
    head, _ = contents.write_image(contents.Image(whole, matrix))
    sizes = struct.pack(">6H", i[0], j[0], k[0], i[1] - i[0], j[1] - j[0], k[1] - k[0])
    return b"".join(map(bytes, wire.pack("IMAGE", device, head[:-12] + sizes, voxels)))


def test_parts_of_an_image_are_put_into_the_one_before(linked):
    whole = np.arange(4 * 20 * 30, dtype=np.int16).reshape(4, 20, 30)
    later = whole + 5000
    boxes = [((3, 9), (2, 7), (1, 3)), ((20, 30), (0, 20), (0, 4))]
    messages = [b"".join(map(bytes, wire.pack("IMAGE", "Probe", *contents.write_image(contents.Image(whole, oblique())))))]
    messages += [part_of(later, oblique(), *box) for box in boxes]
    expected = whole.copy()
    for i, j, k in boxes:
        expected[k[0]:k[1], j[0]:j[1], i[0]:i[1]] = later[k[0]:k[1], j[0]:j[1], i[0]:i[1]]
    with Peer(lambda connection: [connection.sendall(one) for one in messages]) as peer:
        link = linked(peer.port)
        until(lambda: link.counts() and link.counts()["IMAGE", "Probe"].received == 3)
        (last,) = link.take()
    assert np.array_equal(last.value.voxels, expected) and last.value.changed is None  # nobody saw the whole one
    assert np.allclose(last.value.ijk_to_ras, oblique(), atol=1e-4) and last.value.is_complete


def test_parts_without_a_whole_are_complete_once_all_came():
    whole = np.arange(6 * 8, dtype=np.uint8).reshape(1, 6, 8) + 1
    parts = Parts()
    part = lambda first, last: contents.Image(whole[:, first:last], np.eye(4), (8, 6, 1), (0, first, 0))
    first = parts.add("Probe", part(0, 4))
    assert not first.is_complete and first.voxels[0, 3].all() and not first.voxels[0, 4].any()
    last = parts.add("Probe", part(3, 6))
    assert last.is_complete and np.array_equal(last.voxels, whole)
    assert last.changed == [(slice(0, 1), slice(3, 6), slice(0, 8))]


def test_images_in_parts_cannot_fill_the_memory():
    parts, voxel = Parts(), np.ones((1, 1, 1), np.uint8)
    for n in range(40):
        parts.add("Device%d" % n, contents.Image(voxel, np.eye(4), (512, 512, 1024)))
    assert sum(one.voxels.nbytes for one in parts._wholes.values()) <= wire.MAX_BODY
    for n in range(40):
        parts.add("Device%d" % n, contents.Image(voxel, np.eye(4), (2, 2, 2)))
    assert len(parts._wholes) == 8
    with pytest.raises(wire.BadMessage, match="at most"):
        parts.add("Huge", contents.Image(voxel, np.eye(4), (65535, 65535, 1)))


def raw(kind=b"IMAGE", body=b"", version=1, size=None, crc=None):
    crc = crc64.crc64(body) if crc is None else crc
    return wire.HEADER.pack(version, kind, b"Bad", 0, len(body) if size is None else size, crc) + body


def image_body(form=1, components=1, scalar=3, order=2, coordinates=1, size=(4, 4, 1), matrix=None, part=None, extra=16,
               offset=(0, 0, 0)):
    matrix = (1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0) if matrix is None else matrix
    return contents.IMAGE_HEAD.pack(form, components, scalar, order, coordinates, *size, *matrix, *offset,
                                    *(part or size)) + bytes(extra)


def extended(extended=12, head=2, texts=0, rest=b"\0\0"):
    return wire.EXTENDED.pack(extended, head, texts, 0) + rest


LOST = {  # the place in the stream is lost: the connection is given up
    "a version that there is not": raw(version=77),
    "a type of zeros": raw(kind=b"\0\0"),
    "a type of no letters": raw(kind=b"\x01\xff"),
    "an image of 2^60 bytes": raw(size=1 << 60),
    "a text of a gigabyte": raw(kind=b"STRING", size=1 << 30),
    "a web server": b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\nBad Request!",
}
REFUSED = {  # only the message is left out
    "a wrong checksum": raw(body=image_body(), crc=5),
    "an image without head": raw(body=b"\0" * 20),
    "an image of a format that there is not": raw(body=image_body(form=9)),
    "an image without components": raw(body=image_body(components=0)),
    "an image of complex numbers": raw(body=image_body(scalar=13)),
    "an image of a byte order that there is not": raw(body=image_body(order=3)),
    "an image of coordinates that there are not": raw(body=image_body(coordinates=0)),
    "an image of an empty axis": raw(body=image_body(size=(0, 4, 1))),
    "a part with too many bytes": raw(body=image_body(part=(2, 4, 1))),
    "a part that reaches out of its image": raw(body=image_body(part=(2, 4, 1), offset=(3, 0, 0), extra=8)),
    "a part that lies outside of its image": raw(body=image_body(part=(1, 1, 1), offset=(0, 65535, 0), extra=1)),
    "a part larger than its image": raw(body=image_body(part=(5, 4, 1), extra=20)),
    "an empty part": raw(body=image_body(part=(0, 4, 1), extra=0)),
    "a part of an image of 2^48 voxels": raw(body=image_body(size=(65535, 65535, 65535), part=(1, 1, 1), extra=1)),
    "a part of an empty image": raw(body=image_body(size=(4, 4, 0), part=(1, 1, 1), extra=1)),
    "an image that says to be larger": raw(body=image_body(size=(65535, 65535, 65535))),
    "an image with too many bytes": raw(body=image_body(extra=17)),
    "an image that is nowhere": raw(body=image_body(matrix=(float("nan"),) * 12)),
    "an image at infinity": raw(body=image_body(matrix=(1, 0, 0, 0, 1, 0, 0, 0, 1, float("inf"), 0, 0))),
    "an image whose axes are one": raw(body=image_body(matrix=(1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0))),
    "a transform that is short": raw(kind=b"TRANSFORM", body=bytes(40)),
    "a transform of no numbers": raw(kind=b"TRANSFORM", body=struct.pack(">12f", *[float("nan")] * 12)),
    "tools in pieces": raw(kind=b"TDATA", body=bytes(71)),
    "a text that says to be longer": raw(kind=b"STRING", body=struct.pack(">HH", 3, 60000) + b"hm"),
    "a text without head": raw(kind=b"STRING", body=b"\0"),
    "a command that says to be longer": raw(kind=b"COMMAND", body=struct.pack(">I128sHI", 1, b"x", 3, 1 << 31)),
    "a status that is short": raw(kind=b"STATUS", body=bytes(9)),
    "a surface of more points than bytes": raw(kind=b"POLYDATA", body=struct.pack(">10I", 1 << 31, *[0] * 9)),
    "a surface that names points that there are not": raw(
        kind=b"POLYDATA", body=struct.pack(">10I", 1, 0, 0, 1, 8, 0, 0, 0, 0, 0) + struct.pack(">3f2I", 0, 0, 0, 1, 9)),
    "a line longer than the surface": raw(
        kind=b"POLYDATA", body=struct.pack(">10I", 1, 0, 0, 1, 8, 0, 0, 0, 0, 0) + struct.pack(">3f2I", 0, 0, 0, 900, 0)),
    "no extended header": raw(version=2, body=b"\0\0"),
    "an extended header beyond the message": raw(version=2, body=extended(extended=60000)),
    "an extended header that is too short": raw(version=2, body=extended(extended=2)),
    "metadata beyond the message": raw(version=2, body=extended(texts=0xFFFFFFFF)),
    "metadata with a head of another size": raw(version=2, body=extended(rest=b"\0\5")),
    "metadata with an entry that is too long": raw(
        version=2, body=extended(head=10, texts=2, rest=struct.pack(">HHHI", 1, 1, 3, 0xFFFFFF00) + b"ab")),
    "metadata that is nobody's": raw(version=2, body=extended(head=2, texts=2, rest=b"\0\0ab")),
}
GOOD = b"".join(map(bytes, wire.pack("STRING", "Good", contents.write_string("still here"))))


@pytest.mark.parametrize("name", [*REFUSED])
def test_a_forged_message_is_left_out_and_the_next_is_read(linked, name):
    with Peer(lambda connection: connection.sendall(REFUSED[name] + GOOD)) as peer:
        link = linked(peer.port)
        assert arrival(link, "STRING", "Good").value == "still here"
        assert link.bad_messages == 1 and peer.connections == 1 and str(link.error).endswith(".")


@pytest.mark.parametrize("name", [*LOST])
def test_who_sends_no_openigtlink_is_left_and_tried_again(linked, name):
    with Peer(lambda connection: connection.sendall(LOST[name] + GOOD)) as peer:
        link = linked(peer.port)
        until(lambda: link.error is not None and peer.connections > 1)
        assert not link.take()


def test_strangers_cannot_fill_the_memory(linked):
    def talk(connection):
        for n in range(300):
            connection.sendall(b"".join(map(bytes, wire.pack("STRING", "Device%d" % n, contents.write_string("x")))))

    with Peer(talk) as peer:
        link = linked(peer.port)
        until(lambda: link.not_taken == 236)
        assert len(link.take()) == 64


def test_no_damage_raises_anything_but_that_it_is_damaged():
    random = np.random.default_rng(11)
    lines = struct.pack(">10I", 3, 0, 0, 1, 16, 1, 16, 0, 0, 0) + struct.pack(">9f", *range(9)) + struct.pack(">8I", 3, 0, 1, 2, 3, 2, 1, 0)
    good = [("IMAGE", image_body()), ("IMAGE", image_body(scalar=5, order=1, extra=32)),
            ("IMAGE", image_body(size=(8, 4, 2), part=(4, 4, 1), offset=(4, 0, 1))), ("TRANSFORM", contents.write_transform(oblique())),
            ("TDATA", contents.write_tracking([("a", np.eye(4)), ("b", oblique())])), ("STRING", contents.write_string("hello")),
            ("STATUS", contents.write_status(3, "x", "y")), ("POINT", contents.write_points([("p", (1, 2, 3))])), ("POLYDATA", lines),
            ("COMMAND", contents.write_command(7, "Stop", "now"))]
    refused = read = 0
    for n in range(6000):
        kind, content = good[n % len(good)]
        parts = bytearray(b"".join(map(bytes, wire.pack(kind, "Device", content, metadata={"Key": "value"}))))
        for _ in range(random.integers(1, 5)):
            at = int(random.integers(58 if n % 3 else 0, len(parts)))
            parts[at] = random.choice([0, 1, 127, 128, 255, parts[at] ^ 1 << int(random.integers(8))])
        if n % 5 == 0:
            del parts[int(random.integers(58, len(parts))):]
        try:
            message = wire.read_body(wire.read_header(parts[:58]), memoryview(parts)[58:], check=False)
            READERS.get(message.kind, bytes)(message.content)
            read += 1
        except wire.BadMessage:
            refused += 1
    assert refused > 1000 and read > 1000


def test_images_of_others_are_placed_as_they_mean_it():
    lps = image_body(coordinates=2, matrix=(-0.5, 0, 0, 0, -0.5, 0, 0, 0, 1, 10, 20, 30))
    image = contents.read_image(memoryview(lps))
    assert np.allclose(image.ijk_to_ras @ [1.5, 1.5, 0, 1], [-10, -20, 30, 1])
    assert np.allclose(image.ijk_to_ras[:3, 0], [0.5, 0, 0])
    without = contents.read_image(memoryview(image_body(matrix=(2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0))))
    assert np.allclose(without.ijk_to_ras[:3, 2], [0, 0, 1])
    big = image_body(scalar=5, order=1, size=(2, 1, 1), extra=0) + struct.pack(">2H", 1, 515)
    assert contents.read_image(memoryview(big)).voxels.tolist() == [[[1, 515]]]
