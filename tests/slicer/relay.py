"""A slow link in front of a server on this computer: so many bits a second and so long a way, each way."""
import heapq
import itertools
import socket
import threading
import time

PIECE = 16 << 10


class Link:
    """One direction, shared by all connections: what is sent leaves at the rate, and arrives a delay later."""

    def __init__(self, bits_per_second, delay):
        self._rate = bits_per_second / 8
        self._delay = delay
        self._free_at = 0.0
        self._lock = threading.Lock()

    def send(self, count):
        """Waits until so many bytes have left; when they arrive."""
        with self._lock:
            begin = max(time.monotonic(), self._free_at)
            self._free_at = begin + count / self._rate
            left = self._free_at
        time.sleep(max(0.0, left - time.monotonic()))
        return left + self._delay


class Relay:
    """Listens at `url` for as long as the `with` lasts."""

    def __init__(self, port, bits_per_second, delay):
        self._port = port
        self._links = Link(bits_per_second, delay), Link(bits_per_second, delay)
        self._delay = delay
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        time.sleep(2 * self._delay)  # the handshake goes there and back
        try:
            server = socket.create_connection(("127.0.0.1", self._port))
        except OSError:
            client.close()
            return
        for source, target, link in ((client, server, self._links[0]), (server, client, self._links[1])):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            arrivals = Arrivals(target)
            threading.Thread(target=forward, args=(source, arrivals, link), daemon=True).start()


class Arrivals:
    """Hands bytes over when they arrive, in their order."""

    def __init__(self, target):
        self._target = target
        self._waiting = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, at, data):
        """b"": the end."""
        with self._changed:
            heapq.heappush(self._waiting, (at, next(self._numbers), data))
            self._changed.notify()

    def _run(self):
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                at, _, data = heapq.heappop(self._waiting)
            time.sleep(max(0.0, at - time.monotonic()))
            try:
                if not data:
                    self._target.shutdown(socket.SHUT_WR)
                    return
                self._target.sendall(data)
            except OSError:
                return


def forward(source, arrivals, link):
    """Until the source ends."""
    while True:
        try:
            data = source.recv(PIECE)
        except OSError:
            data = b""
        arrivals.put(link.send(len(data)) if data else time.monotonic(), data)
        if not data:
            return
