"""OHIF itself, with its MONAI Label extension, in a headless Chromium: it shows a series of an archive, and this server, which it knows by its
address, fetches the same series from there by its UID."""
import json

import numpy as np
import pytest
import requests

import ct_series
import nrrd
from archive import Archive
from ohif_page import OhifPage, application, url_of
from running_server import Server, scan

SERIES = "1.2.826.0.1.3680043.8.498.77"
SHAPE = (48, 64, 64)
LABELMAP = """() => {
  const map = window.services.segmentationService.getLabelmapVolume('1');
  return map ? Array.from(map.voxelManager.getCompleteScalarDataArray()) : [];
}"""


@pytest.fixture
def instances():
    return ct_series.instances(scan(shape=SHAPE), SERIES)


@pytest.fixture
def page(instances):
    if not (application() / "index.html").exists():
        pytest.skip("this package of MONAI Label has no OHIF in it")
    served = OhifPage(instances)
    yield served
    served.close()


@pytest.fixture
def server(program, model, instances, page):
    archive = Archive(instances)
    running = Server(program, *model, "--dicomweb", archive.url, "--allow-origin", page.origin)
    yield running
    assert running.stop() == 0
    archive.close()


class Ohif:
    def __init__(self, browser, page: OhifPage):
        self.tab = browser.new_page(viewport={"width": 1500, "height": 950})
        self.tab.set_default_timeout(180_000)
        self.tab.goto(url_of(page))

    def connect(self, server) -> dict:
        self.tab.fill("#monailabelServerURL", f"{server.url}/")
        with self.tab.expect_response(lambda answer: answer.url.endswith("/info/")) as info:
            self.tab.click(".settingsTable .actionButton")
        self.tab.get_by_text("Point Prompts").click()
        return info.value.json()

    def choose(self, label: str) -> None:
        self.tab.locator(".clickable-row", has_text=label).click()
        self.tab.wait_for_timeout(500)

    def click(self, right: int, down: int) -> None:
        """Beside the middle of the axial view, in pixels."""
        view = self.tab.locator(".cornerstone-canvas").first.bounding_box()
        self.tab.mouse.click(view["x"] + view["width"] / 2 + right, view["y"] + view["height"] / 2 + down)
        self.tab.wait_for_timeout(1000)

    def run(self) -> tuple:
        """The parameters that OHIF sent, and the labels that it shows then."""
        with self.tab.expect_response(lambda answer: "/infer/" in answer.url) as found:
            self.tab.locator(".tab", has_text="Point Prompts").get_by_text("Run", exact=True).click()
        assert found.value.status == 200, found.value.text()
        assert f"image={SERIES}" in found.value.url
        sent = found.value.request.post_data.split("\r\n\r\n", 1)[1].split("\r\n--", 1)[0]
        self.tab.get_by_text("Running Inference for Point Prompts - Successful").first.wait_for()
        return json.loads(sent), self.labels()

    def labels(self) -> np.ndarray:
        return np.array(self.tab.evaluate(LABELMAP), np.uint8).reshape(SHAPE)


def mask_of(server, params: dict) -> np.ndarray:
    answer = requests.post(f"{server.url}/infer/nnInteractive", params={"image": SERIES, "output": "image"},
                           files={"params": (None, json.dumps(params))})
    return nrrd.read(answer.content)[1]


def test_clicks_in_ohif_become_a_mask_in_ohif(browser, server, page):
    ohif = Ohif(browser, page)
    info = ohif.connect(server)
    assert info["name"] == "Sagittal" and info["models"]["nnInteractive"]["type"] == "deepgrow"
    ohif.choose("segment")
    ohif.click(10, 10)
    sent, first = ohif.run()
    [click] = sent["foreground"]
    assert first[tuple(click[::-1])] == 1 and np.array_equal(first, mask_of(server, sent))

    ohif.choose("background")
    ohif.click(60, 60)
    ohif.choose("segment")
    sent, second = ohif.run()
    assert sent["foreground"] == [click] and len(sent["background"]) == 1
    assert second[tuple(sent["background"][0][::-1])] == 0 and np.array_equal(second, mask_of(server, sent))
    ohif.tab.close()


def test_ohif_of_a_site_that_is_not_listed_gets_nothing(browser, program, model, page):
    running = Server(program, *model)
    ohif = Ohif(browser, page)
    ohif.tab.fill("#monailabelServerURL", f"{running.url}/")
    ohif.tab.click(".settingsTable .actionButton")
    ohif.tab.get_by_text("Failed to Connect to MONAI Label").first.wait_for()
    assert ohif.tab.get_by_text("Point Prompts").count() == 0
    ohif.tab.close()
    assert running.stop() == 0
