"""A headless Chromium against the real server. Chromium is Debian's; another one: SAGITTAL_CHROMIUM."""
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server"))

from playwright.sync_api import sync_playwright  # noqa: E402

from viewer import Viewer, make_scan, start_with_viewer  # noqa: E402


@pytest.fixture(scope="session")
def model() -> list:
    """Options that name a model: SAGITTAL_TEST_MODEL, else the one in the box."""
    chosen = os.environ.get("SAGITTAL_TEST_MODEL")
    return ["--model", chosen] if chosen else []


@pytest.fixture(scope="session")
def browser():
    path = os.environ.get("SAGITTAL_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail("no Chromium: tools/install_dependencies.sh test, or SAGITTAL_CHROMIUM=PATH")
    with sync_playwright() as playwright:
        # As root in a container it has no sandbox of its own; without a graphics processor it draws in software.
        running = playwright.chromium.launch(executable_path=path, args=[
            "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def server(program, model):
    running = start_with_viewer(program, *model)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def viewer(browser, server):
    opened = Viewer(browser, server.url)
    yield opened
    opened.close()
    assert opened.complaints == []


@pytest.fixture(scope="session")
def scan(tmp_path_factory) -> Path:
    """A generated CT of 96 x 80 x 64 voxels: a bright ball in noise, on an LPS grid."""
    path = tmp_path_factory.mktemp("scan") / "ball.nii"
    make_scan(path)
    return path
