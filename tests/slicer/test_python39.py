"""The extension in the oldest Python that it is for: Slicer 5.6 has 3.9."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build/python39"


def test_modules_are_imported_and_speak_to_a_server(program):
    if not (FOLDER / "ready").exists():
        pytest.skip("no Python 3.9 here; tools/python39.sh says why")
    beside = Path(__file__).parent / "python39"
    own = {"LD_LIBRARY_PATH": str(FOLDER / "usr/lib/x86_64-linux-gnu"), "SAGITTAL_PROGRAM": str(Path(program).resolve()),
           "PYTHONPATH": f"{beside}:{FOLDER / 'site'}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([FOLDER / "usr/bin/python3.9", beside / "check.py"], capture_output=True, text=True,
                          env={**os.environ, **own}, timeout=300)
    assert done.returncode == 0 and "modules imported by Python 3.9" in done.stdout, done.stdout + done.stderr
