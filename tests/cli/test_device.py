"""`--device`: where networks run, and what is said where they cannot."""
import json
from pathlib import Path

import numpy as np
import pytest

PARITY = Path(__file__).resolve().parents[1] / "parity"


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> dict:
    """Each command with networks, up to its options."""
    folder = tmp_path_factory.mktemp("device")
    np.save(folder / "image.npy", np.zeros((8, 8, 8), np.int16))
    image, mask = folder / "image.npy", folder / "mask.nii.gz"
    return {"segment": ["segment", image, "-o", mask, "--model", PARITY / "checkpoint", "--point", "4,4,4"],
            "predict": ["predict", PARITY / "nnunet/resenc", image, "-o", mask],
            "serve": ["serve", "--port", "0", "--data-dir", folder / "data"],
            "bench engine": ["bench", "engine"]}


ALL = pytest.mark.parametrize("command", ["segment", "predict", "serve", "bench engine"])


@ALL
def test_another_word_is_refused_with_those_that_there_are(sagittal, commands, command):
    result = sagittal(*commands[command], "--device", "gpu", timeout=60)
    assert result.returncode == 2
    assert "--device gpu: expected auto, cpu, cuda or cuda:N" in result.stderr


@ALL
def test_cards_that_cannot_be_had_are_an_error(sagittal, commands, command):
    """The processor is no answer to who asked for a card."""
    result = sagittal(*commands[command], "--device", "cuda:63", timeout=60)
    assert result.returncode not in (0, 2)
    assert "--device cuda:63: " in result.stderr
    assert any(reason in result.stderr for reason in ("built without CUDA", "no GPU that CUDA can use", "no such GPU"))


def test_a_settings_file_may_name_it(sagittal, commands, tmp_path):
    settings = tmp_path / "sagittal.conf"
    settings.write_text('device = "cuda:63"\n')
    assert "--device cuda:63: " in sagittal(*commands["serve"], "--config", settings, timeout=60).stderr


def test_the_processor_is_there_without_asking_cards(sagittal):
    result = sagittal("bench", "engine", "--model", PARITY / "checkpoint", "--patch", "16,16,16", "--repeats", "1", "--device",
                      "cpu", "--json", timeout=60)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["engine"].startswith("oneDNN")
