"""Stores what TotalSegmentator's own functions for cleaning up make of small label images (../segment/cleaning_vectors.json).

    python tests/parity/make_cleaning_vectors.py

Needs TotalSegmentator 2.18.0. Arrays of the file are [k, j, i], those of the functions [i, j, k]."""
import base64
import json
from pathlib import Path

import numpy as np
from totalsegmentator import postprocessing
from totalsegmentator.map_to_binary import class_map

VERTEBRAE = class_map["vertebrae_pp"]


def spine(shape: tuple, seed: int, labels: list, gap: int, leak: float, specks: int) -> np.ndarray:
    """Boxes above each other along k; a part `leak` of each has its neighbour's label; some stray voxels."""
    rng = np.random.default_rng(seed)
    out = np.zeros(shape, np.uint8)
    height = (shape[2] - 2) // len(labels) - gap
    for n, label in enumerate(reversed(labels)):
        k = 1 + n * (height + gap)
        i, j = rng.integers(2, 4, 2)
        body = out[i:i + 6, j:j + 5, k:k + height]
        body[...] = label
        if leak and n > 0:
            body[:, :, :max(1, round(leak * height))] = labels[-n]
    for at in zip(*(rng.integers(0, s, specks) for s in shape)):
        out[at] = rng.choice(labels)
    return out


def packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array.astype(np.uint8).T).tobytes()).decode()


def case(function: str, labels: np.ndarray, spacing: tuple, **more: object) -> dict:
    zooms = tuple(np.float32(s) for s in spacing)  # as a NIfTI header gives them
    voxel = np.prod(zooms)
    given = labels.copy()
    if function == "separate":
        found = postprocessing.postprocess_vertebrae_pp(given, VERTEBRAE, voxel_volume=voxel, voxel_spacing=zooms)
    elif function == "refine":
        found = postprocessing.refine_vertebrae_pp_with_body_mask(given, more["bodies"], VERTEBRAE, voxel_spacing=zooms, dilation_mm=2)
    elif function == "small":
        names = {n: str(n) for n in range(1, 25)}
        found = postprocessing.remove_small_blobs_multilabel(given, names, list(names.values()),
                                                             interval=[more["mm3"] / voxel, 1e10], quiet=True)
    else:
        found = postprocessing.keep_largest_blob_multilabel(given, class_map["body"], ["body_trunc"], quiet=True)
        found = postprocessing.remove_small_blobs_multilabel(found, class_map["body"], ["body_extremities"],
                                                             interval=[50000 / voxel, 1e10], quiet=True)
    row = {"function": function, "size": list(labels.shape), "spacing": list(spacing), "labels": packed(labels),
           "expected": packed(found)}
    if "bodies" in more:
        row["bodies"] = packed(more["bodies"])
    if "mm3" in more:
        row["mm3"] = more["mm3"]
    print(function, spacing, f"{int((labels != found).sum())} of {labels.size} voxels changed", np.unique(found).tolist())
    return row


def main() -> None:
    rng = np.random.default_rng(5)
    shape, even = (10, 9, 28), (1.5, 1.5, 1.5)
    apart = spine(shape, 1, [20, 21, 22, 23], 3, 0.0, 0)
    leaking = spine(shape, 2, [18, 19, 20, 21], 2, 0.4, 6)
    with_l5 = spine(shape, 3, [21, 22, 23, 24], 2, 0.4, 6)
    neck = spine(shape, 4, [1, 2, 3, 4, 5], 1, 0.3, 4)
    both = spine(shape, 6, [1, 8, 24], 2, 0.4, 0)
    specks = (rng.random(shape) < 0.02).astype(np.uint8) * rng.integers(1, 25, shape).astype(np.uint8)
    bodies = (apart > 0) * 1 + (rng.random(shape) < 0.3)
    mixed = rng.integers(0, 4, shape) * (rng.random(shape) < 0.6)
    cases = [case("separate", labels, even) for labels in (apart, leaking, with_l5, neck, both, specks)]
    cases += [case("separate", labels, (0.8, 1.3, 2.0)) for labels in (apart, neck)]
    cases += [case("refine", labels, spacing, bodies=np.minimum(bodies, 2).astype(np.uint8))
              for labels, spacing in ((apart, even), (leaking, (0.7, 0.9, 1.25)), (neck, (2.5, 3.0, 5.0)))]
    cases += [case("small", mixed.astype(np.uint8), spacing, mm3=mm3)
              for spacing, mm3 in ((even, 20), ((1.0, 1.0, 1.0), 5), ((0.7, 0.7, 3.0), 10))]
    cases += [case("body", np.minimum(mixed, 2).astype(np.uint8), spacing) for spacing in ((6.0, 6.0, 6.0), (20.0, 20.0, 20.0))]
    cases.append(case("body", np.zeros(shape, np.uint8), even))
    out = Path(__file__).resolve().parents[1] / "segment/cleaning_vectors.json"
    out.write_text(json.dumps({"TotalSegmentator": "2.18.0", "cases": cases}, indent=0) + "\n")


if __name__ == "__main__":
    main()
