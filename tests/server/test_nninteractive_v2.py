"""The server as nnInteractive's own client library drives it, unmodified; so 3D Slicer's extension from version 1, napari, MITK and
OHIF front ends do."""
import threading
import time

import httpx
import numpy as np
import pytest
from nnInteractive.inference.remote.remote_session import (ServerAtCapacityError, SessionExpiredError,
                                                            nnInteractiveRemoteInferenceSession)

from running_server import SHAPE, Server, scan
from slicer_v0_client import Client

CENTRE = [n // 2 for n in SHAPE]


def open_session(url: str, dtype=np.uint8, image=None) -> nnInteractiveRemoteInferenceSession:
    session = nnInteractiveRemoteInferenceSession(url)
    image = scan() if image is None else image
    session.set_image(image[None], {"spacing": [2.0, 0.7, 0.7]})
    session.set_target_buffer(np.zeros(image.shape, dtype))
    session.reset_interactions()
    return session


@pytest.fixture
def session(server):
    opened = open_session(server.url)
    yield opened
    opened.close()


def stroke() -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[CENTRE[0], CENTRE[1], CENTRE[2] - 3:CENTRE[2] + 4] = 1
    return mask


def detail(error: pytest.ExceptionInfo) -> str:
    return error.value.response.json()["detail"]


def test_connecting_tells_what_the_model_can_do(session):
    assert session.ping()
    assert set(session.supported_interactions) == {"points", "bbox2d", "bbox3d", "scribble", "lasso"}
    assert session.channel_mapping["points"] == (3, 4)
    assert session.num_interaction_channels == 7
    assert session.supports_undo and session.do_autozoom
    assert session.original_image_shape == (1, *SHAPE)
    assert session.license


def test_a_click_paints_the_target_buffer_where_it_says(session):
    box = session.add_point_interaction(CENTRE, True)
    assert session.target_buffer[tuple(CENTRE)] == 1
    outside = session.target_buffer.copy()
    outside[tuple(slice(*ends) for ends in box)] = 0
    assert not outside.any()


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int16, np.uint32])
def test_target_buffers_of_every_type(server, dtype):
    with open_session(server.url, dtype) as session:
        session.add_point_interaction(CENTRE, True)
        assert session.target_buffer.dtype == dtype
        assert session.target_buffer[tuple(CENTRE)] == 1 and session.target_buffer.max() == 1


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.int32, np.float32, np.float64])
def test_images_of_every_type_give_the_same_mask(server, dtype):
    with open_session(server.url) as expected, open_session(server.url, image=scan(dtype)) as session:
        for each in (expected, session):
            each.add_point_interaction(CENTRE, True)
        assert np.array_equal(session.target_buffer, expected.target_buffer)


def test_every_prompt_and_undo_back_to_the_start(session):
    box = [[CENTRE[0], CENTRE[0] + 1], [8, 20], [10, 22]]
    flat = np.ones((1, 6, 6), np.uint8)
    states = [session.target_buffer.copy()]
    for prompt in (lambda: session.add_bbox_interaction(box, True),
                   lambda: session.add_point_interaction(np.array(CENTRE), True),
                   lambda: session.add_scribble_interaction(stroke(), True),
                   lambda: session.add_lasso_interaction(flat, True, interaction_bbox=[[3, 4], [2, 8], [2, 8]]),
                   lambda: session.add_point_interaction([1, 1, 1], False)):
        prompt()
        states.append(session.target_buffer.copy())
    for state in reversed(states[:-1]):
        assert session.undo()
        assert np.array_equal(session.target_buffer, state)
    assert not session.undo()


def test_a_crop_and_the_whole_volume_are_the_same_scribble(server):
    mask, box = stroke(), [[CENTRE[0], CENTRE[0] + 1], [0, SHAPE[1]], [0, SHAPE[2]]]
    with open_session(server.url) as whole, open_session(server.url) as crop:
        whole.add_scribble_interaction(mask, True)
        crop.add_scribble_interaction(mask[tuple(slice(*ends) for ends in box)], True, interaction_bbox=box)
        assert np.array_equal(whole.target_buffer, crop.target_buffer)


def test_recorded_prompts_are_predicted_together(session):
    assert session.add_point_interaction(CENTRE, True, run_prediction=False) is None
    assert not session.target_buffer.any()
    assert session._predict() is not None
    assert session.target_buffer[tuple(CENTRE)] == 1
    assert session._predict() is None


def test_an_initial_mask_is_a_start(session):
    mask = (scan() > 60).astype(np.uint8)
    session.add_initial_seg_interaction(mask)
    assert np.array_equal(session.target_buffer, mask)
    session.add_point_interaction(CENTRE, True)
    assert session.undo()
    assert np.array_equal(session.target_buffer, mask)
    session.add_initial_seg_interaction(mask, run_prediction=True)


def test_next_segment_starts_empty_and_without_undo(session):
    session.add_point_interaction(CENTRE, True)
    session.reset_interactions()
    assert not session.target_buffer.any()
    assert not session.undo()
    session.add_point_interaction([2, 2, 2], True)


