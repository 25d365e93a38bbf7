"""sagittal info and sagittal convert."""
import gzip
import json
import struct

import pytest


def nifti(path, frames=1, values=range(24)):
    """A 4x3x2 uint8 image of 0.5 x 1 x 2 mm, left-handed, at (10, 20, 30) RAS."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 4, 4, 3, 2, frames, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, -0.5, 0, 0, 10, 0, 1, 0, 20, 0, 0, 2, 30)
    header[344:348] = b"n+1\0"
    path.write_bytes(gzip.compress(bytes(header) + bytes(values) * frames))
    return path


def test_info_describes_an_image(sagittal, tmp_path):
    report = json.loads(sagittal("info", nifti(tmp_path / "a.nii.gz"), "--json").stdout)
    assert report["format"] == "NIfTI-1" and report["type"] == "uint8" and report["range"] == [0, 23]
    assert report["size"] == [4, 3, 2] and report["spacing_mm"] == [0.5, 1, 2]
    assert report["origin_mm"] == [-10, -20, 30] and report["orientation"] == "LAS"
    text = sagittal("info", tmp_path / "a.nii.gz").stdout
    assert "4 x 3 x 2 voxels" in text and "left-handed" in text


def test_info_keeps_messages_off_standard_output(sagittal, tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"no image")
    result = sagittal("info", tmp_path / "a.nii.gz")
    assert result.returncode == 1 and result.stdout == "" and "a.nii.gz" in result.stderr


@pytest.mark.parametrize("name", ["b.nii", "b.nii.gz", "b.nrrd", "b.nhdr", "b.mha", "b.mhd"])
def test_convert_keeps_geometry_and_values(sagittal, tmp_path, name):
    source = nifti(tmp_path / "a.nii.gz")
    result = sagittal("convert", source, tmp_path / name)
    assert result.returncode == 0 and result.stdout == "" and result.stderr == ""
    before = json.loads(sagittal("info", source, "--json").stdout)
    after = json.loads(sagittal("info", tmp_path / name, "--json").stdout)
    for key in ("size", "spacing_mm", "origin_mm", "direction", "type", "range"):
        assert before[key] == after[key]


def test_an_open_frame_is_listed_and_is_wrong_usage(sagittal, tmp_path):
    source = nifti(tmp_path / "a.nii.gz", frames=3)
    assert json.loads(sagittal("info", source, "--json").stdout)["frames"] == 3
    result = sagittal("convert", source, tmp_path / "b.nrrd")
    assert result.returncode == 2 and "3 volumes" in result.stderr and not (tmp_path / "b.nrrd").exists()
    assert sagittal("convert", source, tmp_path / "b.nrrd", "--frame", "2").returncode == 0
    assert sagittal("convert", source, tmp_path / "b.nrrd", "--frame", "3").returncode == 1


def test_convert_refuses_a_name_it_cannot_write_before_it_reads(sagittal, tmp_path):
    result = sagittal("convert", tmp_path / "absent.nii", tmp_path / "b.jpg")
    assert result.returncode == 2 and ".nii.gz" in result.stderr
