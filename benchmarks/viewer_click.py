#!/usr/bin/env python3
"""From a click in the browser viewer to the mask on the screen, less the server's own time.

    build/venv/bin/python benchmarks/viewer_click.py [--clicks 30]

A generated scan of 256 x 256 x 256 voxels, slice views, 3D off, headless Chromium drawing in software. Prints the median and
the 95th percentile of: click to mask, the server's own seconds in it, and what the page and the connection add.
"""
import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/server"), str(ROOT / "tests/web")]

from playwright.sync_api import sync_playwright  # noqa: E402

from running_server import Server  # noqa: E402
from viewer import Viewer, make_scan  # noqa: E402

# Two frames after the page took the mask it is on the screen.
WATCH = """() => { window.clicks = []; let began = 0;
  addEventListener('pointerup', () => { began = performance.now(); }, true);
  new MutationObserver(() => { if (document.body.dataset.running !== '0' || !began) return;
    requestAnimationFrame(() => requestAnimationFrame(() => { window.clicks.push(performance.now() - began); began = 0; }));
  }).observe(document.body, { attributeFilter: ['data-running'] }); }"""


def measure(viewer: Viewer, clicks: int) -> list[dict]:
    replies = []
    viewer.page.on("response", lambda answer: replies.append(answer) if answer.request.method == "POST" else None)
    viewer.page.evaluate(WATCH)
    found = []
    for n in range(clicks):
        replies.clear()
        viewer.click(100 + 11 * (n % 6), 100 + 9 * (n // 6 % 6))
        while viewer.page.evaluate("window.clicks.length") <= n:
            viewer.page.wait_for_timeout(20)
        server = json.loads(replies[0].all_headers()["sagittal-reply"])["seconds"]
        found.append({"whole": viewer.page.evaluate("n => window.clicks[n]", n), "server": 1000 * server})
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--program", default=str(ROOT / "build/release/bin/sagittal"))
    arguments.add_argument("--chromium", default="/usr/bin/chromium")
    arguments.add_argument("--clicks", type=int, default=30)
    chosen = arguments.parse_args()
    server = Server(chosen.program)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        scan = Path(folder) / "scan.nii"
        make_scan(scan, (256, 256, 256), radius=60)
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=["--no-sandbox", "--disable-gpu"])
        viewer = Viewer(browser, server.url).open(scan)
        viewer.page.click("button[aria-label='3D on or off']")
        viewer.click(128, 128)  # the first one normalises the image
        viewer.wait_quiet()
        found = measure(viewer, chosen.clicks)
        viewer.close()
    server.stop()
    for name, values in {"click to mask": [f["whole"] for f in found], "server": [f["server"] for f in found],
                         "page and connection": [f["whole"] - f["server"] for f in found]}.items():
        ordered = sorted(values)
        print(f"{name:20s} median {statistics.median(ordered):6.0f} ms   p95 {ordered[int(0.95 * (len(ordered) - 1))]:6.0f} ms")


if __name__ == "__main__":
    main()
