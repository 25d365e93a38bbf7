"""Jobs of the native API, and a data folder with a tiny nnU-Net model."""
import json
import shutil
import stat
import sys
import time
from pathlib import Path

PARITY = Path(__file__).resolve().parents[1] / "parity"
sys.path.insert(0, str(PARITY))
from nnunet_images import cases, write_nifti  # noqa: E402

ENDED = ("done", "failed", "cancelled")


def add_model(data_dir: Path, name="organs") -> None:
    shutil.copytree(PARITY / "nnunet/2d", data_dir / "models" / name)


def scan_file(folder: Path, times=1) -> Path:
    """What the tiny model was made for, `times` as many slices."""
    import numpy as np
    (image,), _, spacing = cases()["2d"]
    return write_nifti(folder / f"scan{times}.nii.gz", np.concatenate([image] * times, axis=0), spacing)


SAMPLES = Path(__file__).resolve().parents[1] / "hub/data/repository/models/lung_spots"

# Three MR series of one case in folders of their own, as prostate models read them.
THREE_SERIES = """general: {data_base_dir: /app/data, description: three series}
execute: [FileStructureImporter, {module: MhaConverter, in_datas: 'dicom:mod=mr'}, OwnRunner, DataOrganizer]
modules:
  FileStructureImporter:
    structures: ['$sid@instance/t2w@dicom:mod=mr', $sid/adc@dicom:mod=mr, $sid/hbv@dicom:mod=mr]
  DataOrganizer: {targets: ['json:mod=cspca-->[i:sid]/cspca.json']}
"""


def publish(repository: Path, name: str, workflow: str | None = None, modality="CT") -> None:
    """A model of MHub's repository like the sample, with a workflow of its own."""
    folder = repository / "models" / name
    shutil.copytree(SAMPLES, folder)
    card = json.loads((folder / "meta.json").read_text())
    card["name"] = card["title"] = name
    for one in card["summary"]["inputs"]:
        one["modality"] = modality
    (folder / "meta.json").write_text(json.dumps(card))
    if workflow:
        for file in (folder / "config").iterdir():
            file.unlink()
        (folder / "config/default.yml").write_text(workflow)


# Behaves as Docker does for a model; what its program does is the file beside it, which sees `out`.
DOCKER = """#!/bin/sh
echo "$1" >>"{folder}/calls"
case "$1 $2" in
  "version "*) echo 28.0 ;;
  "image inspect") echo "sha256:{digest} mhubai/model@sha256:{digest}" ;;
  "inspect "*) echo "false 2026-01-01" ;;
  "run "*)
    for word in "$@"; do
      case "$word" in *dst=/app/data/output_data*) out=${{word#*src=}}; out=${{out%%,*}} ;; esac
      case "$word" in *dst=/app/data/input_data*) in=${{word#*src=}}; in=${{in%%,*}} ;; esac
    done
    . "{folder}/program" ;;
esac
"""


class FakeDocker:
    """An engine that is a script, alone in PATH with the shell's tools."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        self.folder, self.path = folder, f"{folder}:/usr/bin:/bin"
        engine = folder / "docker"
        engine.write_text(DOCKER.format(folder=folder, digest="1" * 64))
        engine.chmod(engine.stat().st_mode | stat.S_IXUSR)

    def program(self, text: str):
        (self.folder / "program").write_text(text)

    def calls(self, what: str) -> int:
        file = self.folder / "calls"
        return file.read_text().split().count(what) if file.exists() else 0


def submit(client, volume: str, model="organs", **more) -> dict:
    return client.ask("POST", "/jobs", 201, json={"model": model, "inputs": [{"volume": volume}], **more})


def wait_for(client, id: str, states=ENDED, seconds=120) -> dict:
    end = time.monotonic() + seconds
    while True:
        job = client.ask("GET", f"/jobs/{id}")
        if job["state"] in states:
            return job
        assert time.monotonic() < end, job
        time.sleep(0.05)
