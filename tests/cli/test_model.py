"""`sagittal model info` and `verify`: what a checkpoint folder holds."""
import json
import shutil
from pathlib import Path

import pytest

CHECKPOINT = Path(__file__).resolve().parent.parent / "parity" / "checkpoint"


@pytest.fixture
def checkpoint(tmp_path):
    """A copy of the frozen checkpoint that a test may break."""
    return Path(shutil.copytree(CHECKPOINT, tmp_path / "model"))


def test_info_describes_the_network_and_its_licence(sagittal, checkpoint):
    (checkpoint / "LICENSE").write_text("\nCC0-1.0\nmore\n")
    report = json.loads(sagittal("model", "info", checkpoint, "--json").stdout)
    plan = json.loads((checkpoint / "plans.json").read_text())["configurations"]["3d_fullres"]
    assert report["licence"] == "CC0-1.0"
    assert report["patch"] == plan["patch_size"]
    features = plan["architecture"]["arch_kwargs"]["features_per_stage"]
    assert [stage["features"] for stage in report["stages"]] == features
    assert report["input_channels"] == 8 and report["classes"] == 2
    assert report["capabilities"]["interaction_channels"] == 6
    assert report["ignored_code"] == []


def test_info_prints_a_table_for_people(sagittal, checkpoint):
    result = sagittal("model", "info", checkpoint)
    assert result.returncode == 0
    assert "stage  features  kernel" in result.stdout and "parameters" in result.stdout


def test_verify_reads_every_tensor_and_runs_a_pass(sagittal, checkpoint):
    result = sagittal("model", "verify", checkpoint, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["ok"] is True


def test_the_model_in_the_box_has_a_guide(sagittal):
    folder = CHECKPOINT.parents[2] / "models" / "sagittal-small"
    report = json.loads(sagittal("model", "info", folder, "--json").stdout)
    assert report["guide"]["folder"] == str(folder / "guide") and report["guide"]["parameters"] > 0
    assert sagittal("model", "verify", folder).returncode == 0


def test_a_guide_that_is_declared_must_be_there(sagittal, checkpoint):
    assert json.loads(sagittal("model", "info", checkpoint, "--json").stdout)["guide"] is None
    (checkpoint / "sagittal.json").write_text('{"guide": {"folder": "guide"}}')
    result = sagittal("model", "verify", checkpoint)
    assert result.returncode == 1 and "guide" in result.stderr
    (checkpoint / "sagittal.json").write_text('{"guide": {"folder": "../elsewhere"}}')
    assert sagittal("model", "verify", checkpoint).returncode == 1


def test_verify_refuses_a_number_that_is_not_finite(sagittal, checkpoint):
    weights = checkpoint / "fold_0" / "checkpoint_final.pth"
    data = bytearray(weights.read_bytes())
    start = data.index(b"/data/0") + len(b"/data/0")
    start += (-start) % 64  # storages start on multiples of 64
    data[start:start + 4] = b"\x00\x00\xc0\x7f"
    weights.write_bytes(data)
    result = sagittal("model", "verify", checkpoint)
    assert result.returncode == 1
    assert "finite" in result.stderr


def test_a_plan_that_does_not_fit_is_explained(sagittal, checkpoint):
    plans = (checkpoint / "plans.json").read_text()
    (checkpoint / "plans.json").write_text(plans.replace("ResidualEncoderUNet", "PlainConvUNet"))
    result = sagittal("model", "verify", checkpoint)
    assert result.returncode == 1 and result.stdout == ""
    assert "plans.json" in result.stderr


def test_a_missing_folder_is_exit_code_1(sagittal, tmp_path):
    assert sagittal("model", "info", tmp_path / "nowhere").returncode == 1


def test_bench_engine_times_a_network(sagittal, checkpoint):
    report = json.loads(sagittal("bench", "engine", "--model", checkpoint, "--patch", "16,16,16", "--repeats", "1",
                                 "--json").stdout)
    assert report["best_s"] > 0 and report["gflops"] > 0 and report["patch"] == [16, 16, 16]
