#!/usr/bin/env python3
"""From a click to the first coarse mask and to the answer, as a client of the native API's events sees them.

    build/venv/bin/python benchmarks/coarse.py build/release/bin/sagittal ../shared/data/ct_lidc_0314/image.nii.gz MORE --clicks 20

The first point of each new segment lies at a random place among the brighter half of the scan's voxels (a fixed seed); --corrections
more points go to random places beside it, every second one negative. An answer without a coarse mask counts as its own. Seconds, over
all scans and per scan.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/server"), str(ROOT / "benchmarks")]

from clicks import read_nifti, start  # noqa: E402
from native_client import Client  # noqa: E402


def places(image: np.ndarray, corrections: int, rng: np.random.Generator) -> list[tuple[list[int], bool]]:
    """[i, j, k] and whether it is on the object."""
    bright = np.argwhere(image > np.median(image))
    first = bright[rng.integers(len(bright))]
    more = [np.clip(first + rng.integers(-20, 21, 3) // [4, 1, 1], 0, np.array(image.shape) - 1) for _ in range(corrections)]
    return [(p[::-1].tolist(), n % 2 == 0) for n, p in enumerate([first, *more])]


def wait(events, begun: float) -> tuple[float, float, bool]:
    """Seconds to the first mask and to the answer, and whether the first one was coarse."""
    first = None
    while True:
        event = json.loads(events.recv(120))
        if event["type"] == "error":
            raise SystemExit(event["error"])
        if event["type"] != "mask":
            continue
        now = time.perf_counter() - begun
        first = first or (now, event.get("coarse", False))
        if not event.get("coarse", False):
            return first[0], now, first[1]


def measure(url: str, file: Path, clicks: int, corrections: int, rng: np.random.Generator) -> list[tuple[float, float, bool]]:
    image, client, found = read_nifti(str(file)), Client(url), []
    session = client.open(client.upload(file.read_bytes(), file.name))
    with connect(f"{url.replace('http', 'ws', 1)}/api/v1{session.path}/events", max_size=None) as events:
        session.point(session.add_segment(), places(image, 0, rng)[0][0])  # normalises the image
        while json.loads(events.recv(120)).get("coarse") is not False:
            pass
        for _ in range(clicks):
            segment = session.add_segment()
            for ijk, include in places(image, corrections, rng):
                begun = time.perf_counter()
                client.ask("POST", f"{session.path}/segments/{segment}/prompts", 202, params={"wait": "false"},
                           json={"type": "point", "ijk": ijk, "include": include})
                found.append(wait(events, begun))
    client.ask("DELETE", session.path, (200, 204))
    return found


def sums(rows: list[tuple[float, float, bool]]) -> dict:
    coarse, answer = (np.array([row[n] for row in rows]) for n in (0, 1))
    out = {"prompts": len(rows), "with_coarse": sum(row[2] for row in rows)}
    for name, values in (("first_mask", coarse), ("answer", answer)):
        out |= {f"{name}_{what}_s": round(float(np.percentile(values, q)), 3) for what, q in (("median", 50), ("p95", 95), ("max", 100))}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("images", nargs="+", type=Path, help=".nii or .nii.gz files")
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--corrections", type=int, default=2)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    server, url, _ = start(args.program, ["--threads", args.threads])
    rows, rng = {}, np.random.default_rng(args.seed)
    try:
        for file in args.images:
            rows[str(file)] = measure(url, file, args.clicks, args.corrections, rng)
            print(json.dumps({"scan": f"{file.parent.name}/{file.name}"} | sums(rows[str(file)])), flush=True)
    finally:
        server.terminate()
        server.wait()
    print(json.dumps({"scan": "all"} | sums([row for found in rows.values() for row in found])))


if __name__ == "__main__":
    main()
