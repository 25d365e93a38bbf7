"""The messages of holoscan/sagittal_holoscan, against bytes of the OpenIGTLink library and forged ones."""
from pathlib import Path

import numpy as np
import pytest
from sagittal_holoscan import messages
from sagittal_holoscan.crc64 import _of_few, crc64

VECTORS = Path(__file__).resolve().parents[1] / "stream/igtl/vectors.txt"


def vectors():
    """Packed by the library: tests/stream/igtl/make_vectors.cpp."""
    for line in VECTORS.read_text().splitlines():
        kind, version, digits = line.split()
        if kind in ("TRANSFORM", "STRING", "STATUS"):
            yield pytest.param(int(version), bytes.fromhex(digits), id=f"{kind}-{version}")


def parsed(data: bytes):
    header = messages.parse_header(data[:58])
    assert header.checksum == crc64(data[58:]) and header.body_bytes == len(data) - 58
    return messages.parse(header, data[58:])


@pytest.mark.parametrize("version, data", list(vectors()))
def test_bytes_of_the_library_are_read_and_made_again(version, data):
    message_id = int.from_bytes(data[66:70], "big") if version == 2 else 0
    assert messages.pack(parsed(data), version, message_id) == data


def test_checksums_of_lanes_are_those_of_bytes():
    assert crc64(b"123456789") == 0x6C40DF5F0B497347
    for size in (0, 1, 4095, 4096, 7000, 33333):
        data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes()
        assert crc64(data) == _of_few(data)


@pytest.mark.parametrize("version", (1, 2))
@pytest.mark.parametrize("dtype", ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", ">u2"))
def test_an_image_keeps_pixels_place_and_time(version, dtype):
    pixels = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(dtype)
    matrix = np.array([[0, 0.5, 0, 10], [0.25, 0, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]])
    envelope = messages.Envelope("probe", 1_700_000_000_250_000_000, {"key": "wert ä"})
    image = parsed(messages.pack(messages.Image(pixels, matrix, envelope), version))
    assert np.array_equal(image.pixels, pixels) and image.pixels.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.allclose(image.matrix, matrix)
    assert (image.envelope.device, image.envelope.acquired_ns) == ("probe", 1_700_000_000_250_000_000)
    assert image.envelope.metadata == ({"key": "wert ä"} if version == 2 else {})


def test_the_position_on_the_wire_is_the_centre():
    data = messages.pack(messages.Image(np.zeros((5, 3, 1), np.uint8)), 1)
    assert np.frombuffer(data[58 + 48:58 + 60], ">f4").tolist() == [1, 2, 0]


def test_lps_and_unset_axes_are_understood():
    data = bytearray(messages.pack(messages.Image(np.zeros((2, 2, 1), np.uint8)), 1))
    data[58 + 5] = 2
    assert messages.parse(messages.parse_header(bytes(data[:58])), bytes(data[58:])).matrix[0, 0] == -1
    data[58 + 5] = 1
    data[58 + 12:58 + 60] = bytes(48)
    matrix = messages.parse(messages.parse_header(bytes(data[:58])), bytes(data[58:])).matrix
    assert np.allclose(matrix[:3, :3], np.eye(3))


def test_a_volume_has_slices():
    pixels = np.arange(24, dtype=np.int16).reshape(4, 3, 2, 1)
    assert np.array_equal(parsed(messages.pack(messages.Image(pixels), 2)).pixels, pixels)


@pytest.mark.parametrize("bad", (np.zeros(3), np.zeros((2, 2)), np.zeros((2, 2, 300), "u1"), np.zeros((2, 2, 1), "i8"),
                                 np.zeros((0, 2, 1), "u1"), np.zeros((1, 70000, 1), "u1")))
def test_images_that_cannot_be_sent_are_refused(bad):
    with pytest.raises(messages.Refused):
        messages.pack(messages.Image(bad))


def test_long_names_are_cut_between_characters():
    header = messages.parse_header(messages.pack(messages.String("a", messages.Envelope("x" * 19 + "ä")))[:58])
    assert header.device == "x" * 19


def forged(kind):
    envelope = messages.Envelope("d", 1, {"key": "value"})
    return {"IMAGE": messages.Image(np.zeros((2, 2, 1), np.uint8), envelope=envelope),
            "TRANSFORM": messages.Transform(envelope=envelope), "STRING": messages.String("text", envelope),
            "STATUS": messages.Status(1, "n", "t", envelope=envelope)}[kind]


@pytest.mark.parametrize("kind", ("IMAGE", "TRANSFORM", "STRING", "STATUS"))
@pytest.mark.parametrize("version", (1, 2))
def test_forged_bytes_are_read_or_refused_and_nothing_else(kind, version):
    data = messages.pack(forged(kind), version)
    header, body = messages.parse_header(data[:58]), data[58:]
    for size in range(len(body)):
        try:
            messages.parse(header, body[:size])
        except messages.Refused:
            pass
    for at in range(len(body)):
        for value in (0, 1, 0x7f, 0x80, 0xff):
            try:
                messages.parse(header, body[:at] + bytes([value]) + body[at + 1:])
            except messages.Refused:
                pass


@pytest.mark.parametrize("at, value", ((2, 0), (3, 9), (4, 3), (6, 0xff), (60, 1), (67, 3), (12, 0x7f)))
def test_forged_headers_of_images_are_refused(at, value):
    body = bytearray(messages.pack(forged("IMAGE"), 1)[58:])
    body[at] = value
    if at == 12:
        body[12:16] = b"\x7f\xc0\0\0"
    with pytest.raises(messages.Refused):
        messages.parse(messages.parse_header(messages.pack(forged("IMAGE"), 1)[:58]), bytes(body))
