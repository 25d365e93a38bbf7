"""Data folders of earlier versions open with all that is in them, and those of later ones are left alone."""
import hashlib
import json
import sqlite3
import subprocess
import tarfile
from pathlib import Path

import pytest

from native_client import Client, Session
from running_server import Server

FOLDERS = sorted(Path(__file__).with_name("earlier_folders").glob("*.tar.xz"))
AGE = ("--keep-jobs", "36500")  # runs grow old by the calendar


@pytest.fixture
def folder(request, tmp_path):
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.mark.parametrize("folder", FOLDERS, indirect=True, ids=lambda path: path.name.split(".")[0])
def test_what_an_earlier_version_kept_is_there(program, folder):
    expected = json.loads((folder / "expected.json").read_text())
    server = Server(program, *AGE, data_dir=folder)
    client = Client(server.url, expected["key"])
    try:
        session = Session(client, client.ask("GET", f"/sessions/{expected['session']}"))
        assert session.info["segments"] == expected["segments"]
        for number, sha256 in expected["masks"].items():
            assert hashlib.sha256(session.bits(int(number)).tobytes()).hexdigest() == sha256
        job = client.ask("GET", f"/jobs/{expected['job']}")
        assert job["state"] == "done"
        content = client.http.get(f"{client.url}/jobs/{expected['job']}/outputs/{expected['output']}").content
        assert hashlib.sha256(content).hexdigest() == expected["output_sha256"]
        number = int(next(iter(expected["masks"])))
        session.masks[number] = session.bits(number)
        session.change(number, "redo")
        session.point(number, (15, 13, 11))
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize("folder", FOLDERS[-1:], indirect=True, ids=["newest"])
@pytest.mark.parametrize("name", ["state.db", "jobs.db", "runs.db"])
def test_what_a_later_version_wrote_is_refused_and_stays_as_it_is(program, folder, name):
    with sqlite3.connect(folder / name) as database:
        database.execute("PRAGMA user_version = 1000")
        before = list(database.iterdump())
    done = subprocess.run([program, "serve", "--port", "0", "--data-dir", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and f"{name} was written by a newer version of Sagittal" in done.stderr, done
    with sqlite3.connect(folder / name) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1000,)
        assert list(database.iterdump()) == before
