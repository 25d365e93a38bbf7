"""The connection to a server: kept, lost, secured, stopped, and lied to."""
import json
import signal
import socket
import subprocess
import threading
import time

import pytest

from certificate import make_certificate
from forged_server import ForgedServer, answer
from running_server import Server, free_port
from SagittalLib.client import (Address, Api, BadAnswer, Cancelled, Connection, SagittalError, ServerError, Stop, Unreachable,
                                check_server)


def test_addresses_are_taken_as_people_type_them():
    assert str(Address.parse("gpu-box")) == "http://gpu-box:1527"
    assert str(Address.parse(" https://seg.example.org/alice/ ")) == "https://seg.example.org/alice"
    assert Address.parse("http://user:p%40ss@host:80/x").basic == "dXNlcjpwQHNz"
    assert str(Address.parse("http://[::1]:1527")) == "http://[::1]:1527"
    for wrong in ("", "ftp://host", "http://", "http://host:99999", "http://ho st", "http://host:x"):
        with pytest.raises(SagittalError):
            Address.parse(wrong)


def test_a_server_tells_what_it_is(api):
    info = check_server(api)
    assert info["parts"] and "point" in info["capabilities"]


def test_one_connection_serves_many_requests(api):
    for _ in range(3):
        api.info()
    connection = api.connection
    assert len(connection._idle) == 1
    port = connection._idle[0].sock.getsockname()[1]
    api.status()
    assert connection._idle[0].sock.getsockname()[1] == port


def test_errors_are_shown_as_the_server_wrote_them(api):
    with pytest.raises(ServerError) as caught:
        api.open_session("0" * 64)
    assert caught.value.status == 404 and "volume" in str(caught.value) or "image" in str(caught.value)
    assert str(caught.value)[0].isupper() and str(caught.value).endswith(".")


def test_a_server_that_was_killed_is_found_again(program, tmp_path):
    port = free_port()
    server = Server(program, port=port, data_dir=tmp_path)
    api = Api(Connection(server.url))
    api.info()
    server.stop(signal.SIGKILL)
    with pytest.raises(Unreachable, match="Is the server running"):
        api.info()
    server = Server(program, port=port, data_dir=tmp_path)
    try:
        assert api.info()["version"]
    finally:
        server.stop()


def test_a_kept_connection_that_the_server_closed_is_replaced():
    forged = ForgedServer([answer(b'{"n":1}')], [answer(b'{"n":2}')])
    api = Api(Connection(forged.url))
    assert api.get("info") == {"n": 1}
    time.sleep(0.1)
    assert api.post("x", {"a": 1}) == {"n": 2}
    assert forged.requests[1].endswith(b'{"a": 1}')


def test_a_prompt_is_never_sent_twice_by_itself():
    forged = ForgedServer([answer(b"{}"), b""], [answer(b"{}")])
    api = Api(Connection(forged.url))
    api.get("info")
    with pytest.raises(Unreachable):
        api.post("sessions/x/segments/1/prompts", {})
    assert len(forged.requests) == 2


def test_a_silent_server_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection("http://127.0.0.1:%d" % listener.getsockname()[1], answer_timeout=0.3)
        begin = time.monotonic()
        with pytest.raises(Unreachable, match="in time"):
            connection.request("POST", "x")
        assert time.monotonic() - begin < 3


def test_a_request_is_stopped_while_it_waits():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection("http://127.0.0.1:%d" % listener.getsockname()[1])
        stop = Stop()
        threading.Timer(0.2, stop.set).start()
        begin = time.monotonic()
        with pytest.raises(Cancelled):
            connection.request("GET", "x", stop=stop)
        assert time.monotonic() - begin < 3
        with pytest.raises(Cancelled):
            connection.request("GET", "x", stop=stop)


@pytest.fixture(scope="module")
def secure(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "sagittal test")
    server = Server(program, "--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem")
    server.certificate = str(folder / "cert.pem")
    yield server
    server.stop()


def test_tls_with_the_right_certificate(secure):
    api = Api(Connection(secure.url, ca_file=secure.certificate))
    assert secure.url.startswith("https://") and check_server(api)["version"]


