#!/usr/bin/env python3
"""What a server costs outside its network: a 512x512x400 CT from upload to mask, here and on the nnInteractive v2 server.

    benchmarks/server_overhead.py build/release/bin/sagittal

Both servers load the same tiny checkpoint, made here: two features, a 64^3 patch, weights set by hand so that everything
brighter than the background is the object. Its forward passes cost little, and what they cost is known: ours tells it on
/metrics, the other is started with a clock on its network (peer_server.py). Ours is driven twice: as the nnInteractive v2 server is, by nnInteractive's own client (blosc2 both ways, only the
changed box down), and by 3D Slicer's bare requests of the first protocol (raw .npy up, gzipped bits of the whole volume
down).
Reported per step: wall seconds as the client waits (the best), processor seconds of the server alone, which depend little
on what else the machine does, and those of them outside the network (medians). The masks of both must agree.

Needs the packages nninteractive (2.x) and requests in the Python that runs this.
"""
import argparse
import gzip
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))
CENTRE, RADIUS = (200, 250, 260), 20


def make_checkpoint(folder: Path, features: tuple[int, ...] = (2, 2), blocks: tuple[int, ...] = (1, 1), edge: int = 64,
                    residual: bool = False) -> None:
    """logit[1] - logit[0] grows with the image channel alone."""
    import torch
    from sagittal_train import plans
    design = plans.Design("Overhead", residual, features, blocks, (edge, edge, edge), 1)
    last = len(features) - 2
    weights = plans.build(design).state_dict()
    for name, value in weights.items():
        if "norm" in name or name.endswith("all_modules.1.weight"):
            value.fill_(1.0 if name.endswith("weight") else 0.0)
        else:
            value.zero_()
    for name, value in weights.items():
        if ("encoder.stem" in name or "encoder.stages.0" in name) and name.endswith("conv.weight"):
            value[0, 0] = 1.0  # feature 0 is the image
        if f"decoder.stages.{last}." in name and name.endswith("conv.weight"):
            value[0, features[0]] = 1.0  # feature 0 is the skipped feature 0
        if f"seg_layers.{last}." in name and name.endswith("weight"):
            value[1, 0] = 1.0
        if f"seg_layers.{last}." in name and name.endswith("bias"):
            value.copy_(torch.tensor([0.0, -1.0]))
    plans.export(design, weights, folder)


def make_scan(shape: tuple[int, int, int]) -> np.ndarray:
    """A bright ball in a body of noise, surrounded by air, as int16."""
    rng = np.random.default_rng(0)
    scan = np.full(shape, -1000, np.int16)
    body = tuple(slice(n // 8, n - n // 8) for n in shape)
    scan[body] = (rng.standard_normal(scan[body].shape, np.float32) * 15 + 40).astype(np.int16)
    k, j, i = np.ogrid[:shape[0], :shape[1], :shape[2]]
    scan[(k - CENTRE[0]) ** 2 + (j - CENTRE[1]) ** 2 + (i - CENTRE[2]) ** 2 < RADIUS ** 2] = 700
    return scan


class Process:
    """A server; `network_seconds` gives the processor time of its network so far."""

    def __init__(self, command: list[str], ready: str, **environment: str):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=os.environ | environment)
        while True:
            self.log.seek(0)
            text = self.log.read()
            if re.search(ready, text):
                self.text = text
                return
            if self.process.poll() is not None:
                sys.exit(f"{command[0]} did not start:\n{text}")
            time.sleep(0.05)

    def cpu_seconds(self) -> float:
        return time.clock_gettime(~self.process.pid << 3 | 2)  # Linux: the process' own clock

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class SlicerRequests:
    """3D Slicer's extension before version 1."""

    def __init__(self, server: Process, url: str):
        self.server, self.url = server, url

    def upload(self, scan: np.ndarray) -> None:
        self.shape = scan.shape
        buffer = io.BytesIO()
        np.save(buffer, scan)
        answer = requests.post(f"{self.url}/upload_image", files={"file": ("volume.npy", buffer.getvalue(), "application/octet-stream")})
        assert answer.json() == {"status": "ok"}, answer.text

    def reset(self) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.zeros(self.shape, bool))
        files = {"file": ("volume.npy.gz", gzip.compress(buffer.getvalue(), 1), "application/octet-stream")}
        assert requests.post(f"{self.url}/upload_segment", files=files).json() == {"status": "ok"}

    def point(self, coordinate: list[int]) -> np.ndarray:
        answer = requests.post(f"{self.url}/add_point_interaction", json={"voxel_coord": coordinate, "positive_click": True})
        bits = np.unpackbits(np.frombuffer(answer.content, np.uint8))
        return bits[:np.prod(self.shape)].reshape(self.shape).astype(bool)


