"""Models of MHub from their page: search, inputs by role, licence, progress and log, results in the viewer, failure, cancel."""
import io
import json
import os
import zipfile

import numpy as np
import pytest
import requests

from ct_series import encode, instances
from job_client import THREE_SERIES, FakeDocker, publish
from native_client import Client, drawing_prompt
from running_server import Server
from viewer import Viewer, make_scan, write_nifti

SHAPE = (64, 80, 96)  # of make_scan
SERIES = "1.2.826.0.1.3680043.8.498.2"
WAIT = 'while [ ! -e "{folder}/go" ]; do sleep 0.05; done; '
WRITE = 'echo "reading the scan"; {wait}mkdir "$out/case"; cp "{folder}"/*.nii.gz "{folder}/segdef.json" "$out/case"; echo "wrote it"'


def block(*box) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[tuple(slice(*side) for side in box)] = 1
    return mask


RIGHT, SPOT = block((10, 40), (20, 60), (10, 50)), block((20, 30), (30, 40), (30, 60))  # they overlap


@pytest.fixture(scope="module")
def place(program, model, sagittal, tmp_path_factory):
    """A server with published models and an engine that answers."""
    data, repository = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("repository")
    engine = FakeDocker(tmp_path_factory.mktemp("engine") / "bin")
    publish(repository, "lung_spots")
    publish(repository, "prostate", THREE_SERIES, "MR")
    assert sagittal("hub", "sync", "--from", repository, "--data-dir", data).returncode == 0
    write_nifti(engine.folder / "right.nii.gz", RIGHT)
    write_nifti(engine.folder / "spot.nii.gz", SPOT)
    (engine.folder / "segdef.json").write_text(json.dumps([
        {"file": "right.nii.gz", "labels": {"1": "RIGHT_LUNG"}}, {"file": "spot.nii.gz", "labels": {"1": "LUNG+CYST"}}]))
    server = Server(program, *model, data_dir=data, env={**os.environ, "PATH": engine.path})
    if "assets/" not in requests.get(server.url, timeout=30).text:
        server.stop()
        pytest.skip("the program was built with SAGITTAL_WEB=OFF")
    server.engine = engine
    yield server
    server.stop()


@pytest.fixture
def tab(browser, place, tmp_path):
    (place.engine.folder / "go").unlink(missing_ok=True)
    opened = Viewer(browser, place.url)
    yield opened
    opened.close()
    assert opened.complaints == []


@pytest.fixture
def scan_tab(tab, tmp_path):
    make_scan(tmp_path / "chest.nii", SHAPE)
    return tab.open(tmp_path / "chest.nii")


def model_page(viewer: Viewer, name="lung_spots") -> None:
    viewer.page.goto(f"{viewer.url}/#page=models&model={name}&source=mhub")
    viewer.page.wait_for_selector(".run #scan-0, .run p:has-text('no scan')")


def run(viewer: Viewer) -> None:
    """As somebody does who has accepted the licence, or does so now."""
    viewer.page.click(".run button[type=submit]")
    viewer.page.wait_for_selector("dialog, .job-view .chip.state")
    if viewer.page.locator("dialog").count() > 0:
        viewer.page.click("dialog button:has-text('Accept and run')")


def wait_state(viewer: Viewer, state: str) -> None:
    viewer.page.wait_for_selector(f".job-view .chip.state.{state}")


def names(viewer: Viewer) -> list:
    return [segment["name"] for segment in viewer.api()["segments"]]