def test_tls_with_another_certificate_is_refused(secure, tmp_path):
    make_certificate(tmp_path, "somebody else")
    for trusted in (str(tmp_path / "cert.pem"), ""):
        with pytest.raises(Unreachable, match="does not trust"):
            check_server(Api(Connection(secure.url, ca_file=trusted)))
    with pytest.raises(SagittalError, match="no file with certificates"):
        check_server(Api(Connection(secure.url, ca_file=str(tmp_path / "none.pem"))))


def test_http_and_https_mixed_up_are_told_apart(secure, server):
    with pytest.raises(SagittalError):
        check_server(Api(Connection(secure.url.replace("https", "http"))))
    with pytest.raises(Unreachable, match="http://"):
        check_server(Api(Connection(server.url.replace("http", "https"))))


def test_keys_are_sent_and_refused_in_the_servers_words(program, tmp_path):
    keys = tmp_path / "keys.json"
    made = subprocess.run([program, "key", "add", "alice", "--api-key-file", keys], capture_output=True, text=True, check=True)
    server = Server(program, "--api-key-file", keys, data_dir=tmp_path / "data")
    try:
        assert check_server(Api(Connection(server.url, key=made.stdout.strip())))["version"]
        for wrong in ("", "sgt_wrong"):
            with pytest.raises(ServerError, match="key") as caught:
                check_server(Api(Connection(server.url, key=wrong)))
            assert caught.value.status == 401
    finally:
        server.stop()
    with pytest.raises(SagittalError, match="key"):
        Connection(server.url, key="two words")


def test_another_kind_of_server_is_named():
    for status, body in (("404 Not Found", b"<html>nginx</html>"), ("200 OK", b'{"version": 3}')):
        forged = ForgedServer([answer(body, status)])
        with pytest.raises(SagittalError, match="not Sagittal"):
            check_server(Api(Connection(forged.url)))


@pytest.mark.parametrize("lie", [
    b"SSH-2.0-OpenSSH_9.2\r\n",
    answer(b"", length=1 << 40),
    answer(b"", length="-5"),
    answer(b"[1, 2]"),
    answer(b"{" * 100000),
    answer(b"\xff\xfe"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"100000\r\n" + b"x" * 0x100000 + b"\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 5000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100000 + b"\r\n\r\n",
], ids=["no http", "endless", "negative", "no object", "deep", "no text", "bad chunk", "long chunk", "many headers", "long header"])
def test_forged_answers_are_refused(lie):
    forged = ForgedServer(*[[lie]] * 3)
    with pytest.raises(SagittalError):
        Api(Connection(forged.url)).get("info", max_bytes=1 << 16)
    forged.close()


def test_a_cut_off_answer_is_no_answer():
    forged = ForgedServer([answer(b'{"a":', length=100)])
    with pytest.raises(SagittalError):
        Api(Connection(forged.url)).post("x")


REPLY = {"bounds": [[0, 2], [0, 2], [0, 2]], "revision": 3, "voxels": 4, "volume_ml": 0.1, "can_undo": True, "can_redo": False}


@pytest.mark.parametrize("change, bits", [
    ({}, b"\xf0"),
    ({"bounds": [[0, 9], [0, 2], [0, 2]]}, b"\xf0\0\0\0\0"),
    ({"bounds": [[2, 0], [0, 2], [0, 2]]}, b""),
    ({"bounds": [[-1, 1], [0, 2], [0, 2]]}, b"\xf0"),
    ({"bounds": [[0, 2], [0, 2]]}, b"\xf0"),
    ({"bounds": "none"}, b"\xf0"),
    ({"revision": "3"}, b"\xf0"),
    ({"voxels": 10 ** 30}, b"\xf0"),
    ({}, b"\xf0\0"),
    ({}, b""),
], ids=range(10))
def test_masks_that_do_not_fit_are_refused(change, bits):
    forged = ForgedServer([answer(bits, Sagittal_Reply=json.dumps({**REPLY, **change}))])
    api = Api(Connection(forged.url))
    if not change and len(bits) == 1:
        assert api.undo("s", 1, (4, 4, 4)).crop.tolist() == [[[1, 1], [1, 1]], [[0, 0], [0, 0]]]
    else:
        with pytest.raises(BadAnswer):
            api.undo("s", 1, (4, 4, 4))


def test_large_errors_are_not_read():
    forged = ForgedServer([answer(b"x" * (2 << 20), "500 Oops")])
    with pytest.raises(BadAnswer):
        Api(Connection(forged.url)).get("info")
