"""`sagittal stream view`: a pipeline and its page in the browser, on this computer."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from stream_pipelines import write_pipeline


def test_a_pipeline_runs_behind_a_page(program, tmp_path):
    process = subprocess.Popen([program, "stream", "view", write_pipeline(tmp_path), "--no-open", "--set", "folder.frame_rate=50", "--data-dir", tmp_path],
                               stdout=subprocess.PIPE, text=True)
    try:
        found = next(m for m in map(re.compile(r"small is at (http://127\.0\.0\.1:\d+)/#page=streams&stream=(\w+)").match, process.stdout) if m)
        with urllib.request.urlopen(f"{found[1]}/api/v1/streams/{found[2]}") as answer:
            stream = json.load(answer)
        assert stream["pipeline"] == "small" and stream["state"] == "running"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_browser_that_was_opened_leaves_no_zombie(program, tmp_path):
    browser = tmp_path / "xdg-open"
    browser.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/opened.part; mv {tmp_path}/opened.part {tmp_path}/opened\n")
    browser.chmod(0o755)
    process = subprocess.Popen([program, "stream", "view", write_pipeline(tmp_path), "--data-dir", tmp_path], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "DISPLAY": ":77"})
    try:
        opened = tmp_path / "opened"
        for _ in range(600):
            if opened.exists() and not Path(f"/proc/{opened.read_text().strip()}").exists():
                break
            time.sleep(0.05)
        assert not Path(f"/proc/{opened.read_text().strip()}").exists() and process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_what_cannot_run_ends_at_once(sagittal, tmp_path):
    wrong = sagittal("stream", "view", write_pipeline(tmp_path), "--no-open", "--set", "folder.folder=/nowhere")
    assert wrong.returncode == 1 and "/nowhere" in wrong.stderr
