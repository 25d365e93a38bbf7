"""Models run from their page: progress, results in the viewer, licence, cancel, a restart in the middle."""
import json
import signal

import pytest
import requests

from job_client import add_model, scan_file
from running_server import Server
from viewer import Viewer, start_with_viewer

HOSTILE = """<img src=x onerror="document.title='hurt'">"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    return scan_file(folder), scan_file(folder, times=60)


@pytest.fixture(scope="module")
def organs(program, model, tmp_path_factory):
    """A server with a tiny model of the liver and the spleen."""
    data = tmp_path_factory.mktemp("data")
    add_model(data)
    server = start_with_viewer(program, *model, data_dir=data)
    yield server
    server.stop()


@pytest.fixture
def tab(browser, organs):
    opened = Viewer(browser, organs.url)
    yield opened
    opened.close()
    assert opened.complaints == []


def model_page(viewer: Viewer, name="organs") -> None:
    viewer.page.goto(f"{viewer.url}/#page=models&model={name}&source=local")
    viewer.page.wait_for_selector(".run button, .run a")


def run(viewer: Viewer) -> None:
    viewer.page.click(".run button:has-text('Run on this scan')")


def wait_state(viewer: Viewer, state: str) -> None:
    viewer.page.wait_for_selector(f".job-view .chip.state.{state}")


def jobs(viewer: Viewer) -> list:
    return requests.get(f"{viewer.url}/api/v1/jobs", timeout=30).json()["jobs"]


def test_a_model_runs_on_the_loaded_scan_and_its_segments_come_into_the_viewer(tab, scans):
    tab.open(scans[0])
    session = tab.session
    tab.page.click(".pages a:has-text('Models')")
    tab.page.click(".model h2 a:has-text('organs')")
    tab.page.wait_for_selector(".run select")
    assert tab.page.locator("#scan-0 optgroup").first.get_attribute("label") == "Loaded scan"
    assert "Nothing of the model is executed" in tab.page.inner_text(".run")
    run(tab)
    wait_state(tab, "done")
    job = requests.get(f"{tab.url}/api/v1/jobs/{jobs(tab)[0]['id']}", timeout=30).json()
    found = job["outputs"][0]["segments"]
    assert job["inputs"][0]["volume"] == requests.get(f"{tab.url}/api/v1/sessions/{session}", timeout=30).json()["volume"]
    shown = tab.page.inner_text(".result")
    for segment in found:
        assert segment["name"] in shown and segment["codes"]["type"]["value"] in shown
    tab.page.click(".record summary")
    assert job["record"]["inputs"][0]["sha256"] in tab.page.inner_text(".record")
    with tab.page.expect_download() as download:
        tab.page.click(".result button:has-text('Download')")
    assert download.value.suggested_filename == job["outputs"][0]["path"]

    tab.page.click(".result button:has-text('Open in viewer')")
    tab.wait_open()
    assert tab.session == session
    tab.page.wait_for_selector(f".segments li:nth-child({len(found)})")
    made = tab.api()["segments"]  # the empty one that a session begins with has gone
    assert [s["name"] for s in made] == [s["name"] for s in found]
    assert [s["colour"] for s in made] == ["#%02x%02x%02x" % tuple(s["colour"]) for s in found]
    assert [s["term"]["id"] for s in made] == [s["id"] for s in found]
    assert [s["volume_ml"] for s in made] == pytest.approx([s["volume_ml"] for s in found], rel=1e-6)
    saved = tab.saved("NRRD", whole=True).read_bytes()
    assert all(s["name"].encode() in saved for s in found)


def test_a_result_opens_its_scan_where_none_is_loaded(tab, browser, organs, scans):
    tab.open(scans[0])
    model_page(tab)
    run(tab)
    wait_state(tab, "done")
    other = Viewer(browser, organs.url)
    other.page.goto(tab.page.url)
    other.page.click(".result button:has-text('Open in viewer')")
    other.wait_open()
    assert [s["name"] for s in other.api()["segments"]] == [s["name"] for s in jobs(tab)[0]["outputs"][0]["segments"]]
    assert other.session != tab.page.evaluate("JSON.parse(sessionStorage['sagittal.loaded']).session")
    other.close()
    assert other.complaints == []


def test_the_log_grows_and_a_job_is_cancelled_and_removed(tab, scans):
    tab.open(scans[1])
    model_page(tab)
    run(tab)
    tab.page.wait_for_selector(".job-view .chip.running, .job-view .chip.staging")
    tab.page.click("details:has(.log) summary")
    tab.page.wait_for_selector(".log:has-text('model')")
    tab.page.reload()  # it goes on
    tab.page.wait_for_selector(".job-view progress")
    tab.page.click(".job-view button:has-text('Cancel')")
    wait_state(tab, "cancelled")
    before = len(jobs(tab))
    tab.page.click(".job-view button:has-text('Remove')")
    tab.page.wait_for_selector("h1:text-is('Jobs')")
    assert len(jobs(tab)) == before - 1


def test_several_jobs_are_listed_newest_first_and_stopped_there(tab, scans):
    tab.open(scans[1])
    for _ in range(2):
        model_page(tab)
        run(tab)
        tab.page.wait_for_selector(".job-view .chip")
    tab.page.click(".pages a:has-text('Jobs')")
    tab.page.wait_for_selector(".job")
    shown = tab.page.locator(".job").evaluate_all("list => list.map(e => e.dataset.job)")
    assert shown == [job["id"] for job in jobs(tab)] and len(shown) >= 2
    assert tab.page.inner_text(f".job[data-job='{shown[0]}']").count("organs") >= 1
    for job in shown[:2]:
        tab.page.click(f".job[data-job='{job}'] button:has-text('Cancel')")
    for job in shown[:2]:
        tab.page.wait_for_selector(f".job[data-job='{job}'] .chip.cancelled")
        tab.page.click(f".job[data-job='{job}'] button:has-text('Remove')")
        tab.page.wait_for_selector(f".job[data-job='{job}']", state="detached")


def test_a_failed_job_says_why(tab, scans):
    volume = requests.post(f"{tab.url}/api/v1/volumes?name=a.nii.gz", data=scans[0].read_bytes(), timeout=30).json()["id"]
    made = requests.post(f"{tab.url}/api/v1/jobs", json={"model": "organs", "inputs": [{"volume": volume}] * 2}, timeout=30).json()
    tab.page.goto(f"{tab.url}/#page=jobs&job={made['id']}")
    wait_state(tab, "failed")
    assert "the model takes 1" in tab.page.inner_text(".job-view [role=alert]")


def test_what_is_not_there_is_said(tab):
    tab.page.goto(f"{tab.url}/#page=jobs&job=none")
    tab.page.wait_for_selector(".error:has-text('not there any more')")
    model_page(tab, "sagittal-small")
    assert "answers prompts" in tab.page.inner_text(".run") and tab.page.locator(".run button").count() == 0


def test_a_licence_is_accepted_before_the_first_run(browser, program, model, tmp_path, scans):
    add_model(tmp_path)
    (next((tmp_path / "models").rglob("plans.json")).parent / "LICENSE").write_text("CC BY-NC 4.0\n")
    server = Server(program, *model, data_dir=tmp_path)
    viewer = Viewer(browser, server.url).open(scans[0])
    model_page(viewer)
    run(viewer)
    viewer.page.wait_for_selector("dialog:has-text('not for commercial use')")
    viewer.press("Escape")
    viewer.page.wait_for_selector("dialog", state="detached")
    assert jobs(viewer) == []
    run(viewer)
    viewer.page.wait_for_selector("dialog button:has-text('Accept and run')")
    assert viewer.poor_contrast() == []
    viewer.press("Enter")
    wait_state(viewer, "done")
    model_page(viewer)
    run(viewer)
    viewer.page.wait_for_selector(".job-view .chip")
    assert len(jobs(viewer)) == 2
    viewer.close()
    server.stop()
    assert viewer.complaints == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_goes_on_after_the_server_was_restarted(browser, program, model, tmp_path, scans, how):
    add_model(tmp_path)
    first = Server(program, *model, "--drain-seconds", "0", data_dir=tmp_path)
    viewer = Viewer(browser, first.url).open(scans[0] if how == signal.SIGKILL else scans[1])
    model_page(viewer)
    run(viewer)
    viewer.page.wait_for_selector(".job-view .chip")
    if how == signal.SIGTERM:
        viewer.page.wait_for_selector(".job-view .chip.running")
    first.stop(how)
    second = Server(program, *model, port=first.port, data_dir=tmp_path)
    if how == signal.SIGTERM:
        viewer.page.wait_for_selector(".job-view .chip.running, .job-view .chip.done")
        (job,) = jobs(viewer)
        assert job["state"] in ("interrupted", "staging", "running", "collecting", "done")
        viewer.page.click(".job-view button")
        viewer.page.wait_for_selector(".job-view .chip.cancelled, h1:text-is('Jobs')")
    else:
        wait_state(viewer, "done")
    viewer.close()
    second.stop()
    assert viewer.complaints == []


def test_results_of_strangers_are_text(tab, organs, scans):
    """A job that ended with a table, a tree and notes, as a model might write them: what the page makes of it."""
    table = f"name,value\n\"{HOSTILE.replace(chr(34), chr(34) * 2)}\",1\n\"two, and\",2\n"
    record = {HOSTILE: [HOSTILE, {"image": HOSTILE}]}
    job = {"id": "x", "model": "m", "title": HOSTILE, "source": "mhub", "workflow": "default", "backend": "podman", "on": "local",
           "state": "done", "stage": "", "fraction": 1, "place": None, "created": "2026-11-21T10:00:00Z", "started": "2026-11-21T10:00:05Z",
           "ended": "2026-11-21T10:03:10Z", "notes": [f"It ran in a writable layer {HOSTILE}"], "error": None, "bytes": 1234,
           "inputs": [{"role": "ct", "description": HOSTILE, "volume": None, "series": None}], "record": record,
           "outputs": [{"path": "a/t.csv", "kind": "table", "bytes": len(table), "segments": []},
                       {"path": "a/r.json", "kind": "json", "bytes": 100, "segments": []},
                       {"path": "s.seg.dcm", "kind": "segmentation", "bytes": 100, "segments": [
                           {"number": 1, "name": HOSTILE, "id": "", "colour": [1, 2, 3], "codes": None, "volume_ml": 1.5}]}]}
    tab.page.route("**/api/v1/jobs/x", lambda route: route.fulfill(json=job))
    tab.page.route("**/api/v1/jobs/x/outputs/a/t.csv", lambda route: route.fulfill(body=table))
    tab.page.route("**/api/v1/jobs/x/outputs/a/r.json", lambda route: route.fulfill(body=json.dumps(record)))
    tab.page.goto(f"{tab.url}/#page=jobs&job=x")
    tab.page.wait_for_selector("td:text-is('two, and')")
    tab.page.wait_for_selector(".tree .key, .tree summary")
    assert tab.page.locator("main img, main script").count() == 0 and tab.page.title() != "hurt"
    assert "writable layer" in tab.page.inner_text(".warning")
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_all_of_it_has_names_contrast_and_keys(tab, scans):
    tab.open(scans[0])
    model_page(tab)
    tab.page.focus("#scan-0")
    while not tab.page.evaluate("document.activeElement.matches('.run button')"):
        tab.press("Tab")
    tab.press("Enter")
    wait_state(tab, "done")
    for address in (None, "#page=jobs", "#page=models&model=organs&source=local"):
        if address:
            tab.page.goto(f"{tab.url}/{address}")
            tab.page.wait_for_selector(".job, .run select")
        nameless = tab.page.evaluate("""() => [...document.querySelectorAll('a, button, input, select, summary, progress')].filter(e => e.checkVisibility())
            .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)""")
        assert nameless == [] and tab.poor_contrast() == []
        assert tab.page.locator("h1:visible").count() == 1
