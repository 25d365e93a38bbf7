"""`sagittal model fetch`: published weights, from a server of the test's own."""
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from file_server import FileServer

CHECKPOINT = Path(__file__).resolve().parents[1] / "parity/checkpoint"
FOLDER = "Dataset298_TotalSegmentator_total_6mm_1559subj"
ARCHIVE = f"/wasserth/TotalSegmentator/releases/download/v2.0.0-weights/{FOLDER}.zip"
REPOSITORY = "/MIC-DKFZ/nnInteractive/resolve/main"
LISTING = "/api/models/MIC-DKFZ/nnInteractive/tree/main/nnInteractive_v9"


def packed(files: dict) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def model_files() -> dict:
    return {str(p.relative_to(CHECKPOINT)): p.read_bytes() for p in sorted(CHECKPOINT.rglob("*")) if p.is_file()}


def archive() -> bytes:
    trained = f"{FOLDER}/nnUNetTrainer__nnUNetPlans__3d_fullres"
    return packed({f"{trained}/{name}": content for name, content in model_files().items()})


def repository(listing=None) -> dict:
    files = model_files()
    listed = [{"type": "directory", "path": "nnInteractive_v9/fold_0", "size": 0}]
    for name, content in files.items():
        entry = {"type": "file", "path": f"nnInteractive_v9/{name}", "size": len(content)}
        if name.endswith(".pth"):
            entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
        listed.append(entry)
    manifest = {"schema_version": 1, "models": [
        {"id": "../evil", "display_name": "x", "path": "nnInteractive_v9"},
        {"id": "nnInteractive_v8", "display_name": "old", "path": "nnInteractive_v8"},
        {"id": "nnInteractive_v9", "display_name": "new", "path": "nnInteractive_v9", "default": True}]}
    served = {f"{REPOSITORY}/nnInteractive_v9/{name}": content for name, content in files.items()}
    served[f"{REPOSITORY}/models.json"] = json.dumps(manifest).encode()
    served[LISTING] = json.dumps(listed if listing is None else listing).encode()
    return served


@pytest.fixture
def fetch(sagittal, tmp_path):
    def run(name, server, *args, licence="Apache-2.0", code=0):
        accepted = ["--accept-licence", licence] if licence else []
        done = sagittal("model", "fetch", name, "--data-dir", tmp_path, "--mirror", server.url, *accepted, *args)
        assert done.returncode == code, done.stderr
        return done

    return run


def test_the_table_names_licences(sagittal):
    table = json.loads(sagittal("model", "fetch", "--json").stdout)["weights"]
    by_name = {row["name"]: row for row in table}
    assert by_name["nnInteractive"]["licence"] == "CC-BY-NC-SA-4.0"
    assert len(by_name["totalsegmentator_total"]["folders"]) == 5
    assert "heartchambers" not in str(table), "what needs a licence number is not offered"
    assert "totalsegmentator_total_fast" in sagittal("model", "fetch").stdout


def test_nothing_is_asked_for_before_the_licence_is_accepted(fetch):
    with FileServer({ARCHIVE: archive()}) as server:
        for licence in ("", "MIT"):
            refused = fetch("totalsegmentator_total_fastest", server, licence=licence, code=2)
            assert "Apache-2.0" in refused.stderr
        assert server.requests == []


def test_an_archive_becomes_a_model(fetch, sagittal, tmp_path):
    packed = archive()
    with FileServer({ARCHIVE: packed}) as server:
        report = json.loads(fetch("totalsegmentator_total_fastest", server, "--json").stdout)
        again = json.loads(fetch("totalsegmentator_total_fastest", server, "--json").stdout)
        assert len(server.requests) == 1
    folder = tmp_path / "models" / FOLDER
    assert report["models"][0]["folder"] == str(folder) and again["models"][0]["was_there"] is True
    source = json.loads((folder / "source.json").read_text())
    assert source["licence"] == "Apache-2.0"
    assert source["files"][0]["sha256"] == hashlib.sha256(packed).hexdigest()
    assert [p.name for p in (tmp_path / "models").iterdir()] == [FOLDER], "nothing else is left"
    listed = json.loads(sagittal("hub", "search", "--json", "--source", "local", "--data-dir", tmp_path).stdout)
    assert FOLDER in [m["name"] for m in listed["models"]]