def test_from_the_search_to_named_segments_in_the_viewer(scan_tab, place):
    tab, engine = scan_tab, place.engine
    session = tab.session
    engine.program(WRITE.format(folder=engine.folder, wait=WAIT.format(folder=engine.folder)))
    tab.page.click(".pages a:has-text('Models')")
    tab.page.fill("input[type=search]", "spots")
    tab.page.click(".model h2 a:has-text('lung_spots')")
    tab.page.wait_for_selector(".run select#scan-0")
    assert "chest.nii" in tab.page.inner_text("#scan-0 option:checked")
    tab.page.wait_for_selector("#backend option:text-matches('best of this server: Docker')", state="attached")
    assert tab.page.locator("#backend option[value=apptainer]").is_disabled() and tab.page.locator("#place").count() == 0
    assert tab.poor_contrast() == []

    tab.page.click(".run button:has-text('Run on this scan')")
    tab.page.wait_for_selector("dialog:has-text('not for commercial use')")
    tab.press("Escape")  # refused: nothing was posted
    tab.page.wait_for_selector("dialog", state="detached")
    assert requests.get(f"{tab.url}/api/v1/jobs", timeout=30).json()["jobs"] == []
    run(tab)
    wait_state(tab, "running")
    tab.page.wait_for_selector(".job-view progress")
    tab.page.click("details:has(.log) summary")
    tab.page.wait_for_selector(".log:has-text('reading the scan')")
    (engine.folder / "go").touch()
    wait_state(tab, "done")
    shown = tab.page.inner_text(".job-view")
    assert "right lung" in shown.lower() and "48.0 ml" in shown

    tab.page.click("button:has-text('Open all in viewer')")
    tab.wait_open()
    assert tab.session == session, "the scan was loaded"
    tab.page.wait_for_selector(".segments li:nth-child(2)")
    found = {s["name"]: s for s in tab.api()["segments"]}
    assert len(found) == 2 and not any(name.startswith("Segment") for name in found), "no empty segment stays"
    right = next(s for s in found.values() if (s["term"] or {}).get("id") == "RIGHT_LUNG")
    other = next(s for s in found.values() if s is not right)
    assert right["colour"] != other["colour"]
    assert (tab.mask(right["number"]) == RIGHT.astype(bool)).all() and (tab.mask(other["number"]) == SPOT.astype(bool)).all(), "both, where they overlap too"


def test_opened_twice_the_segments_are_there_once_and_in_front(scan_tab, place):
    tab = scan_tab
    place.engine.program(WRITE.format(folder=place.engine.folder, wait=""))
    model_page(tab)
    run(tab)
    wait_state(tab, "done")
    job = tab.page.url
    for n, (file, count) in enumerate([("right.nii.gz", 1), ("spot.nii.gz", 2), ("right.nii.gz", 2), ("spot.nii.gz", 2)]):
        tab.page.goto(job)
        tab.page.click(f".result:has-text('{file}') button:has-text('Open in viewer')")
        tab.wait_open()
        assert len(names(tab)) == count, n
        wanted = next(s["number"] for s in tab.api()["segments"] if ((s["term"] or {}).get("id") == "RIGHT_LUNG") == (file == "right.nii.gz"))
        tab.page.wait_for_selector(f".segments li.active[data-segment='{wanted}']")


def test_a_dicom_seg_with_overlaps_opens_on_its_series(tab, place, tmp_path):
    voxels = np.random.default_rng(3).integers(-900, 100, (12, 40, 48)).astype(np.int16)
    with zipfile.ZipFile(tmp_path / "chest.zip", "w") as archive:
        for n, instance in enumerate(instances(voxels, SERIES)):
            archive.writestr(f"IM{n:04d}", encode(instance))
    client = Client(place.url)
    session = client.open(client.upload((tmp_path / "chest.zip").read_bytes(), "chest.zip"))
    masks = np.zeros((2, *voxels.shape), np.uint8)
    masks[0, 2:9, 5:30, 5:30] = masks[1, 4:7, 10:20, 20:40] = 1
    for mask, term in zip(masks, ("RIGHT_LUNG", "LEFT_LUNG")):
        drawn = drawing_prompt("init", mask, True)
        client.ask("POST", f"{session.path}/segments", 201, json={"term": term, "mask": {"bounds": drawn["bounds"], "mask": drawn["mask"]}})
    seg = place.engine.folder / "both.seg.dcm"
    seg.write_bytes(client.ask("GET", f"{session.path}/mask?format=seg.dcm"))
    place.engine.program(f'mkdir "$out/{SERIES}"; cp "{seg}" "$out/{SERIES}/lung_spots.seg.dcm"')

    tab.open(tmp_path / "chest.zip")
    model_page(tab)
    run(tab)
    wait_state(tab, "done")
    tab.page.click(".result button:has-text('Open in viewer')")
    tab.wait_open()
    tab.page.wait_for_selector(".segments li:nth-child(2)")
    made = tab.api()["segments"]
    assert [s["term"]["id"] for s in made] == ["RIGHT_LUNG", "LEFT_LUNG"]
    for segment, mask in zip(made, masks):
        assert (tab.mask(segment["number"]) == mask.astype(bool)).all()


