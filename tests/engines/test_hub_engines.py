"""`sagittal hub run` from a CT to named segments with each engine that is here: one model, one scan, one result."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from importlib.metadata import version
from pathlib import Path

import pytest

from hub_engines import (HERE, ROOT, WORKFLOW, Room, left, need, need_answer, need_engines, need_namespaces, need_root,
                         need_slurm)
from image_registry import USER, Registry, layer_of
from running_server import Server



def options(memory="2GiB", minutes="30") -> tuple:
    return "--memory", memory, "--cpus", "2", "--time", minutes, "--accept-licence", "MIT"



@pytest.fixture(scope="module")
def room(program, tmp_path_factory):
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed: make test-engines")
    folder = tmp_path_factory.mktemp("room")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)
    made = Room(folder, program, Path(os.environ.get("SAGITTAL_DATA", ROOT.parent / "shared/data")))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nobody_is_left():
    yield
    for _ in range(50):
        if not left():
            return
        time.sleep(0.1)
    pytest.fail(f"processes of the model are left: {left()}")


def locked_environment(folder: Path) -> Path:
    """The model as Python code with a lock file, of the packages that the image has."""
    names = ("pydicom", "highdicom", "numpy")
    folder.mkdir()
    (folder / "packages.in").write_text("".join(f"{name}=={version(name)}\n" for name in names))
    made = subprocess.run(["uv", "pip", "compile", "-q", "--no-cache", "--python", "/usr/bin/python3", "--generate-hashes",
                           "--no-header", "packages.in", "-o", "requirements.txt"], cwd=folder, capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"PyPI is not reached from here: {made.stderr.strip()[-200:]}")
    code = (HERE / "bright_model.py").read_text().split("\n", 1)[1]
    (folder / "mhub.run").write_text("#!/usr/bin/env python\n" + code)
    (folder / "mhub.run").chmod(0o755)
    return folder


class Place:
    """Who runs it: a backend with an image, here or on the cluster, as root or not."""

    def __init__(self, room, backend, image, *options, run=None, **env):
        self.room, self.backend, self.image, self.options, self.env = room, backend, image, options, env
        self.go = run or room.run

    def command(self, model, *arguments, **limits) -> tuple:
        image = self.image if model == "bright" else self.room.reference(model)
        return ("run", model, self.room.scan.folder, "--backend", self.backend, "--image", image, *options(**limits),
                *self.options, *arguments)

    def run(self, model, *arguments, **limits) -> subprocess.CompletedProcess:
        return self.go(*self.command(model, *arguments, **limits), **self.env)


def bubblewrap_with_a_folder(room):
    need_namespaces()
    return Place(room, "bubblewrap", room.image)


def bubblewrap(room):
    need_namespaces()
    return Place(room, "bubblewrap", room.reference("bright"))


def runc(room):
    need("runc")
    return Place(room, "runc", room.reference("bright"))


def podman(room):
    need_engines()
    need_answer("podman", "info")
    return Place(room, "podman", room.reference("bright"))


def podman_without_root(room):
    need_engines()
    need_root()
    need("podman", "newuidmap")
    return Place(room, "podman", room.reference("bright"), run=room.as_newcomer)


def docker(room):
    need_engines()
    need_answer("docker", "version")
    return Place(room, "docker", room.reference("bright"))


def environment(room):
    need_namespaces()
    need("uv")
    model = room.folder / "environment"
    return Place(room, "environment", model if model.exists() else locked_environment(model))


def bubblewrap_on_slurm(room):
    need_slurm()
    need_namespaces()
    return Place(room, "bubblewrap", room.reference("bright"), "--on", "slurm")


def podman_on_slurm(room):
    """A job on a node has none of our variables, so the engine's program brings them."""
    need_slurm()
    need_answer("podman", "info")
    wrapper = room.folder / "node/podman"
    if not wrapper.exists():
        wrapper.parent.mkdir()
        names = ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF")
        variables = " ".join(f"{name}='{room.env[name]}'" for name in names)
        wrapper.write_text(f"#!/bin/sh\n{variables} exec {shutil.which('podman')} \"$@\"\n")
        wrapper.chmod(0o755)
    return Place(room, "podman", room.reference("bright"), "--on", "slurm", PATH=f"{wrapper.parent}:{os.environ['PATH']}")


