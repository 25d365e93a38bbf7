"""The learning curve: Dice of kept weights on crops of left-out scans, after one and after three prompts."""
import argparse
import json
from pathlib import Path

import numpy as np
import torch

from . import plans
from .samples import Library, make_sample
from .train import advance, begin, coarse_outputs, decide, stack

EDGE, BATCH, TURNS = 64, 4, 3


def crops(cache: Path, number: int) -> list:
    """The same crops each time; prompts from the start, none with a coarse mask."""
    library, rng, out = Library(cache, labelled=1.0), np.random.default_rng(11), []
    while len(out) < number:
        sample = make_sample(rng, library, EDGE)
        if sample and not sample.refine:
            out.append(sample)
    return out


def measure(network: torch.nn.Module, samples: list) -> list[float]:
    """Mean Dice of the half-size head, which every phase of training trains, after each prompt."""
    rng, scores = np.random.default_rng(12), np.zeros((len(samples), TURNS))
    for first in range(0, len(samples), BATCH):
        users = [begin(rng, s, 10**6) for s in samples[first:first + BATCH]]
        for user in users:
            user.rounds = TURNS + 1
        for turn in range(TURNS):
            x, target = stack(users)
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                found = decide(coarse_outputs(network, x)[0], target.shape[1:])
            for row, (user, mask) in enumerate(zip(users, found), first):
                wanted = user.sample.target
                scores[row, turn] = 2 * (mask & wanted).sum() / (mask.sum() + wanted.sum())
                advance(rng, user, mask)
    return scores.mean(0).round(4).tolist()


def plot(rows: list[dict], path: Path) -> None:
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6))
    minutes = [r["minutes"] for r in rows]
    for turn in (0, TURNS - 1):
        axes.plot(minutes, [r["dice"][turn] for r in rows], "o-", label=f"after {turn + 1} prompt{'s' if turn else ''}")
    axes.set(xlabel="minutes of training on a shared core", ylabel="mean Dice, left-out crops", ylim=(0, 0.8))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="made by sagittal_train.prepare --validation")
    parser.add_argument("--out", type=Path, required=True, help="folder for curve.json and curve.png")
    parser.add_argument("--crops", type=int, default=80)
    parser.add_argument("kept", nargs="+", help="DESIGN:MINUTES:FILE, in the order of training")
    args = parser.parse_args()
    torch.set_num_threads(1)
    samples, rows = crops(args.cache, args.crops), []
    for entry in args.kept:
        design, minutes, file = entry.split(":", 2)
        network = plans.build(plans.DESIGNS[design])
        state = torch.load(file, weights_only=True)
        network.load_state_dict(state["average"])
        rows.append({"design": design, "minutes": float(minutes), "step": state["step"], "dice": measure(network, samples)})
        print(rows[-1], flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "curve.json").write_text(json.dumps(rows, indent=1) + "\n")
    plot(rows, args.out / "curve.png")


if __name__ == "__main__":
    main()
