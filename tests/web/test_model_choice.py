"""A server with two models: the viewer asks which one a scan is opened with."""
import pytest
import requests

from second_model import LICENCE, SECOND, SMALL, second_model
from viewer import Viewer, start_with_viewer


@pytest.fixture(scope="module")
def server(program, tmp_path_factory):
    running = start_with_viewer(program, "--model", SMALL, "--model", second_model(tmp_path_factory.mktemp("models")))
    yield running
    running.process.kill()
    running.process.wait()


def test_a_scan_is_opened_with_the_model_that_is_chosen(viewer, server, scan):
    viewer.open(scan, wait=False)
    viewer.page.wait_for_selector("dialog:has-text('Which model?')")
    rows = viewer.page.locator("dialog .choices .item")
    assert [rows.nth(n).inner_text().split("\n")[0] for n in range(rows.count())] == [SMALL, SECOND]
    assert f"{LICENCE} · not for commercial use" in rows.nth(1).inner_text()
    rows.nth(1).click()
    viewer.wait_open()
    [session] = requests.get(f"{server.url}/api/v1/sessions").json()["sessions"]
    assert session["model"] == SECOND


def test_who_chooses_none_opens_nothing(viewer, scan):
    viewer.open(scan, wait=False)
    viewer.page.wait_for_selector("dialog:has-text('Which model?')")
    viewer.page.keyboard.press("Escape")
    viewer.page.wait_for_selector(".drop")
