"""What is on the disk outlives the server: each kind of client goes on after kill -9 and a start on the same folder."""
import functools
import resource
import signal
import socket
import sqlite3

import numpy as np
import pytest
import requests
from monailabel.client.client import MONAILabelClientException

import nrrd
from kept_state import V2, ItkSnap, Monai
from running_server import SHAPE, Server, restarting, scan
from slicer_v0_client import Client

CENTRE = [n // 2 for n in SHAPE]
NO_IMAGE = {"status": "error", "message": "No image uploaded"}


@pytest.fixture
def start(program, model, tmp_path):
    """Starts a server on the test's folder, in place of the one before, which is killed."""
    with restarting(program, tmp_path / "data") as start:
        yield functools.partial(start, *model)


def test_leases_masks_and_undo_go_on(start):
    viewer, twin = (V2(start_url, "x", scan()) for start_url in [start().url] * 2)
    for each in (viewer, twin):
        first = each.prompt("point", CENTRE, True)
        second = each.prompt("point", [8, 10, 12], False)
    start()
    assert viewer.session.lease_status()["remaining_seconds"] > 500
    undone = viewer.prompt("undo", [], True)
    changed = undone != 2  # what the answer does not cover
    before = np.where(first == 2, 0, first)
    assert np.array_equal(undone[changed], before[changed])
    assert np.array_equal(before[~changed], np.where(second == 2, before, second)[~changed])
    viewer.session.close()
    url = start().url
    token = {"X-Lease-Token": viewer.key.removeprefix("lease ")}
    assert requests.get(f"{url}/lease_status", headers=token).status_code == 410
    assert twin.prompt("undo", [], True).shape == SHAPE


def test_itksnap_keeps_its_mask(start):
    viewer = ItkSnap(start().url, "ab", scan())
    before = viewer.prompt("point", CENTRE, True)
    start()
    assert np.array_equal(viewer.client.current(), before)
    assert viewer.client.end().status_code == 200
    start()
    assert viewer.client.point(1, 1, 1).status_code == 410


def test_a_session_of_monai_label_goes_on(start, tmp_path):
    viewer = Monai(start("--max-sessions", "1").url, "x", scan())
    first = viewer.prompt("point", CENTRE, True)
    server = start()
    assert viewer.client.get_session(viewer.session)
    second = viewer.prompt("point", [8, 10, 12], False)
    undisturbed = Monai(server.url, "y", scan())
    assert np.array_equal(undisturbed.prompt("point", CENTRE, True), first)
    assert np.array_equal(undisturbed.prompt("point", [8, 10, 12], False), second)
    viewer.client.remove_session(viewer.session)
    with pytest.raises(MONAILabelClientException):
        Monai.prompt(viewer, "point", CENTRE, True)


def test_an_image_of_monai_label_goes_on_under_its_name(start, tmp_path):
    viewer = Monai(start().url, "x", scan())
    viewer.client.upload_image(nrrd.write(tmp_path / "a.nrrd", scan()), "CT / 1")
    start()
    assert "CT / 1" in viewer.client.datastore()["objects"]
    clicks = {"label": "liver", "foreground": [CENTRE[::-1]], "background": []}
    file, _ = viewer.client.infer("nnInteractive", "CT / 1", clicks)
    fields, mask = nrrd.read(open(file, "rb").read())
    assert np.array_equal(mask, viewer.prompt("point", CENTRE, True))
    assert fields["space origin"] == "(-10.5,20,3)"


def test_an_upload_that_the_end_interrupted_is_asked_for_again(start):
    server = start()
    client = Client(f"{server.url}/alice")
    client.upload_image()
    assert isinstance(client.point(CENTRE), np.ndarray)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /alice/upload_image HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
                           b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        start()
    assert client.point(CENTRE) == NO_IMAGE
    client.upload_image()
    assert isinstance(client.point(CENTRE), np.ndarray)


def test_more_sessions_than_places_wait_on_the_disk(start):
    server = start("--max-sessions", "2")
    clients = [Client(f"{server.url}/person{n}") for n in range(6)]
    first = []
    for n, client in enumerate(clients):
        assert client.upload_image() == {"status": "ok"}
        first.append(client.point([8 + n, 14, 16]))
        assert isinstance(first[-1], np.ndarray)
    again = Client(f"{server.url}/twin")
    for n, client in enumerate(clients):
        answer = client.point([12, 12, 14 + n])
        assert isinstance(answer, np.ndarray), answer
        again.upload_image()
        assert np.array_equal(again.point([8 + n, 14, 16]), first[n])
        assert np.array_equal(again.point([12, 12, 14 + n]), answer)


def test_damage_costs_only_the_damaged_sessions(start, tmp_path):
    url = start().url
    images = [scan() + np.int16(n) for n in range(3)]
    clients = [Client(f"{url}/person{n}", image) for n, image in enumerate(images)]
    for client in clients:
        client.upload_image()
        client.point(CENTRE)
    server = start()
    server.stop(signal.SIGKILL)
    with sqlite3.connect(tmp_path / "data/state.db") as database:
        database.execute("UPDATE record SET bytes = x'0102' WHERE entry = (SELECT id FROM entry WHERE name = 'prefix person0')")
        [volume] = database.execute("SELECT volume FROM entry WHERE name = 'prefix person1'").fetchone()
    database.close()
    path = tmp_path / "data/volumes" / volume
    path.write_bytes(path.read_bytes()[:-1])
    server = start()
    assert clients[0].point(CENTRE) == NO_IMAGE and clients[1].point(CENTRE) == NO_IMAGE
    assert isinstance(clients[2].point(CENTRE), np.ndarray)
    clients[0].upload_image()
    assert isinstance(clients[0].point(CENTRE), np.ndarray)
    server.stop()
    assert server.process.stderr.read().count("is lost") == 2


def test_a_full_disk_is_said_and_changes_nothing(start):
    """A limit on the size of files stands for a full disk."""
    url = start().url
    small, large = Client(f"{url}/small"), Client(f"{url}/large", scan(np.float64, (80, 80, 80)))
    small.upload_image()
    before = small.point(CENTRE)
    server = start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)), restore_signals=False)
    answer = large.upload_image()
    assert answer["status"] == "error" and "disk is full" in answer["message"]
    refused = 0
    for n in range(40):
        answer = small.point([4 + n % 16, 14, 16])
        refused += isinstance(answer, dict)
        if refused:
            break
    assert server.process.poll() is None
    start()
    assert isinstance(small.point(CENTRE), np.ndarray) and before.shape == SHAPE
    assert large.upload_image() == {"status": "ok"}


def test_a_second_server_is_told_who_has_the_folder(start, sagittal, model, tmp_path):
    server = start()
    second = sagittal("serve", "--port", "0", "--data-dir", tmp_path / "data", *model)
    assert second.returncode == 1 and second.stdout == ""
    assert f"in use by process {server.process.pid}" in second.stderr and "--data-dir" in second.stderr


def test_the_folder_is_its_owners(start, tmp_path):
    client = Client(f"{start().url}/alice")
    client.upload_image()
    for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_without_a_folder_nothing_is_written(program, model, tmp_path):
    server = Server(program, *model, data_dir="none", cwd=tmp_path, env={"HOME": str(tmp_path)})
    client = Client(server.url)
    client.upload_image()
    assert isinstance(client.point(CENTRE), np.ndarray)
    assert server.stop() == 0
    assert not list(tmp_path.rglob("*"))