PLACES = [bubblewrap_with_a_folder, bubblewrap, runc, podman, podman_without_root, docker, environment, bubblewrap_on_slurm,
          podman_on_slurm]


def expect_bright(job: dict, room) -> None:
    """The one segment of the model, from the file that it wrote, and how it came about."""
    (segmentation,) = [output for output in job["outputs"] if output["kind"] == "segmentation"]
    (segment,) = segmentation["segments"]
    assert (segment["id"], segment["name"]) == ("SPINE", "Vertebral column")
    assert segment["codes"]["type"]["value"] == "421060004"
    assert segment["volume_ml"] == pytest.approx(room.scan.bright_ml, rel=1e-3) and segment["volume_ml"] > 1
    record = job["record"]
    assert record["workflow_sha256"] == hashlib.sha256(WORKFLOW.encode()).hexdigest()
    (given,) = record["inputs"]
    assert (given["files"], given["sha256"]) == (room.scan.files, room.scan.sha256)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_everywhere_the_result_is_the_same(room, place, tmp_path):
    here = place(room)
    out = room.folder / "newcomer/home/out" if here.go == room.as_newcomer else tmp_path / "out"
    result = here.run("bright", "-o", out, "--json")
    assert result.returncode == 0, result.stderr
    job = json.loads(result.stdout)
    expect_bright(job, room)
    assert (out / job["outputs"][0]["path"]).exists()
    record = job["record"]
    assert record["engine"] == here.backend and record["ended"] == "ended with status 3"
    assert record["engine_version"].removeprefix("bubblewrap ")[0].isdigit()
    if place is bubblewrap_with_a_folder:
        assert record["image_digest"] is None
    elif place is environment:
        assert record["image_digest"].startswith("sha256:")
    else:
        assert record["image_digest"].endswith("@" + room.digest)


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
@pytest.mark.parametrize("place", [bubblewrap_with_a_folder, runc], ids=lambda place: place.__name__)
def test_a_gpu_that_is_not_here_is_said(room, place, tmp_path):
    result = place(room).run("bright", "-o", tmp_path / "out", "--gpu", "0")
    assert result.returncode == 1 and "/dev/nvidia0 is not here" in result.stderr, result.stderr


def test_an_image_is_pulled_and_removed_and_its_sizes_told(room, tmp_path):
    need_namespaces()
    image = room.reference("bright")
    pull = ("pull", image, "--backend", "bubblewrap", "--json")
    pulled = room.run(*pull, data=tmp_path)
    assert pulled.returncode == 0 and "to fetch" in pulled.stderr, pulled.stderr
    said = json.loads(pulled.stdout)
    assert said["digest"].endswith("@" + room.digest) and said["bytes"] > 50 << 20 and said["download_bytes"] > 50 << 20
    assert json.loads(room.run(*pull, data=tmp_path).stdout)["download_bytes"] == 0
    from_us = [one for one in json.loads(room.run("remove", image, "--json", data=tmp_path).stdout)["from"]
               if one["from"] == "sagittal"]
    assert from_us == [{"from": "sagittal", "bytes": said["bytes"]}]
    assert list((tmp_path / "images").iterdir()) == []


def test_a_private_registry_gets_its_own_password_only(room, tmp_path):
    need_namespaces()
    registry = Registry(tmp_path / "registry", private=True)
    try:
        (tmp_path / "small/bin").mkdir(parents=True)
        digest = registry.push("our/model", [layer_of(tmp_path / "small")], ["/bin/true"])
        pull = ("pull", f"127.0.0.1:{registry.port}/our/model", "--backend", "bubblewrap", "--json")

        def login(host, password):
            word = b64encode(f"{USER[0]}:{password}".encode()).decode()
            (tmp_path / "auth.json").write_text(json.dumps({"auths": {host: {"auth": word}}}))
            return room.run(*pull, data=tmp_path / "data", REGISTRY_AUTH_FILE=str(tmp_path / "auth.json"))

        host = f"127.0.0.1:{registry.port}"
        assert "docker login" in room.run(*pull, data=tmp_path / "data").stderr
        assert "docker login" in login("ghcr.io", USER[1]).stderr
        assert "not for reader" in login(host, "wrong").stderr
        pulled = login(host, USER[1])
        assert pulled.returncode == 0 and json.loads(pulled.stdout)["digest"].endswith("@" + digest), pulled.stderr
    finally:
        registry.stop()


STRANGERS = [bubblewrap, podman]


