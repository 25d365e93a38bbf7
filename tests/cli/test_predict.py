"""`sagittal predict`: an nnU-Net folder and images in, named segments out; the labels themselves are tested in tests/parity."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest

PARITY = Path(__file__).resolve().parents[1] / "parity"
sys.path.insert(0, str(PARITY))
from nnunet_images import cases, read_nifti, write_nifti  # noqa: E402

MODELS = PARITY / "nnunet"


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("images")
    return {name: [write_nifti(folder / f"{name}_{c}.nii.gz", image, spacing) for c, image in enumerate(made)]
            for name, (made, _, spacing) in cases().items()}


def test_names_and_codes_reach_the_file(sagittal, images, tmp_path):
    out = tmp_path / "out.seg.nrrd"
    result = sagittal("predict", MODELS / "2d", *images["2d"], "-o", out)
    assert result.returncode == 0, result.stderr
    assert "liver" in result.stdout and "2 of 2 labels found" in result.stdout
    info = json.loads(sagittal("info", out, "--json").stdout)
    liver = info["segments"][0]
    assert liver["name"].lower() == "liver" and "10200004" in json.dumps(liver)


def test_regions_overlap_where_the_file_can_hold_it(sagittal, images, tmp_path):
    out = tmp_path / "out.seg.nrrd"
    assert sagittal("predict", MODELS / "regions", *images["regions"], "-o", out, "--precision", "fp32").returncode == 0
    info = json.loads(sagittal("info", out, "--json").stdout)
    labels = read_nifti(MODELS / "regions/labels.nii.gz")
    assert [s["voxels"] for s in info["segments"]] == [int((labels > 0).sum()), int((labels == 2).sum())]


def test_folds_are_chosen(sagittal, images, tmp_path):
    def folds(*arguments):
        result = sagittal("predict", MODELS / "resenc", *images["resenc"], "-o", tmp_path / "out.nii.gz", "--no-tta", "--json", *arguments)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)["folds"]
    assert folds() == ["0", "1"]
    assert folds("--folds", "1") == ["1"]
    assert folds("--folds", "all") == ["0", "1"]
    result = sagittal("predict", MODELS / "resenc", *images["resenc"], "-o", tmp_path / "out.nii.gz", "--folds", "7")
    assert result.returncode == 1 and "there are 0, 1" in result.stderr


def test_a_cascade_takes_the_segmentation_it_is_given(sagittal, images, tmp_path):
    nothing = write_nifti(tmp_path / "nothing.nii.gz", np.zeros((30, 34, 32), np.uint8), (1, 1, 1))
    result = sagittal("predict", MODELS / "cascade", *images["cascade"], "-o", tmp_path / "out.nii.gz", "--configuration",
                      "3d_cascade_fullres", "--previous", nothing, "--json")
    assert result.returncode == 0, result.stderr
    alone = json.loads(result.stdout)["labels"]
    labels = read_nifti(MODELS / "cascade/labels.nii.gz")
    assert alone[0]["voxels"] != int((labels == 1).sum())


@pytest.mark.parametrize("arguments, code, words", [
    ((MODELS / "regions", "{2d}", "-o", "out.nii.gz"), 1, "1 images, but the model takes 2"),
    ((MODELS / "cascade", "{2d}", "-o", "out.nii.gz"), 2, "choose a configuration"),
    ((MODELS / "2d", "{2d}", "-o", "out.xyz"), 2, "cannot write"),
    ((MODELS / "2d", "{2d}", "-o", "out.nii.gz", "--folds", "a"), 2, "--folds"),
    ((MODELS / "nowhere", "{2d}", "-o", "out.nii.gz"), 1, "no model"),
    ((PARITY / "checkpoint", "{2d}", "-o", "out.nii.gz"), 1, "answers prompts"),
    ((MODELS / "2d", "{2d}", "-o", "out.nii.gz", "--previous", "{2d}"), 2, "no second stage"),
])
def test_what_cannot_work_is_explained(sagittal, images, tmp_path, arguments, code, words):
    result = sagittal("predict", *(images["2d"][0] if a == "{2d}" else a for a in arguments), cwd=tmp_path)
    assert result.returncode == code and words in result.stderr, result.stderr
    assert not list(tmp_path.iterdir())


def test_model_info_describes_what_goes_in_and_out(sagittal):
    info = json.loads(sagittal("model", "info", MODELS / "anisotropic", "--json").stdout)
    assert info["kind"] == "nnU-Net" and info["configuration"] == "3d_fullres" and info["folds"] == ["all"]
    assert info["labels"] == [{"name": "liver", "labels": [1]}, {"name": "spleen", "labels": [2]}]
    assert info["spacing_mm"] == [5.5, 1.7, 1.6] and info["patch"] == [8, 32, 28]
    text = sagittal("model", "info", MODELS / "anisotropic").stdout
    assert "nnU-Net" in text and "spleen" in text
    assert sagittal("model", "verify", MODELS / "cascade", "--configuration", "3d_lowres").returncode == 0
