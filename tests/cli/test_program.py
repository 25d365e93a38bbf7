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


def test_doctor_says_why_no_gpu_is_used(sagittal):
    report = json.loads(sagittal("doctor", "--json").stdout)
    gpu = next(finding for finding in report["findings"] if finding["topic"] == "GPU")
    assert gpu["ok"] and ("built without CUDA" in gpu["found"] or "none that CUDA can use" in gpu["found"])


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


def test_doctor_says_what_can_run_strangers_models(sagittal, tmp_path):
    def findings():
        report = json.loads(sagittal("doctor", "--json", env={"PATH": str(tmp_path)}).stdout)
        return {finding["topic"]: finding for finding in report["findings"]}

    def program(name, script):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    bare = findings()
    for topic, mend in {"containers": "podman", "bubblewrap": "bubblewrap", "runc": "runc", "environments": "uv"}.items():
        assert bare[topic]["ok"] and mend in bare[topic]["mend"], topic
    assert "none" in bare["Slurm"]["found"] and bare["limits"]["found"]

    program("bwrap", "echo no namespaces here; exit 1")
    program("uv", "exit 0")
    program("runc", "echo runc version 1.1.5")
    for name in ("sbatch", "scancel"):
        program(name, "echo slurm 22.05.8")
    program("squeue", "echo Unable to contact slurm controller; exit 1")
    there = findings()
    assert "no namespaces here" in there["bubblewrap"]["found"] and there["bubblewrap"]["mend"]
    assert "bubblewrap does not work" in there["environments"]["found"]
    assert "1.1.5" in there["runc"]["found"]
    assert "Unable to contact" in there["Slurm"]["found"] and "squeue" in there["Slurm"]["mend"]
    program("squeue", "exit 0")
    assert findings()["Slurm"]["found"] == "slurm 22.05.8"


def test_doctor_says_how_to_mend_a_missing_data_folder(sagittal, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = sagittal("doctor", env={"XDG_DATA_HOME": str(blocked)})
    assert result.returncode == 1
    assert "mkdir -p" in result.stdout
