"""The scans to measure on: validation (left out of training, by patient), test (never for training), Debian's demo scans."""
import gzip
import io
import plistlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sagittal_train import user, volumes

SMALLEST_ML, SMALLEST_VOXELS = 1.0, 300


@dataclass
class Case:
    """A scan and its structures, axes [k, j, i]."""
    split: str
    name: str
    modality: str
    image: np.ndarray
    structures: list[tuple[str, float, np.ndarray]]  # name, millilitres, mask; the largest first


def short_modality(text: str) -> str:
    return "US" if "US" in text else "MR" if "MR" in text else text


def left_out(data: Path, splits: list[str], most: int) -> Iterator[Case]:
    """Cases of the validation and test splits by size, each with its `most` largest structures of 1 ml or more."""
    listed = [("validation", c) for c in volumes.cases(data) if volumes.is_validation(c["id"])]
    listed += [("test", c) for c in volumes.cases(data, "test only")]
    for split, case in sorted(listed, key=lambda pair: np.prod(pair[1]["shape"])):
        if split not in splits:
            continue
        image, label = volumes.read_case(data, case)
        millilitre = float(np.prod(case["spacing"])) / 1000
        sizes = np.bincount(label.ravel())
        sizes[0] = 0
        large = [int(i) for i in np.argsort(-sizes) if sizes[i] * millilitre >= SMALLEST_ML and sizes[i] >= SMALLEST_VOXELS]
        yield Case(split, case["id"], short_modality(case["modality"]), image,
                   [(case["labels"].get(str(i), str(i)), float(sizes[i] * millilitre), label == i) for i in large[:most]])


def debian(mricron: Path, cranium: Path) -> Iterator[Case]:
    """The demo's scans: a T1 brain against its extracted copy, a head CT against its largest part of bone."""
    if (mricron / "ch2.nii.gz").exists():
        image, brain = (sitk.GetArrayFromImage(sitk.ReadImage(str(mricron / name))).astype(np.float32)
                        for name in ("ch2.nii.gz", "ch2bet.nii.gz"))
        yield Case("demo", "ch2", "MR", image, [("brain", float((brain > 0).sum()) / 1000, brain > 0)])
    if cranium.exists():
        with gzip.open(cranium) as packed, tarfile.open(fileobj=io.BytesIO(packed.read())) as archive:
            files = {Path(m.name).name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}
        project = plistlib.loads(files["main.plist"])
        image = np.frombuffer(files["matrix.dat"], "<i2").reshape(project["matrix"]["shape"]).astype(np.float32)
        skull = user.largest_part(image >= 226)
        millilitre = float(np.prod(project["spacing"])) / 1000
        yield Case("demo", "cranium", "CT", image, [("skull", float(skull.sum()) * millilitre, skull)])
