"""Runs the original session over prompt sequences on real scans and stores every mask (sessions.json)."""
import argparse
import base64
import contextlib
import hashlib
import io
import json
import os
import sys
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

import sequences
from original import Original

HERE = Path(__file__).parent


def read(path: Path) -> np.ndarray:
    """float32 [k, j, i]: the stored order of the file, i fastest."""
    return np.ascontiguousarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(np.float32))


def bounds_of(mask: np.ndarray) -> list[list[int]] | None:
    where = np.nonzero(mask)
    return None if len(where[0]) == 0 else [[int(w.min()), int(w.max()) + 1] for w in where]


def pack(mask: np.ndarray) -> dict | None:
    """Bounds of the set voxels, and their box as bits (C order, most significant first), zlib, base64."""
    bounds = bounds_of(mask)
    if bounds is None:
        return None
    bits = np.packbits(mask[tuple(slice(*b) for b in bounds)] != 0)
    return {"bounds": bounds, "bits": base64.b64encode(zlib.compress(bits.tobytes(), 9)).decode()}


def plain(bbox: list | None) -> list | None:
    return None if bbox is None else [[int(a), int(b)] for a, b in bbox]


def apply(session: Original, step: dict) -> tuple[object, dict]:
    """Does one step on the original; returns its answer and the step as it is stored."""
    kind, run, include = step["type"], step.get("run", True), step.get("include", True)
    stored = {"type": kind}
    if kind in ("undo", "reset", "autozoom"):
        if kind == "autozoom":
            session.set_do_autozoom(step["enabled"])
            return None, stored | {"enabled": step["enabled"]}
        return (session.undo() if kind == "undo" else session.reset_interactions()), stored
    stored |= {"run": run}
    if kind == "initial":
        stored["mask"] = pack(step["mask"])
        return session.add_initial_seg_interaction(step["mask"].astype(np.uint8), run_prediction=run), stored
    stored["include"] = include
    if kind == "point":
        stored["coordinates"] = [float(c) if c != int(c) else int(c) for c in step["coordinates"]]
        return session.add_point_interaction(stored["coordinates"], include, run_prediction=run), stored
    if kind == "box":
        stored["bounds"] = [[int(v) for v in b] for b in step["bounds"]]
        return session.add_bbox_interaction(stored["bounds"], include, run_prediction=run), stored
    add = session.add_scribble_interaction if kind == "scribble" else session.add_lasso_interaction
    mask, box = step["mask"].astype(np.uint8), None
    stored |= {"mask": pack(mask), "cropped": step.get("cropped", False)}
    if stored["cropped"]:
        box = stored["mask"]["bounds"]
        mask = np.ascontiguousarray(mask[tuple(slice(*b) for b in box)])
    return add(mask, include, run_prediction=run, interaction_bbox=box), stored


def run_sequence(session: Original, image: np.ndarray, name: str, build: object) -> dict:
    """Feeds the generator `build`, which sees each mask and yields the next step."""
    target = np.zeros(image.shape, np.uint8)
    session.set_do_autozoom(True)
    session.set_image(image[None])
    session.set_target_buffer(target)
    before, steps, used = target.copy(), [], 0
    for step in build(target):
        session.forget()
        with contextlib.redirect_stdout(io.StringIO()), torch.inference_mode():
            answer, stored = apply(session, step)
        expected = {"voxels": int(target.sum()), "delta": pack(target != before), "zooms": session.zooms,
                    "patches": session.patches, "calls": session.calls, "choices": session.choices.drawn}
        expected["answer"] = answer if isinstance(answer, bool) else plain(answer)
        used += session.choices.drawn
        steps.append(stored | {"expected": expected})
        before = target.copy()
        print(f"  {name:28} {stored['type']:9} {expected['voxels']:8} voxels, zooms {expected['zooms']}, "
              f"{len(session.patches)} patches, {session.choices.drawn} choices, ties {session.weakest:.1e}", flush=True)
    return {"name": name, "fallback": used > 0, "steps": steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAGITTAL_DATA", "../shared/data")))
    parser.add_argument("--mricron", type=Path, default=Path("/usr/share/mricron/templates"))
    parser.add_argument("--checkpoint", type=Path, default=HERE / "checkpoint")
    parser.add_argument("--out", type=Path, default=HERE / "sessions.json")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", action="append", help="run only sequences whose name contains this; the others stay as stored")
    args = parser.parse_args()
    roots = {"data": args.data, "mricron": args.mricron}
    stored = json.loads(args.out.read_text()) if args.only else {}
    versions = {"nnInteractive": version("nnInteractive"), "torch": torch.__version__}
    if args.only and any(stored[name] != installed for name, installed in versions.items()):
        parser.error(f"the other sequences of {args.out} were made with other versions than {versions}")
    session, volumes, results = Original(args.checkpoint, args.threads), {}, []
    for volume, (root, path, plans) in sequences.all_sequences(roots, read).items():
        image = read(roots[root] / path)
        digest = hashlib.sha256(image.tobytes()).hexdigest()
        volumes[volume] = {"root": root, "path": path, "shape": list(image.shape), "sha256_float32": digest}
        for name, build in plans.items():
            if not args.only or any(part in name for part in args.only):
                results.append({"volume": volume} | run_sequence(session, image, name, build))
            else:
                results.append(next(s for s in stored["sequences"] if s["name"] == name))
    free = sum(not r["fallback"] for r in results)
    index = {"version": 1, "checkpoint": args.checkpoint.name, **versions,
             "python": sys.version.split()[0], "volumes": volumes, "sequences": results}
    args.out.write_text(json.dumps(index, separators=(",", ":")).replace('{"volume"', '\n{"volume"') + "\n")
    print(f"{len(results)} sequences, {free} without the fallback, {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
