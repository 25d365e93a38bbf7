#!/usr/bin/env python3
"""Click to mask through the server, as 3D Slicer's extension sees it: first points at random places inside a scan.

    benchmarks/clicks.py build/release/bin/sagittal ../shared/data/ct_lidc_0314/image.nii.gz --clicks 50

Each click is the first prompt of an empty segment. Places are drawn evenly from the voxels above --above (for a CT: inside the
body), with a fixed seed. Options of the server come last: `… --clicks 50 -- --data-dir DIR`; with a folder it remembers
what is fastest here, without one it measures that anew. Needs numpy and requests: build/venv/bin/python has both after `make test`.
"""
import argparse
import gzip
import io
import json
import socket
import struct
import subprocess
import time

import numpy as np
import requests


def read_nifti(path: str) -> np.ndarray:
    """The voxels as [k, j, i] of a plain single-file NIfTI-1."""
    raw = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
    size = struct.unpack_from("<8h", raw, 40)
    kind = {2: np.uint8, 4: np.int16, 8: np.int32, 16: np.float32, 64: np.float64, 512: np.uint16}[struct.unpack_from("<h", raw, 70)[0]]
    offset = int(struct.unpack_from("<f", raw, 108)[0])
    return np.frombuffer(raw, kind, size[1] * size[2] * size[3], offset).reshape(size[3], size[2], size[1])


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(program: str, extra: list[str]) -> tuple[subprocess.Popen, str, float]:
    """Starts the server; also the seconds until it answered."""
    port = free_port()
    url, begun = f"http://127.0.0.1:{port}", time.perf_counter()
    server = subprocess.Popen([program, "serve", "--port", str(port), *([] if "--data-dir" in extra else ["--data-dir", "none"]), *extra], stdout=subprocess.DEVNULL)
    while server.poll() is None:
        try:
            requests.get(url + "/healthz", timeout=1)
            return server, url, time.perf_counter() - begun
        except requests.ConnectionError:
            time.sleep(0.01)
    raise SystemExit("the server did not start")


def click(url: str, place: np.ndarray) -> tuple[float, int]:
    begun = time.perf_counter()
    answer = requests.post(url + "/add_point_interaction", json={"voxel_coord": place.tolist(), "positive_click": True})
    seconds = time.perf_counter() - begun
    if "json" in answer.headers["Content-Type"]:
        raise SystemExit(answer.text)
    return seconds, int(np.unpackbits(np.frombuffer(answer.content, np.uint8)).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("image", help="a .nii or .nii.gz file")
    parser.add_argument("--clicks", type=int, default=50)
    parser.add_argument("--above", type=float, default=-900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("serve", nargs="*", help="options for the server, after --")
    args = parser.parse_args()

    image = read_nifti(args.image)
    empty = gzip.compress(npy(np.zeros(image.shape, bool)), 1)
    places = np.argwhere(image > args.above)[np.random.default_rng(args.seed).integers(0, (image > args.above).sum(), args.clicks)]
    server, url, ready = start(args.program, args.serve)
    try:
        begun = time.perf_counter()
        requests.post(url + "/upload_image", files={"file": ("volume.npy", npy(image), "application/octet-stream")}).raise_for_status()
        upload = time.perf_counter() - begun
        seconds, voxels = [], []
        for place in places:
            requests.post(url + "/upload_segment", files={"file": ("volume.npy.gz", empty, "application/octet-stream")}).raise_for_status()
            took, count = click(url, place)
            seconds.append(took)
            voxels.append(count)
    finally:
        server.terminate()
        server.wait()
    print(json.dumps({
        "shape": image.shape, "clicks": args.clicks, "ready_s": round(ready, 3), "upload_s": round(upload, 3),
        "median_s": round(float(np.median(seconds)), 3), "p95_s": round(float(np.percentile(seconds, 95)), 3),
        "max_s": round(max(seconds), 3), "median_voxels": int(np.median(voxels)), "max_voxels": max(voxels)}))


if __name__ == "__main__":
    main()
