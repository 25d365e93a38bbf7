"""python/convert_keras.py and `sagittal model convert`: the folder that they write, and the models that they refuse."""
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

h5py = pytest.importorskip("h5py")
ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests/nn/data/graph/small.h5"


def converter():
    spec = importlib.util.spec_from_file_location("convert_keras", ROOT / "python/convert_keras.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gives_the_stored_folder(tmp_path):
    assert converter().main([str(SMALL), "-o", str(tmp_path / "small")]) == 0
    for name in ("network.json", "weights.safetensors"):
        assert (tmp_path / "small" / name).read_bytes() == (SMALL.parent / "small" / name).read_bytes()


def test_the_program_gives_the_same_bytes(sagittal, tmp_path):
    done = sagittal("model", "convert", SMALL, "-o", tmp_path / "a", "--flip-vertically", "--labels", "x,y", "--json")
    assert json.loads(done.stdout)["input"] == [19, 22, 3]
    converter().main([str(SMALL), "-o", str(tmp_path / "b"), "--flip-vertically", "--labels", "x,y"])
    for name in ("network.json", "weights.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_says_what_is_done_to_images(tmp_path):
    converter().main([str(SMALL), "-o", str(tmp_path), "--divide-by-maximum", "--flip-vertically", "--labels", "a,b,c"])
    network = json.loads((tmp_path / "network.json").read_text())
    assert network["preprocessing"] == {"divide_by_maximum": True, "flip_vertically": True}
    assert network["labels"] == ["a", "b", "c"]


def changed(tmp_path, change):
    """small.h5 with its description changed."""
    file = shutil.copy(SMALL, tmp_path / "changed.h5")
    with h5py.File(file, "r+") as model:
        config = json.loads(model.attrs["model_config"])
        change({layer["name"]: layer for layer in config["config"]["layers"]}, config)
        model.attrs["model_config"] = json.dumps(config)
    return str(file)


@pytest.mark.parametrize("change, reason", [
    (lambda layers, _: layers["plain"].update(class_name="Lambda"), "is a Lambda"),
    (lambda layers, _: layers["plain"]["config"].update(data_format="channels_first"), "channels first"),
    (lambda layers, _: layers["plain"]["config"].update(activation="gelu"), "gelu"),
    (lambda layers, _: layers["plain"]["config"].update(groups=2), "groups"),
    (lambda layers, _: layers["image"]["config"].update(batch_input_shape=[None, None, None, 1]), "shape"),
    (lambda layers, _: layers["smooth"]["config"].update(interpolation="lanczos3"), "lanczos3"),
    (lambda layers, _: layers["down"].update(inbound_nodes=[[["classes", 0, 0, {}]]]), "circle"),
    (lambda _, config: config.update(class_name="Sequential"), "Sequential"),
])
def test_refuses_what_it_does_not_know(tmp_path, capsys, change, reason):
    assert converter().main([changed(tmp_path, change), "-o", str(tmp_path / "out")]) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_program_refuses_other_files(sagittal, tmp_path):
    (tmp_path / "a.h5").write_bytes(SMALL.read_bytes()[:5000])
    refused = sagittal("model", "convert", tmp_path / "a.h5", "-o", tmp_path / "out")
    assert refused.returncode == 1 and "cut off" in refused.stderr
    assert not (tmp_path / "out").exists()
