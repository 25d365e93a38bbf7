#!/usr/bin/env python3
"""From the click in 3D Slicer to the first mask, over a slow link: this extension beside the nnInteractive extension's sequences.

    build/slicer_venv/bin/pip install requests-toolbelt==1.0.0 nninteractive-client==2.6.0
    build/slicer_venv/bin/python benchmarks/slicer_first_mask.py

The clock of the user starts when the volume is loaded; the click comes 5 s later. A relay between client and server lets through
100 Mbit/s each way and adds 20 ms each way. Each sequence has a server of its own, with the model in the box, that nobody has used.
"""
import argparse
import os
import statistics
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(ROOT / folder) for folder in ("slicer/Sagittal", "tests/slicer", "tests/server")]

import numpy as np  # noqa: E402

import slicer_scene  # noqa: E402
from relay import Relay  # noqa: E402
from running_server import Server  # noqa: E402
from SagittalLib import geometry, prompts  # noqa: E402
from SagittalLib.client import Connection  # noqa: E402
from SagittalLib.session import VolumeSession  # noqa: E402
from SagittalLib.work import Workers  # noqa: E402


class Watched(VolumeSession):
    """Notes when the scene first showed a mask."""

    shown_at = None

    def _write(self, link, region, crop, undoable=True):
        super()._write(link, region, crop, undoable)
        if self.shown_at is None and crop.any():
            self.shown_at = time.monotonic()


def with_this_extension(url, array, matrix, click, look_seconds):
    """(seconds to the first mask, to the final one, longest that the main thread was held up)"""
    import scans
    scene = slicer_scene.make_scene()
    volume = scans.volume_of(scene, array, matrix)
    segmentation = scans.segmentation_of(scene, volume, "a")
    workers, errors = Workers(), []
    longest = 0.0

    def pump_until(condition):
        nonlocal longest
        while not condition():
            workers.wait_for_results(0.02)
            begin = time.thread_time()
            workers.pump()
            longest = max(longest, time.thread_time() - begin)
        assert not errors, errors

    loaded = time.monotonic()
    session = Watched(volume, Connection(url), workers, on_error=errors.append)
    session.prepare()
    pump_until(lambda: time.monotonic() >= loaded + look_seconds)
    done, clicked = [], time.monotonic()
    link = session.link(segmentation, "a")
    session.prompt(link, prompts.point(volume, geometry.ijk_to_world(volume, [click])[0]), lambda: done.append(1), lambda: done.append(0))
    pump_until(lambda: done)
    final = time.monotonic()
    session.close()
    workers.close()
    return session.shown_at - clicked, final - clicked, longest


def with_requests(url, array, click):
    """Versions 0.1 to 0.3: image, empty segment and prompt after the click."""
    from slicer_v0_client import Client
    clicked = time.monotonic()
    client = Client(url, array)
    client.upload_image()
    client.upload_segment()
    mask = client.point(list(click[::-1]))
    assert mask.any()
    return time.monotonic() - clicked


def with_library(url, array, spacing, click):
    """Version 1: claims a lease, sets image and target, and prompts after the click."""
    from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession
    clicked = time.monotonic()
    session = nnInteractiveRemoteInferenceSession(url)
    session.set_image(array[None], {"spacing": list(spacing)})
    target = np.zeros(array.shape, np.uint8)
    session.set_target_buffer(target)
    session.reset_interactions()
    session.add_point_interaction(list(click[::-1]), True)
    assert target.any()
    return time.monotonic() - clicked


def read_nifti(path):
    """Voxels [k, j, i] and spacing (i, j, k) of a plain .nii.gz of int16."""
    import gzip
    file = gzip.decompress(Path(path).read_bytes())
    shape = np.frombuffer(file[42:48], "<i2")
    spacing = np.frombuffer(file[80:92], "<f4").astype(float)
    offset = int(np.frombuffer(file[108:112], "<f4")[0])
    return np.frombuffer(file[offset:], "<i2").reshape(shape[::-1]).astype(np.int16), spacing


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--program", default=str(ROOT / "build/release/bin/sagittal"))
    arguments.add_argument("--image", default=str(Path(os.environ.get("SAGITTAL_DATA", ROOT.parent / "shared/data"))
                                                  / "ct_lidc_0314/image.nii.gz"))
    arguments.add_argument("--click", type=int, nargs=3, default=[330, 290, 130], help="i j k")
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--only", default="", help="ours, v0 or v1")
    chosen = arguments.parse_args()
    array, spacing = read_nifti(chosen.image)
    matrix = np.diag([*spacing, 1.0])
    taken = {"ours, first": [], "ours, final": [], "version 0": [], "version 1": []}
    for _ in range(chosen.repeat):
        for name in ("ours", "v0", "v1"):
            if chosen.only not in ("", name):
                continue
            server = Server(chosen.program)
            with Relay(server.port, 100e6, 0.02) as relay:
                if name == "ours":
                    first, final, longest = with_this_extension(relay.url, array, matrix, chosen.click, 5.0)
                    taken["ours, first"].append(first)
                    taken["ours, final"].append(final)
                    print(f"ours: first {first:.2f} s, final {final:.2f} s, main thread at most {1000 * longest:.0f} ms at a time")
                elif name == "v0":
                    taken["version 0"].append(with_requests(relay.url, array, chosen.click))
                    print(f"version 0.x: {taken['version 0'][-1]:.2f} s")
                else:
                    taken["version 1"].append(with_library(relay.url, array, spacing, chosen.click))
                    print(f"version 1: {taken['version 1'][-1]:.2f} s")
            server.stop()
    medians = {name: statistics.median(values) for name, values in taken.items() if values}
    for name in ("version 0", "version 1"):
        if name in medians and "ours, first" in medians:
            print(f"{name}: {medians[name]:.2f} s, {medians[name] / medians['ours, first']:.1f} times ours "
                  f"({medians[name] / medians['ours, final']:.1f} times until ours is final)")
    assert threading.active_count() < 100


if __name__ == "__main__":
    main()
