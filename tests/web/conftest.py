"""A headless Chromium against the real server."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server"))

from viewer import Viewer, make_scan, start_with_viewer  # noqa: E402


@pytest.fixture(scope="session")
def model() -> list:
    """Options that name a model: SAGITTAL_TEST_MODEL, else the one in the box."""
    chosen = os.environ.get("SAGITTAL_TEST_MODEL")
    return ["--model", chosen] if chosen else []


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
