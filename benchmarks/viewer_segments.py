#!/usr/bin/env python3
"""A result with many segments opens in the browser viewer: how long until all are listed, and until all are in 3D.

    build/venv/bin/python benchmarks/viewer_segments.py [--segments 61] [--shape 384,384,300]

Generated organs (ellipsoids) in a session, headless Chromium drawing in software, the scan not drawn in 3D. Prints the time from
opening the session's address to the list, and from there to the last surface; and the JavaScript memory.
"""
import argparse
import base64
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/server"), str(ROOT / "tests/web")]

import numpy as np  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from native_client import Client, nifti  # noqa: E402
from running_server import Server  # noqa: E402
from viewer import Viewer  # noqa: E402


def organ(random, shape) -> dict:
    """An ellipsoid of 10 to 60 voxels across, some of them long as vessels and bones are."""
    radius = random.uniform(5, 30, 3) * random.choice([1, 1, 2], 3)
    radius = np.minimum(radius, np.array(shape) / 2 - 2)
    centre = np.array([random.uniform(r + 1, n - r - 1) for r, n in zip(radius, shape)])
    low, high = np.floor(centre - radius).astype(int), np.ceil(centre + radius).astype(int) + 1
    axes = [((np.arange(a, b) - c) / r) ** 2 for a, b, c, r in zip(low, high, centre, radius)]
    mask = axes[2][:, None, None] + axes[1][None, :, None] + axes[0][None, None, :] <= 1
    return {"bounds": [[int(a), int(b)] for a, b in zip(low, high)], "mask": base64.b64encode(np.packbits(mask)).decode()}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--program", default=str(ROOT / "build/release/bin/sagittal"))
    arguments.add_argument("--chromium", default="/usr/bin/chromium")
    arguments.add_argument("--segments", type=int, default=61)
    arguments.add_argument("--shape", default="384,384,300")
    chosen = arguments.parse_args()
    shape = [int(n) for n in chosen.shape.split(",")]
    random = np.random.default_rng(1)
    server = Server(chosen.program)
    client = Client(server.url)
    session = client.open(client.upload(nifti(np.broadcast_to(np.arange(shape[0], dtype=np.int16), shape[::-1]))))
    for n in range(chosen.segments):
        whole = organ(random, shape)
        client.ask("POST", f"{session.path}/segments", 201, json={"name": f"Organ {n + 1}", "mask": whole})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=[
            "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--enable-precise-memory-info"])
        viewer = Viewer(browser, server.url)
        viewer.page.goto(server.url)
        begin = time.monotonic()
        viewer.page.goto(f"{server.url}/#session={session.id}")
        viewer.page.wait_for_selector(f".segments li:nth-child({chosen.segments})")
        viewer.page.wait_for_selector(".view.axial canvas[data-drawn]")
        listed = time.monotonic() - begin
        viewer.page.wait_for_selector(f"canvas[data-meshes='{chosen.segments}']")
        drawn = time.monotonic() - begin
        heap = viewer.page.evaluate("performance.memory.usedJSHeapSize")
        viewer.close()
    server.stop()
    print(f"{chosen.segments} segments of {'x'.join(map(str, shape))}: listed after {listed:.1f} s, in 3D after {drawn:.1f} s, "
          f"{heap / 2**20:.0f} MiB of JavaScript")


if __name__ == "__main__":
    main()
