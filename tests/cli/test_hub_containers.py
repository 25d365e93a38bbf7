"""`sagittal hub run` of MHub's models with an engine that is a script: what goes wrong is said, and nothing passes for a result."""
import json
import os
import stat
import sys
import time
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "server"))
from native_client import nifti  # noqa: E402

REPOSITORY = TESTS / "hub/data/repository"
ACCEPT = ("--accept-licence", "CC-BY-NC-4.0")

# Behaves as Docker does for a model; what its program does is the file beside it.
DOCKER = """#!/bin/sh
echo "$*" >>"{calls}"
case "$1 $2" in
  "version "*) echo 28.0 ;;
  "image ls") [ -e "{folder}/gone" ] || echo "sha256:{digest}" ;;
  "image inspect") case "$*" in
    *Size*) echo "sha256:{digest} 7340032 $(cat {folder}/tags 2>/dev/null || echo mhubai/lung_spots:latest)" ;;
    *) echo "sha256:{digest} mhubai/lung_spots@sha256:{digest}" ;;
  esac ;;
  "image rm") [ ! -e "{folder}/busy" ] || {{ echo "a container uses it"; exit 1; }}
    touch "{folder}/gone" ;;
  "inspect "*) echo "$(cat {folder}/oom 2>/dev/null || echo false) 2026-01-01" ;;
  "run "*)
    for word in "$@"; do
      case "$word" in *dst=/app/data/output_data*) out=${{word#*src=}}; out=${{out%%,*}} ;; esac
    done
    . "{folder}/program" ;;
esac
"""


class Engine:
    def __init__(self, folder: Path):
        self.folder, self.calls = folder, folder / "calls"
        self.calls.touch()
        self.env = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin"}
        self.install(DOCKER.format(calls=self.calls, folder=folder, digest="1" * 64))

    def install(self, script: str):
        docker = self.folder / "docker"
        docker.write_text(script)
        docker.chmod(docker.stat().st_mode | stat.S_IXUSR)

    def program(self, text: str):
        (self.folder / "program").write_text(text)

    def runs(self) -> list:
        return [line for line in self.calls.read_text().splitlines() if line.startswith("run ")]


@pytest.fixture
def engine(tmp_path):
    folder = tmp_path / "engine"
    folder.mkdir()
    return Engine(folder)


@pytest.fixture
def data(sagittal, tmp_path):
    folder = tmp_path / "data"
    assert sagittal("hub", "sync", "--from", REPOSITORY, "--data-dir", folder).returncode == 0
    return folder


@pytest.fixture
def run(sagittal, engine, data, tmp_path):
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(nifti(np.random.default_rng(1).integers(0, 100, (6, 8, 10)).astype(np.int16)))
    labels = np.zeros((6, 8, 10), np.int16)
    labels[1:3, 2:4, 3:6] = 1
    (engine.folder / "labels.nii.gz").write_bytes(nifti(labels))
    (engine.folder / "segdef.json").write_text(json.dumps([{"file": "labels.nii.gz", "labels": {"1": "RIGHT_LUNG"}}]))

    def go(*arguments, **more):
        return sagittal("hub", "run", "lung_spots", scan, "-o", tmp_path / "out", "--data-dir", data, *ACCEPT, *arguments,
                        env=engine.env, **more)
    return go


WRITE = 'mkdir "$out/case"; cp "{folder}/labels.nii.gz" "{folder}/segdef.json" "$out/case"'


def test_results_are_what_was_written(run, engine, tmp_path):
    engine.program(WRITE.format(folder=engine.folder) + "\nexit 3")
    result = run("--json")
    assert result.returncode == 0, result.stderr
    job = json.loads(result.stdout)
    (segment,) = next(o["segments"] for o in job["outputs"] if o["kind"] == "segmentation")
    assert segment["id"] == "RIGHT_LUNG" and segment["volume_ml"] > 0
    assert job["record"]["image_digest"].endswith("1" * 64) and job["record"]["engine"] == "docker"
    (call,) = engine.runs()
    assert "--network=none" in call and "--read-only" in call and "@sha256:" in call


def test_a_model_that_writes_into_its_image_is_run_once_more_and_remembered(run, engine, tmp_path):
    engine.program('case "$*" in *--read-only*) echo "OSError: [Errno 30] Read-only file system: /app/x"; exit 1 ;; esac\n'
                   + WRITE.format(folder=engine.folder))
    first = run()
    assert first.returncode == 0 and "thrown away" in first.stderr, first.stderr
    assert ["--read-only" in call for call in engine.runs()] == [True, False]
    os.rename(tmp_path / "out", tmp_path / "first")
    assert run().returncode == 0
    assert ["--read-only" in call for call in engine.runs()] == [True, False, False]
    assert all("--network=none" in call for call in engine.runs())


