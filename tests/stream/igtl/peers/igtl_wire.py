"""OpenIGTLink byte by byte, for scripts that behave as others' programs do."""
import os
import queue
import socket
import struct
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import crcmod
import pytest

POLYNOMIAL = 0x42F0E1EBA9EA3693
PATIENCE_S = 30


# CRC-64/ECMA-182: nothing is reflected, it begins with 0 and nothing is xored to its end.
crc64 = crcmod.mkCrcFun(1 << 64 | POLYNOMIAL, rev=False, initCrc=0, xorOut=0)


@dataclass
class Message:
    type: str
    device: str = ""
    content: bytes = b""
    version: int = 1
    metadata: dict = field(default_factory=dict)
    timestamp: int = 0

    def pack(self) -> bytes:
        body = self.content
        if self.version >= 2:
            pairs = [(key.encode(), value.encode()) for key, value in self.metadata.items()]
            head = struct.pack(">H", len(pairs)) + b"".join(struct.pack(">HHI", len(k), 3, len(v)) for k, v in pairs)
            texts = b"".join(k + v for k, v in pairs)
            body = struct.pack(">HHII", 12, len(head), len(texts), 0) + body + head + texts
        return struct.pack(">H12s20sQQQ", self.version, self.type.encode(), self.device.encode(), self.timestamp, len(body),
                           crc64(body)) + body


def unpack(header: bytes, body: bytes) -> Message:
    version, kind, device, timestamp, _, crc = struct.unpack(">H12s20sQQQ", header)
    assert crc == crc64(body)
    metadata = {}
    if version >= 2:
        extended, head_bytes, metadata_bytes, _ = struct.unpack(">HHII", body[:12])
        end = len(body) - metadata_bytes
        texts, at = body[end:], 0
        for n in range(struct.unpack(">H", body[end - head_bytes:][:2])[0] if head_bytes else 0):
            key, _, value = struct.unpack_from(">HHI", body, end - head_bytes + 2 + 8 * n)
            metadata[texts[at:at + key].decode()] = texts[at + key:at + key + value].decode()
            at += key + value
        body = body[extended:end - head_bytes]
    return Message(kind.rstrip(b"\0").decode(), device.rstrip(b"\0").decode(), body, version, metadata, timestamp)


class Connection:
    """Blocking; what does not come in time fails the test."""

    def __init__(self, sock: socket.socket):
        self.socket = sock
        sock.settimeout(PATIENCE_S)

    @classmethod
    def to(cls, port: int) -> "Connection":
        return cls(socket.create_connection(("127.0.0.1", port), PATIENCE_S))

    def send(self, *messages: Message):
        self.socket.sendall(b"".join(message.pack() for message in messages))

    def receive(self) -> Message:
        return unpack(*self.receive_raw())

    def receive_raw(self) -> tuple:
        """Header and body as they came; the checksum, slow in Python, is not looked at."""
        header = self.exactly(58)
        return header, self.exactly(struct.unpack_from(">Q", header, 42)[0])

    def exactly(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            part = self.socket.recv(count - len(out))
            if not part:
                raise ConnectionError("closed")
            out += part
        return out

    def close(self):
        """Whatever another thread waits for."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side was first
            pass
        self.socket.close()


class Peer:
    """Our endpoint in a process of its own: tests/stream/igtl/peers/igtl_peer.cpp."""

    def __init__(self, program: str, role: str, port=0, version="auto"):
        path = Path(program).with_name("igtl_peer")
        if not path.exists():
            pytest.skip(f"{path} is not built")
        self.process = subprocess.Popen([path, role, str(port), version], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines, self.passed = queue.Queue(), []
        threading.Thread(target=self.listen, daemon=True).start()
        self.port = int(self.wait_for("port").split()[1])

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def wait_for(self, beginning: str) -> str:
        """The next line of that kind that nobody has waited for yet."""
        for n, line in enumerate(self.passed):
            if line.startswith(beginning):
                return self.passed.pop(n)
        while True:
            line = self.lines.get(timeout=PATIENCE_S)
            if line.startswith(beginning):
                return line
            self.passed.append(line)

    def say(self, line: str):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def counters(self) -> dict:
        self.say("counters")
        words = self.wait_for("received").split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_S) == 0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def listen_on(port: int = 0) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    sock.settimeout(PATIENCE_S)
    return sock


def image(width=4, height=3, components=1, endian=2) -> bytes:
    head = struct.pack(">HBBBB3H12f3H3H", 1, components, 3, endian, 1, width, height, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                       width, height, 1)
    return head + os.urandom(width * height * components)


TRANSFORM = struct.pack(">12f", 1, 0, 0, 0, 1, 0, 0, 0, 1, 10, 20, 30)


def text(words: str) -> bytes:
    return struct.pack(">HH", 3, len(words)) + words.encode()


def status(words: str = "") -> bytes:
    return struct.pack(">Hq20s", 1, 0, b"") + words.encode() + b"\0"
