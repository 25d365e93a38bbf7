"""The image of Containerfile, built by Podman on a bare Debian 12 with the package of `make package`, then run without a network."""
import json
import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from answered_click import click, expect_ball
from bare_system import ROOT, bare_debian, built

OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
CLOSED = ("--network=none", "--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges",
          f"--ulimit=nofile={OPEN_FILES}:{OPEN_FILES}", "--ulimit=nproc=2048:2048", "--volume=kept:/var/lib/sagittal")


class Podman:
    """With all it keeps in a folder in memory: dpkg syncs each file that it unpacks."""

    def __init__(self, folder: Path):
        self.folder = folder
        mount = ["mount", "-t", "tmpfs", "-o", "mode=755", "sagittal", folder]
        if subprocess.run(mount).returncode != 0:
            pytest.skip("nothing can be mounted here")
        settings = folder / "storage.conf"
        settings.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
        self.env = {**os.environ, "CONTAINERS_STORAGE_CONF": str(settings)}

    def try_to(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run(["podman", *map(str, arguments)], capture_output=True, text=True, env=self.env, cwd=ROOT, timeout=600)

    def __call__(self, *arguments) -> str:
        done = self.try_to(*arguments)
        assert done.returncode == 0, f"podman {arguments}\n{done.stderr[-3000:]}"
        return done.stdout.strip()

    def remove(self) -> None:
        self.try_to("rm", "--force", "--all", "--time=1")
        subprocess.run(["umount", "--recursive", self.folder], check=True)


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    if "SAGITTAL_ENGINES" not in os.environ or not shutil.which("podman"):
        pytest.skip("Podman is not here: make test-engines")
    package, base = built("sagittal_*.deb"), bare_debian()
    engine = Podman(tmp_path_factory.mktemp("podman"))
    try:
        engine("import", "--quiet", base, "localhost/bare")
        engine("build", "--quiet", "--isolation=chroot", "--format=docker", "--layers=false", "--build-arg=BASE=localhost/bare",
               f"--build-arg=PACKAGE={package.relative_to(ROOT)}", "--tag=localhost/sagittal", ".")
        yield engine
    finally:
        engine.remove()


@pytest.fixture(scope="module")
def served(podman):
    podman("run", "--detach", "--name=served", *CLOSED, "localhost/sagittal", "serve", "--host", "0.0.0.0", "--public")
    return podman


def pid(podman) -> int:
    return int(podman("inspect", "served", "--format={{.State.Pid}}"))


def healthy(podman, name="served") -> bool:
    end = time.monotonic() + 60
    while podman.try_to("healthcheck", "run", name).returncode != 0:
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def test_its_health_check_says_that_it_answers(served):
    assert healthy(served), served("logs", "served")
    served("exec", "served", "sagittal", "doctor", "--server", "http://127.0.0.1:1527")


def test_the_doctor_is_content(podman):
    assert "/usr/share/sagittal/models/sagittal-small" in podman("run", "--rm", *CLOSED, "localhost/sagittal", "doctor")


def test_it_is_nobodys_root(served):
    status = Path(f"/proc/{pid(served)}/status").read_text()
    assert "Uid:\t1527\t1527" in status and "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status


def test_a_click_from_outside_is_answered_and_kept_in_the_volume(served):
    assert healthy(served)
    expect_ball(click(pid(served)))
    kept = Path(served("volume", "inspect", "kept", "--format={{.Mountpoint}}"))
    assert (kept / "state.db").stat().st_uid == 1527
    changed = json.loads(served("diff", "served", "--format=json"))
    assert not changed.get("added") and not changed.get("deleted"), changed


def test_it_stops_when_told_to(served):
    served("stop", "--time=20", "served")
    assert served("inspect", "served", "--format={{.State.ExitCode}}") == "0"
    assert served.try_to("healthcheck", "run", "served").returncode != 0


def test_without_keys_it_lets_nobody_in_unless_told_to(podman):
    refused = podman.try_to("run", "--rm", *CLOSED, "localhost/sagittal")
    assert refused.returncode == 2 and "sagittal key add" in refused.stderr
    podman("run", "--rm", *CLOSED, "localhost/sagittal", "key", "add", "alice")
    podman("run", "--detach", "--name=keyed", *CLOSED, "localhost/sagittal")
    assert healthy(podman, "keyed")
    podman("stop", "--time=20", "keyed")


def test_it_holds_no_tools_to_build_or_to_download_with(podman):
    look = "for name in gcc cmake make node npm curl wget python3 git sagittal; do command -v $name; done"
    found = podman("run", "--rm", "--entrypoint=/bin/sh", *CLOSED, "localhost/sagittal", "-c", look)
    assert found == "/usr/bin/sagittal"
