"""HTTP/1.1 to one server: connections that are kept, TLS, keys, limits in time and size."""
import http.client
import json
import select
import socket
import ssl
import threading
import urllib.parse

from .address import Address
from .errors import BadAnswer, SagittalError, ServerError, Unreachable
from .stop import Stop

MAX_ANSWER = 1 << 28
MAX_ERROR = 1 << 20
PIECE = 1 << 17
IDLE_CONNECTIONS = 4
REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")


class Response:
    """A whole answer: status, headers, body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        """The body as an object. Raises BadAnswer."""
        return parse_object(self.body)


class Connection:
    """Requests to one server from any thread; each waits for its own answer. Never call it on the main thread."""

    def __init__(self, address, key="", ca_file="", connect_timeout=10.0, answer_timeout=60.0):
        self.address = Address.parse(address) if isinstance(address, str) else address
        self.connect_timeout = connect_timeout
        self.answer_timeout = answer_timeout
        self._key = _checked_key(key)
        self._ca_file = ca_file
        self._tls = None
        self._idle = []
        self._lock = threading.Lock()

    def request(self, method, path, query=None, body=b"", headers=None, timeout=None, max_bytes=MAX_ANSWER, stop=None,
                on_sent=None, sink=None, statuses=()):
        """The answer of a success, or of one of `statuses`.

        on_sent(bytes): told while the body goes out. sink: a file that takes the body of a success instead.
        Raises ServerError, Unreachable, BadAnswer, Cancelled.
        """
        stop = stop or Stop()
        while True:
            stop.check()
            kept = self._take_idle()
            try:
                connection = kept or self._open()
                response = self._exchange(connection, method, self.target(path, query), body, headers or {},
                                          timeout or self.answer_timeout, max_bytes, stop, on_sent, sink)
            except (OSError, http.client.HTTPException) as error:
                stop.check()
                if kept is not None and method in REPEATABLE and sink is None:
                    continue  # the server had closed what was kept
                raise self._explained(error) from error
            if 200 <= response.status < 300 or response.status in statuses:
                return response
            raise error_of(response)

    @property
    def identity(self):
        """Which server, and who asks: of equal ones the server cannot tell."""
        return self.address, self._key

    def is_as(self, other):
        """Whether both reach the same server for the same person, by the same certificate."""
        return self.identity == other.identity and self._ca_file == other._ca_file

    def target(self, path, query=None):
        """Path and query of a request; a path that begins with / is below the server's address, not below the API."""
        path = path if path.startswith("/") else "/api/v1/" + path
        given = {} if query is None else {name: _text(value) for name, value in query.items() if value is not None}
        return self.address.prefix + path + ("?" + urllib.parse.urlencode(given) if given else "")

    def identity_headers(self):
        """Who asks."""
        if self._key:
            return {"Authorization": "Bearer " + self._key}
        return {"Authorization": "Basic " + self.address.basic} if self.address.basic else {}

    def open_socket(self):
        """A connected socket, with TLS where the address says so. Raises Unreachable."""
        try:
            connection = self._open()
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise self._explained(error) from error
        return connection.sock

    def close(self):
        """Lets go of the connections that wait; the next request opens one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _open(self):
        if not self.address.is_secure:
            return http.client.HTTPConnection(self.address.host, self.address.port, timeout=self.connect_timeout)
        return http.client.HTTPSConnection(self.address.host, self.address.port, timeout=self.connect_timeout,
                                           context=self._context())

    def _context(self):
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=self._ca_file or None)
                self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            return self._tls

    def _take_idle(self):
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not _was_closed(connection.sock):
                return connection
            connection.close()

    def _give_back(self, connection):
        with self._lock:
            if len(self._idle) < IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def _exchange(self, connection, method, target, body, headers, timeout, max_bytes, stop, on_sent, sink):
        def wake():
            shut(connection.sock)

        try:
            if connection.sock is None:
                connection.connect()
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            stop.add_waker(wake)
            connection.sock.settimeout(timeout)
            asked = {**self.identity_headers(), **headers}
            raw = _send_and_wait(connection, method, target, body, asked, stop, on_sent)
            response = _read(raw, method, max_bytes, stop, sink)
        except BaseException:
            stop.remove_waker(wake)
            connection.close()
            raise
        stop.remove_waker(wake)
        if raw.will_close or not raw.isclosed():
            connection.close()
        else:
            self._give_back(connection)
        return response

    def _explained(self, error):
        """What to tell a person about a connection that failed."""
        where = str(self.address)
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable("%s shows a certificate that this computer does not trust (%s). Choose the file with "
                               "its certificate in the configuration." % (where, error.verify_message))
        if isinstance(error, ssl.SSLError):
            return Unreachable("%s speaks no TLS that this computer accepts; perhaps its address begins with http://."
                               % where)
        if isinstance(error, FileNotFoundError) and self._ca_file:
            return SagittalError("There is no file with certificates at %s." % self._ca_file)
        if isinstance(error, socket.timeout):
            return Unreachable("%s does not answer in time." % where)
        if isinstance(error, socket.gaierror):
            return Unreachable("There is no computer called %s." % self.address.host)
        if isinstance(error, ConnectionRefusedError):
            return Unreachable("Nothing listens at %s. Is the server running?" % where)
        if isinstance(error, (http.client.RemoteDisconnected, ConnectionError)):
            return Unreachable("%s closed the connection." % where)
        if isinstance(error, http.client.HTTPException):
            return BadAnswer("What answers at %s is no web server (%s)." % (where, type(error).__name__))
        return Unreachable("%s cannot be reached: %s." % (where, error))


def parse_object(data):
    """JSON that must be an object. Raises BadAnswer."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("The server's answer is no JSON.") from error
    if not isinstance(value, dict):
        raise BadAnswer("The server's answer is no JSON object.")
    return value


