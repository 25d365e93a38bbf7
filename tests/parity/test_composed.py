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


def arguments_of(asked: dict) -> list:
    arguments = ["--force-split"] if asked.get("force_split") else []
    if "roi_subset" in asked:
        arguments += ["--organs", ",".join(asked["roi_subset"])]
    return arguments + (["--small-parts", asked["remove_small_blobs"]] if "remove_small_blobs" in asked else [])


@pytest.mark.parametrize("name", CASES)
def test_labels_are_totalsegmentators(sagittal, tmp_path, name):
    task, image, spacing, axes, asked = CASES[name]
    assert zlib.crc32(image.tobytes()) == json.loads((HERE / "expected.json").read_text())["images_crc32"][name]
    file = write_nifti(tmp_path / "image.nii.gz", image, spacing, axes)
    result = sagittal("predict", f"totalsegmentator_{task}", file, "-o", tmp_path / "out.nii.gz", "--precision", "fp32",
                      "--json", "--data-dir", HERE, *arguments_of(asked))
    assert result.returncode == 0, result.stderr
    ours, theirs = read_nifti(tmp_path / "out.nii.gz"), read_nifti(HERE / f"{name}.nii.gz")
    assert len(np.unique(theirs)) > 1
    assert np.mean(ours == theirs) >= 0.999, np.mean(ours == theirs)
    report = json.loads(result.stdout)
    assert report["model"] == f"totalsegmentator_{task}"
    named = {row["label"]: row["name"] for row in report["labels"]}
    if "roi_subset" in asked:
        assert set(named.values()) == set(asked["roi_subset"]) and len(report["models"]) == 3  # the rough one, two of five
    elif task.startswith("total"):
        assert len(named) == 117 and named[5].lower() == "liver"


def test_what_is_missing_is_said_before_the_work(sagittal, tmp_path):
    _, image, spacing, axes, _ = CASES["body"]
    file = write_nifti(tmp_path / "image.nii.gz", image, spacing, axes)
    result = sagittal("predict", "totalsegmentator_total_fast", file, "-o", tmp_path / "out.nii.gz", "--data-dir", HERE)
    assert result.returncode == 1 and "sagittal model fetch totalsegmentator_total_fast" in result.stderr, result.stderr
    result = sagittal("predict", "totalsegmentator_body", file, "-o", tmp_path / "out.nii.gz", "--data-dir", HERE, "--tta")
    assert result.returncode == 2 and "--tta" in result.stderr, result.stderr
    for task, organ in (("total", "livr"), ("body", "body_trunc")):
        result = sagittal("predict", f"totalsegmentator_{task}", file, "-o", tmp_path / "out.nii.gz", "--data-dir", HERE,
                          "--organs", organ)
        assert result.returncode == 2 and organ in result.stderr or task == "body", result.stderr
    result = sagittal("predict", "totalsegmentator_total", file, "-o", tmp_path / "out.nii.gz", "--data-dir", HERE, "--organs",
                      "liver", "--force-split")
    assert result.returncode == 2 and "60 slices" in result.stderr, result.stderr
