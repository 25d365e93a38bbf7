"""Dice after 1, 3 and 5 simulated prompts on scans that training never saw, through the program or the Python original."""
import argparse
import gzip
import io
import itertools
import json
import os
import plistlib
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import cc3d
import numpy as np
import SimpleITK as sitk

from sagittal_train import drivers, prompts, volumes

AFTER = (1, 3, 5)


def prompt_on(rng: np.random.Generator, region: np.ndarray, kind: str) -> object:
    """What the simulated user draws: a voxel, bounds one slice thick, or a mask."""
    if kind == "point":
        return prompts.interior_voxel(rng, region, 0.6).tolist()
    axis, index, flat = prompts.section(rng, region)
    if kind == "box":
        low, high = prompts.box_around(rng, flat)
        bounds = [[int(a), int(b)] for a, b in zip(low, high)]
        bounds.insert(axis, [index, index + 1])
        return bounds
    mask = np.zeros(region.shape, np.uint8)
    mask[tuple(index if d == axis else slice(None) for d in range(3))] = (
        prompts.outline(rng, flat) if kind == "lasso" else prompts.stroke(rng, flat))
    return mask


def use(driver: drivers.Original | drivers.Program, image: np.ndarray, wanted: np.ndarray, first: str,
        corrections: str) -> tuple[list[float], list[float]]:
    """Dice and seconds of each of five prompts, every later one on the largest error."""
    rng, found, scores, seconds = np.random.default_rng(1), np.zeros(wanted.shape, bool), [], []
    driver.start(image)
    for turn in range(max(AFTER)):
        error = found != wanted
        if error.any():
            region = largest(error)
            kind = first if turn == 0 else corrections
            drawn, include = prompt_on(rng, region, kind), bool(wanted[region][0])
            begun = time.perf_counter()
            found = driver.add(kind, drawn, include).copy()
            seconds.append(round(time.perf_counter() - begun, 3))
        scores.append(round(dice(found, wanted), 4))
    return scores, seconds


def largest(mask: np.ndarray) -> np.ndarray:
    parts = cc3d.connected_components(mask, connectivity=6)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == np.argmax(sizes)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def left_out(data: Path, limit: int, splits: list[str]) -> Iterator[tuple[str, str, str, np.ndarray, list[tuple[str, np.ndarray]]]]:
    """split, case, modality, image, objects of at least 1 ml and 300 voxels, the largest first."""
    validation = [("validation", c) for c in volumes.cases(data) if volumes.is_validation(c["id"])]
    listed = validation + [("test", c) for c in volumes.cases(data, "test only")]
    for split, case in sorted(listed, key=lambda pair: np.prod(pair[1]["shape"])):
        if split not in splits:
            continue
        image, label = volumes.read_case(data, case)
        voxel = float(np.prod(case["spacing"])) / 1000
        sizes = np.bincount(label.ravel())
        sizes[0] = 0
        ids = [int(i) for i in np.argsort(-sizes) if sizes[i] * voxel >= 1 and sizes[i] >= 300][:limit]
        modality = "US" if "US" in case["modality"] else "MR" if "MR" in case["modality"] else case["modality"]
        yield split, case["id"], modality, image, [(case["labels"].get(str(i), str(i)), label == i) for i in ids]


def debian(mricron: Path, cranium: Path) -> Iterator[tuple]:
    """The demo's scans: a T1 brain against its extracted copy, a head CT against InVesalius' bone threshold."""
    read = lambda name: sitk.GetArrayFromImage(sitk.ReadImage(str(mricron / name))).astype(np.float32)  # noqa: E731
    if (mricron / "ch2.nii.gz").exists():
        yield "demo", "ch2", "MR", read("ch2.nii.gz"), [("brain", read("ch2bet.nii.gz") > 0)]
    if cranium.exists():
        with gzip.open(cranium) as packed, tarfile.open(fileobj=io.BytesIO(packed.read())) as archive:
            files = {Path(m.name).name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}
        shape = plistlib.loads(files["main.plist"])["matrix"]["shape"]
        image = np.frombuffer(files["matrix.dat"], "<i2").reshape(shape).astype(np.float32)
        yield "demo", "cranium", "CT", image, [("skull", largest(image >= 226))]


def table(rows: list[dict]) -> str:
    lines = ["| split | modality | first prompt | objects | " + " | ".join(f"Dice@{n}" for n in AFTER) + " | seconds |",
             "|---" * (5 + len(AFTER)) + "|"]
    keys = sorted({(r["split"], r["modality"], r["first"]) for r in rows})
    keys += sorted({(r["split"], "all", r["first"]) for r in rows})
    for split, modality, first in keys:
        chosen = [r for r in rows if r["split"] == split and r["first"] == first and modality in ("all", r["modality"])]
        means = [np.mean([r["dice"][n - 1] for r in chosen]) for n in AFTER]
        seconds = np.median([s for r in chosen for s in r["seconds"]])
        lines.append(f"| {split} | {modality} | {first} | {len(chosen)} | " +
                     " | ".join(f"{m:.3f}" for m in means) + f" | {seconds:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--program", type=Path, help="drive this sagittal program instead of the Python original")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAGITTAL_DATA", "../shared/data")))
    parser.add_argument("--mricron", type=Path, default=Path("/usr/share/mricron/templates"))
    parser.add_argument("--cranium", type=Path,
                        default=Path("/usr/share/doc/invesalius-examples/examples/Cranium.inv3"))
    parser.add_argument("--first", nargs="+", default=["point"], choices=["point", "box", "scribble", "lasso"])
    parser.add_argument("--corrections", default="point", choices=["point", "box", "scribble", "lasso"])
    parser.add_argument("--splits", nargs="+", default=["validation", "test", "demo"])
    parser.add_argument("--objects", type=int, default=4, help="most objects per case")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1e6, help="start no object after this; the smallest scans come first")
    parser.add_argument("--out", type=Path, help="write all rows as JSON")
    args = parser.parse_args()
    driver = (drivers.Program(args.model, args.program, args.threads) if args.program
              else drivers.Original(args.model, args.threads))
    rows: list[dict] = []
    deadline = time.monotonic() + 60 * args.minutes
    scans = itertools.chain(left_out(args.data, args.objects, args.splits),
                            debian(args.mricron, args.cranium) if "demo" in args.splits else ())
    for split, case, modality, image, objects in scans:
        for (name, wanted), first in itertools.product(objects, args.first):
            if time.monotonic() > deadline:
                continue
            scores, seconds = use(driver, image, wanted, first, args.corrections)
            rows.append({"split": split, "case": case, "modality": modality, "object": name, "first": first,
                         "dice": scores, "seconds": seconds})
            print(split, case, name, first, scores, f"{sum(seconds):.1f} s", flush=True)
    print(table(rows))
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
