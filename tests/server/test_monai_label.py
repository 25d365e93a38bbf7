"""The server as MONAI Label's own client drives it: what its 3D Slicer module calls, and OHIF's requests."""
import json
import pathlib

import numpy as np
import pytest
import requests
from monailabel.client import MONAILabelClient
from monailabel.client.client import MONAILabelClientException

import nrrd
from running_server import SHAPE, scan
from slicer_v0_client import Client as Slicer

CENTRE = [n // 2 for n in SHAPE][::-1]  # i, j, k


def vectors(text: str):
    return [[float(x) for x in vector.strip("()").split(",")] for vector in text.split()]


@pytest.fixture
def client(server, tmp_path):
    return MONAILabelClient(server.url, tmpdir=str(tmp_path), client_id="user-xyz")


@pytest.fixture
def image(tmp_path):
    return nrrd.write(tmp_path / "tmp1.nrrd", scan())


def infer(client, session, model="nnInteractive", label_in=None, **params):
    file, answer = client.infer(model, "CT", {"result_extension": ".nrrd", "result_dtype": "uint8", **params},
                                label_in=label_in, session_id=session)
    fields, mask = nrrd.read(pathlib.Path(file).read_bytes())
    assert mask.shape == SHAPE and mask.max() <= 1
    return fields, mask, answer


def clicks(*foreground, background=()):
    return {"label": "liver", "foreground": list(foreground), "background": list(background)}


def test_the_module_connects_and_lists_the_models(client):
    assert not client.auth_enabled()
    info = client.info()
    assert not info.get("config")
    assert {model["type"] for model in info["models"].values()} <= {"deepgrow", "scribbles"}
    assert not client.train_status(check_if_running=True)
    assert "CT" not in client.datastore()["objects"]


def test_clicks_on_a_session_come_back_in_the_geometry_of_the_image(client, image):
    session = client.create_session(image)["session_id"]
    assert client.get_session(session)
    fields, mask, answer = infer(client, session, **clicks(CENTRE))
    assert mask[tuple(CENTRE[::-1])] == 1
    assert answer["label_names"] == {"liver": 1}
    assert fields["space"] == "left-posterior-superior"
    assert np.allclose(vectors(fields["space directions"]), nrrd.DIRECTIONS)
    assert np.allclose(vectors(fields["space origin"]), [nrrd.ORIGIN])
    client.remove_session(session)
    with pytest.raises(MONAILabelClientException):
        client.get_session(session)


def test_all_dialects_give_the_same_mask(client, image, server):
    other = [CENTRE[0] - 3, CENTRE[1] + 2, CENTRE[2]]
    slicer = Slicer(f"{server.url}/monai-peer", scan())
    slicer.upload_image()
    slicer.point(CENTRE[::-1])
    expected = slicer.point(other[::-1], positive=False)
    session = client.create_session(image)["session_id"]
    assert np.array_equal(infer(client, session, **clicks(CENTRE, background=[other]))[1], expected)


def test_the_same_clicks_give_the_same_mask_whatever_was_asked_before(client, image):
    a, b = CENTRE, [CENTRE[0] + 6, CENTRE[1], CENTRE[2]]
    session = client.create_session(image)["session_id"]
    one = infer(client, session, **clicks(a))[1]
    two = infer(client, session, **clicks(a, b))[1]
    assert np.array_equal(infer(client, session, **clicks(a))[1], one)
    fresh = client.create_session(image)["session_id"]
    assert np.array_equal(infer(client, fresh, **clicks(a, b))[1], two)


def test_strokes_are_a_label_map(client, image, tmp_path):
    session = client.create_session(image)["session_id"]
    strokes = np.zeros(SHAPE, np.uint8)
    i, j, k = CENTRE
    strokes[k, j, i - 3:i + 4] = 2
    label_in = nrrd.write(tmp_path / "strokes.nrrd", strokes)
    info = [{"name": "liver", "id": 1}, {"name": "foreground_scribbles", "id": 2},
            {"name": "background_scribbles", "id": 3}]
    mask = infer(client, session, "nnInteractive-scribbles", label_in, roi=[], label_info=info,
                 selected_label_name="liver")[1]
    assert mask[k, j, i] == 1


def test_an_image_uploaded_by_name(client, image):
    client.upload_image(image, "CT / 1")
    assert "CT / 1" in client.datastore()["objects"]
    file, _ = client.infer("nnInteractive", "CT / 1", clicks(CENTRE))
    assert nrrd.read(pathlib.Path(file).read_bytes())[1][tuple(CENTRE[::-1])] == 1


def test_errors_reach_the_person_in_words(client, image):
    with pytest.raises(MONAILabelClientException) as error:
        client.infer("nnInteractive", "never sent", clicks(CENTRE))
    assert "upload it again" in error.value.msg


def test_a_stale_length_on_a_request_without_body_does_not_hang(client, image):
    client.update_auth({"token_type": "bearer", "access_token": "x"})  # from now on it reuses its headers
    session = client.create_session(image)["session_id"]
    infer(client, session, **clicks(CENTRE))
    assert int(client._headers["content-length"]) > 100
    assert client.get_session(session)
    assert client.info()["models"]
    client.remove_session(session)


def test_the_browser_gets_a_raw_file_with_a_length(client, image, server):
    session = client.create_session(image)["session_id"]
    params = {**clicks(CENTRE), "result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False,
              "restore_label_idx": False}
    answer = requests.post(f"{server.url}/infer/nnInteractive",
                           params={"image": "1.2.3", "output": "image", "session_id": session},
                           files={"params": (None, json.dumps(params))})
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "Content-Encoding" not in answer.headers
    fields, mask = nrrd.read(answer.content)
    assert fields["encoding"] == "raw" and mask[tuple(CENTRE[::-1])] == 1
