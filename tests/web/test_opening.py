"""What can be opened, what cannot, and how large it may be."""
import zipfile

import numpy as np
import pytest

from viewer import make_scan, write_nifti


def test_a_file_that_is_no_image_is_refused_with_a_reason(viewer, tmp_path):
    bad = tmp_path / "letter.nii"
    bad.write_bytes(b"Dear colleague, this is not a scan. " * 20)
    viewer.open(bad, wait=False)
    viewer.page.wait_for_selector(".toast.bad:has-text('letter.nii')")
    assert len(viewer.page.inner_text(".toast.bad")) > 30
    viewer.page.wait_for_selector(".drop")


def test_a_truncated_scan_is_refused_and_the_next_one_opens(viewer, scan, tmp_path):
    short = tmp_path / "short.nii"
    short.write_bytes(scan.read_bytes()[:100_000])
    viewer.open(short, wait=False)
    viewer.page.wait_for_selector(".toast.bad:has-text('short.nii')")
    viewer.page.set_input_files("input[data-folder=false]", str(scan))
    viewer.wait_open()


def test_a_zipped_dicom_series_of_the_shared_data(viewer, shared_data, tmp_path):
    folder = shared_data / "ct_totalseg/dicom"
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    archive = tmp_path / "series.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in files:
            packed.write(file, file.name)
    viewer.open(archive)
    assert viewer.shape == (512, 512, 20)
    viewer.click(180, 250)
    viewer.wait_prompts(1)


def test_a_dicom_folder_of_the_shared_data(viewer, shared_data):
    viewer.start()
    viewer.page.set_input_files("input[data-folder=true]", str(shared_data / "ct_totalseg/dicom"))
    viewer.wait_open()
    assert viewer.shape == (512, 512, 20)
    assert "CT" in viewer.page.inner_text(".top .title")


def test_a_real_ct_of_the_shared_data_from_drop_to_mask(viewer, shared_data):
    viewer.open(shared_data / "ct_lidc_0314/image.nii.gz")
    assert viewer.shape == (512, 512, 275)
    viewer.click(140, 260)
    viewer.wait_prompts(1)
    assert viewer.mask().any()


def test_a_scan_of_400_slices(viewer, tmp_path):
    large = tmp_path / "large.nii"
    make_scan(large, (400, 512, 512), radius=60)
    viewer.open(large)
    assert viewer.shape == (512, 512, 400)
    viewer.click(256, 256)
    viewer.wait_prompts(1)
    viewer.page.focus(".view.axial canvas")
    for _ in range(5):
        viewer.press("PageUp")
    viewer.page.wait_for_selector(".view.axial .place:text-is('206 / 400')")


def test_a_flat_image_fills_the_page(viewer, tmp_path):
    flat = tmp_path / "flat.nii"
    write_nifti(flat, np.random.default_rng(2).integers(0, 255, (1, 120, 160)).astype(np.uint8))
    viewer.open(flat)
    assert viewer.page.is_visible(".view.axial") and not viewer.page.is_visible(".view.coronal")


def test_a_scan_that_the_server_has_is_not_sent_again(viewer, scan):
    viewer.open(scan)
    viewer.start()
    sent = []
    viewer.page.on("request", lambda request: sent.append(request.method) if "/volumes/" in request.url else None)
    viewer.page.set_input_files("input[data-folder=false]", str(scan))
    viewer.wait_open()
    assert "HEAD" in sent and "PUT" not in sent


@pytest.mark.parametrize("list_title", ["Your scans", "Go on with"])
def test_the_start_page_lists_what_is_on_the_server(viewer, scan, list_title):
    viewer.open(scan)
    viewer.start()
    viewer.page.click(f".list:has(h2:has-text('{list_title}')) .item:has-text('ball.nii') >> nth=0")
    viewer.wait_open()
    assert viewer.shape == (96, 80, 64)
