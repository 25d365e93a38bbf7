"""A server with two models: what each of its clients sees of them, and what a restart without one of them does."""
import json
import re
import sqlite3

import numpy as np
import pytest
import requests

import kept_state
import nrrd
from native_client import Client, Session, nifti
from running_server import SHAPE, restarting, scan
from second_model import LICENCE, SECOND, SMALL, second_model

CENTRE = [n // 2 for n in SHAPE][::-1]  # i, j, k


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return second_model(tmp_path_factory.mktemp("models"))


@pytest.fixture
def start(program, second, tmp_path):
    """Starts a server with these models on the test's folder, in place of the one before, which is killed."""
    with restarting(program, tmp_path / "data") as start:
        yield lambda *models: start(*[o for m in models for o in ("--model", second if m == SECOND else m)])


def test_the_api_tells_of_both_and_opens_either(start):
    server = start(SMALL, SECOND)
    client = Client(server.url)
    info = client.ask("GET", "/info")
    assert [m["name"] for m in info["models"]] == [SMALL, SECOND] and info["default_model"] == SMALL
    own, other = info["models"]
    assert own["commercial_use"] is True and own["licence_id"] == "Apache-2.0"
    assert (other["licence"], other["licence_id"], other["commercial_use"]) == (LICENCE, "CC-BY-NC-SA-4.0", False)
    assert own["capabilities"]["lasso"] and not other["capabilities"]["lasso"] and info["capabilities"] == own["capabilities"]
    volume = client.upload(nifti(scan()))
    sessions = {model: client.open(volume, model=model) for model in (SMALL, SECOND)}
    for model, session in sessions.items():
        number = session.add_segment()
        session.point(number, CENTRE)
        assert session.info["model"] == model and session.masks[number].any()
    lasso = {"type": "lasso", "bounds": [[0, 8], [0, 1], [0, 1]], "mask": "/w=="}
    assert "lasso" in client.ask("POST", f"{sessions[SECOND].path}/segments/1/prompts", (400, 422), json=lasso)["error"]["message"]
    refusal = client.ask("POST", "/sessions", 404, json={"volume": volume, "model": "huge"})["error"]
    assert f"{SMALL} and {SECOND}" in refusal["message"]
    text = requests.get(f"{server.url}/metrics").text
    seconds = {m: float(s) for m, s in re.findall(r'sagittal_network_seconds_total\{model="(.*)"\} (\S+)', text)}
    assert set(seconds) == {SMALL, SECOND} and min(seconds.values()) > 0
    page = requests.get(f"{server.url}/server").text
    assert SECOND in page and LICENCE in page
    server.stop()
    assert f"{SMALL} and {SECOND}" in server.process.stderr.read()


def test_a_session_waits_for_a_server_with_its_model(start):
    client = Client(start(SMALL, SECOND).url)
    session = client.open(client.upload(nifti(scan())), model=SECOND, auto_zoom=False)
    number = session.add_segment(name="liver")
    session.point(number, CENTRE)
    start(SMALL)
    refused = client.ask("GET", session.path, 409)["error"]
    assert refused["code"] == "conflict" and SECOND in refused["message"] and f"--model {SECOND}" in refused["message"]
    client.ask("POST", f"{session.path}/segments/{number}/undo", 409)
    [listed] = client.ask("GET", "/sessions")["sessions"]
    assert listed["id"] == session.id and listed["model"] == SECOND and listed["model_available"] is False
    assert [s["name"] for s in listed["segments"]] == ["liver"]
    start(SECOND, SMALL)
    again = client.ask("GET", session.path)
    assert again["model"] == SECOND and again["auto_zoom"] is False
    assert np.array_equal(session.bits(number), session.masks[number])
    session.change(number, "undo")
    assert not session.masks[number].any()


def test_auto_zoom_is_a_sessions_own(start):
    client = Client(start(SMALL).url)
    axes = np.meshgrid(*[np.arange(72) - 36] * 3, indexing="ij")
    large = (sum(a * a for a in axes) <= 900) * 400 + np.random.default_rng(1).integers(0, 50, (72, 72, 72))
    volume = client.upload(nifti(large))
    masks = []
    for auto_zoom in (True, False):
        session = client.open(volume, auto_zoom=auto_zoom)
        assert session.info["auto_zoom"] is auto_zoom
        number = session.add_segment()
        session.point(number, [36, 36, 36])
        masks.append(session.masks[number])
    assert masks[0].sum() > masks[1].sum() > 0
    assert client.ask("PATCH", session.path, json={"auto_zoom": True})["auto_zoom"] is True
    session.change(number, "reset")
    session.point(number, [36, 36, 36])
    assert np.array_equal(session.masks[number], masks[0])


def test_a_session_of_a_folder_from_before_goes_on_with_the_default(start, tmp_path):
    """Before, a server had one model, and its sessions did not say which."""
    client = Client(start(SMALL).url)
    session = client.open(client.upload(nifti(scan())))
    number = session.add_segment()
    session.point(number, CENTRE)
    start(SMALL).stop()
    with sqlite3.connect(tmp_path / "data/state.db") as database:
        for name, head in database.execute("SELECT name, head FROM entry").fetchall():
            head = json.loads(head)
            assert head.pop("model", SMALL) == SMALL
            database.execute("UPDATE entry SET head = ? WHERE name = ?", (json.dumps(head), name))
    database.close()
    start(SECOND, SMALL)
    assert client.ask("GET", session.path)["model"] == SECOND
    assert np.array_equal(session.bits(number), session.masks[number])
    session.point(number, [3, 3, 3], False)


@pytest.mark.parametrize("kind", [kept_state.V2, kept_state.ItkSnap, kept_state.Slicer])
def test_other_clients_are_told_and_a_new_image_is_the_defaults(start, kind):
    image = scan()
    viewer = kind(start(SMALL).url, "alice", image)
    before = viewer.prompt("point", CENTRE[::-1], True)
    start(SECOND)
    with pytest.raises(Exception) as refused:
        viewer.prompt("point", CENTRE[::-1], True)
    said = f"{refused.value} {getattr(getattr(refused.value, 'response', None), 'text', '')}"
    assert f"--model {SMALL}" in said
    if kind is kept_state.V2:
        viewer.session.set_image(image[None], {"spacing": [1.0, 1.0, 1.0]})
    elif kind is kept_state.ItkSnap:
        assert viewer.client.upload().status_code == 200
    else:
        assert viewer.client.upload_image() == {"status": "ok"}
    assert np.array_equal(viewer.prompt("point", CENTRE[::-1], True), before)  # the networks are the same


def test_monai_label_lists_both_and_either_answers(start, tmp_path):
    viewer = kept_state.Monai(start(SMALL, SECOND).url, "x", scan())
    listed = viewer.client.info()["models"]
    assert set(listed) == {"nnInteractive", "nnInteractive-scribbles", f"nnInteractive@{SECOND}",
                           f"nnInteractive-scribbles@{SECOND}"}
    first = viewer.prompt("point", CENTRE[::-1], True)
    clicks = {"label": "liver", "foreground": [CENTRE], "background": []}
    for model in (f"nnInteractive@{SECOND}", "nnInteractive"):
        file, _ = viewer.client.infer(model, "CT", clicks, session_id=viewer.session)
        assert np.array_equal(nrrd.read(open(file, "rb").read())[1], first)


@pytest.mark.parametrize("models, words", [
    ((SMALL, SMALL), "named twice"), ((SMALL, "nosuchmodel"), "no model 'nosuchmodel'")])
def test_models_that_cannot_be_told_apart_or_found_are_refused(sagittal, tmp_path, models, words):
    options = [o for m in models for o in ("--model", m)]
    refused = sagittal("serve", "--port", 0, "--data-dir", tmp_path / "data", *options)
    assert refused.returncode in (1, 2) and words in refused.stderr and refused.stdout == ""


def test_two_folders_of_one_name_are_refused(sagittal, tmp_path):
    folder = second_model(tmp_path, SMALL)
    refused = sagittal("serve", "--port", 0, "--data-dir", tmp_path / "data", "--model", SMALL, "--model", folder)
    assert refused.returncode == 2 and f"two models are called {SMALL}" in refused.stderr
