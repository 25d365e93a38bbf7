"""Measures interactive segmentation on left-out scans: the program through its server, the Python original, two baselines.

Writes rows.json, table.md and one plot per split into --out; given finished rows.json files, only joins them.
"""
import argparse
import itertools
import json
import os
import time
from pathlib import Path

from sagittal_eval import baselines, cases, drivers, protocol, report

METHODS = ("sagittal", "original", "random-walker", "geodesic")


def make_driver(method: str, args: argparse.Namespace) -> object:
    if method == "sagittal":
        return drivers.Program(args.model, args.program, args.threads)
    if method == "original":
        return drivers.Original(args.model, args.threads)
    return baselines.RandomWalker() if method == "random-walker" else baselines.Geodesic()


def measure(args: argparse.Namespace) -> list[protocol.Row]:
    """Every method at every structure with every first prompt; starts none after the deadline."""
    running = {method: make_driver(method, args) for method in args.methods}
    deadline, rows, skipped = time.monotonic() + 60 * args.minutes, [], 0
    scans = itertools.chain(cases.left_out(args.data, args.splits, args.structures),
                            cases.debian(args.mricron, args.cranium) if "demo" in args.splits else ())
    for case in scans:
        for (name, ml, wanted), first, method in itertools.product(case.structures, args.first, running):
            if time.monotonic() > deadline:
                skipped += 1
                continue
            watch = report.Pictures(case.image, wanted) if args.pictures and method == "sagittal" else None
            scores, seconds = protocol.session(running[method], case.image, wanted, first, args.corrections, args.prompts,
                                               args.seed, watch)
            rows.append(protocol.Row(method, case.split, case.name, case.modality, name, first, round(ml, 2), scores, seconds))
            print(case.split, case.name, name, first, method, scores, f"{sum(seconds):.1f} s", flush=True)
            if watch:
                args.pictures.mkdir(parents=True, exist_ok=True)
                file = f"{case.name}_{name}_{first}.png".replace(" ", "_").replace("/", "_")
                watch.save(args.pictures / file, f"{case.name}: {name}, {first} first", scores)
    if skipped:
        print(f"{skipped} users not started: time limit of {args.minutes:g} min")
    return rows


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("finished", type=Path, nargs="*", help="rows.json files to join instead of measuring")
    parser.add_argument("--methods", nargs="+", default=["sagittal"], choices=METHODS)
    parser.add_argument("--program", type=Path, help="the sagittal program (method sagittal)")
    parser.add_argument("--model", type=Path, help="checkpoint folder (methods sagittal and original)")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAGITTAL_DATA", "../shared/data")))
    parser.add_argument("--mricron", type=Path, default=Path("/usr/share/mricron/templates"))
    parser.add_argument("--cranium", type=Path, default=Path("/usr/share/doc/invesalius-examples/examples/Cranium.inv3"))
    parser.add_argument("--first", nargs="+", default=["point"], choices=protocol.KINDS)
    parser.add_argument("--corrections", default="point", choices=protocol.KINDS)
    parser.add_argument("--prompts", type=int, default=protocol.PROMPTS)
    parser.add_argument("--splits", nargs="+", default=["validation"], choices=["validation", "test", "demo"])
    parser.add_argument("--structures", type=int, default=4, help="most structures per case")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6, help="start no user after this; the smallest scans come first")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every user of the program")
    parser.add_argument("--out", type=Path, help="folder for rows.json, table.md and the plots")
    args = parser.parse_args()
    if not args.finished and "sagittal" in args.methods and not (args.program and args.model):
        parser.error("the method sagittal needs --program and --model")
    if not args.finished and "original" in args.methods and not args.model:
        parser.error("the method original needs --model")
    return args


def main() -> None:
    args = parse()
    if args.finished:
        rows = [protocol.Row(**row) for path in args.finished for row in json.loads(path.read_text())]
    else:
        rows = measure(args)
    text = report.table(rows)
    print(text)
    if args.out and rows:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "rows.json").write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
        (args.out / "table.md").write_text(text)
        for split in sorted({row.split for row in rows}):
            report.plot(rows, args.out / f"{split}.png", split)


if __name__ == "__main__":
    main()
