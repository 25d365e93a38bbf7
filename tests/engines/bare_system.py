"""Bare Debian systems in folders, run by systemd-nspawn: what a package meets on a machine that never saw Sagittal."""
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "build/packages"
ARCHIVE = ROOT / "build/bare/bookworm.tar"
APT = "apt-get -q -y --no-remove --no-install-recommends"


def built(pattern: str) -> Path:
    """The one package that `make package` left there."""
    found = sorted(PACKAGES.glob(pattern))
    if not found:
        pytest.skip(f"{PACKAGES} has no {pattern}: make package")
    return found[-1]


def bare_debian() -> Path:
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("a bare Debian is made by root with debootstrap")
    made = subprocess.run([ROOT / "tools/bare_debian.sh", ARCHIVE], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"debootstrap: {made.stderr.strip()[-300:]}")
    return ARCHIVE


class BareSystem:
    """A folder with its files. `run` waits for a command in it; `boot` starts its systemd, `spawn` a program, without a network."""

    def __init__(self, folder: Path, name: str):
        archive = bare_debian()
        if not shutil.which("systemd-nspawn"):
            pytest.skip("systemd-nspawn is not installed: make test-engines")
        self.root, self.name, self.process = folder / name, f"sagittal-{os.getpid()}-{name}", None
        self.root.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "mode=755", "sagittal", self.root]  # not a disk: dpkg syncs each file
        if subprocess.run(mount).returncode != 0:
            pytest.skip("nothing can be mounted here")
        subprocess.run(["tar", "-C", self.root, "-xf", archive], check=True)
        probe = self.try_to_run("true")
        if probe.returncode != 0:
            pytest.skip(f"systemd-nspawn does not work here: {probe.stderr.strip()[-300:]}")

    def nspawn(self, *options) -> list:
        keep = [] if Path("/run/systemd/system").exists() else ["--keep-unit"]
        return ["systemd-nspawn", "--quiet", "--register=no", *keep, "--settings=no", "--machine", self.name, "--directory", self.root,
                *options]

    def try_to_run(self, command: str) -> subprocess.CompletedProcess:
        return subprocess.run([*self.nspawn("--pipe"), "sh", "-ec", command], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=600)

    def run(self, command: str) -> str:
        done = self.try_to_run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def boot(self) -> None:
        self._start("--boot")
        self.wait_for(lambda: self.inside("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), "systemd")

    def spawn(self, *command) -> None:
        self._start("--as-pid2", *command)

    def _start(self, *what) -> None:
        self.log = open(self.root.parent / f"{self.root.name}.log", "w+")
        self.process = subprocess.Popen([*self.nspawn("--private-network", "--console=pipe"), *what], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        self.wait_for(self.leader, "nspawn")

    def leader(self) -> int:
        """The first process inside, seen from here."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children and Path(f"/proc/{children[0]}/root/proc/1").exists() else 0

    def wait_for(self, what, name: str, seconds: int = 60) -> None:
        end = time.monotonic() + seconds
        while not what():
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                pytest.fail(f"{name} does not come: {self.log.read()[-3000:]}")
            time.sleep(0.1)

    def inside(self, *command) -> subprocess.CompletedProcess:
        """A command in the running system."""
        return subprocess.run(["nsenter", "-t", str(self.leader()), "-m", "-u", "-i", "-n", "-p", "-r", "-w", *command],
                              capture_output=True, text=True, timeout=60)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process = None

    def remove(self) -> None:
        self.stop()
        subprocess.run(["umount", self.root], check=True)
        left = Path("/run/systemd/nspawn/propagate", self.name)  # where /run is a disk, nspawn leaves it
        if left.is_dir():
            left.rmdir()