def test_a_model_of_three_series_is_offered_its_roles(tab, place, tmp_path):
    client = Client(place.url)
    voxels = np.random.default_rng(4).integers(0, 900, (6, 20, 24)).astype(np.int16)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for n, name in enumerate(("HBV b1400", "T2W tra", "ADC map")):
            for k, instance in enumerate(instances(voxels + n, f"{SERIES}.{n + 5}", description=name)):
                instance.Modality = "MR"
                archive.writestr(f"{n}/IM{k:04d}", encode(instance))
    client.upload(file.getvalue(), "prostate.zip")
    place.engine.program('ls "$in"/* >"{0}/saw"; case="$(ls "$in")"; mkdir "$out/$case"; echo "{{}}" >"$out/$case/cspca.json"'.format(place.engine.folder))

    make_scan(tmp_path / "chest.nii", SHAPE)
    client.upload((tmp_path / "chest.nii").read_bytes(), "chest.nii")
    tab.start()
    model_page(tab, "prostate")
    tab.page.wait_for_selector("#scan-2")
    assert tab.page.locator(".run .filter label").all_inner_texts()[:3] == ["T2W", "ADC", "HBV"]
    chosen = [tab.page.inner_text(f"#scan-{n} option:checked") for n in range(3)]
    assert ["T2W" in chosen[0], "ADC" in chosen[1], "HBV" in chosen[2]] == [True] * 3, chosen
    button = tab.page.locator(".run button[type=submit]")
    assert button.is_enabled() and button.inner_text() == "Run on these scans"

    tab.page.select_option("#scan-1", label="chest.nii")
    tab.page.wait_for_selector(".run .error:has-text('DICOM')")
    assert button.is_disabled(), "it would be refused"
    tab.page.select_option("#scan-1", tab.page.input_value("#scan-0"))
    tab.page.wait_for_selector(".run .notice:has-text('same scan')")
    tab.page.select_option("#scan-1", tab.page.locator("#scan-1 option:has-text('ADC')").get_attribute("value"))
    run(tab)
    wait_state(tab, "done")
    assert (place.engine.folder / "saw").read_text().split() == ["adc", "hbv", "t2w"]
    job = requests.get(f"{tab.url}/api/v1/jobs", timeout=30).json()["jobs"][0]
    assert {i["role"] for i in job["inputs"]} == {"t2w", "adc", "hbv"}
    assert [o["kind"] for o in job["outputs"]] == ["json"]


def test_a_failing_model_shows_the_last_lines_of_its_log(scan_tab, place):
    tab = scan_tab
    place.engine.program('echo "no lungs in this scan"; echo "giving up"; exit 1')
    model_page(tab)
    run(tab)
    wait_state(tab, "failed")
    words = tab.page.inner_text(".job-view [role=alert]")
    assert "no lungs in this scan\ngiving up" in words and "left no result" in words
    assert tab.page.locator(".result").count() == 0
    tab.page.click(".pages a:has-text('Jobs')")
    tab.page.wait_for_selector(".job .summary.bad")
    assert "giving up" not in tab.page.inner_text(".job >> nth=0"), "the list is short"


def test_a_running_model_is_cancelled_from_its_page(scan_tab, place):
    tab = scan_tab
    place.engine.program(WRITE.format(folder=place.engine.folder, wait=WAIT.format(folder=place.engine.folder)))
    model_page(tab)
    run(tab)
    wait_state(tab, "running")
    tab.page.click(".job-view button:has-text('Cancel')")
    wait_state(tab, "cancelled")
    assert tab.page.locator(".result").count() == 0 and tab.page.locator(".job-view progress").count() == 0


def test_without_an_engine_the_page_says_what_to_install(browser, program, model, sagittal, tmp_path):
    publish(tmp_path / "repository", "lung_spots")
    assert sagittal("hub", "sync", "--from", tmp_path / "repository", "--data-dir", tmp_path / "data").returncode == 0
    (tmp_path / "empty").mkdir()
    server = Server(program, *model, data_dir=tmp_path / "data", env={**os.environ, "PATH": str(tmp_path / "empty")})
    make_scan(tmp_path / "chest.nii", SHAPE)
    viewer = Viewer(browser, server.url).open(tmp_path / "chest.nii")
    model_page(viewer)
    viewer.page.wait_for_selector(".run [role=alert]:has-text('Nothing on this server')")
    assert viewer.page.locator(".run button[type=submit]").is_disabled()
    viewer.page.click(".run .missing summary")
    assert "apt-get install podman" in viewer.page.inner_text(".run .missing")
    viewer.close()
    server.stop()
    assert viewer.complaints == []
