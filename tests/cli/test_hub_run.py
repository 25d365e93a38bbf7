"""`sagittal hub run` and its sisters: a model, a scan, named segments; what cannot work is said in one sentence."""
import gzip
import json
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "parity"))
sys.path.insert(0, str(TESTS / "server"))
from job_client import add_model, scan_file  # noqa: E402
from nnunet_images import composed_cases, write_nifti  # noqa: E402



@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    add_model(folder)
    return folder


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return scan_file(tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="module")
def long_image(tmp_path_factory):
    return scan_file(tmp_path_factory.mktemp("scans"), times=60)


@pytest.fixture(scope="module")
def endless_image(tmp_path_factory):
    raw = gzip.decompress(scan_file(tmp_path_factory.mktemp("scans")).read_bytes())
    header, file = bytearray(raw[:352]), tmp_path_factory.mktemp("scans") / "endless.nii"
    struct.pack_into("<h", header, 46, struct.unpack_from("<h", header, 46)[0] * 1000)
    file.write_bytes(bytes(header) + raw[352:] * 1000)
    return file


def jobs(sagittal, data):
    return json.loads(sagittal("hub", "jobs", "--json", "--data-dir", data).stdout)["jobs"]


def test_a_run_puts_its_results_where_they_are_wanted(sagittal, data, image, tmp_path):
    result = sagittal("hub", "run", "organs", image, "-o", tmp_path / "out", "--data-dir", data)
    assert result.returncode == 0, result.stderr
    assert "liver" in result.stdout.lower() and "ml" in result.stdout
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["organs.nii.gz"]
    info = json.loads(sagittal("info", tmp_path / "out/organs.nii.gz", "--json").stdout)
    assert info["segments"][0]["name"].lower() == "liver"


def test_json_is_one_object_with_the_record(sagittal, data, image, tmp_path):
    result = sagittal("hub", "run", "organs", image, "-o", tmp_path / "out", "--data-dir", data, "--json")
    job = json.loads(result.stdout)
    assert job["state"] == "done" and job["outputs"][0]["segments"] and job["record"]["sagittal"]
    assert job["id"] in [j["id"] for j in jobs(sagittal, data)]
    assert "voxels" in sagittal("hub", "logs", job["id"], "--data-dir", data).stdout
    freed = sagittal("hub", "remove", job["id"], "--data-dir", data)
    assert freed.returncode == 0 and "freed" in freed.stdout
    assert job["id"] not in [j["id"] for j in jobs(sagittal, data)]


def test_a_folder_is_a_model_too_and_gives_what_predict_gives(sagittal, data, image, tmp_path):
    model = TESTS / "parity/nnunet/2d"
    assert sagittal("hub", "run", model, image, "-o", tmp_path / "out", "--data-dir", data).returncode == 0
    assert sagittal("predict", model, image, "-o", tmp_path / "same.nii.gz").returncode == 0
    assert (tmp_path / "out/2d.nii.gz").read_bytes() == (tmp_path / "same.nii.gz").read_bytes()


@pytest.mark.parametrize("arguments, code, words", [
    (("organs", "{image}"), 2, "-o FOLDER"),
    (("organs", "-o", "{out}"), 2, "name the scan"),
    (("organs", "nowhere.nii.gz", "-o", "{out}"), 1, "nowhere.nii.gz"),
    (("nonsense", "{image}", "-o", "{out}"), 1, "there is no model"),
    (("sagittal-small", "{image}", "-o", "{out}"), 1, "answers prompts"),
    (("organs", "{image}", "{image}", "-o", "{out}"), 1, "the model takes 1"),
    (("organs", "--role", "ct", "-o", "{out}"), 2, "NAME=PATH"),
    (("organs", "{image}", "-o", "{full}"), 1, "not an empty folder"),
    (("organs", "{image}", "-o", "{out}", "--backend", "podman"), 2, "--backend native"),
    (("organs", "{image}", "-o", "{out}", "--backend", "chroot"), 2, "chroot"),
])
def test_what_cannot_work_is_explained(sagittal, data, image, tmp_path, arguments, code, words):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    places = {"{image}": image, "{out}": tmp_path / "out", "{full}": tmp_path / "full"}
    result = sagittal("hub", "run", *(places.get(a, a) for a in arguments), "--data-dir", data)
    assert result.returncode == code and words in result.stderr, result.stderr
    assert not (tmp_path / "out").exists()


def test_ctrl_c_cancels_the_run_with_all_that_belongs_to_it(program, sagittal, data, long_image, tmp_path):
    command = [program, "hub", "run", "organs", long_image, "-o", tmp_path / "out", "--data-dir", data]
    running = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not any(j["state"] == "running" for j in jobs(sagittal, data)):
        assert time.monotonic() < end
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 1 and "stopped on request" in running.stderr.read()
    assert jobs(sagittal, data)[0]["state"] == "cancelled" and not (tmp_path / "out").exists()


