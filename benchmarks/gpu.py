#!/usr/bin/env python3
"""The full-size network of nnInteractive v1.0 on an NVIDIA GPU: ours beside PyTorch's, in turn on this machine.

    PYTHON benchmarks/gpu.py build/cuda/bin/sagittal passes
    PYTHON benchmarks/gpu.py build/cuda/bin/sagittal clicks

PYTHON is that of an environment of python/requirements.txt with a CUDA build of PyTorch. `passes`: one forward pass of a 192^3 patch;
PyTorch's with torch.compile in fp16 autocast, its input on the card already, ours from the processor's memory and back. `clicks`: a
512 x 512 x 400 CT, from the click to the mask, by nnInteractive's own client on its server (torch.compile) and on ours, with a network
of full size whose weights were set by hand so that what is brighter than the background is the object.
Memory is what the card has in use at most beyond what it had before, as nvidia-smi tells, the same for both. Ends with PASS or FAIL for
each bound; exit status 1 with any FAIL.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from peer_network import BLOCKS, FEATURES, network

PASS_RATIO, CLICK_RATIO, MEMORY_RATIO, DICE = 1.5, 2.0, 2.0, 0.99
INPUTS = 8


class CardMemory:
    """MiB in use on card 0 at most while it is open, beyond what was in use before."""

    def __enter__(self) -> "CardMemory":
        self.before, self.most, self.over = self.used(), 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()

    def watch(self) -> None:
        while not self.over.wait(0.02):
            self.most = max(self.most, self.used() - self.before)

    @staticmethod
    def used() -> int:
        query = ["nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        return int(subprocess.run(query, check=True, capture_output=True, text=True).stdout)


def last_line(command: list[str]) -> tuple[dict, int]:
    """What a process says in its last line, and the card's memory that it took."""
    with CardMemory() as memory:
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return json.loads(done.stdout.strip().splitlines()[-1]), memory.most


def peer_pass(patch: int, passes: int) -> None:
    """PyTorch's, in a process of its own."""
    import torch
    torch.manual_seed(0)
    net = torch.compile(network().cuda())
    x = torch.randn(1, INPUTS, patch, patch, patch)
    card, resident, uploaded = x.cuda(), [], []
    with torch.inference_mode(), torch.autocast("cuda", torch.float16):
        for _ in range(3):
            net(card)
        for _ in range(passes):
            torch.cuda.synchronize()
            start = time.perf_counter()
            net(card)
            torch.cuda.synchronize()
            resident.append(time.perf_counter() - start)
            start = time.perf_counter()
            net(x.cuda()).float().cpu()
            uploaded.append(time.perf_counter() - start)
    print(json.dumps({"best_s": min(resident), "with_copies_s": min(uploaded), "version": torch.__version__,
                      "card": torch.cuda.get_device_name(0)}))


def measure_passes(args: argparse.Namespace) -> dict:
    peer, peer_mib = last_line([sys.executable, __file__, args.program, "peer-pass", "--patch", str(args.patch),
                                "--passes", str(args.passes)])
    own, own_mib = last_line([args.program, "bench", "engine", "--device", "cuda:0", "--patch", *[str(args.patch)] * 3,
                              "--repeats", str(args.passes), "--json"])
    return {"card": peer["card"], "torch": peer["version"], "patch": args.patch,
            "seconds": {"torch.compile": peer["best_s"], "torch.compile, with copies": peer["with_copies_s"], "sagittal": own["best_s"]},
            "MiB": {"torch.compile": peer_mib, "sagittal": own_mib},
            "bounds": [(f"a pass is at least {PASS_RATIO} times as fast", peer["best_s"] / own["best_s"], PASS_RATIO),
                       ("it takes at most half the memory", peer_mib / max(own_mib, 1), MEMORY_RATIO)]}


def measure_clicks(args: argparse.Namespace) -> dict:
    import server_overhead as servers
    scan, results, masks, mib = servers.make_scan((400, 512, 512)), {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "full_size"
        servers.make_checkpoint(checkpoint, FEATURES, BLOCKS, args.patch, residual=True)
        for name, start in {
                "nnInteractive": lambda: servers.nninteractive(checkpoint, args.threads, "cuda:0"),
                "sagittal": lambda: servers.RemoteSession(*servers.sagittal(args.program, checkpoint, args.threads, "cuda:0"))}.items():
            with CardMemory() as memory:
                side = start()
                try:
                    servers.measure(side, scan, 1)  # what is compiled or recorded once
                    results[name], masks[name] = servers.measure(side, scan, args.rounds)
                finally:
                    side.server.stop()
            mib[name] = memory.most
    a, b = masks.values()
    if not a.any():
        sys.exit("nnInteractive's mask is empty: nothing was compared")
    seconds = {name: {step: result[step][0] for step in ("upload and first click", "next click")} for name, result in results.items()}
    theirs, own = (seconds[name]["next click"] for name in ("nnInteractive", "sagittal"))
    return {"seconds": seconds, "MiB": mib, "voxels": int(a.sum()),
            "bounds": [(f"click to mask is at least {CLICK_RATIO} times as fast", theirs / own, CLICK_RATIO),
                       ("the server takes at most half the memory", mib["nnInteractive"] / max(mib["sagittal"], 1), MEMORY_RATIO),
                       (f"the masks' Dice is at least {DICE}", float(2 * (a & b).sum() / (a.sum() + b.sum())), DICE)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("what", choices=["passes", "clicks", "peer-pass"])
    parser.add_argument("--patch", type=int, default=192)
    parser.add_argument("--passes", type=int, default=20, help="timed ones")
    parser.add_argument("--rounds", type=int, default=3, help="timed uploads with nine clicks each")
    parser.add_argument("--threads", type=int, default=8)
    args = parser.parse_args()
    if args.what == "peer-pass":
        return peer_pass(args.patch, args.passes)
    result = {"passes": measure_passes, "clicks": measure_clicks}[args.what](args)
    bounds = result.pop("bounds")
    print(json.dumps(result))
    for sentence, value, least in bounds:
        print(f"{'PASS' if value >= least else 'FAIL'}  {sentence}: {value:.2f}, {least} is asked")
    sys.exit(any(value < least for _, value, least in bounds))


if __name__ == "__main__":
    main()
