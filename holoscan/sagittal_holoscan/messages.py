"""OpenIGTLink messages, protocol 1 to 3, as Python values. Positions are millimetres in RAS, as on the wire."""
import struct
import time
from dataclasses import dataclass, field

import numpy as np

from .crc64 import crc64

HEADER = struct.Struct(">H12s20sQQQ")  # version, type, device, time, bytes of the body, checksum
_EXTENDED = struct.Struct(">HHII")
_IMAGE = struct.Struct(">HBBBB3H12f3H3H")
_SCALARS = {2: "i1", 3: "u1", 4: "i2", 5: "u2", 6: "i4", 7: "u4", 10: "f4", 11: "f8"}
_NUMBERS = {np.dtype(name): number for number, name in _SCALARS.items()}
_UTF8, _ASCII = 106, 3


class Refused(ValueError):
    """A message that is not what its type says."""


@dataclass
class Envelope:
    device: str = ""
    acquired_ns: int = 0  # UTC since 1970; 0: not known
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class Image:
    """pixels: [rows, columns, components], or [slices, rows, columns, components]. matrix: 4 x 4, from (i, j, k), the
    indices of column, row and slice, to millimetres of that pixel's centre."""
    pixels: np.ndarray
    matrix: np.ndarray = field(default_factory=lambda: np.eye(4))
    envelope: Envelope = field(default_factory=Envelope)


@dataclass
class Transform:
    """matrix: 4 x 4."""
    matrix: np.ndarray = field(default_factory=lambda: np.eye(4))
    envelope: Envelope = field(default_factory=Envelope)


@dataclass
class String:
    text: str = ""
    envelope: Envelope = field(default_factory=Envelope)


@dataclass
class Status:
    code: int = 1
    name: str = ""
    text: str = ""
    subcode: int = 0
    envelope: Envelope = field(default_factory=Envelope)


# ---- to bytes

def _text(value: str, size: int) -> bytes:
    return value.encode("utf-8")[:size].decode("utf-8", "ignore").encode("utf-8")


