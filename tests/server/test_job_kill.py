"""kill -9 of a server in the middle of jobs: afterwards each is done or honestly failed; none is lost, nothing is half."""
import os
import random
import signal
import time

import pytest

from job_client import ENDED, add_model, scan_file, submit, wait_for
from native_client import Client
from running_server import Server

KILLS = int(os.environ.get("SAGITTAL_KILLS", "10"))


def processes_of(data_dir) -> list:
    """Numbers of processes that work on that folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if b"work" in command and str(data_dir).encode() in command:
            found.append(int(pid))
    return found


@pytest.fixture
def data(tmp_path):
    add_model(tmp_path)
    return tmp_path


def test_jobs_survive_kills_of_their_server(program, model, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    scans = [scan_file(folder, times).read_bytes() for times in (1, 4)]
    chance = random.Random(7)
    jobs = {}
    for turn in range(KILLS):
        server = Server(program, *model, "--job-cpus", "1", data_dir=data)
        client = Client(server.url)
        listed = {job["id"]: job for job in client.ask("GET", "/jobs")["jobs"]}
        assert set(jobs) <= set(listed), "a job was lost"
        for id, before in jobs.items():
            if before in ENDED:
                assert listed[id]["state"] == before, "an ended job changed"
        jobs[submit(client, client.upload(scans[turn % 2]))["id"]] = "queued"
        time.sleep(chance.uniform(0, 1.5))
        for job in client.ask("GET", "/jobs")["jobs"]:
            jobs[job["id"]] = job["state"]
        server.process.kill()
        server.process.wait()
    server = Server(program, *model, data_dir=data)
    try:
        client = Client(server.url)
        for id in jobs:
            job = wait_for(client, id)
            out = data / "jobs" / id / "out"
            if job["state"] == "done":
                (output,) = job["outputs"]
                assert len(client.ask("GET", f"/jobs/{id}/outputs/{output['path']}")) == output["bytes"] > 0
                assert output["segments"] and (data / "jobs" / id / "record.json").exists()
            else:
                assert job["state"] == "failed" and "begun 2 times" in job["error"]["message"], job
                assert not out.exists() and job["outputs"] == []
            assert not (data / "jobs" / id / "in").exists() and not (data / "jobs" / id / "given").exists()
        assert sum(wait_for(client, id)["state"] == "done" for id in jobs) >= 1
    finally:
        server.stop()


def test_nothing_goes_on_working_without_its_server(program, model, data, tmp_path):
    server = Server(program, *model, data_dir=data)
    client = Client(server.url)
    job = submit(client, client.upload(scan_file(tmp_path, 60).read_bytes()))
    wait_for(client, job["id"], ("running",))
    assert processes_of(data)
    server.process.kill()
    server.process.wait()
    end = time.monotonic() + 30
    while processes_of(data):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_job_whose_process_is_killed_fails_and_the_server_lives(program, model, data, tmp_path):
    server = Server(program, *model, data_dir=data)
    try:
        client = Client(server.url)
        job = submit(client, client.upload(scan_file(tmp_path, 60).read_bytes()))
        wait_for(client, job["id"], ("running",))
        for pid in processes_of(data):
            os.kill(pid, signal.SIGKILL)
        failed = wait_for(client, job["id"])
        assert failed["state"] == "failed" and "was killed" in failed["error"]["message"], failed
    finally:
        server.stop()
