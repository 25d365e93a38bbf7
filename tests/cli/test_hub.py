"""`sagittal hub sync`, `search` and `show`: models are found, and a list survives what a network does."""
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from file_server import FileServer

REPOSITORY = Path(__file__).resolve().parents[1] / "hub/data/repository"
WEB_API = json.dumps({"data": [{"id": "1", "name": "web_model", "label": "From the web", "description": "Livers.",
                                "modalities": ["CT"], "categories": ["Segmentation"], "segmentations": ["LIVER"],
                                "inputs": [{"format": "DICOM", "description": "CT"}],
                                "licence": {"model": "MIT", "weights": "MIT"}, "cite": ""}]}).encode()


def packed(kind: str) -> bytes:
    out = io.BytesIO()
    files = [(p, f"models-main/{p.relative_to(REPOSITORY)}") for p in sorted(REPOSITORY.rglob("*")) if p.is_file()]
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, name in files:
                archive.write(path, name)
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            for path, name in files:
                archive.add(path, name)
    return out.getvalue()


@pytest.fixture
def hub(sagittal, tmp_path):
    """Runs `sagittal hub …` in a data folder of the test's own."""

    def run(*args, ok=True):
        done = sagittal("hub", *args, "--data-dir", tmp_path / "data")
        assert (done.returncode == 0) == ok, done.stderr
        return done

    return run


def names(hub, *args, source="mhub"):
    found = json.loads(hub("search", "--json", *args).stdout)["models"]
    return [model["name"] for model in found if source in (None, model["source"])]


def test_without_a_sync_the_models_of_this_machine_are_listed(hub, tmp_path):
    listed = json.loads(hub("search", "--json").stdout)
    assert listed["synced"] is None
    assert [m["name"] for m in listed["models"] if m["source"] == "local"] == ["sagittal-small"]
    assert not (tmp_path / "data").exists()
    assert "hub sync" in hub("search").stderr


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz", "url", "web"])
def test_a_sync_takes_what_there_is(hub, tmp_path, form):
    with FileServer({"/archive": packed("zip"), "/api": WEB_API}) as server:
        (tmp_path / "archive").write_bytes(packed(form) if form in ("zip", "tar.gz") else b"")
        place = {"folder": REPOSITORY, "url": f"{server.url}/archive", "web": f"{server.url}/api"}
        done = json.loads(hub("sync", "--json", "--from", place.get(form, tmp_path / "archive")).stdout)
    expected = ["web_model"] if form == "web" else ["heart_pair", "lung_spots"]
    assert done["models"] == len(expected) and names(hub) == expected


def test_what_is_skipped_and_wrong_is_said(hub):
    done = hub("sync", "--from", REPOSITORY)
    assert done.stdout == f"2 models from {REPOSITORY}\n"
    assert "unfinished" in done.stderr and "'NO_SUCH_PLACE' is not in the table of segments" in done.stderr


def test_queries_are_joined(hub):
    hub("sync", "--from", REPOSITORY)
    assert names(hub, "--modality", "MRI") == ["heart_pair"]
    assert names(hub, "--structure", "left lung") == ["lung_spots"]
    assert names(hub, "--licence", "commercial") == ["heart_pair"]
    assert names(hub, "spots", "chest") == ["lung_spots"]
    assert names(hub, "--engine", "nnunet_v1", "--body-part", "chest") == ["lung_spots"]
    assert names(hub, "--source", "local") == []
    assert "no model of" in hub("search", "nothing like that").stderr
    assert hub("search", "--engine", "magic", ok=False).returncode == 1


def test_show_tells_all_in_words_and_json(hub):
    hub("sync", "--from", REPOSITORY)
    text = hub("show", "lung_spots").stdout
    for part in ("CC BY-NC 4.0", "commercial use: no", "Right lung", "SCT:", "NNUnetRunner", "Intended Use"):
        assert part in text
    assert "\x1b" not in text, "colours are for terminals"
    card = json.loads(hub("show", "lung_spots", "--json").stdout)
    assert [s["label"] for s in card["outputs"][0]["structures"]] == [1, 2, 3]
    missing = hub("show", "no_such_model", ok=False)
    assert missing.returncode == 1 and "no model 'no_such_model'" in missing.stderr


def test_a_failed_sync_leaves_the_list(hub, tmp_path):
    hub("sync", "--from", REPOSITORY)
    (tmp_path / "damaged.zip").write_bytes(packed("zip")[:-200])
    (tmp_path / "empty").mkdir()
    with FileServer({"/half": packed("zip"), "/page": b"<html>"}, break_after=500) as server:
        for place in ("http://127.0.0.1:1/", f"{server.url}/half", f"{server.url}/page", f"{server.url}/none",
                      tmp_path / "damaged.zip", tmp_path / "empty", tmp_path / "nowhere"):
            failed = hub("sync", "--from", place, ok=False)
            assert failed.returncode == 1 and failed.stderr.splitlines()[-1].startswith("sagittal: "), failed.stderr
    assert names(hub) == ["heart_pair", "lung_spots"]
