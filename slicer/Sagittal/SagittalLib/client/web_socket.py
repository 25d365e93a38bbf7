"""The client's end of a WebSocket (RFC 6455): it listens; text messages only."""
import base64
import codecs
import hashlib
import os
import struct
import threading

from .connection import Connection, Response, error_of, shut
from .errors import BadAnswer, Unreachable

MAX_MESSAGE = 1 << 28
MAX_HEADER = 1 << 16
SILENCE_SECONDS = 60.0
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0, 1, 8, 9, 10


class WebSocket:
    """One connection; `receive` on one thread, `close` on any."""

    def __init__(self, connection: Connection, path, silence=SILENCE_SECONDS):
        """Connects. `silence`: seconds without a byte, pings included, after which the peer counts as gone."""
        self._sock = connection.open_socket()
        self._data = bytearray()
        self._closed = False
        self._sending = threading.Lock()
        self.close_code = None
        try:
            self._sock.settimeout(connection.connect_timeout)
            self._shake_hands(connection, path)
            self._sock.settimeout(silence)
        except OSError as error:
            self._sock.close()
            raise Unreachable("%s closed the connection." % connection.address) from error
        except BaseException:
            self._sock.close()
            raise

    def receive(self):
        """The next message, or None once it is closed from either side. Raises Unreachable, BadAnswer."""
        text, decoder = [], codecs.getincrementaldecoder("utf-8")()
        size, started = 0, False
        while True:
            frame = self._frame(MAX_MESSAGE - size)
            if frame is None:
                return None
            last, opcode, data = frame
            if opcode == _CLOSE:
                return self._end(data)
            if opcode == _PING:
                self._send(_PONG, data)
            if opcode not in (_TEXT, _CONTINUATION):
                continue
            if (opcode == _CONTINUATION) != started:
                raise BadAnswer("The server's WebSocket mixes its messages.")
            started, size = True, size + len(data)
            try:
                text.append(decoder.decode(data, last))
            except UnicodeDecodeError as error:
                raise BadAnswer("The server's WebSocket sends no UTF-8.") from error
            if last:
                return "".join(text)

    def close(self):
        """Wakes `receive`, which returns None."""
        self._closed = True
        shut(self._sock)

    def _end(self, data):
        self.close_code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
        try:
            self._send(_CLOSE, data[:2])
        except OSError:
            pass  # the peer has gone already
        self.close()
        self._sock.close()
        return None

    def _shake_hands(self, connection, path):
        key = base64.b64encode(os.urandom(16)).decode()
        host = connection.address.host
        host = "[%s]" % host if ":" in host else host
        headers = {"Host": "%s:%d" % (host, connection.address.port), "Upgrade": "websocket", "Connection": "Upgrade",
                   "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Protocol": "sagittal.v1", **connection.identity_headers()}
        lines = ["GET %s HTTP/1.1" % connection.target(path)] + ["%s: %s" % pair for pair in headers.items()]
        self._sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        status, answers = self._head()
        if status != 101:
            length = answers.get("content-length", "0")
            body = self._take(min(int(length), MAX_HEADER)) if length.isdigit() and len(length) < 10 else b""
            raise error_of(Response(status, answers, body))
        wanted = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()
        if answers.get("sec-websocket-accept") != wanted:
            raise BadAnswer("What answers at %s is no WebSocket." % connection.address)

    def _head(self):
        while b"\r\n\r\n" not in self._data:
            if len(self._data) > MAX_HEADER or not self._fill():
                raise BadAnswer("The server's answer to a WebSocket cannot be read.")
        head, _, rest = bytes(self._data).partition(b"\r\n\r\n")
        self._data = bytearray(rest)
        first, *lines = head.decode("latin-1").split("\r\n")
        parts = first.split(" ")
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise BadAnswer("The server's answer to a WebSocket cannot be read.")
        pairs = [line.partition(":") for line in lines]
        return int(parts[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _frame(self, room):
        """(whether it is the last of its message, opcode, payload), or None where the connection ended here."""
        head = self._take(2)
        if head is None:
            return None
        last, opcode, masked, length = head[0] >> 7, head[0] & 15, head[1] >> 7, head[1] & 127
        if masked or head[0] & 0x70 or opcode not in (_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG):
            raise BadAnswer("The server's WebSocket breaks its protocol.")
        if opcode >= _CLOSE and (length > 125 or not last):
            raise BadAnswer("The server's WebSocket breaks its protocol.")
        if length > 125:
            wide = self._take(2 if length == 126 else 8)
            if wide is None:
                return None
            length = int.from_bytes(wide, "big")
        if length > room:
            raise BadAnswer("The server's WebSocket sends a message of %d bytes or more." % length)
        data = self._take(length)
        return None if data is None else (bool(last), opcode, data)

    def _take(self, count):
        while len(self._data) < count:
            if not self._fill():
                return None
        taken = bytes(self._data[:count])
        del self._data[:count]
        return taken

    def _fill(self):
        try:
            data = self._sock.recv(1 << 18)
        except OSError as error:
            if self._closed:
                return False
            raise Unreachable("The connection that tells what happens was lost.") from error
        self._data += data
        if not data and not self._closed:
            raise Unreachable("The connection that tells what happens was lost.")
        return bool(data)

    def _send(self, opcode, data):
        mask = os.urandom(4)
        masked = bytes(b ^ mask[n % 4] for n, b in enumerate(data))
        with self._sending:
            self._sock.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + masked)
