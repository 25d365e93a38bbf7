"""Stored sessions of the Python original (tests/parity), replayed by its own client through the server."""
import base64
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession

from running_server import Server

PARITY = Path(__file__).resolve().parent.parent / "parity"
STORED = json.loads((PARITY / "sessions.json").read_text())
MRICRON = Path("/usr/share/mricron/templates")


@pytest.fixture(scope="module")
def server(program):
    running = Server(program, "--model", str(PARITY / STORED["checkpoint"]), "--precision", "fp32")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def read_volume(sagittal, tmp_path_factory, request):
    """A scan [k, j, i], read by the program."""
    folder, read = tmp_path_factory.mktemp("volumes"), {}

    def find(name: str) -> np.ndarray:
        if name not in read:
            entry = STORED["volumes"][name]
            root = MRICRON if entry["root"] == "mricron" else request.getfixturevalue("shared_data")
            if not (root / entry["path"]).exists():
                pytest.skip(f"no scan at {root / entry['path']}")
            done = sagittal("convert", root / entry["path"], folder / f"{name}.npy")
            assert done.returncode == 0, done.stderr
            read[name] = np.load(folder / f"{name}.npy")
        return read[name]

    return find


def unpack(packed: dict | None, shape: tuple) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    if packed is not None:
        box = tuple(slice(*ends) for ends in packed["bounds"])
        size = mask[box].shape
        bits = np.frombuffer(zlib.decompress(base64.b64decode(packed["bits"])), np.uint8)
        mask[box] = np.unpackbits(bits)[:np.prod(size)].reshape(size)
    return mask


def apply(session: nnInteractiveRemoteInferenceSession, step: dict, shape: tuple) -> object:
    kind = step["type"]
    if kind == "undo":  # the original goes back one prompt only; here there may be more to take back
        return session.undo() if step["expected"]["answer"] else False
    if kind == "reset":
        return session.reset_interactions()
    if kind == "autozoom":
        return session.set_do_autozoom(step["enabled"])
    if kind == "initial":
        return session.add_initial_seg_interaction(unpack(step["mask"], shape), run_prediction=step["run"])
    arguments = {"include_interaction": step["include"], "run_prediction": step["run"]}
    if kind == "point":
        return session.add_point_interaction(step["coordinates"], **arguments)
    if kind == "box":
        return session.add_bbox_interaction(step["bounds"], **arguments)
    mask, box = unpack(step["mask"], shape), None
    if step["cropped"]:
        box = step["mask"]["bounds"]
        mask = np.ascontiguousarray(mask[tuple(slice(*ends) for ends in box)])
    add = session.add_scribble_interaction if kind == "scribble" else session.add_lasso_interaction
    return add(mask, interaction_bbox=box, **arguments)


@pytest.mark.parametrize("sequence", STORED["sequences"], ids=lambda s: s["name"].replace(" ", "-"))
def test_the_clients_buffer_is_the_originals_after_every_prompt(server, read_volume, sequence):
    image = read_volume(sequence["volume"])
    expected = np.zeros(image.shape, np.uint8)
    with nnInteractiveRemoteInferenceSession(server.url, read_timeout=600) as session:
        session.set_image(image[None])
        session.set_target_buffer(np.zeros(image.shape, np.uint8))
        for number, step in enumerate(sequence["steps"]):
            answer = apply(session, step, image.shape)
            expected ^= unpack(step["expected"]["delta"], image.shape)
            both = int((expected & session.target_buffer).sum())
            dice = 2 * both / max(1, int(expected.sum()) + int(session.target_buffer.sum()))
            assert dice >= 0.999 or not expected.any() and not session.target_buffer.any(), f"step {number}: {dice}"
            if step["type"] not in ("undo", "reset", "autozoom"):
                assert answer == step["expected"]["answer"], f"step {number}"
