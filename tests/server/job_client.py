"""Jobs of the native API, and a data folder with a tiny nnU-Net model."""
import shutil
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
