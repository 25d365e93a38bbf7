"""sagittal info and sagittal convert."""
import gzip
import json
import os
import struct
import subprocess

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
    assert result.returncode == 2 and "3 volumes" in result.stderr and "--frame" in result.stderr
    assert not (tmp_path / "b.nrrd").exists()
    assert sagittal("convert", source, tmp_path / "b.nrrd", "--frame", "2").returncode == 0
    assert sagittal("convert", source, tmp_path / "b.nrrd", "--frame", "3").returncode == 1


def test_convert_refuses_a_name_it_cannot_write_before_it_reads(sagittal, tmp_path):
    result = sagittal("convert", tmp_path / "absent.nii", tmp_path / "b.jpg")
    assert result.returncode == 2 and ".nii.gz" in result.stderr


def test_an_open_frame_is_asked_for_on_a_terminal(program, tmp_path):
    source = nifti(tmp_path / "a.nii.gz", frames=3)
    master, terminal = os.openpty()
    with subprocess.Popen([program, "convert", source, tmp_path / "b.nii"], stdin=terminal, stderr=terminal) as process:
        os.close(terminal)
        os.write(master, b"seven\n1\n")
        shown = b""
        try:
            while chunk := os.read(master, 1000):
                shown += chunk
        except OSError:  # the terminal closes with the program
            pass
        assert process.wait(timeout=60) == 0
    assert shown.count(b"Which frame? (0 to 2)") == 2 and (tmp_path / "b.nii").exists()


def test_several_series_are_listed_and_are_wrong_usage(sagittal, shared_data, tmp_path):
    folder = shared_data / "dicomseg_dcmqi"
    series = json.loads(sagittal("info", folder, "--json").stdout)["series"]
    assert len(series) == 5 and all(s["images"] == 3 and s["modality"] == "CT" for s in series)
    result = sagittal("convert", folder, tmp_path / "b.nii.gz")
    assert result.returncode == 2 and all(s["uid"] in result.stderr for s in series)
    chosen = sagittal("convert", folder, tmp_path / "b.nii.gz", "--series", series[1]["uid"])
    assert chosen.returncode == 0 and (tmp_path / "b.nii.gz").exists()


def test_a_compressed_series_becomes_nifti(sagittal, shared_data, tmp_path):
    folder = shared_data / "ct_totalseg/dicom"
    assert sagittal("convert", folder, tmp_path / "ct.nii.gz").returncode == 0
    before = json.loads(sagittal("info", folder, "--json").stdout)
    after = json.loads(sagittal("info", tmp_path / "ct.nii.gz", "--json").stdout)
    assert after["size"] == [512, 512, 20] and after["range"] == before["range"]
    assert after["spacing_mm"] == pytest.approx(before["spacing_mm"]) and after["orientation"] == before["orientation"]
