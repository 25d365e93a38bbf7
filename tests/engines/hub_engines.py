"""A model the way MHub's are, a scan, and each way to run the one on the other with an engine of this machine."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest

import ct_series
from image_registry import Registry, layer_of
from running_server import scan as ball

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOOLS = ROOT / "tools"
WORKFLOW = (HERE / "bright_workflow.yml").read_text()
STRANGE = ("doors", "links", "memory", "forks", "log", "endless", "slow")  # what strange_model.py does first
MARK = f"strange{os.getpid()}"


def catalogue(folder: Path) -> Path:
    """The description of both models, as MHub's repository holds them."""
    for name, workflows in {"bright": ["default"], "strange": STRANGE}.items():
        config = folder / "models" / name / "config"
        config.mkdir(parents=True)
        for workflow in workflows:
            (config / f"{workflow}.yml").write_text(WORKFLOW)
        (config.parent / "meta.json").write_text(json.dumps({
            "id": f"0-{name}", "name": name, "title": name,
            "summary": {"description": "What is bright.", "inputs": [{"label": "Scan", "format": "DICOM", "modality": "CT"}],
                        "outputs": [{"type": "Segmentation", "classes": ["SPINE"]}]},
            "details": {"name": name, "version": "1.0", "license": {"code": "MIT", "weights": "MIT"}}}))
    return folder


@dataclass
class Scan:
    folder: Path
    bright_ml: float
    sha256: str
    files: int


def ct(folder: Path, shared: Path) -> Scan:
    """Thirty slices of a real CT where it is here, else of a bright ball."""
    real = shared / "ct_chaos_liver/dicom"
    if real.is_dir():
        folder.mkdir()
        slices = sorted((float(pydicom.dcmread(p, stop_before_pixels=True).ImagePositionPatient[2]), p) for p in real.iterdir())
        for _, path in slices[20:50]:
            shutil.copy(path, folder)
    else:
        ct_series.write(folder, ball() * 10, "1.2.826.0.1.3680043.8.498.77")
    files = {}
    for path in filter(Path.is_file, folder.rglob("*")):
        path.chmod(0o644)
        files[pydicom.dcmread(path).SOPInstanceUID] = path
    images = [pydicom.dcmread(path) for path in files.values()]
    heights = sorted(float(image.ImagePositionPatient[2]) for image in images)
    one = images[0]
    voxel = float(one.PixelSpacing[0]) * float(one.PixelSpacing[1]) * (heights[-1] - heights[0]) / (len(heights) - 1)
    bright = sum(int(np.sum(i.pixel_array * float(i.RescaleSlope) + float(i.RescaleIntercept) > 300)) for i in images)
    content = b"".join(files[uid].read_bytes() for uid in sorted(files))
    return Scan(folder, bright * voxel / 1000, hashlib.sha256(content).hexdigest(), len(files))


class Room:
    """What all tests share: images as folders and in a registry, a data folder, a scan."""

    def __init__(self, folder: Path, program: str, shared: Path):
        folder.chmod(0o755)
        self.folder, self.program, self.data = folder, program, folder / "data"
        self.scan = ct(folder / "scan", shared)
        self.secret = folder / "secret"
        self.secret.write_text("of the host\n")
        self.models = catalogue(folder / "repository")
        self.image = folder / "image"
        subprocess.run([TOOLS / "model_here.sh", self.image, sys.prefix], check=True)
        self.env = dict(os.environ)
        self.registry = Registry(folder / "registry") if shutil.which("docker-registry") else None
        if self.registry:
            (folder / "registries.conf").write_text(
                f'[[registry]]\nlocation = "127.0.0.1:{self.registry.port}"\ninsecure = true\n')
            self.env["CONTAINERS_REGISTRIES_CONF"] = str(folder / "registries.conf")
            self._push()
        self.run("sync", "--from", self.models, data=self.data)

    def _push(self) -> None:
        bright = layer_of(self.image)
        self.digest = self.registry.push("mhubai/bright", [bright], ["mhub.run"])
        programs = self.folder / "more/usr/local/bin"
        programs.mkdir(parents=True)
        shutil.copy(HERE / "bright_model.py", programs / "bright")
        text = (HERE / "strange_model.py").read_text()
        for name, value in {"@MARK@": MARK, "@SECRET@": str(self.secret), "@PORT@": str(self.registry.port)}.items():
            text = text.replace(name, value)
        (programs / "mhub.run").write_text(text)
        for program in programs.iterdir():
            program.chmod(0o755)
        self.registry.push("mhubai/strange", [bright, layer_of(self.folder / "more")], ["mhub.run"])

    def reference(self, name: str) -> str:
        if not self.registry:
            pytest.skip("docker-registry is not installed: make test-engines")
        return f"127.0.0.1:{self.registry.port}/mhubai/{name}:latest"

    def run(self, *arguments, data=None, timeout=120, **more) -> subprocess.CompletedProcess:
        """`sagittal hub ARGUMENTS`."""
        command = [self.program, "hub", *map(str, arguments), "--data-dir", str(data or self.data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                              env={**self.env, **more})

    def as_newcomer(self, *arguments) -> subprocess.CompletedProcess:
        """The same as a user who may make containers and owns nothing else here; with a data folder of that user's."""
        own = self.folder / "newcomer"
        if not own.exists():
            own.mkdir()
            shutil.copy(self.program, own / "sagittal")
            (own / "storage.conf").write_text(
                f'[storage]\ndriver = "vfs"\nrootless_storage_path = "{own}/home/store"\nrunroot = "{own}/run/store"\n')
            synced = self.as_newcomer("sync", "--from", self.models)
            assert synced.returncode == 0, synced.stderr
        command = [TOOLS / "as_newcomer.sh", own, own / "sagittal", "hub", *arguments, "--data-dir", own / "home/data"]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
                              env={**self.env, "CONTAINERS_STORAGE_CONF": str(own / "storage.conf")})

    def close(self) -> None:
        if self.registry:
            self.registry.stop()


def left() -> list:
    """Processes of the strange model, wherever they run on this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == MARK:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def need(*programs: str) -> None:
    for name in programs:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed: make test-engines")


def need_answer(*command: str) -> None:
    need(command[0])
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if answer.returncode != 0:
        pytest.skip(f"{command[0]} does not run here: {answer.stderr.strip()[-200:]}")


def need_root() -> None:
    if os.getuid() != 0:
        pytest.skip("root is needed")


def need_namespaces() -> None:
    need_answer("bwrap", "--unshare-all", "--ro-bind", "/", "/", "/bin/true")


def need_engines() -> None:
    if "SAGITTAL_ENGINES" not in os.environ:
        pytest.skip("engines of their own are needed: make test-engines, or tools/with_engines.sh")


def need_slurm() -> None:
    if "SAGITTAL_SLURM" not in os.environ:
        pytest.skip("no Slurm is here: make test-engines, or tools/with_engines.sh, as root")
