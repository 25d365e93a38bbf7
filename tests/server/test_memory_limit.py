"""A server with --memory-limit: refused where it is too small, kept within it where two people click at once."""
import concurrent.futures
import re
import subprocess

import numpy as np
import pytest
import requests

from native_client import Client, nifti
from running_server import Server, scan
from second_model import second_model
from slicer_v0_client import Client as PathClient

SHAPE = (136, 140, 144)
MIB = 1 << 20


@pytest.fixture(scope="module")
def promptable(tmp_path_factory):
    """A checkpoint as they are published: its network answers prompts itself."""
    folder = second_model(tmp_path_factory.mktemp("models"))
    (folder / "sagittal.json").unlink()
    return folder


@pytest.fixture(scope="module")
def least(program, promptable, tmp_path_factory):
    """MiB that a server with that model says that it needs."""
    command = [program, "serve", "--port", "0", "--model", promptable, "--data-dir", tmp_path_factory.mktemp("none")]
    refused = subprocess.run([*command, "--memory-limit", "100MiB"], capture_output=True, text=True, timeout=120)
    assert refused.returncode == 1 and refused.stdout == ""
    assert "--memory-limit 100.0 MiB" in refused.stderr and promptable.name in refused.stderr
    return int(re.search(r"at least (\d+)MiB", refused.stderr)[1])


@pytest.fixture
def serve(program, promptable, tmp_path):
    running = []

    def start(*options):
        running.append(Server(program, "--model", promptable, *options, data_dir=tmp_path))
        return running[0]

    yield start
    for server in running:
        server.process.kill()
        server.process.wait()


def peak_bytes(server) -> int:
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) << 10


def test_a_limit_below_one_prediction_is_refused_with_the_figure(least):
    patch, maps = 8 * 128**3 * 4, 2 * 8 * 128**3 * 4  # of the model: input; two maps of eight channels
    assert least * MIB > patch + maps


def test_one_mebibyte_less_than_it_says_is_refused(program, promptable, least, tmp_path):
    command = [program, "serve", "--port", "0", "--model", promptable, "--data-dir", tmp_path]
    refused = subprocess.run([*command, "--memory-limit", f"{least - 1}MiB"], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and f"at least {least}MiB" in refused.stderr


def test_two_people_who_click_at_once_stay_within_it(serve, least):
    server = serve("--memory-limit", f"{least}MiB")
    file = nifti(scan(shape=SHAPE))

    def person(n):
        client = Client(server.url)
        session = client.open(client.upload(file))
        segment = session.add_segment()
        for step in range(3):
            session.point(segment, [70 + n, 68 + step, 66])
        return session.masks[segment]

    with concurrent.futures.ThreadPoolExecutor(2) as people:
        masks = list(people.map(person, range(2)))
    assert all(mask.any() for mask in masks)
    assert peak_bytes(server) <= least * MIB
    server.stop()


def test_sessions_beyond_it_wait_on_the_disk(serve, least):
    server = serve("--memory-limit", f"{least}MiB")
    people = [PathClient(f"{server.url}/person{n}", scan(shape=(160, 160, 160))) for n in range(3)]  # 12 MB each
    masks = []
    for person in people:
        assert person.upload_image() == {"status": "ok"}
        masks.append(person.point([80, 80, 80]))
        assert isinstance(masks[-1], np.ndarray), masks[-1]
    for person, mask in zip(people, masks):
        again = person.point([80, 80, 81])
        assert isinstance(again, np.ndarray) and (again & mask).any()
    [images] = re.findall(r"^sagittal_sessions_memory_bytes (\S+)", requests.get(f"{server.url}/metrics").text, re.M)
    assert 12 * MIB < float(images) <= 32 * MIB
    assert peak_bytes(server) <= least * MIB
