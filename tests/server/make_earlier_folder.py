#!/usr/bin/env python3
"""Keeps a data folder as this version of the program writes it, for later versions to open.

    PYTHONPATH=tests build/venv/bin/python tests/server/make_earlier_folder.py build/release/bin/sagittal tests/server/earlier_folders/1.tar.xz

To be run once for each version of the tables of state.db or jobs.db, by the last program that writes it. In it: a session with two
segments, three prompts and an undo, a key, and an ended run of a model. `expected.json` tells what test_earlier_folders.py finds again.
"""
import hashlib
import json
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from job_client import add_model, scan_file, submit, wait_for  # noqa: E402
from native_client import Client, nifti  # noqa: E402
from running_server import Server, scan  # noqa: E402
from test_keys import make_key  # noqa: E402


def work(server: Server, key: str, scans: Path) -> dict:
    client = Client(server.url, key)
    session = client.open(client.upload(nifti(scan())))
    first, second = session.add_segment(name="ball"), session.add_segment(name="rest", colour="#090807")
    session.point(first, (16, 14, 12))
    session.point(second, (3, 3, 3))
    session.point(first, (17, 15, 13), False)
    session.change(first, "undo")
    job = wait_for(client, submit(client, client.upload(scan_file(scans).read_bytes()))["id"])
    assert job["state"] == "done", job
    output = job["outputs"][0]["path"]
    content = client.http.get(f"{client.url}/jobs/{job['id']}/outputs/{output}").content
    return {"key": key, "session": session.id, "masks": {n: hashlib.sha256(mask.tobytes()).hexdigest() for n, mask in session.masks.items()},
            "segments": client.ask("GET", session.path)["segments"], "job": job["id"], "output": output,
            "output_sha256": hashlib.sha256(content).hexdigest()}


def main() -> None:
    program, archive = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        add_model(data)
        key = make_key(program, data / "api_keys.json", "anna")
        server = Server(program, data_dir=data)
        expected = work(server, key, Path(folder))
        assert server.stop() == 0
        (data / "expected.json").write_text(json.dumps(expected, indent=1))
        with tarfile.open(archive, "w:xz") as packed:
            packed.add(data, ".", filter=lambda entry: None if entry.name.startswith("./models") else entry)


if __name__ == "__main__":
    main()
