"""Writes a checkpoint folder from a training state (the averaged weights)."""
import argparse
from pathlib import Path

import torch

from . import plans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--design", choices=list(plans.DESIGNS), default="wide")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--last", action="store_true", help="the last weights instead of their running average")
    args = parser.parse_args()
    state = torch.load(args.state / "state.pt", weights_only=True)
    plans.export(plans.DESIGNS[args.design], state["network" if args.last else "average"], args.out)
    print(f"step {state['step']}, {state['elapsed'] / 60:.0f} min")


if __name__ == "__main__":
    main()