class RemoteSession:
    """A server of the v2 protocol, driven by its own client."""

    def __init__(self, server: Process, url: str):
        from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession
        self.server = server
        self.session = nnInteractiveRemoteInferenceSession(url, read_timeout=600)

    def upload(self, scan: np.ndarray) -> None:
        self.session.set_image(scan[None])
        self.mask = np.zeros(scan.shape, np.uint8)
        self.session.set_target_buffer(self.mask)

    def reset(self) -> None:
        self.session.reset_interactions()

    def point(self, coordinate: list[int]) -> np.ndarray:
        self.session.add_point_interaction(coordinate, True)
        return self.mask.astype(bool)


def nninteractive(checkpoint: Path, threads: int, device: str = "cpu") -> RemoteSession:
    """Its idle threads sleep, as ours do: else they would spin and be counted as overhead."""
    port, use = 20000 + os.getpid() % 20000, checkpoint.parent / "network_seconds"
    server = Process([sys.executable, str(ROOT / "benchmarks/peer_server.py"), str(use),
                      "--model-dir", str(checkpoint), "--fold", "0", "--device", device, "--port", str(port),
                      "--torch-n-threads", str(threads), *(["--no-torch-compile"] if device == "cpu" else [])],
                     "Uvicorn running|startup complete", OMP_WAIT_POLICY="passive")
    server.network_seconds = lambda: float(use.read_text()) if use.exists() else 0.0
    return RemoteSession(server, f"http://127.0.0.1:{port}")


def sagittal(program: str, checkpoint: Path, threads: int, device: str | None = None) -> tuple[Process, str]:
    """With a data folder, as always: uploads and prompts are on the disk before they are answered."""
    data = tempfile.mkdtemp(dir=checkpoint.parent)
    server = Process([program, "serve", "--port", "0", "--model", str(checkpoint), "--threads", str(threads),
                      "--data-dir", data, *(["--device", device] if device else [])], "ready at")
    url = re.search(r"http://\S+", server.text).group()
    metric = re.compile(r"^sagittal_network_processor_seconds_total\{.*\} (\S+)$", re.MULTILINE)
    server.network_seconds = lambda: float(metric.search(requests.get(f"{url}/metrics").text).group(1))
    return server, url


def measure(side, scan: np.ndarray, rounds: int) -> tuple[dict, np.ndarray]:
    """Seconds per step: wall, server processor, and that outside the network. The mask is that of the first click."""
    steps: dict[str, list] = {"upload and first click": [], "next click": [], "start over": []}

    def timed(step: str, work):
        network = side.server.network_seconds()
        wall, cpu = time.perf_counter(), side.server.cpu_seconds()
        result = work()
        wall, cpu = time.perf_counter() - wall, side.server.cpu_seconds() - cpu
        steps[step].append((wall, cpu, cpu - (side.server.network_seconds() - network)))
        return result

    def first():
        side.upload(scan)
        return side.point(list(CENTRE))

    for _ in range(rounds):
        mask = timed("upload and first click", first)
        for offset in range(1, 9):
            timed("next click", lambda shift=offset: side.point([CENTRE[0], CENTRE[1], CENTRE[2] + shift]))
        timed("start over", side.reset)
    summary = {}
    for step, runs in steps.items():
        wall, cpu, outside = zip(*runs)
        summary[step] = (min(wall), statistics.median(cpu), statistics.median(outside))
    return summary | {"peak GiB": side.server.peak_bytes() / 2**30}, mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shape", type=int, nargs=3, default=(400, 512, 512), metavar=("K", "J", "I"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    scan, results, masks = make_scan(tuple(args.shape)), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "overhead"
        make_checkpoint(checkpoint)
        for name, start in {
                "nnInteractive v2": lambda: nninteractive(checkpoint, args.threads),
                "sagittal, v2": lambda: RemoteSession(*sagittal(args.program, checkpoint, args.threads)),
                "sagittal, first protocol": lambda: SlicerRequests(*sagittal(args.program, checkpoint, args.threads))}.items():
            side = start()
            try:
                results[name], masks[name] = measure(side, scan, args.rounds)
            finally:
                side.server.stop()
    peer, *ours = results
    dice = {name: float(2 * (masks[peer] & masks[name]).sum() / (masks[peer].sum() + masks[name].sum())) for name in ours}
    if args.json:
        print(json.dumps({"results": results, "dice": dice}))
        return
    for name in ours:
        print(f"{'milliseconds':24}{peer:>28}{name:>28}{'ratio':>22}")
        for step in ("upload and first click", "next click", "start over"):
            theirs, own = results[peer][step], results[name][step]
            columns = [" / ".join(f"{1000 * value:6.1f}" for value in side) for side in (theirs, own)]
            columns.append(" / ".join(f"{b / a:5.1f}" for a, b in zip(own, theirs)))
            print(f"{step:24}{columns[0]:>28}{columns[1]:>28}{columns[2]:>22}")
        m2, m1 = results[peer]["peak GiB"], results[name]["peak GiB"]
        print(f"{'peak memory':24}{m2:24.2f} GiB{m1:24.2f} GiB{m2 / m1:22.1f}")
        print(f"{'Dice of the masks':24}{dice[name]:56.4f}\n")
    print("wall as the client waits / processor time of the server / of that outside the network")


if __name__ == "__main__":
    main()
