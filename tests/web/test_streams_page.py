"""The page of streams: start a pipeline, see it live, change it, stop it."""
import pytest

from stream_pipelines import write_pipeline
from viewer import CONTRAST, Viewer, start_with_viewer


@pytest.fixture(scope="module")
def streams(program, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipelines")
    write_pipeline(folder)
    server = start_with_viewer(program, *model, "--pipelines", folder)
    yield server
    assert server.stop() == 0


@pytest.fixture
def viewer(browser, streams):
    viewer = Viewer(browser, streams.url).start()
    viewer.page.click(".pages a:has-text('Streams')")
    viewer.page.wait_for_selector("[data-pipeline=small]")
    yield viewer
    viewer.close()
    assert viewer.complaints == []


def test_a_pipeline_is_started_seen_changed_and_stopped(viewer):
    page = viewer.page
    page.click("[data-pipeline=small] button:has-text('Start')")
    page.wait_for_selector(".stream-view .chip:has-text('Running')")
    for name in ("folder", "smaller", "numbers"):
        page.wait_for_selector(f".graph [data-operator={name}]")
    page.wait_for_selector("td.numbers")
    page.wait_for_function("() => document.querySelector('img.live').naturalWidth === 16")
    page.fill("#set-smaller-width", "24")
    page.press("#set-smaller-width", "Enter")
    page.wait_for_function("() => document.querySelector('img.live').naturalWidth === 24")
    page.fill("#set-smaller-width", "-3")
    page.press("#set-smaller-width", "Enter")
    page.wait_for_selector("#set-smaller-width[aria-invalid=true]")
    page.uncheck("[data-settings=folder] input[type=checkbox] >> nth=0")
    page.wait_for_selector(".graph .off[data-operator=folder]")
    assert page.evaluate(CONTRAST) == []
    page.reload()
    page.wait_for_selector(".graph .off[data-operator=folder]")
    page.click("button:text-is('Stop')")
    page.wait_for_selector("[role=status]:has-text('None runs')")


def test_a_stream_that_is_gone_says_so(viewer):
    viewer.page.goto(f"{viewer.url}/#page=streams&stream=0123")
    viewer.page.wait_for_selector(".error:has-text('not there any more')")
