"""A server that says exactly what a test wants, and remembers what it was asked."""
import socket
import threading


class ForgedServer:
    """`script`: for each connection one list of answers (bytes), one a request; after the last one it closes."""

    def __init__(self, *script):
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(script,), daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self, script):
        for answers in script:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                for answer in answers:
                    self.requests.append(read_request(connection))
                    try:
                        connection.sendall(answer(self.requests[-1]) if callable(answer) else answer)
                    except ConnectionError:
                        break


def read_request(connection) -> bytes:
    """Head and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(1 << 16)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while length and len(body) < length[0]:
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def answer(body: bytes, status="200 OK", **headers) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {headers.pop('length', len(body))}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
