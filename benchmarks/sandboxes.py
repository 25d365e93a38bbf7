#!/usr/bin/env python3
"""What it costs to run a stranger's program in each kind of sandbox, side by side, through Sagittal's own runners.

    cmake --build --preset release --target sandbox_start
    PATH=$PATH:build/uv/bin benchmarks/sandboxes.py build/release/bin/sandbox_start     # as root, for all kinds

The program is this machine's Python, once as an image made of its own files and once, for the environment, as a lock file
without packages. Podman and dockerd get a store of their own below a temporary folder. Reported per kind: milliseconds from
the call to the end of a shell that does nothing and of a Python that imports a few modules (medians, the kinds taking
turns), memory of the helpers beside a running program (PSS; a service that was there before is counted apart), and disk.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHELL, PYTHON = ":", "exec python3 -c 'import json, zipfile, asyncio, email.parser'"
SERVICES = {"dockerd", "containerd"}
HELPERS = ("bwrap", "runc", "podman", "conmon", "docker", "containerd-shim", "slirp4netns")


def libraries(program: str) -> set[str]:
    return set(re.findall(r"(/\S+\.so\S*) \(", subprocess.run(["ldd", program], capture_output=True, text=True).stdout))


def make_image(root: Path) -> None:
    """The shell, sleep and Python of this machine, with the libraries that they name."""
    python = Path("/usr/bin/python3").resolve()
    modules = Path("/usr/lib") / python.name
    programs = ["/bin/sh", "/bin/sleep", str(python)]
    files = set(programs).union(*(libraries(p) for p in [*programs, *map(str, (modules / "lib-dynload").glob("*.so"))]))
    for file in files:
        target = root / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    shutil.copytree(modules, root / str(modules).lstrip("/"), ignore=shutil.ignore_patterns("test", "dist-packages"),
                    ignore_dangling_symlinks=True)
    (root / "usr/bin/python3").symlink_to(python.name)
    for name in ("proc", "dev", "sys", "tmp", "out", "root"):
        (root / name).mkdir(exist_ok=True)


def disk(folder: Path) -> float:
    """MB that `folder` takes."""
    return int(subprocess.run(["du", "-sk", folder], capture_output=True, text=True).stdout.split()[0]) / 1000


def processes() -> dict[int, str]:
    found = {}
    for entry in os.listdir("/proc"):
        try:
            found[int(entry)] = Path(f"/proc/{entry}/comm").read_text().strip()
        except (ValueError, OSError):
            pass
    return found


def memory(pids) -> float:
    """MB of the proportional set sizes."""
    total = 0
    for pid in pids:
        try:
            total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
        except (OSError, TypeError):
            pass
    return total / 1000


class Kind:
    def __init__(self, name: str, program: Path, work: Path, image: str, before=(), environment=None, disk_mb=0.0):
        self.name, self.program, self.image, self.before = name, program, image, list(before)
        self.folder = work / f"runs-{name}"
        self.environment = {**os.environ, **(environment or {})}
        self.disk_mb = disk_mb
        self.times = {SHELL: [], PYTHON: []}

    def command(self, runs: int, script: str) -> list[str]:
        kind = self.name.split()[0]
        return [*self.before, str(self.program), kind, self.image, str(self.folder), str(runs), script]

    def run(self, runs: int, script: str) -> list[float]:
        done = subprocess.run(self.command(runs, script), env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()[-300:]}")
        return [float(line) for line in done.stdout.split()]

    def helpers(self) -> float:
        there = processes()
        run = subprocess.Popen(self.command(1, "exec sleep 4"), env=self.environment, stdout=subprocess.DEVNULL)
        time.sleep(2.5)
        new = {pid: name for pid, name in processes().items() if pid not in there}
        held = memory(pid for pid, name in new.items() if name.startswith(HELPERS) and name not in SERVICES)
        run.wait()
        return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="build/release/bin/sandbox_start")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    work = Path(tempfile.mkdtemp(prefix="sandboxes-"))
    work.chmod(0o755)
    image, model, tar = work / "image", work / "model", work / "image.tar"
    make_image(image)
    model.mkdir()
    (model / "requirements.txt").write_text("# no packages\n")
    subprocess.run(["tar", "-C", image, "--owner=0", "--group=0", "--numeric-owner", "-cf", tar, "."], check=True)

    (work / "containers.conf").write_text('[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n')
    (work / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{work}/store"\nrunroot = "{work}/run"\n')
    (work / "newcomer.conf").write_text(
        f'[storage]\ndriver = "overlay"\nrootless_storage_path = "{work}/newcomer/home/store"\nrunroot = "{work}/newcomer/run/store"\n')
    podman = {"CONTAINERS_CONF": f"{work}/containers.conf", "CONTAINERS_STORAGE_CONF": f"{work}/storage.conf"}
    newcomer = {**podman, "CONTAINERS_STORAGE_CONF": f"{work}/newcomer.conf"}
    docker = {"DOCKER_HOST": f"unix://{work}/docker.sock"}
    as_newcomer = [str(HERE.parent / "tools/as_newcomer.sh"), f"{work}/newcomer"]
    tag, skipped, services = "localhost/sandboxes:1", [], {}
    kinds = [Kind("plain", program, work, "none"),
             Kind("bubblewrap", program, work, str(image), disk_mb=disk(image)),
             Kind("runc", program, work, str(image), disk_mb=disk(image)),
             Kind("environment", program, work, str(model))]
    kinds[-1].run(1, SHELL)
    kinds[-1].disk_mb = disk(work / "runs-environment/environments")

    def add(name: str, store: Path, environment: dict, before=()) -> None:
        engine = name.split()[0]
        done = subprocess.run([*before, engine, "import", str(tar), tag], env={**os.environ, **environment}, capture_output=True, text=True)
        if done.returncode != 0:
            skipped.append(f"{name}: {done.stderr.strip()[-200:]}")
            return
        kinds.append(Kind(name, program, work, tag, before, environment, disk(store)))

    daemon = None
    try:
        add("podman", work / "store", podman)
        copy = work / "newcomer/sandbox_start"
        copy.parent.mkdir(parents=True)
        shutil.copy(program, copy)
        add("podman without root", work / "newcomer/home/store", newcomer, as_newcomer)
        if kinds[-1].name.endswith("root"):
            kinds[-1].program, kinds[-1].folder = copy, work / "newcomer/tmp/runs"
        if shutil.which("dockerd"):
            daemon = subprocess.Popen(["dockerd", "--host", docker["DOCKER_HOST"], "--data-root", work / "docker", "--exec-root",
                                       work / "docker-run", "--pidfile", work / "docker.pid", "--iptables=false", "--bridge=none"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(100):
                if subprocess.run(["docker", "version"], env={**os.environ, **docker}, capture_output=True).returncode == 0:
                    break
                time.sleep(0.1)
            add("docker", work / "docker", docker)
            services["docker"] = memory(pid for pid, name in processes().items() if name in SERVICES)
        for kind in kinds:
            kind.run(1, PYTHON)
        for _ in range(arguments.rounds):
            for kind in kinds:
                for script in (SHELL, PYTHON):
                    kind.times[script] += kind.run(2, script)
        rows = [{"kind": kind.name, "shell_ms": statistics.median(kind.times[SHELL]), "python_ms": statistics.median(kind.times[PYTHON]),
                 "helpers_mb": kind.helpers(), "service_mb": services.get(kind.name, 0.0), "disk_mb": kind.disk_mb} for kind in kinds]
    finally:
        if daemon:
            daemon.terminate()
            daemon.wait()
        for mount in re.findall(rf" ({work}\S*) ", Path("/proc/self/mounts").read_text())[::-1]:
            subprocess.run(["umount", mount], capture_output=True)
        shutil.rmtree(work, ignore_errors=True)

    for line in skipped:
        print("not measured:", line, file=sys.stderr)
    if arguments.json:
        print(json.dumps(rows))
        return 0
    print(f"{'kind':<20} {'shell':>8} {'Python':>8} {'helpers':>9} {'service':>9} {'disk':>8}")
    for row in rows:
        print(f"{row['kind']:<20} {row['shell_ms']:>5.0f} ms {row['python_ms']:>5.0f} ms {row['helpers_mb']:>6.1f} MB "
              f"{row['service_mb']:>6.1f} MB {row['disk_mb']:>5.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
