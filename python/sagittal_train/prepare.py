"""Fills the cache that training draws from: normalised scans with their objects, and synthetic label maps."""
import argparse
import json
import os
import time
import zlib
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from scipy import ndimage

from . import synthetic, volumes


def describe(labels: np.ndarray, number: int, groups: synthetic.Groups, source: str) -> list[dict]:
    """One row per object of a map: its ids, voxel count and bounds."""
    sizes = np.bincount(labels.ravel())
    found = ndimage.find_objects(labels)
    rows = []
    for ids in [[i] for i in range(1, len(sizes))] + list(groups.values()):
        ids = [i for i in ids if i < len(sizes) and sizes[i]]
        count = int(sum(sizes[i] for i in ids))
        if count < volumes.SMALLEST or count > 0.9 * labels.size:
            continue
        bounds = [[min(found[i - 1][d].start for i in ids), max(found[i - 1][d].stop for i in ids)] for d in range(3)]
        rows.append({"map": number, "ids": ids, "count": count, "bounds": bounds, "source": source})
    return rows


def small(labels: np.ndarray) -> np.ndarray:
    return labels.astype(np.uint8 if labels.max() < 256 else np.uint16)


def save(folder: Path, image: np.ndarray | None, maps: list[tuple[np.ndarray, dict, str]], info: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if image is not None:
        np.save(folder / "image.npy", image.astype(np.float16))
    rows = []
    for number, (labels, groups, source) in enumerate(maps):
        np.save(folder / f"labels_{number}.npy", small(labels))
        rows += describe(labels, number, groups, source)
    (folder / "objects.json").write_text(json.dumps(info | {"shape": list(maps[0][0].shape), "objects": rows}))


def prepare_case(data: Path, cache: Path, case: dict) -> None:
    start = time.time()
    rng = np.random.default_rng(zlib.crc32(case["id"].encode()))
    raw, label = volumes.read_case(data, case)
    image = volumes.normalise(raw)
    maps = [] if label is None else [(m, {}, "label") for m in volumes.label_components(label)]
    is_ct = case["modality"] == "CT"
    maps += [(m, {}, "threshold") for m in volumes.threshold_maps(raw if is_ct else image, is_ct)]
    maps += [(m, {}, "region") for m in volumes.region_maps(image, rng)]
    save(cache / case["id"], image, maps, {"synthetic": False, "modality": case["modality"]})
    print(f"{case['id']} {raw.shape} {time.time() - start:.0f} s", flush=True)


def prepare_synthetic(cache: Path, seed: int, kind: str) -> None:
    rng = np.random.default_rng([2024, seed])
    shape = tuple(int(i) for i in rng.integers(80, 150, 3))
    labels, groups = synthetic.KINDS[kind](rng, shape)
    save(cache / f"synthetic_{kind}_{seed}", None, [(labels, groups, kind)], {"synthetic": True, "modality": kind})


def prepare_brain(data: Path, cache: Path, case: dict, seed: int) -> None:
    """Heads imagined around the real, already skull-stripped brain of a training case."""
    rng = np.random.default_rng([2025, seed])
    image, _ = volumes.read_case(data, case)
    image = image[::-1] if seed % 2 else image
    brain = volumes.largest(image > 0.02 * image.max())
    levels = np.percentile(image[brain], [rng.uniform(6, 14), rng.uniform(40, 55)])
    tissue = np.where(brain, 1 + np.digitize(ndimage.gaussian_filter(image, 0.6), levels), 0)
    box = tuple(slice(*b) for b in volumes.nonzero_bounds(brain))
    labels, groups = synthetic.around_brain(rng, tissue[box].astype(np.uint8))
    save(cache / f"synthetic_brain_{seed}", None, [(labels, groups, "head")], {"synthetic": True, "modality": "head"})


def run(job: tuple) -> None:
    function, *arguments = job
    try:
        function(*arguments)
    except Exception as error:  # one unreadable case must not end the preparation
        print("failed:", function.__name__, arguments[-1], repr(error), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAGITTAL_DATA", "../shared/data")))
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--synthetic", type=int, default=160, help="number of synthetic label maps")
    parser.add_argument("--brains", type=int, default=8)
    parser.add_argument("--validation", action="store_true", help="the left-out scans instead, for the learning curve")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    train = [c for c in volumes.cases(args.data) if volumes.is_validation(c["id"]) == args.validation]
    kinds = ["blobs", "head", "tubes", "head", "cells", "head", "blobs", "blobs"]
    jobs: list[tuple] = [(prepare_synthetic, args.cache, i, kinds[i % len(kinds)]) for i in range(args.synthetic)]
    brains = [c for c in train if c["id"] == "mr_ms_19"]
    jobs += [(prepare_brain, args.data, args.cache, c, i) for c in brains for i in range(args.brains)]
    cases = [(prepare_case, args.data, args.cache, c) for c in train]
    mixed = [j for pair in zip(cases, jobs) for j in pair] + cases[len(jobs):] + jobs[len(cases):]
    with Pool(args.workers) as pool:
        pool.map(run, mixed, chunksize=1)


if __name__ == "__main__":
    main()
