#!/usr/bin/env python3
"""One pass of the full-size network of nnInteractive v1.0, ours beside PyTorch's, in turn on this machine.

    PYTHON benchmarks/engine.py build/release/bin/sagittal --patch 128 192

PYTHON is that of an environment of python/requirements.txt. Random weights. PyTorch runs as it comes, with the allocator tuned, and in
bf16 in the layout and with the allocator that suit it best (see peer_network.py). Prints a table, or with --json one object: seconds of
the best pass, resident memory at most, and how many times as long as ours in fp32.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

PEER = Path(__file__).with_name("peer_network.py")
PEERS = {"PyTorch, as it comes": [], "PyTorch, autocast to bf16": ["--mode", "autocast"],
         "PyTorch, tuned": ["--tuned-malloc"],
         "PyTorch, bf16, tuned": ["--mode", "bf16", "--channels-last", "--tuned-malloc"]}


def last_line(command: list[str]) -> dict:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(program: str, patch: int, precision: str, passes: int) -> dict:
    got = last_line([program, "bench", "engine", "--patch", *[str(patch)] * 3, "--precision", precision,
                     "--repeats", str(passes), "--json"])
    return {"engine": f"sagittal, {precision}", "seconds": got["best_s"], "resident_gb": got["peak_rss_mb"] / 1e3,
            "peak_gflops": got["peak_gflops"]}


def peer(name: str, patch: int, passes: int) -> dict:
    got = last_line([sys.executable, str(PEER), "--patch", str(patch), "--passes", str(passes + 1), *PEERS[name]])
    return {"engine": name, "seconds": got["best_seconds"], "resident_gb": got["max_rss_gb"]}


def has_avx512() -> bool:
    return "avx512bw" in Path("/proc/cpuinfo").read_text()


def table(patch: int, rows: list[dict]) -> str:
    lines = [f"{patch} x {patch} x {patch}", f"{'engine':28s}{'seconds':>9s}{'GB':>7s}{'ratio':>7s}"]
    for row in rows:
        lines.append(f"{row['engine']:28s}{row['seconds']:9.2f}{row['resident_gb']:7.2f}{row['ratio']:7.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--patch", type=int, nargs="+", default=[128])
    parser.add_argument("--passes", type=int, default=2, help="timed ones, after a first")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = {"machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores", "patches": {}}
    for patch in args.patch:
        rows = [ours(args.program, patch, precision, args.passes) for precision in ("fp32", "bf16")[:2 if has_avx512() else 1]]
        rows += [peer(name, patch, args.passes) for name in PEERS]
        for row in rows:
            row["ratio"] = row["seconds"] / rows[0]["seconds"]
        result["patches"][patch] = rows
        if not args.json:
            print(table(patch, rows), flush=True)
    if args.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
