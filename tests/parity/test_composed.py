"""`sagittal predict totalsegmentator_…` gives the labels that TotalSegmentator gave with the same models
(make_composed_vectors.py)."""
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from nnunet_images import composed_cases, read_nifti, write_nifti

HERE = Path(__file__).resolve().parent / "composed"
CASES = composed_cases()


@pytest.mark.parametrize("task", CASES)
def test_labels_are_totalsegmentators(sagittal, tmp_path, task):
    image, spacing, axes = CASES[task]
    assert zlib.crc32(image.tobytes()) == json.loads((HERE / "expected.json").read_text())["images_crc32"][task]
    file = write_nifti(tmp_path / "image.nii.gz", image, spacing, axes)
    result = sagittal("predict", f"totalsegmentator_{task}", file, "-o", tmp_path / "out.nii.gz", "--precision", "fp32",
                      "--json", "--data-dir", HERE)
    assert result.returncode == 0, result.stderr
    ours, theirs = read_nifti(tmp_path / "out.nii.gz"), read_nifti(HERE / f"{task}.nii.gz")
    assert len(np.unique(theirs)) > 1
    # Untrained networks are often undecided, and the original's float16 weights lose digits at the outermost planes.
    assert np.mean(ours == theirs) >= 0.998, np.mean(ours == theirs)
    report = json.loads(result.stdout)
    assert report["model"] == f"totalsegmentator_{task}"
    named = {row["label"]: row["name"] for row in report["labels"]}
    if task.startswith("total"):
        assert len(named) == 117 and named[5].lower() == "liver"


def test_what_is_missing_is_said_before_the_work(sagittal, tmp_path):
    image, spacing, axes = CASES["body"]
    file = write_nifti(tmp_path / "image.nii.gz", image, spacing, axes)
    result = sagittal("predict", "totalsegmentator_total_fast", file, "-o", tmp_path / "out.nii.gz", "--data-dir", HERE)
    assert result.returncode == 1 and "sagittal model fetch totalsegmentator_total_fast" in result.stderr, result.stderr
    result = sagittal("predict", "totalsegmentator_body", file, "-o", tmp_path / "out.nii.gz", "--data-dir", HERE, "--tta")
    assert result.returncode == 2 and "--tta" in result.stderr, result.stderr