def test_a_detached_run_waits_for_a_server(sagittal, data, image):
    result = sagittal("hub", "run", "organs", image, "--detach", "--data-dir", data)
    assert result.returncode == 0 and "sagittal serve" in result.stderr
    id = result.stdout.strip()
    assert jobs(sagittal, data)[0]["id"] == id and jobs(sagittal, data)[0]["state"] == "queued"
    assert sagittal("hub", "remove", id, "--data-dir", data).returncode == 1
    assert sagittal("hub", "cancel", id, "--data-dir", data).stdout == "cancelled\n"
    assert sagittal("hub", "cancel", id, "--data-dir", data).returncode == 1


def test_a_licence_is_accepted_once(sagittal, image, tmp_path):
    add_model(tmp_path)
    (tmp_path / "models/organs/nnUNetTrainer__nnUNetPlans__2d/LICENSE").write_text("CC BY-NC 4.0\n")
    run = ("hub", "run", "organs", image, "--data-dir", tmp_path, "-o")
    refused = sagittal(*run, tmp_path / "a")
    assert refused.returncode == 2 and "--accept-licence CC-BY-NC-4.0" in refused.stderr and "not for commercial" in refused.stderr
    assert sagittal(*run, tmp_path / "a", "--accept-licence", "MIT").returncode == 2
    assert sagittal(*run, tmp_path / "a", "--accept-licence", "CC-BY-NC-4.0").returncode == 0
    assert sagittal(*run, tmp_path / "b").returncode == 0


@pytest.mark.parametrize("limit, words", [
    (("--memory", "24MiB"), "ran out of its memory limit of 24.0 MiB; needs"),
    (("--time", "0.02"), "was not done within its time limit of 1.2 s"),
])
def test_a_run_takes_no_more_than_it_may(sagittal, data, endless_image, tmp_path, limit, words):
    result = sagittal("hub", "run", "organs", endless_image, "-o", tmp_path / "out", "--data-dir", data, *limit)
    assert result.returncode == 1 and words in result.stderr, result.stderr
    assert not (tmp_path / "out").exists()
    job = jobs(sagittal, data)[0]
    assert job["state"] == "failed" and not job["outputs"]


def test_cores_are_threads_and_the_memory_that_is_needed_is_said(sagittal, data, image, tmp_path):
    result = sagittal("hub", "run", "organs", image, "-o", tmp_path / "out", "--data-dir", data, "--cpus", "1", "--json")
    job = json.loads(result.stdout)
    assert ", 1 thread" in job["record"]["engine"]["version"], result.stdout
    assert "of memory, may have" in sagittal("hub", "logs", job["id"], "--data-dir", data).stdout


def test_tasks_of_totalsegmentator_are_models_with_a_card(sagittal, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    folder = "Dataset298_TotalSegmentator_total_6mm_1559subj"
    refused = sagittal("hub", "run", "totalsegmentator_total_fastest", "x.nii.gz", "-o", out, "--data-dir", data)
    assert refused.returncode == 1 and "sagittal model fetch totalsegmentator_total_fastest" in refused.stderr
    shutil.copytree(TESTS / "parity/composed/models" / folder, data / "models" / folder)
    found = json.loads(sagittal("hub", "search", "liver", "--engine", "totalsegmentator", "--json", "--data-dir", data).stdout)
    assert [m["name"] for m in found["models"]] == ["totalsegmentator_total_fastest"]
    card = json.loads(sagittal("hub", "show", "totalsegmentator_total_fastest", "--json", "--data-dir", data).stdout)
    liver = next(s for s in card["outputs"][0]["structures"] if s["label"] == 5)
    assert liver["id"] == "LIVER" and liver["type"]["value"] == "10200004" and card["inputs"][0]["modalities"] == ["CT"]
    _, image, spacing, axes, _ = composed_cases()["total_fastest"]
    run = ("hub", "run", "totalsegmentator_total_fastest", write_nifti(tmp_path / "scan.nii.gz", image, spacing, axes),
           "--accept-licence", "Apache-2.0", "--data-dir", data, "-o")
    result = sagittal(*run, out, "--json")
    assert result.returncode == 0, result.stderr
    job = json.loads(result.stdout)
    named = {s["number"]: s for s in job["outputs"][0]["segments"]}
    assert job["record"]["models"][0]["folds"] == ["0"] and 5 in named and named[5]["name"] == "Liver" and named[5]["codes"]
    assert sagittal("predict", run[2], run[3], "-o", tmp_path / "same.nii.gz", "--data-dir", data).returncode == 0
    assert (out / "totalsegmentator_total_fastest.nii.gz").read_bytes() == (tmp_path / "same.nii.gz").read_bytes()
    assert sagittal(*run, tmp_path / "b", "--workflow", "fast").returncode == 2
    assert sagittal("hub", "remove", run[2], "--data-dir", data).returncode == 0 and not (data / "models" / folder).exists()


def test_models_are_listed_and_removed(sagittal, tmp_path):
    add_model(tmp_path, "mine")
    listed = json.loads(sagittal("model", "list", "--data-dir", tmp_path, "--json").stdout)["models"]
    assert "mine" in [m["name"] for m in listed]
    assert "mine" in sagittal("model", "list", "--data-dir", tmp_path).stdout
    assert "freed" in sagittal("hub", "remove", "mine", "--data-dir", tmp_path).stdout
    assert not (tmp_path / "models/mine").exists()
    assert sagittal("hub", "remove", "../models", "--data-dir", tmp_path).returncode == 1
