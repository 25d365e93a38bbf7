"""The scans of a DICOMweb archive, which may be hostile."""
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

import ct_series
import nrrd
from archive import BOUNDARY, Archive
from running_server import SHAPE, Server, scan

SERIES = "1.2.826.0.1.3680043.8.498.88"
CENTRE = [n // 2 for n in SHAPE][::-1]
CLICK = {"label": "liver", "foreground": [CENTRE], "background": [], "result_compress": False, "result_dtype": "uint16"}


@pytest.fixture
def archive():
    archive = Archive(ct_series.instances(scan(), SERIES), key="reader:s3cret")
    yield archive
    archive.close()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text("reader:s3cret\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def start(program, model, tmp_path):
    running = []

    def start(archive, *options, **process):
        for server in running:
            server.stop(9)
        running[:] = [Server(program, *model, "--dicomweb", archive.url, *options, data_dir=tmp_path / "data", **process)]
        return running[0]

    yield start
    for server in running:
        assert server.stop() == 0


def infer(server, image=SERIES, output="image"):
    return requests.post(f"{server.url}/infer/nnInteractive", params={"image": image, "output": output},
                         files={"params": (None, json.dumps(CLICK))}, timeout=60)


def test_a_series_is_found_fetched_once_and_clicked(start, archive, key_file, tmp_path):
    server = start(archive, "--dicomweb-key-file", key_file)
    objects = MONAILabelClient(server.url).datastore()["objects"]
    assert list(objects) == [SERIES] and "Doe" not in json.dumps(objects)
    mask = nrrd.read(infer(server).content)[1]
    assert mask.shape == SHAPE and mask[tuple(CENTRE[::-1])] == 1
    seg = highdicom.seg.Segmentation.from_dataset(pydicom.dcmread(io.BytesIO(infer(server, output="dicom_seg").content)))
    assert seg.StudyInstanceUID == ct_series.STUDY
    fetches = [r for r in archive.requests if r.endswith(SERIES)]
    assert len(fetches) == 1
    kept = list((tmp_path / "data/archive" / SERIES).iterdir())
    assert len(kept) == SHAPE[0] and all(p.stat().st_mode & 0o077 == 0 for p in kept)


def test_images_that_were_added_are_fetched(start, archive, key_file, tmp_path):
    last = archive.instances.pop()
    server = start(archive, "--dicomweb-key-file", key_file)
    image = {"image": SERIES}
    assert b"sizes: 32 28 23" in requests.get(f"{server.url}/datastore/image", params=image).content[:400]
    archive.instances.append(last)
    assert b"sizes: 32 28 24" in requests.get(f"{server.url}/datastore/image", params=image).content[:400]


def test_a_submitted_label_is_stored_in_the_archive(start, archive, key_file, tmp_path):
    server = start(archive, "--dicomweb-key-file", key_file)
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:5, 4:9, 6:12] = 1
    form = {"params": (None, json.dumps({"label_info": [{"name": "spleen"}]})), "label": ("label.bin", labels.tobytes())}
    answer = requests.put(f"{server.url}/datastore/label", params={"image": SERIES}, files=form)
    assert answer.status_code == 200, answer.text
    [(content_type, body)] = archive.stored
    assert archive.requests[-1].endswith(f"/studies/{ct_series.STUDY}")
    boundary = content_type.split("boundary=")[1].encode()
    [_, part, end] = body.split(b"--" + boundary)
    assert end == b"--\r\n"
    dataset = pydicom.dcmread(io.BytesIO(part.split(b"\r\n\r\n", 1)[1]))
    assert dataset.Modality == "SEG" and dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    for bad in ("refuse", "accept, then fail", "fail at status 200", "fail in XML"):
        archive.bad = bad
        answer = requests.put(f"{server.url}/datastore/label", params={"image": SERIES}, files=form)
        assert answer.status_code >= 500 and "kept here, but the archive did not take it" in answer.json()["detail"], bad
        assert ("out of resources (reason A700)" in answer.json()["detail"]) == (bad in ("accept, then fail", "fail at status 200"))
    archive.bad = "store with warnings"
    assert requests.put(f"{server.url}/datastore/label", params={"image": SERIES}, files=form).status_code == 200


def test_an_archive_that_searches_series_within_studies_only(start):
    archive = Archive(ct_series.instances(scan(), SERIES), only_in_studies=True)
    server = start(archive)
    assert list(MONAILabelClient(server.url).datastore()["objects"]) == [SERIES]
    assert infer(server).status_code == 200
    archive.close()


@pytest.mark.parametrize("bad", ["other series", "twice", "cut off", "no boundary", "wrong boundary", "no dicom", "empty",
                                 "compressed"])
def test_a_bad_series_is_refused_and_nothing_of_it_is_kept(start, archive, key_file, tmp_path, bad):
    server = start(archive, "--dicomweb-key-file", key_file)
    archive.bad = bad
    answer = infer(server)
    assert 400 <= answer.status_code < 504 and answer.json()["detail"], answer.text
    assert not list((tmp_path / "data/archive").iterdir())
    archive.bad = ""
    assert infer(server).status_code == 200


@pytest.mark.parametrize("bad", ["html", "large", "endless", "elsewhere"])
def test_a_bad_answer_to_a_search_ends_in_words(start, archive, key_file, bad):
    server = start(archive, "--dicomweb-key-file", key_file)
    archive.bad = bad
    begin = time.monotonic()
    answer = infer(server)
    assert 400 <= answer.status_code < 504 and "archive" in answer.json()["detail"]
    assert time.monotonic() - begin < 40 and requests.get(f"{server.url}/healthz").status_code == 200


def test_an_archive_that_is_away_is_said_and_the_rest_goes_on(start, archive, key_file, tmp_path):
    server = start(archive, "--dicomweb-key-file", key_file)
    archive.close()
    answer = infer(server)
    assert answer.status_code == 503 and "archive" in answer.json()["detail"]
    listed = requests.get(f"{server.url}/api/v1/studies").json()
    assert not listed["complete"] and "archive" in listed["problems"][0]
    client = MONAILabelClient(server.url, tmpdir=str(tmp_path))
    assert client.info()["models"]
    assert client.create_session(nrrd.write(tmp_path / "a.nrrd", scan()))["session_id"]


def test_a_wrong_key_is_said(start, archive):
    server = start(archive, env={**os.environ, "SAGITTAL_DICOMWEB_KEY": "reader:wrong"})
    answer = infer(server)
    assert answer.status_code == 503 and "--dicomweb-key-file" in answer.json()["detail"]


def test_the_key_may_come_from_the_environment(start, archive):
    server = start(archive, env={**os.environ, "SAGITTAL_DICOMWEB_KEY": "reader:s3cret"})
    assert infer(server).status_code == 200


def test_bad_options_are_refused_before_the_start(sagittal, model, key_file, archive):
    def refusal(*options):
        result = sagittal("serve", "--port", "0", "--data-dir", "none", *model, *options)
        assert result.returncode != 0
        return result.stderr

    assert "seen by everybody" in refusal("--dicomweb", "http://user:password@127.0.0.1/dicom-web")
    assert "expected an address" in refusal("--dicomweb", "file:///etc/passwd")
    assert "--dicomweb" in refusal("--dicomweb-key-file", key_file)
    key_file.chmod(0o644)
    assert "chmod 600" in refusal("--dicomweb", archive.url, "--dicomweb-key-file", key_file)


def test_an_endless_series_is_cut_off(start, archive, key_file, tmp_path):
    server = start(archive, "--dicomweb-key-file", key_file, "--drain-seconds", "0")
    archive.bad = "endless series"
    with pytest.raises(requests.Timeout):
        requests.post(f"{server.url}/infer/nnInteractive", params={"image": SERIES},
                      files={"params": (None, json.dumps(CLICK))}, timeout=2)
    assert requests.get(f"{server.url}/healthz").status_code == 200
    assert server.stop() == 0  # the fetch ends with the server
    assert not [p for p in pathlib.Path(tmp_path / "data/archive").iterdir() if p.suffix != ".part"]
