"""The server as ITK-SNAP 4.4 uses it, in both generations of its protocol."""
import gzip
import signal
import threading

import numpy as np
import pytest
import requests

from itksnap_client import Client, encode, metadata, upload_expecting_100
from running_server import SHAPE, Server, scan
from slicer_v0_client import Client as Slicer

CENTRE = [n // 2 for n in SHAPE][::-1]  # x, y, z
BIG = (40, 200, 200)


@pytest.fixture(params=["v1", "v2"])
def client(server, request):
    ready = Client(server.url, v2=request.param == "v2").start()
    assert ready.upload().status_code == 200
    yield ready
    ready.end()


def stroke() -> np.ndarray:
    drawing = np.zeros(SHAPE, np.float32)
    x, y, z = CENTRE
    drawing[z, y, x - 3:x + 4] = 1
    return drawing


def refusal(answer) -> str:
    """The body of an error, which ITK-SNAP shows as it is."""
    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"] == "text/plain"
    assert 0 < len(answer.text) < 301 and "\n" not in answer.text and not answer.text.startswith("{")
    return answer.text


def test_the_status_has_a_version_that_every_client_takes(server):
    answer = requests.get(f"{server.url}/status").json()
    assert answer["status"] == "ok"
    assert tuple(int(part) for part in answer["version"].split(".")) >= (0, 1, 2)


def test_the_models_of_the_second_generation(server):
    models = requests.get(f"{server.url}/v2/models").json()["models"]
    assert [model["id"] for model in models] == ["nnInteractive"]
    assert models[0]["dimensions"] == 3 and models[0]["channels"] == [1]
    assert {"point", "scribble", "lasso"} >= set(models[0]["interactions"]) >= {"point"}


def test_every_prompt_is_answered_with_the_whole_mask(client):
    for answer in (client.point(*CENTRE), client.draw("scribble", stroke()), client.draw("lasso", stroke()),
                   client.draw("scribble", np.roll(stroke(), 8, axis=1), foreground=False)):
        client.mask(answer)


def test_both_generations_and_the_slicer_dialect_give_the_same_mask(server):
    slicer = Slicer(f"{server.url}/same-mask", scan(np.float32))
    slicer.upload_image()
    slicer.upload_segment()
    expected = slicer.point(CENTRE[::-1])
    for v2 in (False, True):
        snap = Client(server.url, v2).start()
        assert snap.upload().status_code == 200
        assert np.array_equal(snap.mask(snap.point(*CENTRE)), expected)
        snap.end()


def test_the_mask_follows_a_course_of_prompts(server):
    """What is recompressed is only what changed: the mask must be that of a session in another dialect all the same."""
    image = scan(np.float32, (64, 60, 56))
    slicer, snap = Slicer(f"{server.url}/course", image), Client(server.url, image=image).start()
    slicer.upload_image()
    slicer.upload_segment()
    assert snap.upload().status_code == 200
    for x, y, z, sign in ((28, 30, 32, True), (5, 6, 7, True), (28, 30, 40, False), (50, 50, 60, True), (5, 6, 7, False)):
        assert np.array_equal(snap.mask(snap.point(x, y, z, sign)), slicer.point([z, y, x], sign))
    snap.end()


def test_reset_starts_over(client):
    first = client.mask(client.point(*CENTRE))
    client.draw("scribble", np.roll(stroke(), 8, axis=1))
    assert client.reset().json() == {"status": "success"}
    assert np.array_equal(client.mask(client.point(*CENTRE)), first)


def test_a_stroke_inside_the_label_sends_nothing_new_and_changes_nothing(client):
    before = client.mask(client.point(*CENTRE))
    assert np.array_equal(client.current(), before)


def test_a_large_upload_waits_for_100_continue(server):
    user = Client(server.url, image=scan(np.float32, BIG)).start()
    continued, answer = upload_expecting_100(user, server.port)
    assert continued and answer.startswith(b"HTTP/1.1 200"), answer[:200]
    user.mask(user.point(100, 100, 20))
    user.end()


def test_an_unknown_session_is_refused_before_the_body_is_wanted_or_after(server):
    user = Client(server.url, image=scan(np.float32, BIG))
    user.id = "0" * 32
    continued, answer = upload_expecting_100(user, server.port)
    assert answer.startswith(b"HTTP/1.1 410"), answer[:200]
    assert continued


def test_clicks_outside_and_requests_that_lack_something_change_nothing(client):
    before = client.mask(client.point(*CENTRE))
    x, y, z = (int(n) for n in SHAPE[::-1])
    for point in ((x, 0, 0), (0, y, 0), (0, 0, z), (-1, 0, 0), (10**9, 0, 0)):
        assert "outside" in refusal(client.point(*point))
    path = f"process_scribble_interaction/{client.id}"
    refusal(client.get(f"process_point_interaction/{client.id}?x=1&y=2&z=3"))
    refusal(client.post(path, encode(stroke())))
    refusal(client.post(path + "?foreground=true", encode(stroke())[:1]))
    refusal(client.post(path + "?foreground=true", encode(stroke(), (28, 24, 32))))
    refusal(client.post(path + "?foreground=true", encode(stroke()[1:])))
    assert np.array_equal(client.current(), before)


def test_bombs_and_forged_sizes_change_nothing(client):
    before = client.mask(client.point(*CENTRE))
    bomb = gzip.compress(bytes(256 << 20))
    upload, scribble = f"upload_raw/{client.id}", f"process_scribble_interaction/{client.id}?foreground=true"
    for shape in (SHAPE, (2**30, 2**30, 2**30), (1, 1, 2**62), (2**20, 2**10, 2**3)):
        parts = [("file", ("image.gz", bomb, "application/gzip")), ("metadata", (None, metadata(shape), "application/json"))]
        refusal(client.post(upload, parts))
        refusal(client.post(scribble, parts))
    colour = [("file", ("image.gz", bomb, "application/gzip")), ("metadata", (None, metadata(SHAPE, 3), "application/json"))]
    assert "3 components" in refusal(client.post(upload, colour))
    assert np.array_equal(client.current(), before)


def test_clients_are_kept_apart_and_may_end(server):
    alice, bob = Client(server.url).start(), Client(server.url, v2=False).start()
    assert alice.id != bob.id
    assert alice.upload().status_code == 200
    assert bob.point(*CENTRE).status_code == 409
    hers = alice.mask(alice.point(*CENTRE))
    assert bob.upload().status_code == 200
    bob.mask(bob.point(2, 2, 2))
    assert bob.end().status_code == 200 and bob.end().status_code == 200
    assert "restart ITK-SNAP" in refusal(bob.point(2, 2, 2))
    assert np.array_equal(alice.current(), hers)
    alice.end()


def test_status_answers_during_predictions(client):
    """ITK-SNAP asks every ten seconds, and calls the server lost where it gets no answer."""
    inside = 0
    for z in range(8, 16):
        thread = threading.Thread(target=client.point, args=(CENTRE[0], CENTRE[1], z))
        thread.start()
        while thread.is_alive():
            assert client.get("status").status_code == 200
            inside += thread.is_alive()
        thread.join()
        if inside:
            return
    pytest.fail("status was never answered before the prediction was")


def test_another_server_refuses_the_session_readably(program, model):
    first = Server(program, *model)
    user = Client(first.url).start()
    assert user.upload().status_code == 200
    first.stop(signal.SIGKILL)
    second = Server(program, *model, port=first.port)
    try:
        for answer in (user.point(*CENTRE), user.upload(), user.reset(), user.draw("lasso", stroke())):
            assert answer.status_code == 410 and "restart ITK-SNAP" in refusal(answer)
        assert user.start().upload().status_code == 200
        user.mask(user.point(*CENTRE))
    finally:
        assert second.stop() == 0
