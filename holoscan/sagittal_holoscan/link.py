"""A connection that lasts: client or server, with threads of its own, so that nobody waits for a peer."""
import logging
import socket
import threading
import time
from collections import OrderedDict, deque

from . import messages
from .crc64 import crc64

_LOG = logging.getLogger("sagittal_holoscan")


class _Outgoing:
    """What waits for one peer: the latest of each device and type, and the last texts."""

    def __init__(self, texts: int):
        self._texts = texts
        self._waiting: OrderedDict = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0

    def put(self, message) -> None:
        key = (type(message).__name__, message.envelope.device)
        with self._changed:
            if self._closed:
                return
            waiting = self._waiting.setdefault(key, deque())
            waiting.append(message)
            if len(waiting) > (self._texts if isinstance(message, messages.String) else 1):
                waiting.popleft()
                self.dropped += 1
            self._changed.notify()

    def take(self):
        """The next, device after device; None once closed and empty."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if not self._waiting:
                return None
            key, waiting = self._waiting.popitem(last=False)
            message = waiting.popleft()
            if waiting:
                self._waiting[key] = waiting
            return message

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Link:
    """OpenIGTLink with all peers of one address. Any thread.

    role: "client" connects to host:port and does so again whenever the peer goes; "server" listens there and takes
    several peers. header_version: 2 (protocol 3, with metadata) or 1. max_bytes: of a message that comes; a peer with a
    longer one is left. Received messages are handed to `on_message` on a thread of the peer.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 18944, role: str = "client", *, header_version: int = 2,
                 max_bytes: int = 256 << 20, check_checksums: bool = True, retry_s: float = 0.5, max_peers: int = 8,
                 waiting_texts: int = 100):
        if role not in ("client", "server") or header_version not in (1, 2):
            raise ValueError("a link is a \"client\" or a \"server\", and its header version 1 or 2")
        self.host, self.port, self.role, self.header_version = host, port, role, header_version
        self._max_bytes, self._check, self._retry_s = max_bytes, check_checksums, retry_s
        self._max_peers, self._texts = max_peers, waiting_texts
        self._lock = threading.Lock()
        self._peers: dict[socket.socket, tuple[_Outgoing, threading.Thread]] = {}
        self._listeners: list = []
        self._stopping = threading.Event()
        self._users = 0
        self._thread: threading.Thread | None = None
        self._listening: socket.socket | None = None
        self._counts = {"sent": 0, "received": 0, "dropped": 0, "bad_checksums": 0, "refused": 0, "skipped": 0,
                        "connects": 0, "not_connected": 0}

    # ---- for operators

    def on_message(self, listener) -> None:
        with self._lock:
            self._listeners.append(listener)

    def off_message(self, listener) -> None:
        with self._lock:
            self._listeners.remove(listener)

    def open(self) -> None:
        """Counted: the last `close` ends it. A server listens when this returns (port 0: `port` is the one taken)."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            self._stopping.clear()
            if self.role == "server":
                listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    listening.bind((self.host, self.port))
                    listening.listen(16)
                except OSError:
                    self._users = 0
                    listening.close()
                    raise
                self.port = listening.getsockname()[1]
                self._listening = listening
            target = self._accept if self.role == "server" else self._connect
            self._thread = threading.Thread(target=target, name="openigtlink", daemon=True)
            self._thread.start()

    def close(self, flush_s: float = 1.0) -> None:
        """What waits is still sent where a peer takes it within `flush_s`."""
        with self._lock:
            self._users -= 1
            if self._users != 0:
                return
            self._stopping.set()
            if self._listening is not None:
                self._listening.shutdown(socket.SHUT_RDWR)
                self._listening.close()
                self._listening = None
            peers, thread = dict(self._peers), self._thread
        deadline = time.monotonic() + flush_s
        for outgoing, _ in peers.values():
            outgoing.close()
        for peer, (_, sender) in peers.items():
            sender.join(max(deadline - time.monotonic(), 0))
            _shut(peer)
        thread.join()

    def send(self, message) -> None:
        """To all peers, and never waits: of a device that comes faster than a peer takes, only the latest is sent."""
        with self._lock:
            if not self._peers:
                self._counts["not_connected"] += 1
            for outgoing, _ in self._peers.values():
                outgoing.put(message)

    def counters(self) -> dict[str, int]:
        with self._lock:
            counts = dict(self._counts, peers=len(self._peers))
            counts["dropped"] += sum(outgoing.dropped for outgoing, _ in self._peers.values())
            return counts

    # ---- threads

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def _connect(self) -> None:
        while not self._stopping.is_set():
            try:
                peer = socket.create_connection((self.host, self.port), timeout=5)
            except OSError:
                self._stopping.wait(self._retry_s)
                continue
            self._serve(peer)
            self._stopping.wait(min(self._retry_s, 0.1))

    def _accept(self) -> None:
        listening = self._listening
        while not self._stopping.is_set():
            try:
                peer, _ = listening.accept()
            except OSError:
                if self._stopping.wait(0.05):
                    return
                continue
            with self._lock:
                full = len(self._peers) >= self._max_peers
            if full:
                peer.close()
            else:
                threading.Thread(target=self._serve, args=(peer,), name="openigtlink-peer", daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        peer.settimeout(None)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        outgoing = _Outgoing(self._texts)
        sender = threading.Thread(target=self._send_all, args=(peer, outgoing), name="openigtlink-send", daemon=True)
        with self._lock:
            if self._stopping.is_set():
                peer.close()
                return
            if self.header_version == 2:
                outgoing.put(messages.Status())  # as 3D Slicer does: who speaks 1 until 2 comes learns of it
            sender.start()
            self._peers[peer] = (outgoing, sender)
            self._counts["connects"] += 1
        try:
            self._receive_all(peer)
        except (OSError, EOFError):
            pass
        except messages.Refused as refused:
            self._count("refused")
            _LOG.warning("a peer of %s:%d is left: %s", self.host, self.port, refused)
        with self._lock:
            del self._peers[peer]
            self._counts["dropped"] += outgoing.dropped
        outgoing.close()
        _shut(peer)
        sender.join()
        peer.close()

    def _send_all(self, peer: socket.socket, outgoing: _Outgoing) -> None:
        number = 0
        while (message := outgoing.take()) is not None:
            try:
                number += 1
                peer.sendall(messages.pack(message, self.header_version, number))
                self._count("sent")
            except messages.Refused as refused:
                self._count("refused")
                _LOG.warning("not sent: %s", refused)
            except OSError:
                _shut(peer)
                return

    def _receive_all(self, peer: socket.socket) -> None:
        while True:
            header = messages.parse_header(_exactly(peer, messages.HEADER.size))
            if header.body_bytes > self._max_bytes:
                raise messages.Refused(f"a message of {header.body_bytes} bytes, at most {self._max_bytes} are allowed")
            body = _exactly(peer, header.body_bytes)
            if self._check and header.checksum != crc64(body):
                self._count("bad_checksums")
                continue
            try:
                message = messages.parse(header, body)
            except messages.Refused as refused:
                self._count("refused")
                _LOG.warning("a message is left out: %s", refused)
                continue
            self._count("received" if message is not None else "skipped")
            if message is None:
                continue
            if message.envelope.acquired_ns == 0:
                message.envelope.acquired_ns = time.time_ns()  # 3D Slicer sends no time
            with self._lock:
                listeners = list(self._listeners)
            for listener in listeners:
                listener(message)


def _exactly(peer: socket.socket, size: int) -> bytes:
    """Memory grows with what comes, not with what a header promises."""
    data = bytearray()
    while len(data) < size:
        part = peer.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _shut(peer: socket.socket) -> None:
    try:
        peer.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