@pytest.mark.parametrize("does, words", [
    ("exit 0", "left no result"), ("echo 'no lungs found'; exit 1", "no lungs found"), ("echo 'no daemon'; exit 125", "no daemon"),
    ("echo true >{folder}/oom; exit 137", "of memory"), ("mkdir $out/case; touch $out/case/labels.nii.gz", "left no result"),
])
def test_what_went_wrong_is_said(run, engine, tmp_path, does, words):
    engine.program(does.format(folder=engine.folder))
    result = run()
    assert result.returncode == 1 and words in result.stderr, result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script, words", [
    ("#!/bin/sh\necho 'cannot connect to the daemon' >&2; exit 1", "sagittal doctor"),
    ("#!/bin/sh\nsleep 60", "did not answer"),
])
def test_an_engine_that_does_not_answer_is_no_engine(run, engine, script, words):
    engine.install(script)
    engine.env["PATH"] = str(engine.folder) + ":" + str(engine.folder / "bin")
    (engine.folder / "bin").mkdir()
    for tool in ("sh", "sleep"):
        (engine.folder / "bin" / tool).symlink_to(f"/bin/{tool}")
    begin = time.monotonic()
    result = run()
    assert result.returncode == 1 and words in result.stderr, result.stderr
    assert time.monotonic() - begin < 50


def test_without_any_engine_the_way_to_one_is_said(run, engine, tmp_path):
    (tmp_path / "empty").mkdir()
    engine.env["PATH"] = str(tmp_path / "empty")
    result = run()
    assert result.returncode == 1 and "apt-get install podman" in result.stderr, result.stderr
    assert "is not installed" in run("--backend", "bubblewrap").stderr


def test_pull_says_what_it_got(sagittal, engine, data):
    result = sagittal("hub", "pull", "lung_spots", "--data-dir", data, env=engine.env)
    assert result.returncode == 0 and "@sha256:" + "1" * 64 in result.stdout, result.stderr
    assert "7.0 MiB on the disk" in result.stdout
    said = json.loads(sagittal("hub", "pull", "lung_spots", "--json", "--data-dir", data, env=engine.env).stdout)
    assert said["bytes"] == 7 << 20 and said["download_bytes"] == 0 and said["backend"] == "docker"


def test_an_image_is_removed_where_it_is_kept(sagittal, engine, data):
    remove = ("hub", "remove", "lung_spots", "--data-dir", data)
    (engine.folder / "busy").touch()
    refused = sagittal(*remove, env=engine.env)
    assert refused.returncode == 1 and "a container uses it" in refused.stderr
    (engine.folder / "busy").unlink()
    said = json.loads(sagittal(*remove, "--json", env=engine.env).stdout)
    assert said == {"removed": "lung_spots", "bytes": 7 << 20, "from": [{"from": "docker", "bytes": 7 << 20}]}
    assert any(line.startswith("image rm -- mhubai/lung_spots:latest") for line in engine.calls.read_text().splitlines())
    again = sagittal(*remove, env=engine.env)
    assert again.returncode == 1 and "nor its image" in again.stderr, again.stderr


def test_an_image_with_other_names_loses_only_its_own(sagittal, engine, data):
    (engine.folder / "tags").write_text("mhubai/lung_spots:latest my/own:1")
    result = sagittal("hub", "remove", "docker.io/mhubai/lung_spots", "--data-dir", data, env=engine.env)
    assert result.returncode == 0 and "other names" in result.stdout, result.stdout + result.stderr
    assert "image rm -- mhubai/lung_spots:latest\n" in engine.calls.read_text()


def test_an_image_that_a_run_needs_stays(sagittal, run, engine, data):
    id = sagittal("hub", "run", "lung_spots", data, "--detach", "--data-dir", data, *ACCEPT, env=engine.env).stdout.strip()
    refused = sagittal("hub", "remove", "lung_spots", "--data-dir", data, env=engine.env)
    assert refused.returncode == 1 and f"run {id} needs" in refused.stderr, refused.stderr
    assert not (engine.folder / "gone").exists()
    sagittal("hub", "cancel", id, "--data-dir", data)
    assert sagittal("hub", "remove", "lung_spots", "--data-dir", data, env=engine.env).returncode == 0


def test_a_scan_that_is_refused_costs_no_pull(sagittal, engine, data, tmp_path):
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"not an image")
    result = sagittal("hub", "run", "lung_spots", scan, "-o", tmp_path / "out", "--data-dir", data, *ACCEPT, env=engine.env)
    assert result.returncode == 1 and "scan.nii.gz" in result.stderr, result.stderr
    assert not [line for line in engine.calls.read_text().splitlines() if not line.startswith("version")]