@pytest.fixture(params=STRANGERS, ids=lambda place: place.__name__)
def strange(request, room, tmp_path):
    """A run of the strange model that does what its workflow is called."""
    here = request.param(room)

    def run(workflow, **limits):
        result = here.run("strange", "-o", tmp_path / "out", "--workflow", workflow, "--json", **limits)
        jobs = json.loads(room.run("jobs", "--json").stdout)["jobs"]
        log = room.data / "jobs" / jobs[0]["id"] / "log.txt"
        return result, log.read_text(), log.stat().st_size
    return run


def test_a_stranger_finds_all_doors_closed(strange, room):
    result, log, _ = strange("doors")
    assert result.returncode == 0, result.stderr
    expect_bright(json.loads(result.stdout), room)
    assert log.count("closed: ") == 6 and "OPEN" not in log, log


def test_links_out_of_the_output_folder_lead_nowhere(strange, room, tmp_path):
    result, _, _ = strange("links")
    assert result.returncode == 0, result.stderr
    job = json.loads(result.stdout)
    expect_bright(job, room)
    there = [path for path in (tmp_path / "out").rglob("*") if not path.is_dir()]
    assert sorted(path.name for path in there) == ["bright.json", "bright.seg.dcm"]
    assert not any(path.is_symlink() for path in there)
    assert room.secret.read_text() == "of the host\n"


def test_memory_is_bounded(strange):
    result, _, _ = strange("memory", memory="512MiB")
    assert result.returncode == 1, result.stderr
    assert "needed more than the 512.0 MiB of memory" in result.stderr or "too little memory" in result.stderr, result.stderr


def test_a_fork_bomb_is_bounded(strange, room):
    result, log, _ = strange("forks")
    count = int(log.split("forks: ")[1].split()[0])
    assert 10 < count <= 512, log


def test_an_endless_log_is_bounded(strange):
    result, _, size = strange("log", minutes="0.05")
    assert result.returncode == 1 and "was not done within" in result.stderr, result.stderr
    assert size < 20 << 20


def states(room, id) -> dict:
    return next(job for job in json.loads(room.run("jobs", "--json").stdout)["jobs"] if job["id"] == id)


def wait_until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.2)


def slurm_jobs(id: str) -> list:
    """States of all jobs that Slurm has or had for a run."""
    answer = subprocess.run(["squeue", "--noheader", "--states=all", f"--name=sagittal-{id}", "--format=%T"],
                            capture_output=True, text=True, check=True)
    return answer.stdout.split()


@pytest.mark.parametrize("place", [bubblewrap, podman, bubblewrap_on_slurm, podman_on_slurm], ids=lambda place: place.__name__)
def test_a_cancel_ends_all_of_it(room, place, tmp_path):
    here = place(room)
    command = here.command("strange", "-o", tmp_path / "out", "--workflow", "endless", "--data-dir", room.data)
    running = subprocess.Popen(list(map(str, (room.program, "hub", *command))), stderr=subprocess.PIPE, text=True, env={**room.env, **here.env})
    wait_until(lambda: len(left()) == 2)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 1 and "stopped on request" in running.stderr.read()
    job = json.loads(room.run("jobs", "--json").stdout)["jobs"][0]
    assert job["state"] == "cancelled" and not (tmp_path / "out").exists()
    if "slurm" in here.options:
        assert slurm_jobs(job["id"]) == ["CANCELLED"]


def test_a_job_of_the_cluster_is_followed_on_after_a_kill(room, tmp_path):
    here = bubblewrap_on_slurm(room)
    sent = here.run("strange", "--workflow", "slow", "--detach")
    assert sent.returncode == 0, sent.stderr
    id = sent.stdout.strip()
    server = Server(room.program, data_dir=room.data, env=room.env)
    wait_until(left)
    server.process.kill()
    server.process.wait()
    time.sleep(1)
    assert left() and slurm_jobs(id) == ["RUNNING"], "the cluster's job goes on without us"
    server = Server(room.program, data_dir=room.data, env=room.env)
    try:
        wait_until(lambda: states(room, id)["state"] in ("done", "failed"))
        job = states(room, id)
        assert job["state"] == "done", job
        job["record"] = json.loads((room.data / "jobs" / id / "record.json").read_text())["record"]
        expect_bright(job, room)
        assert slurm_jobs(id) == ["COMPLETED"], "it ran once"
    finally:
        assert server.stop() == 0
