"""The program as a whole: usage, exit codes, where output goes."""
import json


def test_without_a_command_it_prints_help_and_exits_2(sagittal):
    result = sagittal()
    assert result.returncode == 2
    assert "Usage: sagittal" in result.stderr and result.stdout == ""


def test_an_unknown_command_is_named(sagittal):
    result = sagittal("sement")
    assert result.returncode == 2
    assert "'sement'" in result.stderr


def test_version_goes_to_standard_output(sagittal):
    result = sagittal("--version")
    assert result.returncode == 0 and result.stdout.strip().count(".") == 2


def test_doctor_reports_every_topic_as_json(sagittal):
    report = json.loads(sagittal("doctor", "--json").stdout)
    topics = [finding["topic"] for finding in report["findings"]]
    assert {"processor", "instructions", "precision", "memory", "model", "data"} <= set(topics)


def test_doctor_asks_a_container_engine_whether_it_answers(sagittal, tmp_path):
    def finding(script):
        engine = tmp_path / "podman"
        engine.write_text(f"#!/bin/sh\n{script}\n")
        engine.chmod(0o755)
        report = json.loads(sagittal("doctor", "--json", env={"PATH": str(tmp_path)}).stdout)
        return next(f for f in report["findings"] if f["topic"] == "containers")

    assert "9.8.7" in finding("echo 9.8.7")["found"]
    silent = finding("echo no daemon; exit 1")
    assert "no daemon" in silent["found"] and "podman version" in silent["mend"]


def test_doctor_says_how_to_mend_a_missing_data_folder(sagittal, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = sagittal("doctor", env={"XDG_DATA_HOME": str(blocked)})
    assert result.returncode == 1
    assert "mkdir -p" in result.stdout