def _send_and_wait(connection, method, target, body, headers, stop, on_sent):
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body or method in ("POST", "PUT", "PATCH"):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    try:
        view = memoryview(body)
        for begin in range(0, len(view), PIECE):
            stop.check()
            connection.send(view[begin:begin + PIECE])
            if on_sent is not None:
                on_sent(min(begin + PIECE, len(view)))
    except (BrokenPipeError, ConnectionResetError):
        stop.check()  # who refuses a body may close before it has read all of it; the answer says why
    return connection.getresponse()


def _read(raw, method, max_bytes, stop, sink):
    success = 200 <= raw.status < 300
    limit = max_bytes if success else min(max_bytes, MAX_ERROR)
    if method != "HEAD" and raw.length is not None and raw.length > limit:
        raise BadAnswer("The server announces %d bytes where at most %d are expected." % (raw.length, limit))
    parts, received = [], 0
    write = sink.write if sink is not None and success else parts.append
    while True:
        piece = raw.read(PIECE)
        if not piece:
            break
        stop.check()
        received += len(piece)
        if received > limit:
            raise BadAnswer("The server sent more than the %d bytes that are expected." % limit)
        write(piece)
    stop.check()
    if raw.length:
        raise http.client.IncompleteRead(b"", raw.length)
    return Response(raw.status, raw.headers, b"".join(parts))


def error_of(response):
    """A ServerError that says what the server said."""
    try:
        error = response.json()["error"]
        return ServerError(response.status, str(error["code"]), str(error["message"])[:2000], error.get("details"))
    except (SagittalError, KeyError, TypeError, AttributeError):
        text = response.body[:300].decode("utf-8", "replace")
        return ServerError(response.status, "unknown", "" if "<" in text else text)


def _checked_key(key):
    key = key.strip()
    if any(not 0x21 <= ord(c) <= 0x7E for c in key):
        raise SagittalError("A key has no spaces and no letters beyond ASCII.")
    return key


def _text(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _was_closed(sock):
    """A kept connection on which something arrives unasked is one that the server ends."""
    try:
        return sock is None or bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def shut(sock):
    """Wakes who waits for it."""
    try:
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
