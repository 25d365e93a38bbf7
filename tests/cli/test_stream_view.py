"""`sagittal stream view`: a pipeline and its page in the browser, on this computer."""
import json
import re
import signal
import subprocess
import urllib.request

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


def test_what_cannot_run_ends_at_once(sagittal, tmp_path):
    wrong = sagittal("stream", "view", write_pipeline(tmp_path), "--no-open", "--set", "folder.folder=/nowhere")
    assert wrong.returncode == 1 and "/nowhere" in wrong.stderr
