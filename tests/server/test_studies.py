"""Scans that the server offers by itself, as MONAI Label's client and OHIF's extension ask for them."""
import io
import json
import os
import pathlib
import time

import highdicom
import numpy as np
import pydicom
import pytest
import requests
from monailabel.client import MONAILabelClient
from monailabel.client.client import MONAILabelClientException

import ct_series
import nrrd
from native_client import Client
from running_server import SHAPE, Server, scan

SERIES = "1.2.826.0.1.3680043.8.498.77"
CENTRE = [n // 2 for n in SHAPE][::-1]  # i, j, k
CLICK = {"label": "liver", "foreground": [CENTRE], "background": []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    ct_series.write(folder / "patient 1", scan(), SERIES)
    (folder / "mr").mkdir()
    path = pathlib.Path(nrrd.write(folder / "mr/head.nrrd", scan() + np.int16(1)))
    os.utime(path, (time.time() - 60, time.time() - 60))
    return folder


@pytest.fixture(scope="module")
def server(program, model, folder):
    server = Server(program, *model, "--studies", folder)
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(server, tmp_path):
    return MONAILabelClient(server.url, tmpdir=str(tmp_path))


def infer(server, image, output, **params):
    """As OHIF's extension asks."""
    form = {**CLICK, "result_extension": ".nrrd", "result_dtype": "uint16", "result_compress": False,
            "restore_label_idx": False, **params}
    answer = requests.post(f"{server.url}/infer/nnInteractive", params={"image": image, "output": output},
                           files={"params": (None, json.dumps(form))})
    assert answer.status_code == 200, answer.text
    return answer


def test_the_scans_are_listed(client):
    objects = client.datastore()["objects"]
    assert set(objects) == {SERIES, "mr/head.nrrd"}
    assert objects[SERIES]["image"]["info"]["Modality"] == "CT"
    assert client.info()["datastore"]["total"] == 2
    assert "Doe" not in json.dumps(objects) and "4711" not in json.dumps(objects)


def test_a_series_is_clicked_by_its_uid_alone(server):
    fields, mask = nrrd.read(infer(server, SERIES, "image").content)
    assert fields["encoding"] == "raw" and mask.shape == SHAPE
    assert mask[tuple(CENTRE[::-1])] == 1
    assert [float(x) for x in fields["space origin"].strip("()").split(",")] == ct_series.ORIGIN


def test_it_is_the_mask_of_an_uploaded_image(server, client, tmp_path):
    expected = nrrd.read(infer(server, SERIES, "image").content)[1]
    session = client.create_session(nrrd.write(tmp_path / "a.nrrd", scan()))["session_id"]
    file, _ = client.infer("nnInteractive", "", CLICK, session_id=session)
    assert np.array_equal(nrrd.read(pathlib.Path(file).read_bytes())[1], expected)


def test_the_older_extension_finds_what_it_reads(server):
    answer = infer(server, SERIES, "all")
    assert answer.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b"Content-Type: application/json" in answer.content and b'"centroids":{' in answer.content


def test_the_answer_can_be_a_dicom_seg(server):
    answer = infer(server, SERIES, "dicom_seg")
    assert answer.headers["Content-Type"] == "application/dicom"
    seg = highdicom.seg.Segmentation.from_dataset(pydicom.dcmread(io.BytesIO(answer.content)))
    assert seg.StudyInstanceUID == ct_series.STUDY and seg.PatientID == "4711"
    assert {uid for _, series, uid in seg.get_source_image_uids()} <= {f"{SERIES}.{k + 1}" for k in range(SHAPE[0])}
    assert seg.SegmentSequence[0].SegmentLabel == "Liver"
    expected = nrrd.read(infer(server, SERIES, "image").content)[1]
    planes = [k for k in range(SHAPE[0]) if expected[k].any()]
    pixels = seg.get_pixels_by_source_instance([f"{SERIES}.{k + 1}" for k in planes])
    assert np.array_equal(pixels[..., 0], expected[planes])


def test_a_scan_of_another_format_has_no_dicom_seg(server):
    answer = requests.post(f"{server.url}/infer/nnInteractive", params={"image": "mr/head.nrrd", "output": "dicom_seg"},
                           files={"params": (None, json.dumps(CLICK))})
    assert answer.status_code == 501 or answer.status_code == 422
    assert "DICOM series" in answer.json()["detail"]


def test_the_module_gets_its_next_sample(client, server, tmp_path):
    [strategy] = client.info()["strategies"]
    sample = client.next_sample(strategy, {})
    assert sample["id"] in (SERIES, "mr/head.nrrd") and sample["name"].endswith(".nrrd")
    answer = requests.get(f"{server.url}/datastore/image", params={"image": sample["id"]})
    assert answer.status_code == 200
    (tmp_path / "a.nrrd").write_bytes(answer.content)
    assert b"type: int16" in answer.content[:400]


def test_a_label_is_kept_and_becomes_a_dicom_seg(program, model, folder, tmp_path):
    server = Server(program, *model, "--studies", folder, data_dir=tmp_path / "data")
    client = MONAILabelClient(server.url, tmpdir=str(tmp_path))
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:5, 4:9, 6:12], labels[8, 9, 10] = 1, 2
    vectors, origin = nrrd.DIRECTIONS, nrrd.ORIGIN
    try:
        nrrd.DIRECTIONS, nrrd.ORIGIN = [[0.5, 0, 0], [0, 0.75, 0], [0, 0, 2.0]], ct_series.ORIGIN
        file = nrrd.write(tmp_path / "label.nrrd", labels)
    finally:
        nrrd.DIRECTIONS, nrrd.ORIGIN = vectors, origin
    info = {"label_info": [{"name": "spleen", "idx": 1}, {"name": "my lesion", "idx": 2}]}
    assert client.save_label(SERIES, file, params=info) == {"image": SERIES, "label": SERIES}
    assert client.info()["datastore"]["completed"] == 1
    assert client.next_sample("first", {})["id"] == "mr/head.nrrd"
    server.stop(9)
    server = Server(program, *model, "--studies", folder, data_dir=tmp_path / "data")
    client.set_server_url(server.url)
    kept = pathlib.Path(client.download_label(SERIES, "final")).read_bytes()
    assert kept == pathlib.Path(file).read_bytes()
    [path] = (tmp_path / "data/labels").rglob("*.dcm")
    seg = highdicom.seg.segread(path)
    assert [s.SegmentLabel for s in seg.SegmentSequence] == ["Spleen", "my lesion"]
    pixels = seg.get_pixels_by_source_instance([f"{SERIES}.{k + 1}" for k in (3, 4, 8)], combine_segments=True)
    assert np.array_equal(pixels, labels[[3, 4, 8]])
    bare = requests.put(f"{server.url}/datastore/label", params={"image": SERIES, "tag": "ohif"},
                        files={"params": (None, "{}"), "label": ("label.bin", labels.astype("<u2").tobytes())})
    assert bare.status_code == 200, bare.text
    fields, found = nrrd.read(pathlib.Path(client.download_label(SERIES, "ohif")).read_bytes())
    assert np.array_equal(found, labels)
    for path in (tmp_path / "data").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert server.stop() == 0


def test_bad_labels_are_refused_in_words(client, server, tmp_path):
    shifted = nrrd.write(tmp_path / "label.nrrd", np.ones(SHAPE, np.uint8))
    with pytest.raises(MONAILabelClientException) as error:
        client.save_label(SERIES, shifted)
    assert "off the grid" in error.value.msg
    for name, content in {"label.bin": b"123", "label.nrrd": b"no file", "label.exe": b"MZ"}.items():
        answer = requests.put(f"{server.url}/datastore/label", params={"image": SERIES},
                              files={"params": (None, "{}"), "label": (name, content)})
        assert 400 <= answer.status_code < 502 and answer.json()["detail"]
    assert "final" not in client.datastore()["objects"][SERIES]["labels"]


def test_the_native_api_lists_and_opens_them(server):
    api = Client(server.url)
    listed = api.ask("GET", "/studies")
    assert listed["complete"] and listed["problems"] == []
    studies = {study["name"]: study for study in listed["studies"]}
    ct = studies["patient 1: Thorax 1.0"]
    assert ct["modality"] == "CT" and ct["series"] == SERIES and ct["shape"] == list(SHAPE[::-1])
    assert studies["mr/head.nrrd"]["source"] == "folder"
    assert [s["id"] for s in api.ask("GET", "/studies", params={"search": "thorax"})["studies"]] == [ct["id"]]
    for name in (ct["id"], SERIES):
        volume = api.ask("POST", "/volumes", params={"study": name})
        assert volume["geometry"]["shape"] == list(SHAPE[::-1]) and volume["modality"] == "CT"
        assert volume["geometry"]["origin_lps_mm"] == ct_series.ORIGIN
    session = api.open(volume["id"])
    session.add_segment()
    api.ask("POST", f"{session.path}/segments/1/prompts", json={"type": "point", "ijk": CENTRE})
    assert np.array_equal(session.bits(1), nrrd.read(infer(server, SERIES, "image").content)[1])
    seg = pydicom.dcmread(io.BytesIO(api.ask("GET", f"{session.path}/mask", params={"format": "seg.dcm"})))
    assert seg.PatientID == "4711" and seg.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    api.ask("POST", "/volumes", 404, params={"study": "none"})
    api.ask("POST", "/volumes", 400, params={"name": "study"})


def test_names_outside_the_folder_are_no_scans(server, folder):
    for name in ("../" + folder.name + "/mr/head.nrrd", "/etc/passwd", str(folder / "mr/head.nrrd"), "mr/../mr/head.nrrd"):
        answer = requests.get(f"{server.url}/datastore/image", params={"image": name})
        assert answer.status_code == 404


def test_a_folder_that_is_none_is_refused(sagittal, model, tmp_path):
    result = sagittal("serve", "--port", "0", "--studies", tmp_path / "none", *model)
    assert result.returncode == 1 and "--studies" in result.stderr