def _wire_time(ns: int) -> int:
    seconds, rest = divmod(max(ns, 0), 10**9)
    return (min(seconds, 0xFFFFFFFF) << 32) | -((-rest << 32) // 10**9)  # rounded up: the same nanosecond comes back


def _image_content(image: Image) -> tuple[bytes, bytes]:
    pixels = np.asarray(image.pixels)
    if pixels.ndim not in (3, 4):
        raise Refused(f"an image has {pixels.ndim} axes, expected rows, columns, components, perhaps slices before them")
    if pixels.ndim == 3:
        pixels = pixels[None]
    little = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    number = _NUMBERS.get(pixels.dtype.newbyteorder("="))
    slices, rows, columns, components = pixels.shape
    if number is None or not 1 <= components <= 255 or not all(1 <= n <= 65535 for n in (slices, rows, columns)):
        raise Refused(f"an image of {pixels.shape} {pixels.dtype} cannot be sent")
    matrix = np.asarray(image.matrix, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise Refused("the matrix of an image is not 4 x 4 finite numbers")
    size = (columns, rows, slices)
    centre = matrix[:3, 3] + matrix[:3, :3] @ ((np.array(size) - 1) / 2)
    numbers = [*matrix[:3, 0], *matrix[:3, 1], *matrix[:3, 2], *centre]
    head = _IMAGE.pack(1, components, number, 2, 1, *size, *numbers, 0, 0, 0, *size)
    return head, little.tobytes()


def _content(message) -> tuple[str, bytes, bytes]:
    if isinstance(message, Image):
        return ("IMAGE", *_image_content(message))
    if isinstance(message, Transform):
        matrix = np.asarray(message.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise Refused("a transform is not 4 x 4 finite numbers")
        return "TRANSFORM", struct.pack(">12f", *matrix[:3].T.reshape(-1)), b""
    if isinstance(message, String):
        text = _text(message.text, 65535)
        return "STRING", struct.pack(">HH", _ASCII if text.isascii() else _UTF8, len(text)), text
    if isinstance(message, Status):
        return "STATUS", struct.pack(">Hq20s", message.code, message.subcode, _text(message.name, 20)), _text(message.text, 1000) + b"\0"
    raise Refused(f"a {type(message).__name__} cannot be sent")


def pack(message, version: int = 2, message_id: int = 0) -> bytes:
    """`version` 1: protocol 1 and 2, without metadata; 2: protocol 3."""
    kind, head, bulk = _content(message)
    envelope = message.envelope
    body = head + bulk
    if version == 2:
        entries = [(_text(k, 65535), str(v).encode("utf-8")) for k, v in list(envelope.metadata.items())[:1000]]
        index = struct.pack(">H", len(entries))
        index += b"".join(struct.pack(">HHI", len(k), _ASCII if v.isascii() else _UTF8, len(v)) for k, v in entries)
        pairs = b"".join(k + v for k, v in entries)
        body = _EXTENDED.pack(12, len(index), len(pairs), message_id & 0xFFFFFFFF) + body + index + pairs
    acquired = envelope.acquired_ns or time.time_ns()
    return HEADER.pack(version, kind.encode(), _text(envelope.device, 20), _wire_time(acquired), len(body), crc64(body)) + body


# ---- from bytes

@dataclass
class Header:
    version: int
    kind: str
    device: str
    acquired_ns: int
    body_bytes: int
    checksum: int


def parse_header(data: bytes) -> Header:
    version, kind, device, stamp, size, checksum = HEADER.unpack(data)
    if version not in (1, 2):
        raise Refused(f"a message of header version {version}, expected 1 or 2")
    acquired = (stamp >> 32) * 10**9 + ((stamp & 0xFFFFFFFF) * 10**9 >> 32)
    names = [part.split(b"\0")[0].decode("utf-8", "replace") for part in (kind, device)]
    return Header(version, *names, acquired, size, checksum)


def _need(good: bool, sentence: str) -> None:
    if not good:
        raise Refused(sentence)


def _split(header: Header, body: memoryview) -> tuple[memoryview, dict[str, str]]:
    """The content, and the metadata."""
    if header.version == 1:
        return body, {}
    _need(len(body) >= 12, "a body of protocol 3 is shorter than its extended header")
    extended, index_bytes, pair_bytes, _ = _EXTENDED.unpack(body[:12])
    _need(extended >= 12 and extended + index_bytes + pair_bytes <= len(body), "the sizes in an extended header exceed the body")
    end = len(body) - index_bytes - pair_bytes
    content, index, pairs = body[extended:end], body[end:end + index_bytes], body[end + index_bytes:]
    metadata: dict[str, str] = {}
    if index_bytes < 2:
        return content, metadata
    (count,) = struct.unpack(">H", index[:2])
    _need(2 + 8 * count <= index_bytes, "more metadata than their header holds")
    at = 0
    for n in range(count):
        key_bytes, _, value_bytes = struct.unpack(">HHI", index[2 + 8 * n:10 + 8 * n])
        _need(at + key_bytes + value_bytes <= pair_bytes, "metadata beyond the body")
        key = bytes(pairs[at:at + key_bytes]).decode("utf-8", "replace")
        metadata[key] = bytes(pairs[at + key_bytes:at + key_bytes + value_bytes]).decode("utf-8", "replace")
        at += key_bytes + value_bytes
    return content, metadata


def _image_of(content: memoryview, envelope: Envelope) -> Image:
    _need(len(content) >= _IMAGE.size, "an IMAGE is shorter than its header")
    fields = _IMAGE.unpack(content[:_IMAGE.size])
    _, components, scalar, order, coordinates = fields[:5]
    size, numbers, offset, part = fields[5:8], fields[8:20], fields[20:23], fields[23:26]
    _need(scalar in _SCALARS and components >= 1 and order in (1, 2), "an IMAGE of a type that there is not")
    _need(all(size), "an IMAGE without pixels")
    _need(not any(offset) and part == size, "an IMAGE of a part of a volume is not understood")
    dtype = np.dtype(("<" if order == 2 else ">") + _SCALARS[scalar])
    columns, rows, slices = size
    _need(len(content) - _IMAGE.size == columns * rows * slices * components * dtype.itemsize,
          "an IMAGE's pixels are not as many as its size says")
    _need(bool(np.isfinite(numbers).all()), "an IMAGE's matrix is not finite")
    axes = np.array(numbers[:9]).reshape(3, 3).T
    for axis in range(3):
        if not axes[:, axis].any():
            axes[axis, axis] = 1  # senders that never set it
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = np.array(numbers[9:]) - axes @ ((np.array(size) - 1) / 2)
    if coordinates == 2:  # LPS
        matrix[:2] *= -1
    pixels = np.frombuffer(content[_IMAGE.size:], dtype=dtype).reshape(slices, rows, columns, components)
    pixels = pixels.astype(dtype.newbyteorder("="))
    return Image(pixels[0] if slices == 1 else pixels, matrix, envelope)


def parse(header: Header, body: bytes):
    """A message, or None for a type that is none of these."""
    content, metadata = _split(header, memoryview(body))
    envelope = Envelope(header.device, header.acquired_ns, metadata)
    if header.kind == "IMAGE":
        return _image_of(content, envelope)
    if header.kind == "TRANSFORM":
        _need(len(content) == 48, f"a TRANSFORM has {len(content)} bytes, expected 48")
        matrix = np.eye(4)
        matrix[:3] = np.array(struct.unpack(">12f", content)).reshape(4, 3).T
        _need(bool(np.isfinite(matrix).all()), "a TRANSFORM is not finite")
        return Transform(matrix, envelope)
    if header.kind == "STRING":
        _need(len(content) >= 4, "a STRING without its header")
        _, size = struct.unpack(">HH", content[:4])
        _need(4 + size <= len(content), "a STRING ends before its length")
        return String(bytes(content[4:4 + size]).decode("utf-8", "replace"), envelope)
    if header.kind == "STATUS":
        _need(len(content) >= 30, "a STATUS is shorter than its header")
        code, subcode, name = struct.unpack(">Hq20s", content[:30])
        texts = [part.split(b"\0")[0].decode("utf-8", "replace") for part in (name, bytes(content[30:]))]
        return Status(code, *texts, subcode, envelope)
    return None
