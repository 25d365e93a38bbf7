"""Dice after 1, 3 and 5 simulated prompts on scans that training never saw, through the Python original's session."""
import argparse
import contextlib
import gzip
import io
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
import torch
from nnInteractive.inference.inference_session import nnInteractiveInferenceSession

from sagittal_train import prompts, volumes

AFTER = (1, 3, 5)


class Interactive:
    """A session of the original, silent, with corrections placed by a simulated user."""

    def __init__(self, model: Path, threads: int):
        with contextlib.redirect_stdout(io.StringIO()):
            self.session = nnInteractiveInferenceSession(device=torch.device("cpu"), torch_n_threads=threads,
                                                         interactions_storage="tensor")
            self.session.initialize_from_trained_model_folder(str(model), 0)
        self.seconds: list[float] = []

    def set_image(self, image: np.ndarray) -> None:
        self.target = np.zeros(image.shape, np.uint8)
        self.session.set_image(image[None])
        self.session.set_target_buffer(self.target)

    def prompt(self, rng: np.random.Generator, region: np.ndarray, kind: str, include: bool) -> None:
        start = time.time()
        with contextlib.redirect_stdout(io.StringIO()), torch.inference_mode():
            if kind == "point":
                self.session.add_point_interaction(prompts.interior_voxel(rng, region, 0.6).tolist(), include)
            else:
                self.plane_prompt(rng, region, kind, include)
        self.seconds.append(time.time() - start)

    def plane_prompt(self, rng: np.random.Generator, region: np.ndarray, kind: str, include: bool) -> None:
        axis, index, flat = prompts.section(rng, region)
        if kind == "box":
            low, high = prompts.box_around(rng, flat)
            bounds = [[int(a), int(b)] for a, b in zip(low, high)]
            bounds.insert(axis, [index, index + 1])
            self.session.add_bbox_interaction(bounds, include)
            return
        mask = np.zeros(region.shape, np.uint8)
        mask[tuple(index if d == axis else slice(None) for d in range(3))] = (
            prompts.outline(rng, flat) if kind == "lasso" else prompts.stroke(rng, flat))
        add = self.session.add_lasso_interaction if kind == "lasso" else self.session.add_scribble_interaction
        add(mask, include)

    def run(self, rng: np.random.Generator, wanted: np.ndarray, first: str, corrections: str) -> list[float]:
        """Dice after each of five prompts."""
        self.session.reset_interactions()
        self.target[:] = 0
        scores = []
        for turn in range(max(AFTER)):
            error = (self.target > 0) != wanted
            if not error.any():
                scores.append(1.0)
                continue
            region = largest(error)
            include = bool(wanted[region][0])
            self.prompt(rng, region, first if turn == 0 else corrections, include)
            scores.append(dice(self.target > 0, wanted))
        return scores


def largest(mask: np.ndarray) -> np.ndarray:
    parts = cc3d.connected_components(mask, connectivity=6)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == np.argmax(sizes)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def left_out(data: Path, limit: int) -> Iterator[tuple[str, str, str, np.ndarray, list[tuple[str, np.ndarray]]]]:
    """split, case, modality, image, objects of at least 1 ml (or 500 voxels), the largest first."""
    validation = [("validation", c) for c in volumes.cases(data) if volumes.is_validation(c["id"])]
    for split, case in validation + [("test", c) for c in volumes.cases(data, "test only")]:
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
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAGITTAL_DATA", "../shared/data")))
    parser.add_argument("--mricron", type=Path, default=Path("/usr/share/mricron/templates"))
    parser.add_argument("--cranium", type=Path,
                        default=Path("/usr/share/doc/invesalius-examples/examples/Cranium.inv3"))
    parser.add_argument("--first", nargs="+", default=["point"], choices=["point", "box", "scribble", "lasso"])
    parser.add_argument("--corrections", default="point", choices=["point", "box", "scribble", "lasso"])
    parser.add_argument("--splits", nargs="+", default=["validation", "test", "demo"])
    parser.add_argument("--objects", type=int, default=4, help="most objects per case")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write all rows as JSON")
    args = parser.parse_args()
    user, rows = Interactive(args.model, args.threads), []
    for split, case, modality, image, objects in [*left_out(args.data, args.objects), *debian(args.mricron, args.cranium)]:
        if split not in args.splits or not objects:
            continue
        user.set_image(image)
        for name, wanted in objects:
            for first in args.first:
                user.seconds = []
                scores = user.run(np.random.default_rng(1), wanted, first, args.corrections)
                rows.append({"split": split, "case": case, "modality": modality, "object": name, "first": first,
                             "dice": scores, "seconds": user.seconds})
                print(split, case, name, first, [round(s, 3) for s in scores], f"{sum(user.seconds):.1f} s", flush=True)
    print(table(rows))
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
