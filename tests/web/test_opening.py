"""What can be opened, what cannot, and how large it may be."""
import zipfile

import numpy as np
import pytest
import requests

import ct_series
from archive import Archive
from running_server import SHAPE, Server
from running_server import scan as ct_voxels
from viewer import Viewer, make_scan, write_nifti

LONG_NAME = "a study of the upper abdomen with a name as long as research folders have them, baseline"


def test_a_file_that_is_no_image_is_refused_with_a_reason(viewer, tmp_path):
    bad = tmp_path / "letter.nii"
    bad.write_bytes(b"Dear colleague, this is not a scan. " * 20)
    viewer.open(bad, wait=False)
    viewer.page.wait_for_selector(".toast.bad:has-text('letter.nii')")
    assert len(viewer.page.inner_text(".toast.bad")) > 30
    viewer.page.wait_for_selector(".drop")


def test_an_empty_file_is_called_empty(viewer, tmp_path):
    (tmp_path / "nothing.nii.gz").touch()
    viewer.open(tmp_path / "nothing.nii.gz", wait=False)
    viewer.page.wait_for_selector(".toast.bad:has-text('nothing.nii.gz: the file is empty')")


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


@pytest.fixture
def offering(browser, program, model, tmp_path):
    """Starts a server that offers scans, and opens its start page."""
    running = []

    def start(*options) -> Viewer:
        running.append(Server(program, *model, *options, data_dir=tmp_path / "data"))
        running.append(Viewer(browser, running[0].url).start())
        return running[1]

    yield start
    server, viewer = running
    viewer.close()
    server.stop()
    assert viewer.complaints == []


def choose(viewer: Viewer, title: str, name: str) -> None:
    viewer.page.click(f".list:has(h2:has-text('{title}')) .item:has-text('{name}')")
    viewer.wait_open()


@pytest.mark.parametrize("ending", ["nii.gz", "nrrd", "mha", "npy"])
def test_each_kind_of_file_can_be_dropped(viewer, sagittal, scan, tmp_path, ending):
    file = tmp_path / f"ball.{ending}"
    done = sagittal("convert", scan, file)
    assert done.returncode == 0, done.stderr
    viewer.drop(file)
    assert viewer.shape == (96, 80, 64)
    viewer.click(48, 40)
    viewer.wait_prompts(1)
    assert viewer.mask().any()


def test_the_example_opens_from_the_start_page(viewer, server):
    examples = [s for s in requests.get(f"{server.url}/api/v1/studies", timeout=30).json()["studies"] if s["source"] == "example"]
    if not examples:
        pytest.skip("no example on this machine: it comes with Debian's mricron-data")
    viewer.start()
    choose(viewer, "Try an example", examples[0]["name"])
    assert list(viewer.shape) == examples[0]["shape"]


def test_a_scan_of_the_servers_folder_opens_and_its_name_is_shown_whole(offering, tmp_path):
    folder = tmp_path / "scans" / LONG_NAME
    folder.mkdir(parents=True)
    make_scan(folder / "ball.nii", (20, 40, 50), radius=8)
    viewer = offering("--studies", tmp_path / "scans")
    name = viewer.page.locator(".item-name", has_text="ball.nii")
    name.wait_for()
    assert name.inner_text() == f"{LONG_NAME}/ball.nii"
    assert name.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight")
    choose(viewer, "Scans on this server", "ball.nii")
    assert viewer.shape == (50, 40, 20)
    viewer.click(25, 20)
    viewer.wait_prompts(1)


def test_a_series_of_a_dicomweb_archive_opens_from_the_start_page(offering):
    archive = Archive(ct_series.instances(ct_voxels(), "1.2.826.0.1.3680043.8.498.77", description="Thorax 5.0"))
    viewer = offering("--dicomweb", archive.url)
    choose(viewer, "Scans on this server", "Thorax 5.0")
    assert viewer.shape == SHAPE[::-1] and "CT" in viewer.page.inner_text(".top .title")
    assert viewer.page.eval_on_selector("#window", "e => e.selectedOptions[0].text") == "Soft tissue"
    archive.close()


def test_an_archive_that_is_away_is_named_on_the_start_page(offering):
    viewer = offering("--dicomweb", "http://127.0.0.1:9/dicom-web")
    viewer.page.wait_for_selector(".lists .error:has-text('127.0.0.1:9')")


def test_a_long_list_of_scans_is_searched(offering, tmp_path):
    (tmp_path / "scans").mkdir()
    for n in range(20):
        make_scan(tmp_path / f"scans/patient{n:02}.nii", (4, 8, 8), radius=2)
    viewer = offering("--studies", tmp_path / "scans")
    viewer.page.wait_for_selector("button:has-text('Show all 20')")
    assert viewer.page.locator(".list .item").count() < 20
    viewer.page.fill("input[type=search]", "patient17")
    viewer.page.wait_for_selector(".item:has-text('patient17.nii')")
    assert viewer.page.locator(".list .item").count() == 1
    viewer.page.fill("input[type=search]", "")
    viewer.page.click("button:has-text('Show all 20')")
    assert viewer.page.locator(".list .item").count() == 20


def test_an_upload_can_be_given_up(viewer, scan):
    viewer.page.route("**/api/v1/volumes/*", lambda route: route.fulfill(status=404) if route.request.method == "HEAD" else None)
    viewer.open(scan, wait=False)
    viewer.page.click(".loading button:has-text('Cancel')")
    viewer.page.wait_for_selector(".drop")
    assert viewer.page.locator(".toast.bad").count() == 0
    viewer.page.unroute("**/api/v1/volumes/*")
    viewer.page.set_input_files("input[data-folder=false]", str(scan))
    viewer.wait_open()
