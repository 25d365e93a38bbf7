"""`sagittal stream`: pipelines checked, listed and run from the command line."""
import json
import re
import signal
import subprocess
import time

from stream_pipelines import PIPELINE, write_pipeline


def test_a_pipeline_runs_and_says_what_each_operator_did(sagittal, tmp_path):
    file = write_pipeline(tmp_path)
    log = tmp_path / "flow.log"
    done = sagittal("stream", "run", file, "--set", "folder.conditions.count=60", "--set", "folder.frame_rate=0", "--flow-log", log, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["state"] == "finished"
    assert {op["name"]: op["runs"] for op in result["operators"]} | {"numbers": 60} == {"folder": 60, "numbers": 60, "smaller": 60}
    assert [(flow["taken"], flow["dropped"]) for flow in result["flows"]] == [(60, 0), (60, 0)]
    (path,) = result["paths"]
    assert path["path"] == "folder -> smaller -> numbers" and path["messages"] == 60 and path["latency"]["count"] == 40
    lines = log.read_text().splitlines()
    assert len(lines) == 60
    assert re.fullmatch(r"\(folder,\d+,\d+\) -> \(smaller,\d+,\d+\) -> \(numbers,\d+,\d+\)", lines[0])


def test_without_json_it_is_a_table(sagittal, tmp_path):
    done = sagittal("stream", "run", write_pipeline(tmp_path), "--seconds", "0.2")
    assert done.returncode == 0, done.stderr
    for words in ("operator", "smaller", "folder.out -> smaller.in", "dropped", "p99"):
        assert words in done.stdout


def test_what_a_person_interrupts_ends_with_its_numbers(program, tmp_path):
    process = subprocess.Popen([program, "stream", "run", write_pipeline(tmp_path), "--json"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and json.loads(out)["state"] == "stopped"


def test_check_says_what_it_is_or_what_is_wrong(sagittal, tmp_path):
    file = write_pipeline(tmp_path)
    assert "folder.out -> smaller.in, queue of 1" in sagittal("stream", "check", file).stdout
    for part, instead, words in [("resize", "resise", "resise"), ("width: 16", "widht: 16", "widht"), ("folder -> smaller", "folder -> nobody", "nobody"),
                                 ("pipeline: 1", "pipeline: 9", "9"), ("  - smaller -> numbers", "", "numbers.in")]:
        wrong = sagittal("stream", "check", write_pipeline(tmp_path, "wrong", PIPELINE.replace(part, instead)))
        assert wrong.returncode == 1 and words in wrong.stderr, (instead, wrong.stderr)
    assert sagittal("stream", "check", file, "--set", "smaller").returncode == 2


def test_check_and_list_tell_operators_with_their_settings(sagittal, tmp_path):
    file = write_pipeline(tmp_path)
    checked = json.loads(sagittal("stream", "check", file, "--set", "smaller.width=20", "--json").stdout)
    (smaller,) = [op for op in checked["operators"] if op["name"] == "smaller"]
    (width,) = [one for one in smaller["parameters"] if one["name"] == "width"]
    assert smaller["type"] == "resize" and width["value"] == 20 and width["default"] == 0 and width["settable"] == "while it runs"
    text = sagittal("stream", "check", file).stdout
    assert re.search(r"^    width = 16: ", text, re.MULTILINE) and "filter" not in text
    (listed,) = [one for one in json.loads(sagittal("stream", "list", "--pipelines", tmp_path, "--json").stdout)["pipelines"] if one["name"] == "small"]
    assert [op["name"] for op in listed["operators"]] == [op["name"] for op in checked["operators"]]
    wrong = sagittal("stream", "check", write_pipeline(tmp_path, "wrong", PIPELINE.replace("width", "widht")))
    assert '"widht"; there are: width' in wrong.stderr


def test_pipelines_are_found_by_name(sagittal, tmp_path):
    write_pipeline(tmp_path)
    assert re.search(r"^small +Small pictures$", sagittal("stream", "list", "--pipelines", tmp_path).stdout, re.MULTILINE)
    assert sagittal("stream", "check", "small", "--pipelines", tmp_path).returncode == 0
    missing = sagittal("stream", "check", "nothing", "--pipelines", tmp_path)
    assert missing.returncode == 1 and "small" in missing.stderr


def test_operators_are_described(sagittal):
    types = json.loads(sagittal("stream", "operators", "--json").stdout)["operators"]
    resize = next(one for one in types if one["name"] == "resize")
    assert resize["inputs"] == [{"name": "in", "type": "frame"}]
    assert "width" in [parameter["name"] for parameter in resize["parameters"]]
    for one in types:
        assert one["description"].endswith("."), one["name"]
        assert all(parameter["description"] for parameter in one["parameters"]), one["name"]


def test_the_pipeline_for_holoscan_runs_by_its_name(sagittal):
    ports = [word for name in ("slicer", "to_holoscan", "holoscan") for word in ("--set", f"{name}.port=0")]
    ran = sagittal("stream", "run", "holoscan", "--seconds", "0.5", "--json", *ports)
    assert ran.returncode == 0, ran.stderr
    assert {op["name"] for op in json.loads(ran.stdout)["operators"]} == {"slicer", "to_holoscan", "holoscan", "to_slicer"}