def test_clicks_beside_the_scan_change_nothing(session):
    session.add_point_interaction(CENTRE, True)
    before = session.target_buffer.copy()
    for click in ([-3, 0, 0], [0, 0, 32], [1000, 1000, 1000]):
        assert session.add_point_interaction(click, True) is None
    assert np.array_equal(session.target_buffer, before)


def test_another_volume_on_the_same_lease(session):
    image = scan(shape=(10, 40, 20))
    session.set_image(image[None], {"spacing": [1, 1, 1]})
    session.set_target_buffer(np.zeros(image.shape, np.uint8))
    session.reset_interactions()
    session.add_point_interaction([5, 20, 10], True)
    assert session.target_buffer[5, 20, 10] == 1


def test_auto_zoom_can_be_switched_off(session):
    session.set_do_autozoom(False)
    session.add_point_interaction(CENTRE, True)
    assert session.target_buffer[tuple(CENTRE)] == 1


def test_errors_carry_a_sentence_and_leave_the_session_alone(session):
    session.add_point_interaction(CENTRE, True)
    with pytest.raises(httpx.HTTPStatusError) as error:
        session.add_bbox_interaction([[5, 5], [1, 4], [1, 4]], True)
    assert "size is zero" in detail(error)
    with pytest.raises(httpx.HTTPStatusError) as error:
        session.add_bbox_interaction([[2, 5], [1, 4], [1, 4]], True)
    assert "3D bounding box" in detail(error)
    with pytest.raises(httpx.HTTPStatusError) as error:
        session.add_lasso_interaction(np.ones((1, 2, 2), np.uint8), True, interaction_bbox=[[0, 1], [0, 2], [31, 33]])
    assert "lie in the image" in detail(error)
    with pytest.raises(httpx.HTTPStatusError) as error:
        session.set_image(np.zeros((1, *SHAPE), np.int16))
    assert "entirely zero" in detail(error)
    with pytest.raises(httpx.HTTPStatusError) as error:
        session.set_image(np.zeros((3, *SHAPE), np.int16))
    assert "3 channels" in detail(error)
    assert session.undo()


def test_a_lease_is_alive_until_it_is_released(server):
    session = nnInteractiveRemoteInferenceSession(server.url)
    assert 0 < session.heartbeat() <= session.idle_timeout_seconds == 600
    assert session.lease_status()["idle_timeout_seconds"] == 600
    other = nnInteractiveRemoteInferenceSession(server.url)
    other._http.headers["X-Lease-Token"] = session._lease_token
    session.close()
    with pytest.raises(SessionExpiredError):
        other.lease_status()
    other.close()


def test_capacity_is_said_and_a_released_place_is_free(program, model):
    server = Server(program, *model, "--max-sessions", "2")
    try:
        first, second = (nnInteractiveRemoteInferenceSession(server.url) for _ in range(2))
        with pytest.raises(ServerAtCapacityError, match="capacity"):
            nnInteractiveRemoteInferenceSession(server.url)
        first.close()
        nnInteractiveRemoteInferenceSession(server.url).close()
        second.close()
    finally:
        server.stop()


def test_another_server_does_not_know_the_lease(program, model):
    server = Server(program, *model)
    session = open_session(server.url)
    server.stop()
    server = Server(program, *model, port=server.port)
    try:
        with pytest.raises(SessionExpiredError):
            session.add_point_interaction(CENTRE, True)
    finally:
        session.close()
        server.stop()


def test_prefixes_and_passwords_in_the_address_are_kept(server):
    with open_session(server.url.replace("//", "//alice:secret@") + "/alice/") as session:
        session.add_point_interaction(CENTRE, True)
        assert session.target_buffer[tuple(CENTRE)] == 1


def test_both_generations_of_clients_at_once(server):
    """Many clients of two protocols on one server: everybody gets their own mask."""
    failures = []

    def work(number: int) -> None:
        try:
            click = [4 + number, 5 + number, 6 + number]
            if number % 2:
                client = Client(f"{server.url}/person{number}")
                client.upload_image()
                for _ in range(3):
                    assert client.point(click)[tuple(click)]
            else:
                with open_session(server.url) as session:
                    for _ in range(3):
                        session.reset_interactions()
                        session.add_point_interaction(click, True)
                        assert session.target_buffer[tuple(click)] == 1
        except Exception as error:  # noqa: BLE001
            failures.append((number, error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_health_and_heartbeats_answer_during_a_prediction(server):
    image = scan(shape=(96, 160, 160))
    with open_session(server.url, image=image) as session, nnInteractiveRemoteInferenceSession(server.url) as other:
        thread = threading.Thread(target=session.add_bbox_interaction, args=([[48, 49], [5, 150], [5, 150]], True))
        thread.start()
        waited = []
        while thread.is_alive():
            begin = time.monotonic()
            other.heartbeat()
            assert session.ping()
            waited.append(time.monotonic() - begin)
            time.sleep(0.01)
        thread.join()
        assert waited and sorted(waited)[len(waited) // 2] < 1
