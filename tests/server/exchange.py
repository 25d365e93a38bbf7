"""HTTP messages as bytes."""
import base64
import gzip
import socket


def split_head(message: bytes) -> tuple:
    head, _, body = message.partition(b"\r\n\r\n")
    return head, body


def headers(message: bytes) -> dict:
    """By lower-case name; the first line is under ""."""
    lines = split_head(message)[0].decode("latin-1").split("\r\n")
    return {"": lines[0]} | {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}


def body_size(message: bytes) -> int:
    return int(headers(message).get("content-length", 0))


def unpack(packed: str) -> bytes:
    return gzip.decompress(base64.b64decode(packed))


def send(port: int, request: bytes) -> bytes:
    """The answer to the bytes of one request, over a connection of its own; a client that waits for a 100 gets it first."""
    head, body = split_head(request)
    waits = headers(request).get("expect") == "100-continue"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head + b"\r\n\r\n")
        if waits:
            assert connection.recv(4096).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        answer = b""
        while b"\r\n\r\n" not in answer or len(split_head(answer)[1]) < body_size(answer):
            block = connection.recv(1 << 16)
            assert block, f"the connection ended after {answer!r}"
            answer += block
    return answer
