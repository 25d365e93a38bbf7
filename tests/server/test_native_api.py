"""The native API from outside, with nothing but HTTP."""
import base64
import gzip
import hashlib
import io
import json
import signal
import zipfile

import highdicom
import numpy as np
import openapi_spec_validator
import pytest
import requests
from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession

import ct_series
from kept_state import drawing
from native_client import Client, drawing_prompt, nifti
from running_server import SHAPE, Server, scan

CENTRE = [n // 2 for n in SHAPE][::-1]  # i, j, k


@pytest.fixture
def client(server) -> Client:
    return Client(server.url)


@pytest.fixture
def session(client):
    opened = client.open(client.upload(nifti(scan())))
    opened.add_segment()
    yield opened
    client.http.delete(client.url + opened.path)


def test_clicks_give_the_masks_that_nninteractive_gives(server, session):
    """The same clicks through the API of nnInteractive and through ours."""
    other = nnInteractiveRemoteInferenceSession(server.url)
    other.set_image(scan()[None], {"spacing": [1.0, 1.0, 1.0]})
    target = np.zeros(SHAPE, np.uint8)
    other.set_target_buffer(target)
    for n, include in enumerate([True, True, False]):
        point = [CENTRE[0] + 2 * n, CENTRE[1] - n, CENTRE[2] + n]
        session.point(1, point, include)
        other.add_point_interaction(point[::-1], include)
        assert np.array_equal(session.masks[1], target)
    for kind in ("scribble", "lasso"):
        painted = drawing([CENTRE[2], CENTRE[1] - 4, CENTRE[0] - 3])
        session.prompt(1, drawing_prompt(kind, painted, True))
        getattr(other, f"add_{kind}_interaction")(painted, True)
        assert np.array_equal(session.masks[1], target)
    session.prompt(1, {"type": "box", "ijk0": [6, 6, CENTRE[2]], "ijk1": [20, 18, CENTRE[2] + 1]})
    other.add_bbox_interaction([[CENTRE[2], CENTRE[2] + 1], [6, 18], [6, 20]], True)
    assert np.array_equal(session.masks[1], target)
    session.change(1, "undo")
    other.undo()
    assert np.array_equal(session.masks[1], target)
    assert np.array_equal(session.bits(1), target)


def test_the_prompts_file_replays_to_the_same_mask(sagittal, model, client, session, tmp_path):
    image = tmp_path / "scan.nii.gz"
    image.write_bytes(nifti(scan()))
    session.point(1, CENTRE)
    session.change(1, "reset")
    start = np.zeros(SHAPE, np.uint8)
    start[10:13, 12:15, 14:18] = 1
    session.prompt(1, {"type": "init", "mask": base64.b64encode(np.packbits(start).tobytes()).decode()})
    session.point(1, CENTRE)
    session.point(1, [3, 3, 3])
    session.change(1, "undo")
    session.prompt(1, {"type": "point", "ijk": [CENTRE[0] + 3, *CENTRE[1:]], "predict": False})
    session.point(1, [4, 4, 4], include=False)
    file = tmp_path / "prompts.json"
    file.write_bytes(client.http.get(f"{client.url}{session.path}/segments/1/prompts").content)
    assert len(json.loads(file.read_text())["prompts"]) == 4
    done = sagittal("segment", image, "-o", tmp_path / "mask.nii", "--prompts", file, *model)
    assert done.returncode == 0, done.stderr
    replayed = np.frombuffer((tmp_path / "mask.nii").read_bytes()[352:], np.uint8).reshape(SHAPE)
    assert np.array_equal(replayed, session.masks[1])


def test_an_initial_mask_may_come_with_its_bounds(client, session):
    other = client.open(session.info["volume"])
    other.add_segment()
    start = np.zeros(SHAPE, np.uint8)
    start[10:13, 12:15, 14:18] = 1
    session.prompt(1, {"type": "init", "mask": base64.b64encode(np.packbits(start).tobytes()).decode()})
    crop = dict(drawing_prompt("scribble", start, True), type="init")
    other.prompt(1, crop)
    assert np.array_equal(other.masks[1], start)
    session.point(1, CENTRE)
    other.point(1, CENTRE)
    assert np.array_equal(other.masks[1], session.masks[1])
    for wrong in ({"bounds": [[0, 99], [0, 1], [0, 1]]}, {"mask": "AAAA"}, {"predict": 1}):
        client.ask("POST", f"{other.path}/segments/1/prompts", 400, json={**crop, **wrong})
    client.http.delete(client.url + other.path)


def test_masks_come_as_nifti_and_bits(client, session):
    session.point(1, CENTRE)
    assert session.masks[1].sum() > 0
    assert np.array_equal(session.bits(1), session.masks[1])
    file = gzip.decompress(client.ask("GET", f"{session.path}/segments/1/mask"))
    offset = int(np.frombuffer(file[108:112], "<f4")[0])
    assert np.array_equal(np.frombuffer(file[offset:], np.uint8).reshape(SHAPE), session.masks[1])
    raw = client.http.post(f"{client.url}{session.path}/segments/1/undo", headers={"Accept": "application/octet-stream"})
    reply = json.loads(raw.headers["Sagittal-Reply"])
    sides = [hi - lo for lo, hi in reply["bounds"]]
    assert len(raw.content) == (np.prod(sides) + 7) // 8


def zipped(files: dict) -> bytes:
    with io.BytesIO() as memory:
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return memory.getvalue()


@pytest.fixture(params=["on disk", "in memory"])
def dicom_session(request, program, model):
    """A session on a zipped series, one of two."""
    server = Server(program, *model, *([] if request.param == "on disk" else ["--data-dir", "none"]))
    client = Client(server.url)
    files = {f"scan/IM{n}": ct_series.encode(d) for n, d in enumerate(ct_series.instances(scan(), "1.2.3.4"))}
    small = ct_series.instances(scan(shape=(4, 8, 8)), "1.2.3.5", description="Scout")
    files |= {f"other/IM{n}": ct_series.encode(d) for n, d in enumerate(small)}
    volume = client.upload(zipped(files), "scan.zip")
    described = client.ask("GET", f"/volumes/{volume}")
    assert [(s["uid"], s["shape"]) for s in described["series"]] == [("1.2.3.4", list(SHAPE[::-1])), ("1.2.3.5", [8, 8, 4])]
    assert described["format"] == "DICOM" and described["modality"] == "CT"
    client.ask("POST", "/sessions", 400, json={"volume": volume})  # which of them?
    session = client.open(volume, series="1.2.3.4")
    session.add_segment(term="liver")
    yield session
    server.stop()


def test_a_dicom_scan_gives_a_dicom_seg_that_refers_to_it(dicom_session):
    session = dicom_session
    assert session.info["geometry"]["spacing_mm"] == [ct_series.SPACING[1], ct_series.SPACING[0], ct_series.THICKNESS]
    session.point(1, CENTRE)
    voxels = session.client.ask("GET", f"{session.path}/voxels")
    assert np.array_equal(np.frombuffer(voxels[352:], "<i2").reshape(SHAPE), scan())
    for path in (f"{session.path}/segments/1/mask", f"{session.path}/mask"):
        seg = highdicom.seg.segread(io.BytesIO(session.client.ask("GET", f"{path}?format=seg.dcm")))
        assert seg.PatientID == "4711" and str(seg.StudyInstanceUID) == ct_series.STUDY
        assert {str(series) for _, series, _ in seg.get_source_image_uids()} == {"1.2.3.4"}
        description = seg.get_segment_description(1)
        assert description.segment_label == "Liver" and description.segmented_property_type.value == "10200004"
        instances = [f"1.2.3.4.{k + 1}" for k in range(SHAPE[0])]
        pixels = seg.get_pixels_by_source_instance(instances, ignore_spatial_locations=True, assert_missing_frames_are_empty=True)
        assert np.array_equal(pixels[..., 0], session.masks[1])


def test_the_description_is_openapi(client):
    document = client.ask("GET", "/openapi.json")
    openapi_spec_validator.validate(document)
    for path in ("/api/v1/volumes", "/api/v1/sessions/{id}/segments/{n}/prompts"):
        assert "post" in document["paths"][path]


def test_a_file_goes_on_where_it_broke_off(program, model, tmp_path):
    noise = np.random.default_rng(1).integers(0, 1000, (40, 64, 64)).astype(np.int16)
    file = nifti(noise)
    id = hashlib.sha256(file).hexdigest()
    server = Server(program, *model, data_dir=tmp_path / "data")
    client = Client(server.url)
    piece = 1 << 16
    client.ask("PUT", f"/volumes/{id}", 202, data=file[:piece], headers={"Content-Range": f"bytes 0-{piece - 1}/{len(file)}"})
    server.stop(signal.SIGKILL)
    server = Server(program, *model, data_dir=tmp_path / "data")
    try:
        client = Client(server.url)
        assert client.http.head(f"{client.url}/volumes/{id}").headers["Sagittal-Received"] == str(piece)
        assert client.upload_in_pieces(file) == id
        assert client.ask("GET", f"/volumes/{id}")["geometry"]["shape"] == [64, 64, 40]
        voxels = client.ask("GET", f"/volumes/{id}/voxels?format=nii")
        assert np.array_equal(np.frombuffer(voxels[352:], "<i2").reshape(noise.shape), noise)
    finally:
        server.stop()


def test_without_a_folder_all_is_in_memory(program, model):
    server = Server(program, *model, "--data-dir", "none")
    try:
        client = Client(server.url)
        session = client.open(client.upload_in_pieces(nifti(scan())))
        session.add_segment(term="LIVER")
        session.point(1, CENTRE)
        session.change(1, "undo")
        session.change(1, "redo")
        assert np.array_equal(session.bits(1), session.masks[1])
    finally:
        server.stop()


def test_wrong_requests_have_the_form_of_an_error(client, session):
    for method, path, body, status in [
            ("GET", "/volumes/abc", None, 404), ("GET", "/sessions/abc", None, 404), ("POST", "/sessions", {}, 400),
            ("POST", f"{session.path}/segments/1/prompts", {"type": "point", "ijk": [1, 2, 999]}, 400),
            ("POST", f"{session.path}/segments/7/undo", {}, 404), ("PATCH", session.path, {"shared": 1}, 400),
            ("PUT", session.path, {}, 405), ("GET", f"{session.path}/mask?format=exe", None, 400)]:
        error = client.ask(method, path, status, json=body)["error"]
        assert set(error) == {"code", "message", "details"}, path
    assert requests.get(client.url + "/nowhere").status_code == 404


def test_status_and_info(client, session):
    info = client.ask("GET", "/info")
    assert info["default_model"] == info["models"][0]["name"] == session.info["model"]
    status = client.ask("GET", "/status")
    assert status["sessions"] >= 1 and status["with_image"] >= 1 and status["uptime_s"] > 0
    assert status["queue"]["waiting"] == 0 and 0 < status["memory"]["used"] < status["memory"]["limit"]
