"""Fixtures for tests that drive the built program from outside. SAGITTAL_PROGRAM names it."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def program() -> str:
    return os.environ.get("SAGITTAL_PROGRAM", str(ROOT / "build/release/bin/sagittal"))


@pytest.fixture(scope="session")
def sagittal(program):
    """Runs `sagittal ARGS...` to its end without a terminal; stdout and stderr as text."""

    def run(*args, timeout=300, **kwargs):
        return subprocess.run([program, *map(str, args)], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, **kwargs)

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of larger scans; skips the test where it is absent."""
    folder = Path(os.environ.get("SAGITTAL_DATA", ROOT.parent / "shared/data"))
    if not (folder / "MANIFEST.md").exists():
        pytest.skip(f"no scans at {folder} (SAGITTAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, Debian's; another one: SAGITTAL_CHROMIUM. One for all: Playwright runs once in a process."""
    from playwright.sync_api import sync_playwright  # not in every environment of the tests
    path = os.environ.get("SAGITTAL_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail("no Chromium: tools/install_dependencies.sh test, or SAGITTAL_CHROMIUM=PATH")
    with sync_playwright() as playwright:
        # As root in a container it has no sandbox of its own; without a graphics processor it draws in software.
        running = playwright.chromium.launch(executable_path=path, args=[
            "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
        yield running
        running.close()
