"""`sagittal predict` gives the labels that nnunetv2 gave for the same models and images (make_nnunet_vectors.py)."""
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from nnunet_images import cases, read_nifti, write_nifti

HERE = Path(__file__).resolve().parent / "nnunet"
CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_labels_are_nnunets(sagittal, tmp_path, name):
    images, _, spacing = CASES[name]
    expected = json.loads((HERE / name / "expected.json").read_text())
    assert [zlib.crc32(i.tobytes()) for i in images] == expected["images_crc32"]
    files = [write_nifti(tmp_path / f"{c}.nii.gz", image, spacing) for c, image in enumerate(images)]
    chosen = {"cascade": "3d_cascade_fullres", "ensemble": "2d,3d_fullres"}
    configuration = ["--configuration", chosen[name]] if name in chosen else []
    result = sagittal("predict", HERE / name, *files, "-o", tmp_path / "out.nii.gz", "--precision", "fp32", "--json",
                      *configuration)
    assert result.returncode == 0, result.stderr
    ours, theirs = read_nifti(tmp_path / "out.nii.gz"), read_nifti(HERE / name / "labels.nii.gz")
    assert len(np.unique(theirs)) > 1
    assert np.mean(ours == theirs) >= 0.999
    counted = {row["label"]: row["voxels"] for row in json.loads(result.stdout)["labels"]}
    assert counted == {label: int((ours == label).sum()) for label in counted}


def test_a_trained_network_finds_the_same_in_bf16(sagittal, tmp_path):
    images, _, spacing = CASES["trained"]
    file = write_nifti(tmp_path / "0.nii.gz", images[0], spacing)
    result = sagittal("predict", HERE / "trained", file, "-o", tmp_path / "out.nii.gz", "--precision", "bf16")
    assert result.returncode == 0, result.stderr
    ours, theirs = read_nifti(tmp_path / "out.nii.gz"), read_nifti(HERE / "trained" / "labels.nii.gz")
    for label in (1, 2):
        a, b = ours == label, theirs == label
        assert b.sum() > 500 and 2 * (a & b).sum() / (a.sum() + b.sum()) >= 0.99
