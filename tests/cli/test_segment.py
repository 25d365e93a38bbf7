"""`sagittal segment`: prompts in, a mask on the image's grid out."""
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

MODEL = Path(__file__).resolve().parents[1] / "parity/checkpoint"


def write_mha(path: Path, array_kji: np.ndarray, spacing=(1.0, 1.0, 1.0), direction="1 0 0 0 1 0 0 0 1") -> Path:
    kinds = {"int16": "MET_SHORT", "uint8": "MET_UCHAR", "float32": "MET_FLOAT"}
    k, j, i = array_kji.shape
    header = (f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nTransformMatrix = {direction}\n"
              f"Offset = 10 -20 30\nElementSpacing = {' '.join(map(str, spacing))}\nDimSize = {i} {j} {k}\n"
              f"ElementType = {kinds[array_kji.dtype.name]}\nElementDataFile = LOCAL\n")
    path.write_bytes(header.encode() + array_kji.tobytes())
    return path


def read_mha(path: Path) -> tuple[dict, np.ndarray]:
    raw = path.read_bytes()
    end = raw.index(b"ElementDataFile")
    fields = dict(line.split(" = ", 1) for line in raw[:end].decode().strip().splitlines())
    data = raw[raw.index(b"\n", end) + 1:]
    if fields.get("CompressedData") == "True":
        data = zlib.decompress(data)
    i, j, k = map(int, fields["DimSize"].split())
    return fields, np.frombuffer(data, np.uint8).reshape(k, j, i)


@pytest.fixture(scope="module")
def ball(tmp_path_factory) -> Path:
    """A bright ball of radius 9 voxels at i, j, k = 20, 24, 28 in noise."""
    k, j, i = np.ogrid[:56, :48, :40]
    rng = np.random.default_rng(1)
    image = rng.normal(0, 20, (56, 48, 40)) + 400 * ((i - 20) ** 2 + (j - 24) ** 2 + (k - 28) ** 2 <= 81)
    return write_mha(tmp_path_factory.mktemp("ball") / "ball.mha", image.astype(np.int16), spacing=(0.5, 0.5, 2.0))


def segment(sagittal, image, out, *arguments):
    return sagittal("segment", image, "-o", out, "--model", MODEL, *arguments)


