"""Clients that mean harm, against one server that a well-behaved client uses all the while: it goes on answering. Everything stays on
127.0.0.1. SAGITTAL_IDLE_CONNECTIONS (default 1000) is how many connections a process of their own keeps open."""
import base64
import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import requests

import itksnap_client
import slicer_v0_client
from running_server import SHAPE, Server, scan

CENTRE = [n // 2 for n in SHAPE]
IDLE = int(os.environ.get("SAGITTAL_IDLE_CONNECTIONS", 1000))


@pytest.fixture(scope="module")
def attacked(program, model, tmp_path_factory):
    """A server with a key, its user's session, and what that user's first click gave."""
    folder = tmp_path_factory.mktemp("hostile")
    key = subprocess.run([program, "key", "add", "user", "--api-key-file", folder / "keys.json"], capture_output=True, text=True,
                         check=True).stdout.strip()
    running = Server(program, *model, "--api-key-file", folder / "keys.json")
    running.key = key
    running.auth = {"Authorization": f"Bearer {key}"}
    running.user = slicer_v0_client.Client(running.url.replace("http://", f"http://user:{key}@"))
    assert running.user.upload_image() == {"status": "ok"}
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture(autouse=True)
def others_are_served(attacked):
    """Before, during and after each attack: health within a second, and at the end a prompt and flat memory."""
    answers, over = [], threading.Event()

    def watch():
        while not over.is_set():
            started = time.monotonic()
            ok = requests.get(f"{attacked.url}/healthz", timeout=10).status_code == 200
            answers.append((ok, time.monotonic() - started))
            over.wait(0.1)

    before = attacked.resident_bytes()
    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    over.set()
    watcher.join()
    assert answers and all(ok and seconds < 2 for ok, seconds in answers), max(seconds for _, seconds in answers)
    attacked.user.upload_segment()
    assert isinstance(attacked.user.point(CENTRE), np.ndarray)
    assert attacked.resident_bytes() < before + (256 << 20)


def exchange(port, data, patience=5.0) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            connection.sendall(data)
            answer = b""
            while block := connection.recv(65536):
                answer += block
                if b"\r\n\r\n" in answer and b"Connection: keep-alive" in answer:
                    break
            return answer
        except OSError:
            return b""


def keyed(server, line: str, *headers: str) -> bytes:
    return "\r\n".join([line, "Host: 127.0.0.1", f"Authorization: Bearer {server.key}", *headers, "", ""]).encode()


HOLD = """
import resource, socket, sys, time
port, count, first = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for _ in range(count):
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        if first:
            connection.sendall(first)
        held.append(connection)
    except OSError:
        pass
print(len(held), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("first", ["", "GET /healthz HT"])
def test_idle_connections_hold_up_nobody(attacked, first):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(attacked.port), str(IDLE), first], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        assert int(holder.stdout.readline()) > 0.9 * IDLE
        for _ in range(20):
            assert requests.get(f"{attacked.url}/healthz", timeout=5).status_code == 200
        assert isinstance(attacked.user.point(CENTRE), np.ndarray)
    finally:
        holder.communicate("")


def test_slow_senders_hold_up_nobody(attacked):
    slow = [socket.create_connection(("127.0.0.1", attacked.port)) for _ in range(100)]
    heads = [b"POST /upload_image HTTP/1.1\r\nX: ", keyed(attacked, "POST /set_image HTTP/1.1", "X-Lease-Token: x",
                                                         "Content-Length: 1000000")]
    for i, connection in enumerate(slow):
        connection.sendall(heads[i % 2])
    for _ in range(5):
        for connection in slow:
            try:
                connection.sendall(b"x")
            except OSError:
                pass
        assert isinstance(attacked.user.point(CENTRE), np.ndarray)
        time.sleep(0.2)
    for connection in slow:
        connection.close()


def test_huge_headers_are_refused(attacked):
    for data in (b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 20), b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100000,
                 b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n", b"\r\n" * 100000, b"\x00" * 100000):
        answer = exchange(attacked.port, data)
        assert answer == b"" or answer.split()[1] in (b"400", b"431"), answer[:80]


def npy(shape, dtype="<i2", payload=b"") -> bytes:
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + payload


def test_gzip_bombs_and_forged_arrays_are_explained(attacked):
    user = slicer_v0_client.Client(attacked.user.url + "/bombs")
    user.upload_image()
    bomb = gzip.compress(b"\0" * (256 << 20), 9)
    layered = gzip.compress(bomb, 9)
    forged = [bomb, layered, gzip.compress(npy(SHAPE, "|u1") + b"\0" * (64 << 20)), gzip.compress(npy((2**31, 2**31, 2**31), "|u1")),
              gzip.compress(npy((-1, 5, 5), "|u1")), gzip.compress(npy(SHAPE, "|O")), gzip.compress(npy(SHAPE, "|u1", b"\1")),
              gzip.compress(npy(SHAPE, "|u1"))[:-9], b"\x1f\x8b" + os.urandom(5000), b""]
    for data in forged:
        files = {"file": ("volume.npy.gz", data, "application/octet-stream")}
        answer = user.post("upload_segment", files=files).json()
        assert answer["status"] == "error" and answer["message"] != "No image uploaded"
        requests.post(f"{user.url}/add_scribble_interaction", files={**files, "positive_click": (None, "True")}, timeout=20)
    for shape, dtype in (((2**40, 2**40, 2**40), "<f8"), ((60000, 60000, 1), "<f4"), ((0, 1, 1), "<i2"), (SHAPE, "<c16"), ((1,) * 40, "<i2")):
        files = {"file": ("volume.npy", npy(shape, dtype, b"\0" * 1000), "application/octet-stream")}
        assert user.post("upload_image", files=files).json()["status"] == "error"


def test_forged_packed_arrays_are_refused(attacked):
    lease = requests.post(f"{attacked.url}/claim", headers=attacked.auth, timeout=5).json()["lease_token"]
    zstd_zeros = b"\x28\xb5\x2f\xfd\xa4\x00\x00\x00\x10" + b"\x02\x00\x00" * 10 + b"\x03\x00\x00"
    head = lambda shape, dtype=b"int16": b"NNIA\x01\x01" + bytes([len(shape), len(dtype)]) + dtype + b"".join(
        n.to_bytes(8, "little", signed=True) for n in shape)
    chunk = lambda ulen, data: (1).to_bytes(4, "little") + ulen.to_bytes(8, "little") + len(data).to_bytes(8, "little") + data
    frame = lambda n, size: bytes([5, 1, 0, 2]) + n.to_bytes(4, "little") + min(n, 2**31 - 1).to_bytes(4, "little") + size.to_bytes(4, "little")
    for body in (b"", b"NNIA", head((1, 2**40, 2**40, 2**40)) + chunk(2**63 - 1, b"x"), head((1, -1, 5, 5)) + chunk(10, b"x"),
                 head((1, 4096, 4096, 256)) + chunk(2**33, frame(2**31 - 1, 60) + zstd_zeros), head((1, 2, 2, 2)) + chunk(16, os.urandom(64)),
                 head((1, 2, 2, 2), b"object") + chunk(16, b"x" * 32), head((1, 2, 2, 2))[:-3], os.urandom(3000),
                 head((1, 2, 2, 2)) + (2**32 - 1).to_bytes(4, "little")):
        headers = {**attacked.auth, "X-Lease-Token": lease, "X-Meta": "{}", "Content-Type": "application/octet-stream"}
        answer = requests.post(f"{attacked.url}/set_image", data=body, headers=headers, timeout=20)
        assert 400 <= answer.status_code < 500 and answer.json()["detail"], answer.text
    requests.post(f"{attacked.url}/release", headers={**attacked.auth, "X-Lease-Token": lease}, timeout=5)


def test_itksnap_bombs_are_refused(attacked):
    client = itksnap_client.Client(attacked.user.url).start()
    for dimensions, data in (([32, 28, 24], gzip.compress(b"\0" * (256 << 20), 9)), ([2**31, 2**31, 1], gzip.compress(b"x")),
                             ([-1, 2, 3], gzip.compress(b"x")), ([1e300, 1, 1], b""), ([32, 28, 24], os.urandom(1000))):
        parts = [("file", ("image.gz", data, "application/gzip")),
                 ("metadata", (None, json.dumps({"dimensions": dimensions, "components_per_pixel": 1}), "application/json"))]
        assert 400 <= client.post(f"upload_raw/{client.id}", parts).status_code < 500
    client.end()


def test_forged_multipart_is_refused(attacked):
    for boundary, body in (("", b"--x\r\n"), ("x", b""), ("x", b"--x" * 100000), ("x", b"--x\r\n\r\n" * 50000 + b"--x--"),
                           ("x", b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + b"../" * 9999 + b"\"\r\n\r\nx\r\n--x--"),
                           ("x" * 5000, b"--" + b"x" * 5000 + b"\r\n"), ("x", b"--x\r\n" + b"A: b\r\n" * 100000 + b"\r\n--x--")):
        headers = {**attacked.auth, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = requests.post(f"{attacked.url}/m/upload_image", data=body, headers=headers, timeout=20)
        assert answer.json()["status"] == "error"


def test_paths_lead_nowhere(attacked):
    for path in ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/x/..\\..\\etc", "//etc/passwd", "/assets/../../etc/passwd",
                 "/upload_raw/..%2f..%2f..%2ftmp", "/end_session/%00", "/v2/start_session/..%2f..%2fetc", "/datastore/image?image=../../etc/passwd",
                 "/datastore/label?label=/etc/passwd&tag=..", "/session/..%2f..", "/infer/..%2f..%2fetc"):
        answer = exchange(attacked.port, keyed(attacked, f"GET {path} HTTP/1.1", "Connection: close"))
        assert b"root:" not in answer
        status = int(answer.split()[1])
        assert 400 <= status < 500 or b"Session ended" in answer, (path, answer[:200])


def test_wrong_keys_from_many_threads_are_kept_out(attacked):
    statuses = []

    def guess(seed):
        random = np.random.default_rng(seed)
        for _ in range(40):
            key = "sgt_" + base64.urlsafe_b64encode(random.bytes(32)).decode().rstrip("=")
            answer = requests.get(f"{attacked.url}/capabilities", headers={"Authorization": f"Bearer {key}"}, timeout=10)
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=guess, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {401, 429} and statuses.count(401) <= 10
    for header in ("Basic " + "A" * 20000, "Basic \xff\xfe", "Bearer " + "x" * 20000, "Basic Og==", "Bearer \t", "Negotiate abc"):
        answer = exchange(attacked.port, f"GET /capabilities HTTP/1.1\r\nConnection: close\r\nAuthorization: {header}\r\n\r\n".encode("latin-1"))
        assert answer.split()[1] in (b"401", b"429"), answer[:100]


def test_half_sent_requests_that_break_off_do_no_harm(attacked):
    body = slicer_v0_client.npy(scan())
    head = keyed(attacked, "POST /broken/upload_image HTTP/1.1", "Content-Type: multipart/form-data; boundary=x", f"Content-Length: {len(body)}")
    for i in range(200):
        with socket.create_connection(("127.0.0.1", attacked.port)) as connection:
            connection.sendall((head + body)[: 20 + i * 97])
            if i % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
