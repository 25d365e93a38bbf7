"""Fixtures for tests that drive the built program from outside. SAGITTAL_PROGRAM names it."""
import os
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
