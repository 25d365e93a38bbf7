"""Messages of OpenIGTLink, protocols 1 to 3: header, extended header, metadata. Every size is checked before use."""
import struct
import time

from ..client.errors import SagittalError
from .crc64 import crc64

HEADER = struct.Struct(">H12s20sQQQ")
EXTENDED = struct.Struct(">HHII")
ENTRY = struct.Struct(">HHI")
UTF8 = 106
MAX_BODY = 1 << 29
MAX_SMALL_BODY = 1 << 24
MAX_METADATA = 1 << 20
MAX_ENTRIES = 500
NAME_BYTES = 20
LONG_NAME = "IGTL_DEVICE_NAME"
BULKY = ("IMAGE", "POLYDATA", "VIDEO")


class BadMessage(SagittalError):
    """What came is no OpenIGTLink, or larger than it may be."""


class Header:
    """The first 58 bytes of a message."""

    def __init__(self, version, kind, device, timestamp, body_bytes, crc):
        self.version = version
        self.kind = kind
        self.device = device
        self.timestamp = timestamp
        self.body_bytes = body_bytes
        self.crc = crc


class Message:
    """One that came; `content` shares its bytes. `time`: seconds since 1970, 0 where the sender told none."""

    def __init__(self, header, device, metadata, content, number=0):
        self.kind = header.kind
        self.device = device
        self.time = header.timestamp / 4294967296.0
        self.metadata = metadata
        self.content = content
        self.number = number
        self.arrived = time.time()


def read_header(data):
    """Of 58 bytes. Raises BadMessage."""
    version, kind, device, timestamp, body_bytes, crc = HEADER.unpack(data)
    kind = kind.split(b"\0", 1)[0]
    if not 1 <= version <= 3:
        raise BadMessage("What comes is no OpenIGTLink: a header of version %d." % version)
    if not kind or not all(0x20 < c < 0x7F for c in kind):
        raise BadMessage("What comes is no OpenIGTLink: a message without a type.")
    kind = kind.decode("ascii")
    limit = MAX_BODY if kind in BULKY else MAX_SMALL_BODY
    if body_bytes > limit:
        raise BadMessage("A message %s of %d bytes came; at most %d are taken." % (kind, body_bytes, limit))
    return Header(version, kind, text_of(device), timestamp, body_bytes, crc)


def read_body(header, body, check=True):
    """The Message in `body`, a memoryview of all its bytes. Raises BadMessage."""
    if check and crc64(body) != header.crc:
        raise BadMessage("A message %s of \"%s\" came damaged: its checksum is wrong." % (header.kind, header.device))
    if header.version < 2:
        return Message(header, header.device, {}, body)
    if len(body) < EXTENDED.size:
        raise BadMessage("A message %s is too short for its extended header." % header.kind)
    extended, head, texts, number = EXTENDED.unpack_from(body)
    end = len(body) - head - texts
    if not EXTENDED.size <= extended <= end:
        raise BadMessage("The parts of a message %s are longer than the message." % header.kind)
    if texts > MAX_METADATA:
        raise BadMessage("A message %s has metadata of %d bytes; at most %d are taken."
                         % (header.kind, texts, MAX_METADATA))
    metadata = _read_metadata(body[end:end + head], body[end + head:]) if head or texts else {}
    device = metadata.pop(LONG_NAME, "") or header.device
    return Message(header, device[:200], metadata, body[extended:end], number)


def _read_metadata(head, texts):
    if len(head) < 2:
        raise BadMessage("Metadata is too short for its head.")
    count = struct.unpack_from(">H", head)[0]
    if count > MAX_ENTRIES or len(head) != 2 + ENTRY.size * count:
        raise BadMessage("The head of metadata has %d bytes for %d entries." % (len(head), count))
    found, at = {}, 0
    for n in range(count):
        key_bytes, _, value_bytes = ENTRY.unpack_from(head, 2 + ENTRY.size * n)
        if key_bytes + value_bytes > len(texts) - at:
            raise BadMessage("An entry of metadata is longer than all of it.")
        key = bytes(texts[at:at + key_bytes]).decode("utf-8", "replace")
        at += key_bytes
        found[key] = bytes(texts[at:at + value_bytes]).decode("utf-8", "replace")
        at += value_bytes
    if at != len(texts):
        raise BadMessage("Metadata is followed by %d bytes that are nobody's." % (len(texts) - at))
    return found


def pack(kind, device, content=b"", bulk=b"", metadata=None, version=2, number=0, timestamp=None):
    """The parts of a message, to be sent one after the other. `bulk` follows `content` and is not copied."""
    front, back = bytearray(), bytearray()
    name = device.encode("utf-8")
    if version >= 2:
        metadata = dict(metadata or {})
        if len(name) > NAME_BYTES:
            metadata[LONG_NAME] = device
        entries = [(str(key).encode(), str(value).encode()) for key, value in metadata.items()]
        back += struct.pack(">H", len(entries))
        for key, value in entries:
            back += ENTRY.pack(len(key), UTF8, len(value))
        texts = b"".join(part for entry in entries for part in entry)
        front += EXTENDED.pack(EXTENDED.size, len(back), len(texts), number)
        back += texts
    front += content
    bulk = memoryview(bulk).cast("B")
    crc = crc64(back, crc64(bulk, crc64(front)))
    stamp = int((time.time() if timestamp is None else timestamp) * 4294967296.0)
    head = HEADER.pack(version, kind.encode(), cut_name(name), stamp, len(front) + len(bulk) + len(back), crc)
    return [head + bytes(front), bulk, bytes(back)]


def cut_name(name):
    """At most 20 bytes, without half a letter at their end."""
    return name[:NAME_BYTES].decode("utf-8", "ignore").encode()


def text_of(data):
    """A text that ends with its field, or with a zero."""
    return bytes(data).split(b"\0", 1)[0].decode("utf-8", "replace")
