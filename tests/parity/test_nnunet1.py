"""`sagittal predict` gives the labels that nnunet 1.7.1 gave for the same models and images (make_nnunet1_vectors.py)."""
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from nnunet_images import cases, read_nifti, write_nifti

HERE = Path(__file__).resolve().parent / "nnunet1"
CASES = cases(1)


@pytest.mark.parametrize("name", CASES)
def test_labels_are_version_1s(sagittal, tmp_path, name):
    images, _, spacing = CASES[name]
    expected = json.loads((HERE / name / "expected.json").read_text())
    assert [zlib.crc32(i.tobytes()) for i in images] == expected["images_crc32"]
    files = [write_nifti(tmp_path / f"{c}.nii.gz", image, spacing) for c, image in enumerate(images)]
    configuration = ["--configuration", "3d_cascade_fullres"] if name == "cascade" else []
    result = sagittal("predict", HERE / name, *files, "-o", tmp_path / "out.nii.gz", "--precision", "fp32", "--json",
                      *configuration)
    assert result.returncode == 0, result.stderr
    ours, theirs = read_nifti(tmp_path / "out.nii.gz"), read_nifti(HERE / name / "labels.nii.gz")
    assert len(np.unique(theirs)) > 1
    assert np.mean(ours == theirs) >= 0.999, np.mean(ours == theirs)


def test_the_cleaning_that_lies_in_the_folder_is_applied_unless_refused(sagittal, tmp_path):
    images, _, spacing = CASES["3d"]
    file = write_nifti(tmp_path / "0.nii.gz", images[0], spacing)
    found = []
    for choice in ([], ["--postprocessing", "auto"], ["--postprocessing", "none"]):
        result = sagittal("predict", HERE / "3d", file, "-o", tmp_path / "out.nii.gz", "--precision", "fp32", *choice)
        assert result.returncode == 0, result.stderr
        found.append(read_nifti(tmp_path / "out.nii.gz"))
    assert (found[0] == found[1]).all()
    assert (found[0] > 0).sum() < (found[2] > 0).sum()
