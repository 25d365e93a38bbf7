"""People at work with every kind of client on a server that is killed, and what an undisturbed server answers them."""
import json
import random
import shutil
import sqlite3
import tempfile
from http.client import HTTPException
from pathlib import Path

import httpx
import numpy as np
import requests
from monailabel.client import MONAILabelClient
from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession

import itksnap_client
import native_client
import nrrd
import slicer_v0_client
from running_server import SHAPE, scan

LOST = (requests.RequestException, httpx.HTTPError, HTTPException, ConnectionError)


def count_prompts(folder: Path) -> dict:
    """How many prompts the folder holds, by session. Read from a copy, so that the server finds what it left."""
    with tempfile.TemporaryDirectory() as copy:
        for file in folder.glob("state.db*"):
            shutil.copy(file, copy)
        with sqlite3.connect(Path(copy) / "state.db") as database:
            return {name: json.loads(head).get("revision", 0) for name, head in database.execute("SELECT name, head FROM entry")}


def any_prompt(rng: random.Random) -> tuple:
    kind = rng.choice(["point", "point", "scribble", "lasso"])
    centre = [rng.randrange(4, n - 4) for n in SHAPE]
    return kind, centre, rng.random() < 0.8


def drawing(centre: list) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[centre[0], centre[1] - 2:centre[1] + 3, centre[2] - 2:centre[2] + 3] = 1
    return mask


class Slicer:
    """3D Slicer's extension before version 1."""

    def __init__(self, url: str, name: str, image: np.ndarray):
        self.client = slicer_v0_client.Client(f"{url}/{name}", image)
        self.key = f"prefix {name}"
        assert self.client.upload_image() == {"status": "ok"} and self.client.upload_segment() == {"status": "ok"}

    def prompt(self, kind: str, centre: list, positive: bool):
        mask = self.client.point(centre, positive) if kind == "point" else self.client.draw(kind, drawing(centre), positive)
        assert isinstance(mask, np.ndarray), mask
        return mask


class ItkSnap:
    def __init__(self, url: str, name: str, image: np.ndarray):
        self.client = itksnap_client.Client(url, v2=len(name) % 2 == 0, image=image.astype(np.float32)).start()
        self.key = f"lease {self.client.id}"
        assert self.client.upload().status_code == 200

    def prompt(self, kind: str, centre: list, positive: bool):
        answer = (self.client.point(*centre[::-1], positive) if kind == "point"
                  else self.client.draw(kind, drawing(centre), positive))
        return self.client.mask(answer)


class V2:
    """nnInteractive's own client."""

    def __init__(self, url: str, name: str, image: np.ndarray):
        self.session = nnInteractiveRemoteInferenceSession(url)
        self.key = f"lease {self.session._lease_token}"
        self.session.set_image(image[None], {"spacing": [1.0, 1.0, 1.0]})
        self.session.set_target_buffer(np.zeros(image.shape, np.uint8))
        self.session.set_do_autozoom(len(name) % 2 == 0)

    def prompt(self, kind: str, centre: list, positive: bool):
        self.session.target_buffer[:] = 2  # what this answer does not cover is seen
        if kind == "undo":
            self.session.undo()
        elif kind == "point":
            self.session.add_point_interaction(centre, positive)
        else:
            getattr(self.session, f"add_{kind}_interaction")(drawing(centre), positive)
        return self.session.target_buffer.copy()


class Monai:
    """MONAI Label's own client: it sends all clicks each time, so that it must know which ones count."""

    def __init__(self, url: str, name: str, image: np.ndarray):
        self.folder = tempfile.TemporaryDirectory()
        self.client = MONAILabelClient(url, tmpdir=self.folder.name)
        self.session = self.client.create_session(nrrd.write(Path(self.folder.name) / "image.nrrd", image))["session_id"]
        self.key = f"lease {self.session}"
        self.clicks = {True: [], False: []}

    def prompt(self, kind: str, centre: list, positive: bool):
        clicks = {side: [*known, centre[::-1]] if side == positive else known for side, known in self.clicks.items()}
        file, _ = self.client.infer("nnInteractive", "CT", {"label": "liver", "foreground": clicks[True],
                                                            "background": clicks[False]}, session_id=self.session)
        self.clicks = clicks
        return nrrd.read(Path(file).read_bytes())[1]

    def was_kept(self, kind: str, centre: list, positive: bool) -> None:
        self.clicks[positive].append(centre[::-1])


def segment_of(centre: list) -> int:
    return 1 + centre[0] % 2


class Native:
    """Our own API, with two segments."""

    def __init__(self, url: str, name: str, image: np.ndarray):
        client = native_client.Client(url)
        self.session = client.open(client.upload_in_pieces(native_client.nifti(image), size=1 << 16))
        self.key = f"lease {self.session.id}"
        for _ in range(2):
            self.session.add_segment()

    def prompt(self, kind: str, centre: list, positive: bool):
        """The whole mask as the server has it: what the answers said may have been lost."""
        number = segment_of(centre)
        if kind == "undo":
            self.session.client.ask("POST", f"{self.session.path}/segments/{number}/undo")
        else:
            prompt = ({"type": "point", "ijk": centre[::-1], "include": positive} if kind == "point"
                      else native_client.drawing_prompt(kind, drawing(centre), positive))
            self.session.client.ask("POST", f"{self.session.path}/segments/{number}/prompts", json=prompt)
        return np.stack([self.session.bits(number) for number in (1, 2)])


class Person:
    """Prompts one after the other. `done` is what the server holds, with the answer where there was one."""

    def __init__(self, kind, url: str, name: str, seed: int):
        self.kind, self.name = kind, name
        self.image = scan(shape=SHAPE) + np.random.default_rng(seed).integers(0, 9, SHAPE).astype(np.int16)
        self.rng = random.Random(seed)
        self.viewer = kind(url, name, self.image)
        self.done, self.open, self.base = [], None, None
        self.undoable = {1: 0, 2: 0}  # by segment

    def next_prompt(self) -> tuple:
        segments = [n for n, steps in self.undoable.items() if steps > 0]
        if self.kind in (V2, Native) and segments and self.rng.random() < 0.15:
            return "undo", [self.rng.choice(segments) - 1, 0, 0], True
        return any_prompt(self.rng)

    def record(self, prompt: tuple, answer) -> None:
        segment = segment_of(prompt[1]) if self.kind is Native else 1
        self.undoable[segment] += -1 if prompt[0] == "undo" else 1
        self.done.append((prompt, answer))

    def work(self, stop) -> None:
        while not stop.is_set():
            self.open = self.next_prompt()
            try:
                answer = self.viewer.prompt(*self.open)
            except LOST:
                return
            self.record(self.open, answer)
            self.open = None

    def settle(self, records: int) -> None:
        """After a kill: was the prompt that nobody answered kept? What was answered must be."""
        kept = records - self.base
        assert kept in (len(self.done), len(self.done) + (self.open is not None)), (
            f"{self.name}: {len(self.done)} prompts were answered, {kept} are kept")
        if kept > len(self.done):
            self.record(self.open, None)
            if self.kind is Monai:
                self.viewer.was_kept(*self.open)
        self.open = None

    def compare(self, url: str) -> int:
        """Every answer with that of a server that was never killed; how many there were."""
        viewer = self.kind(url, self.name, self.image)
        for n, (prompt, answer) in enumerate(self.done):
            expected = viewer.prompt(*prompt)
            if answer is not None:
                assert np.array_equal(answer, expected), f"{self.name}: prompt {n} of {len(self.done)}, {prompt}"
        return sum(answer is not None for _, answer in self.done)
