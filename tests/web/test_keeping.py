"""Saving, opening again, sharing, and a server that goes away in the middle."""
import json
import signal

import numpy as np
import pytest
import requests

from running_server import Server
from viewer import Viewer, write_nifti

BALL = (48, 40)


def segmented(viewer, scan):
    viewer.open(scan)
    viewer.click(*BALL)
    viewer.wait_prompts(1)
    viewer.press("l")
    viewer.drag([(34, 30), (62, 30), (62, 52), (34, 52), (34, 31)])
    viewer.wait_prompts(2)
    assert viewer.mask().any()
    return viewer


def array_of(sagittal, path, tmp_path) -> np.ndarray:
    out = tmp_path / "array.npy"
    done = sagittal("convert", path, out)
    assert done.returncode == 0, done.stderr
    return np.load(out)


@pytest.mark.parametrize("button, ending", [("NIfTI", "nii.gz"), ("NRRD", "seg.nrrd"), ("DICOM SEG", "seg.dcm")])
def test_a_saved_mask_is_what_the_server_has(viewer, scan, sagittal, tmp_path, button, ending):
    segmented(viewer, scan)
    file = tmp_path / f"mask.{ending}"
    file.write_bytes(viewer.saved(button).read_bytes())
    assert (array_of(sagittal, file, tmp_path).reshape(viewer.shape[::-1]) > 0).tolist() == viewer.mask().tolist()


def test_saving_names_the_file_and_says_what_is_empty(viewer, scan):
    segmented(viewer, scan)
    viewer.press("e")
    viewer.page.wait_for_selector(".segments li:nth-child(2).active")
    viewer.page.click(".top button:has-text('Save')")
    viewer.page.wait_for_selector("dialog .notice:has-text('Segment 2: empty')")
    viewer.press("Escape")
    viewer.saved("NRRD", whole=True)
    viewer.page.wait_for_selector(".toast:has-text('ball.seg.nrrd')")


def test_a_saved_surface_encloses_the_mask(viewer, scan):
    segmented(viewer, scan)
    file = viewer.saved("STL").read_bytes()
    triangles = np.frombuffer(file, np.dtype([("normal", "<3f4"), ("corners", "<9f4"), ("flags", "<u2")]), offset=84)
    assert int.from_bytes(file[80:84], "little") == len(triangles) > 100
    a, b, c = (triangles["corners"].reshape(-1, 3, 3)[:, n].astype(float) for n in range(3))
    volume = abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)
    voxels = viewer.mask().sum()
    assert 0.7 * voxels < volume < 1.3 * voxels


def test_saved_prompts_replay_to_the_same_mask(viewer, scan, sagittal, model, tmp_path):
    segmented(viewer, scan)
    prompts = tmp_path / "prompts.json"
    prompts.write_bytes(viewer.saved("Prompts").read_bytes())
    assert len(json.loads(prompts.read_text())["prompts"]) == 2
    out = tmp_path / "replayed.nii.gz"
    done = sagittal("segment", scan, "-o", out, "--prompts", prompts, *model)
    assert done.returncode == 0, done.stderr
    assert ((array_of(sagittal, out, tmp_path) > 0) == viewer.mask()).all()


def test_a_saved_mask_starts_a_segment_of_another_session(viewer, scan, tmp_path, browser, server):
    segmented(viewer, scan)
    file = tmp_path / "start.nii.gz"
    file.write_bytes(viewer.saved("NIfTI").read_bytes())
    other = Viewer(browser, server.url).open(scan)
    with other.page.expect_file_chooser() as chooser:
        other.page.click(".side button:has-text('Start from a mask')")
    chooser.value.set_files(str(file))
    other.page.wait_for_selector(".segments li:nth-child(2)")
    other.wait_quiet()
    assert (other.mask(2) == viewer.mask()).all()
    other.click(60, 44)
    other.wait_prompts(2, segment=2)
    other.close()