def test_a_point_gives_a_mask_with_the_images_geometry(sagittal, ball, tmp_path):
    out = tmp_path / "mask.mha"
    result = segment(sagittal, ball, out, "--point", "20,24,28", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    fields, mask = read_mha(out)
    assert mask.sum() == report["voxels"] > 0 and mask[28, 24, 20] == 1
    assert report["millilitres"] == pytest.approx(report["voxels"] * 0.5 * 0.5 * 2 / 1000)
    assert [float(v) for v in fields["ElementSpacing"].split()] == [0.5, 0.5, 2.0]
    assert [float(v) for v in fields["Offset"].split()] == [10, -20, 30]


def test_a_large_object_is_looked_at_from_afar_unless_told_otherwise(sagittal, tmp_path):
    k, j, i = np.ogrid[:72, :72, :72]
    ball = 400 * ((i - 36) ** 2 + (j - 36) ** 2 + (k - 36) ** 2 <= 900) + np.random.default_rng(1).normal(0, 20, (72, 72, 72))
    image = write_mha(tmp_path / "large.mha", ball.astype(np.int16))
    steps = []
    for more in ([], ["--no-auto-zoom"]):
        result = sagittal("segment", image, "-o", tmp_path / "mask.mha", "--point", "36,36,36", "--json", *more)
        assert result.returncode == 0, result.stderr
        steps += json.loads(result.stdout)["prompts"]
    assert [step["zoom"] > 1 for step in steps] == [True, False] and steps[0]["passes"] > steps[1]["passes"] == 1


def test_world_coordinates_are_ras(sagittal, ball, tmp_path):
    """Index 20,24,28 lies at LPS (10 + 10, -20 + 12, 30 + 56)."""
    by_index, by_world = tmp_path / "a.mha", tmp_path / "b.mha"
    assert segment(sagittal, ball, by_index, "--point", "20,24,28").returncode == 0
    assert segment(sagittal, ball, by_world, "--world", "--point", "-20,8,86").returncode == 0
    assert by_index.read_bytes() == by_world.read_bytes()


def test_prompts_are_applied_in_the_order_given(sagittal, ball, tmp_path):
    report = json.loads(segment(sagittal, ball, tmp_path / "m.mha", "--box", "12,16,28,28,32,28", "--point", "3,3,3,-",
                                "--point", "20,24,28", "--json").stdout)
    assert [(p["type"], p["include"]) for p in report["prompts"]] == [("box", True), ("point", False), ("point", True)]


def test_scribble_lasso_and_initial_mask_are_read_from_files(sagittal, ball, tmp_path):
    painted = np.zeros((56, 48, 40), np.uint8)
    painted[28, 20:28, 16:24] = 1
    mask = write_mha(tmp_path / "painted.mha", painted, spacing=(0.5, 0.5, 2.0))
    for option in ("--scribble", "--lasso", "--init"):
        result = segment(sagittal, ball, tmp_path / "m.mha", option, mask, "--json")
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["voxels"] > 0


def test_a_mask_on_another_grid_is_refused(sagittal, ball, tmp_path):
    other = write_mha(tmp_path / "other.mha", np.ones((56, 48, 40), np.uint8))
    result = segment(sagittal, ball, tmp_path / "m.mha", "--scribble", other)
    assert result.returncode == 1 and "grid" in result.stderr
    assert not (tmp_path / "m.mha").exists()


def test_negative_numbers_are_values_not_options(sagittal, ball, tmp_path):
    result = segment(sagittal, ball, tmp_path / "m.mha", "--point", "-12.5,3,4,-")
    assert result.returncode == 1 and "outside" in result.stderr


@pytest.mark.parametrize("value", ["1,2", "1,2,x", "1,2,3,+", "", "1,2,3,4"])
def test_a_point_that_does_not_parse_is_wrong_usage(sagittal, ball, tmp_path, value):
    result = segment(sagittal, ball, tmp_path / "m.mha", "--point", value)
    assert result.returncode == 2 and "I,J,K" in result.stderr


def test_no_prompt_is_wrong_usage(sagittal, ball, tmp_path):
    assert segment(sagittal, ball, tmp_path / "m.mha").returncode == 2


def test_a_prompts_file_replays_to_the_same_mask(sagittal, ball, tmp_path):
    prompts = tmp_path / "prompts.json"
    prompts.write_text(json.dumps({"version": 1, "prompts": [{"type": "point", "ijk": [20, 24, 28], "include": True},
                                                             {"type": "point", "ijk": [3, 3, 3], "include": False},
                                                             {"type": "undo"}]}))
    assert segment(sagittal, ball, tmp_path / "a.mha", "--prompts", prompts).returncode == 0
    assert segment(sagittal, ball, tmp_path / "b.mha", "--point", "20,24,28").returncode == 0
    assert (tmp_path / "a.mha").read_bytes() == (tmp_path / "b.mha").read_bytes()


def test_dice_and_picture_on_request(sagittal, ball, tmp_path):
    first = tmp_path / "first.mha"
    segment(sagittal, ball, first, "--point", "20,24,28")
    result = segment(sagittal, ball, tmp_path / "m.mha", "--point", "20,24,28", "--reference", first, "--picture", tmp_path / "p.png")
    assert result.stdout.count("Dice 1.000") == 1
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_an_unknown_model_lists_the_places_searched(sagittal, ball, tmp_path):
    result = sagittal("segment", ball, "-o", tmp_path / "m.mha", "--model", "nope", "--point", "1,2,3")
    assert result.returncode == 1 and "models" in result.stderr
