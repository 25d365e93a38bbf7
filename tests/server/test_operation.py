"""What the person who runs the server relies on: the audit log, quotas, a shutdown that lets work finish."""
import json
import signal
import subprocess
import threading
import time

import numpy as np
import pytest
import requests

import slicer_v0_client
from running_server import SHAPE, Server, scan

CENTRE = [n // 2 for n in SHAPE]


def make_key(program, file, name) -> dict:
    made = subprocess.run([program, "key", "add", name, "--api-key-file", file], capture_output=True, text=True, check=True)
    return {"Authorization": f"Bearer {made.stdout.strip()}"}


def test_the_audit_log_names_people_and_routes_and_nothing_of_a_patient(program, model, tmp_path):
    key = make_key(program, tmp_path / "keys", "alice")
    running = Server(program, *model, "--api-key-file", tmp_path / "keys", "--audit-log", tmp_path / "audit.jsonl")
    requests.get(f"{running.url}/DOE-JOHN-19700101", headers=key, timeout=5)
    requests.get(f"{running.url}/DOE-JOHN-19700101/nothing/here?name=DOE", headers=key, timeout=5)
    requests.get(f"{running.url}/capabilities", headers={"Authorization": "Bearer wrong-DOE"}, timeout=5)
    requests.get(f"{running.url}/healthz", timeout=5)
    assert running.stop() == 0
    text = (tmp_path / "audit.jsonl").read_text()
    lines = sorted((json.loads(line) for line in text.splitlines()), key=lambda line: line["status"])  # any order
    assert [(line["owner"], line["route"], line["status"], line["denied"]) for line in lines] == [
        ("alice", "/", 200, False), (None, "/capabilities", 401, True), ("alice", None, 404, False)]
    assert "DOE" not in text and lines[0]["address"] == "127.0.0.1" and lines[0]["bytes_out"] > 100


def test_one_person_cannot_take_every_session(program, model, tmp_path):
    alice, bob = (make_key(program, tmp_path / "keys", name) for name in ("alice", "bob"))
    running = Server(program, *model, "--api-key-file", tmp_path / "keys", "--max-sessions-per-user", "2")
    claim = lambda key: requests.post(f"{running.url}/claim", headers=key, timeout=5)
    assert [claim(alice).status_code for _ in range(3)] == [200, 200, 503]
    assert "as many as one person may" in claim(alice).json()["detail"]
    assert claim(bob).status_code == 200
    assert running.stop() == 0


def test_sigterm_lets_running_prompts_finish(program, model):
    running = Server(program, *model)
    client = slicer_v0_client.Client(running.url, scan(shape=(160, 256, 256)))
    client.upload_image()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(client.point([80, 128, 128])))
    asking.start()
    time.sleep(0.05)
    running.process.send_signal(signal.SIGTERM)
    asking.join(60)
    assert running.process.wait(60) == 0
    assert isinstance(answers[0], np.ndarray), answers
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{running.url}/healthz", timeout=5)
