"""The listener over TLS: the same answers, limits and patience; old protocols refused; certificates renewed while running."""
import signal
import socket
import ssl
import subprocess
import time

import numpy as np
import pytest
import requests

import itksnap_client
import slicer_v0_client
from certificate import make_certificate
from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession
from running_server import SHAPE, Server, scan

CENTRE = [n // 2 for n in SHAPE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("tls")
    make_certificate(made, "first")
    return made


@pytest.fixture(scope="module")
def secure(program, model, folder):
    running = Server(program, *model, "--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem")
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture(autouse=True)
def trusted(folder, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(folder / "cert.pem"))


def connect(server, folder=None, **limits):
    context = ssl.create_default_context(cafile=folder / "cert.pem") if folder else ssl._create_unverified_context()
    for name, value in limits.items():
        setattr(context, name, value)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=20), server_hostname="localhost")


def receive_all(connection) -> bytes:
    answer = b""
    while block := connection.recv(65536):
        answer += block
    return answer


def test_the_address_is_https(secure, folder):
    assert secure.url.startswith("https://")
    page = requests.get(f"{secure.url}/server", timeout=10)
    assert page.status_code == 200 and secure.url in page.text


def test_every_client_works_over_tls(secure):
    slicer = slicer_v0_client.Client(f"{secure.url}/tls")
    assert slicer.upload_image() == {"status": "ok"}
    expected = slicer.point(CENTRE)
    itksnap = itksnap_client.Client(secure.url).start()
    assert itksnap.upload().status_code == 200
    assert np.array_equal(itksnap.mask(itksnap.point(*CENTRE[::-1])), expected)
    session = nnInteractiveRemoteInferenceSession(secure.url)
    session.set_image(scan()[None], {"spacing": [2.0, 0.7, 0.7]})
    session.set_target_buffer(np.zeros(SHAPE, np.uint8))
    session.add_point_interaction(CENTRE, True)
    assert np.array_equal(session.target_buffer.astype(bool), expected)
    session.close()


def test_only_modern_protocols_and_ciphers(secure, folder):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with connect(secure, folder, minimum_version=version, maximum_version=version) as connection:
            assert "GCM" in connection.cipher()[0] or "CHACHA20" in connection.cipher()[0]
    context = ssl._create_unverified_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA256:ECDHE-ECDSA-AES128-SHA256@SECLEVEL=0")
    with pytest.raises(OSError):
        context.wrap_socket(socket.create_connection(("127.0.0.1", secure.port), timeout=20))


def test_the_refusal_of_a_large_body_arrives_though_it_is_sent(secure):
    with connect(secure) as connection:
        connection.sendall(b"POST /claim HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3000000)
        assert receive_all(connection).startswith(b"HTTP/1.1 413")


def test_connections_are_kept_and_continue_is_said(secure):
    with connect(secure) as connection:
        for _ in range(3):
            connection.sendall(b"POST /claim HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 100")
            connection.sendall(b"{}")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


def test_what_is_no_tls_is_closed_and_harms_nobody(secure):
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 500, bytes(range(256))):
        with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert requests.get(f"{secure.url}/healthz", timeout=10).status_code == 200


def test_a_lasso_whose_body_never_comes_is_recalled(secure):
    client = slicer_v0_client.Client(f"{secure.url}/recalled")
    drawing = np.zeros(SHAPE, np.uint8)
    drawing[12, 10:18, 10:20] = 1
    encoder = client.encode_drawing(drawing, True)
    assert client.draw("lasso", drawing, encoder=encoder)["message"] == "No image uploaded"
    client.upload_image()
    client.upload_segment()
    assert isinstance(client.draw("lasso", drawing, encoder=encoder), np.ndarray)


def test_a_renewed_certificate_is_used_after_sighup(program, model, folder, tmp_path):
    make_certificate(tmp_path, "old")
    running = Server(program, *model, "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    old = (tmp_path / "cert.pem").read_bytes()
    seen = lambda: ssl.get_server_certificate(("127.0.0.1", running.port)).strip().encode()
    assert seen() == old.strip()
    (tmp_path / "cert.pem").write_text("broken")
    running.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert seen() == old.strip(), "a broken file changes nothing"
    make_certificate(tmp_path, "new")
    running.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while seen() == old.strip() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen() == (tmp_path / "cert.pem").read_bytes().strip()
    assert running.stop() == 0


def test_bad_files_are_explained(sagittal, folder, tmp_path):
    make_certificate(tmp_path, "other")
    for certificate, key, reason in ((folder / "none", folder / "key.pem", "none"), (folder / "cert.pem", tmp_path / "key.pem", "key"),
                                     (folder / "key.pem", folder / "key.pem", "certificate")):
        refused = sagittal("serve", "--port", 0, "--tls-cert", certificate, "--tls-key", key, timeout=20)
        assert refused.returncode == 1 and reason in refused.stderr
    assert sagittal("serve", "--tls-cert", folder / "cert.pem", timeout=20).returncode == 2
