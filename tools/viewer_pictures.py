#!/usr/bin/env python3
"""Makes the pictures of docs/viewer.md: build/venv/bin/pip install pillow; build/venv/bin/python tools/viewer_pictures.py

Needs the scans of `make demo` (Debian's mricron-data) and Chromium; for the pages of models, SAGITTAL_MHUB: a checkout of
github.com/MHubAI/models. Look at each picture before it is committed.
"""
import io
import math
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/server"), str(ROOT / "tests/web")]

from PIL import Image  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

import numpy as np  # noqa: E402

from ct_series import encode, instances  # noqa: E402
from job_client import FakeDocker, add_model, scan_file  # noqa: E402
from native_client import Client  # noqa: E402
from running_server import Server  # noqa: E402
from viewer import Viewer  # noqa: E402

BRAIN = Path("/usr/share/mricron/templates/ch2.nii.gz")
LARGEST = 150_000


def keep(viewer: Viewer, name: str) -> None:
    picture = Image.open(io.BytesIO(viewer.page.screenshot())).convert("RGB")
    out = ROOT / "docs/images" / name
    for colours in (256, 192, 128, 96, 64, 48):
        picture.quantize(colours, kmeans=4, dither=Image.Dither.NONE).save(out, optimize=True)
        if out.stat().st_size <= LARGEST:
            return
    raise SystemExit(f"{out}: more than {LARGEST} bytes")


def ellipse(x, y, rx, ry):
    return [(x + rx * math.cos(t), y + ry * math.sin(t)) for t in (2 * math.pi * n / 40 for n in range(41))]


def models(browser, program: str, checkout: str) -> None:
    with tempfile.TemporaryDirectory() as data:
        subprocess.run([program, "hub", "sync", "--from", checkout, "--data-dir", data], check=True)
        server = Server(program, "--data-dir", data)
        viewer = Viewer(browser, server.url, width=1120, height=700)
        viewer.page.goto(f"{server.url}/#page=models&structure=kidney")
        viewer.page.wait_for_selector(".model")
        viewer.page.evaluate("document.querySelector('.note-of').remove()")  # where the checkout lies
        keep(viewer, "viewer_models.png")
        server.stop()


def run(browser, program: str, checkout: str) -> None:
    """The page of a model that reads three MR series, with generated ones and an engine that only answers."""
    with tempfile.TemporaryDirectory() as data:
        subprocess.run([program, "hub", "sync", "--from", checkout, "--data-dir", data], check=True)
        engine = FakeDocker(Path(data) / "bin")
        server = Server(program, "--data-dir", data, env={**os.environ, "PATH": engine.path})
        voxels = np.random.default_rng(4).integers(0, 900, (6, 20, 24)).astype(np.int16)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for n, name in enumerate(("t2w tra", "adc map", "hbv b1400")):
                for k, instance in enumerate(instances(voxels, f"1.2.826.0.1.3680043.8.498.{n + 5}", description=name)):
                    instance.Modality = "MR"
                    archive.writestr(f"{n}/IM{k:04d}", encode(instance))
        Client(server.url).upload(file.getvalue(), "prostate.zip")
        viewer = Viewer(browser, server.url, width=1120, height=760)
        viewer.page.goto(f"{server.url}/#page=models&model=gc_picai_baseline&source=mhub")
        viewer.page.wait_for_selector("#scan-2")
        viewer.page.wait_for_selector("#backend option[value=podman]", state="attached")
        keep(viewer, "viewer_run.png")
        server.stop()


def job(browser, program: str) -> None:
    """A tiny model that tests have, on the image it was made for."""
    with tempfile.TemporaryDirectory() as data:
        add_model(Path(data), "abdomen_tiny")
        server = Server(program, data_dir=data)
        viewer = Viewer(browser, server.url, width=1120, height=700).open(scan_file(Path(data)))
        viewer.page.goto(f"{server.url}/#page=models&model=abdomen_tiny&source=local")
        viewer.page.click(".run button")
        viewer.page.wait_for_selector(".result")
        viewer.page.click(".record summary")
        keep(viewer, "viewer_job.png")
        server.stop()


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/bin/sagittal")
    server = Server(program)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[
            "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
        viewer = Viewer(browser, server.url, width=1120, height=700).open(BRAIN)
        viewer.press("l")
        viewer.drag(ellipse(90.5, 111, 68, 84))
        viewer.wait_quiet()
        viewer.drag(ellipse(90.5, 97, 68, 62), plane="coronal")
        viewer.wait_quiet()
        viewer.press("p")
        viewer.click(70, 90)
        viewer.wait_quiet()
        viewer.page.dblclick(".segments .name")
        viewer.page.fill("#term", "Whole brain")
        viewer.press("Enter")
        viewer.page.wait_for_selector(".scene[data-meshes='1']")
        viewer.page.mouse.move(1150, 600)
        viewer.page.wait_for_timeout(3000)
        keep(viewer, "viewer.png")
        viewer.start()
        viewer.page.wait_for_timeout(1000)
        keep(viewer, "viewer_start.png")
        job(browser, program)
        if "SAGITTAL_MHUB" in os.environ:
            models(browser, program, os.environ["SAGITTAL_MHUB"])
            run(browser, program, os.environ["SAGITTAL_MHUB"])
    server.stop()


if __name__ == "__main__":
    main()