def test_a_broken_connection_is_taken_up_again(fetch, tmp_path):
    whole = archive()
    with FileServer({ARCHIVE: whole}, break_after=len(whole) // 3 + 1) as server:
        fetch("totalsegmentator_total_fastest", server)
        assert len(server.requests) == 3 and all(r for _, r in server.requests[1:])


def test_the_next_call_goes_on_unless_the_file_is_another(fetch, tmp_path):
    whole = archive()
    part = len(whole) // 10
    with FileServer({ARCHIVE: whole}, break_after=part) as server:
        fetch("totalsegmentator_total_fastest", server, code=1)
        asked = len(server.requests)
        assert not (tmp_path / "models" / FOLDER).exists()
        server.break_after = None
        fetch("totalsegmentator_total_fastest", server)
        assert server.requests[asked][1] == f"bytes={asked * part}-"
    source = json.loads((tmp_path / "models" / FOLDER / "source.json").read_text())
    assert source["files"][0]["sha256"] == hashlib.sha256(whole).hexdigest()


def test_a_file_that_changed_begins_again(fetch, tmp_path):
    with FileServer({ARCHIVE: b"x" * 100_000}, break_after=10_000) as server:
        fetch("totalsegmentator_total_fastest", server, code=1)
        server.files, server.etag, server.break_after = {ARCHIVE: archive()}, '"two"', None
        fetch("totalsegmentator_total_fastest", server)
    assert (tmp_path / "models" / FOLDER).is_dir()


def test_a_server_without_ranges_is_enough(fetch, tmp_path):
    whole = archive()
    with FileServer({ARCHIVE: whole}, ranges=False, break_after=len(whole) // 2) as server:
        fetch("totalsegmentator_total_fastest", server, code=1)
        server.break_after = None
        fetch("totalsegmentator_total_fastest", server)
    assert (tmp_path / "models" / FOLDER).is_dir()


@pytest.mark.parametrize("content", [
    b"no archive",
    archive()[:-100],
    packed({"../../escaped": "x"}),
    packed({f"{FOLDER}/plans.json": "{}", "beside": "x"}),
    packed({f"{FOLDER}/readme": "no model"}),
], ids=["no archive", "cut off", "path out of it", "file beside the folder", "no plans"])
def test_what_is_no_model_leaves_nothing(fetch, tmp_path, content):
    with FileServer({ARCHIVE: content}) as server:
        failed = fetch("totalsegmentator_total_fastest", server, code=1)
    assert failed.stderr.splitlines()[-1].startswith("sagittal: ")
    assert not (tmp_path / "models" / FOLDER).exists()
    assert not list(tmp_path.rglob("escaped")) and not (tmp_path.parent / "escaped").exists()


def test_nninteractive_comes_file_by_file_with_checksums(fetch, tmp_path, sagittal):
    with FileServer(repository()) as server:
        fetch("nnInteractive", server, licence="cc-by-nc-sa-4.0")
    folder = tmp_path / "models/nnInteractive_v9"
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == {*model_files(), "source.json"}
    assert sagittal("model", "verify", folder).returncode == 0


def test_a_wrong_checksum_leaves_nothing(fetch, tmp_path):
    served = repository()
    weights = next(path for path in served if path.endswith(".pth"))
    served[weights] = served[weights][:-1] + b"?"
    with FileServer(served) as server:
        failed = fetch("nnInteractive", server, licence="CC-BY-NC-SA-4.0", code=1)
    assert "expected SHA-256" in failed.stderr
    assert not (tmp_path / "models/nnInteractive_v9").exists()


@pytest.mark.parametrize("path", ["nnInteractive_v9/../../x", "nnInteractive_v9//x", "/etc/passwd", "other/x"])
def test_a_forged_listing_is_refused(fetch, tmp_path, path):
    with FileServer(repository([{"type": "file", "path": path, "size": 1}])) as server:
        fetch("nnInteractive", server, licence="CC-BY-NC-SA-4.0", code=1)
    assert not (tmp_path / "models/nnInteractive_v9").exists()


def test_an_unknown_name_and_a_dead_server_are_said(fetch):
    with FileServer({}) as server:
        assert "no published weights" in fetch("nothing", server, code=1).stderr
        assert "answered 404" in fetch("totalsegmentator_total_fastest", server, code=1).stderr