def test_each_label_of_a_mask_becomes_a_segment_with_a_surface(viewer, scan, tmp_path):
    labels = np.zeros((64, 80, 96), np.uint8)
    for n in range(6):
        labels[20:30, 20:30, 10 * n + 10:10 * n + 18] = n + 1
    write_nifti(tmp_path / "labels.nii", labels)
    viewer.open(scan)
    with viewer.page.expect_file_chooser() as chooser:
        viewer.page.click(".side button:has-text('Start from a mask')")
    chooser.value.set_files(str(tmp_path / "labels.nii"))
    viewer.page.wait_for_selector(".scene[data-meshes='6']")
    assert viewer.volumes() == ["0 ml", *["0.80 ml"] * 6]
    assert (viewer.mask(4) == (labels == 3)).all()
    viewer.press("v")
    viewer.page.wait_for_selector(".scene[data-meshes='5']")


def test_the_page_comes_back_as_it_was_when_it_is_loaded_again(viewer, scan):
    segmented(viewer, scan)
    shown, mask = viewer.volumes(), viewer.mask()
    viewer.page.reload()
    viewer.wait_open()
    viewer.wait_mask()
    assert viewer.volumes() == shown
    assert (viewer.mask() == mask).all()
    assert viewer.is_tinted(*np.argwhere(mask[32])[len(np.argwhere(mask[32])) // 2][::-1] + 0.5)
    viewer.press("Control+z")
    viewer.wait_prompts(1)


def test_a_colleague_works_on_the_shared_session(viewer, scan, browser, server):
    segmented(viewer, scan)
    viewer.page.click(".top button:has-text('Share')")
    address = viewer.page.input_value("dialog input")
    viewer.press("Escape")
    colleague = Viewer(browser, server.url)
    colleague.page.goto(address)
    colleague.wait_open()
    colleague.wait_mask()
    assert colleague.volumes() == viewer.volumes()
    viewer.press("Control+z")
    viewer.wait_prompts(1)
    colleague.page.wait_for_selector(f".segments li:first-child small:text-is('{viewer.volumes()[0]}')")
    colleague.close()
    assert colleague.complaints == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_lost_when_the_server_restarts(browser, program, model, scan, tmp_path, how):
    first = Server(program, *model, data_dir=tmp_path)
    viewer = segmented(Viewer(browser, first.url), scan)
    mask = viewer.mask()
    first.stop(how)
    viewer.press("p")
    viewer.click(52, 44)
    viewer.page.wait_for_selector(".away:not(.absent)")
    second = Server(program, *model, port=first.port, data_dir=tmp_path)
    viewer.page.wait_for_selector(".away.absent", state="attached")
    viewer.wait_prompts(3)
    viewer.press("Control+z")
    viewer.wait_prompts(2)
    assert (viewer.mask() == mask).all()
    viewer.close()
    second.stop()


def test_a_server_with_keys_asks_for_one(browser, program, model, sagittal, scan, tmp_path):
    keys = tmp_path / "keys"
    made = sagittal("key", "add", "anna", "--api-key-file", keys)
    key = made.stdout.strip().split()[-1]
    server = Server(program, *model, "--api-key-file", keys)
    viewer = Viewer(browser, server.url)
    viewer.page.goto(server.url)
    viewer.page.fill("#key", "wrong")
    viewer.press("Enter")
    viewer.page.wait_for_selector("dialog .error")
    viewer.page.fill("#key", key)
    viewer.press("Enter")
    viewer.page.wait_for_selector("dialog", state="detached")
    viewer.page.set_input_files("input[data-folder=false]", str(scan))
    viewer.wait_open()
    viewer.click(*BALL)
    viewer.wait_quiet()
    assert viewer.volumes() != ["0 ml"]
    viewer.page.reload()
    viewer.wait_open()
    assert requests.get(f"{server.url}/api/v1/sessions", timeout=30).status_code == 401
    viewer.close()
    server.stop()
