"""How good the guide is over the prompts it was trained with: kept weights, measured by the Python twin on left-out scans, and a plot."""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
from sagittal_eval import cases, protocol

from . import features
from .twin import Twin

AFTER = (1, 3, 5, 10)


def measure(weights: Path, library: Path, users: list[cases.Case], prompts: int) -> list[dict]:
    """Dice after each prompt of one user per structure, the first prompt a point."""
    twin, rows = Twin(weights, library), []
    for case in users:
        for name, _, wanted in case.structures:
            scores, _ = protocol.session(twin, case.image, wanted, "point", prompts=prompts)
            rows.append({"case": case.name, "structure": name, "dice": scores})
    return rows


def trained_with(weights: Path, before: int) -> int:
    return before + torch.load(weights, weights_only=True).get("prompts", 0)


def plot(points: dict[int, np.ndarray], out: Path) -> None:
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(6, 3), dpi=90)
    trained = sorted(points)
    for n in AFTER:
        axes.plot(trained, [points[t][n - 1] for t in trained], marker="o", markersize=4, label=f"after {n}")
    axes.set(xlabel="prompts trained with", ylabel="mean Dice, validation", xscale="log")
    axes.set_xticks(trained, [f"{t:,}" for t in trained], fontsize=8)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(title="prompts", fontsize=8, title_fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+", help="kept_*.pt of train.py; what was measured before is not measured again")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--before", type=int, default=0, help="prompts that the weights which training started from had seen")
    parser.add_argument("--prompts", type=int, default=10)
    parser.add_argument("--structures", type=int, default=3, help="at most, per case")
    parser.add_argument("--out", type=Path, required=True, help="a folder for curve.json and curve.png")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    library, kept = args.out / "features.so", args.out / "curve.json"
    features.build(library)
    found = json.loads(kept.read_text()) if kept.exists() else {}
    users = list(cases.left_out(args.data, ["validation"], args.structures))
    for weights in args.weights:
        trained = str(trained_with(weights, args.before))
        if trained not in found:
            found[trained] = measure(weights, library, users, args.prompts)
            kept.write_text(json.dumps(found))
        print(trained, np.mean([r["dice"] for r in found[trained]], 0).round(3).tolist(), flush=True)
    plot({int(t): np.mean([r["dice"] for r in rows], 0) for t, rows in found.items()}, args.out / "curve.png")


if __name__ == "__main__":
    main()
