"""The prompt sequences: what a user might do on each scan, derived from reference masks and the mask so far."""
from collections.abc import Callable, Iterator
from pathlib import Path

import cc3d
import numpy as np
from scipy import ndimage

Build = Callable[[np.ndarray], Iterator[dict]]


def deepest(mask: np.ndarray) -> list[int]:
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    return [int(i) for i in np.unravel_index(np.argmax(distance), mask.shape)]


def largest(mask: np.ndarray) -> np.ndarray:
    parts = cc3d.connected_components(mask, connectivity=6)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == np.argmax(sizes)


def point(coordinates: list, include: bool = True, **more: object) -> dict:
    return {"type": "point", "coordinates": coordinates, "include": include} | more


def fix(target: np.ndarray, wanted: np.ndarray, **more: object) -> dict:
    """A point in the deepest voxel of the largest error."""
    error = (target > 0) != wanted
    place = deepest(largest(error)) if error.any() else deepest(wanted)
    return point(place, bool(wanted[tuple(place)]), **more)


def plane(mask: np.ndarray, axis: int) -> tuple[int, np.ndarray]:
    """The slice of largest area, and the largest figure in it."""
    index = int(np.argmax(mask.sum(axis=tuple(a for a in range(3) if a != axis))))
    flat = mask.take(index, axis)
    parts, _ = ndimage.label(flat)
    return index, parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


def lift(flat: np.ndarray, axis: int, index: int, shape: tuple[int, ...], thick: int = 1) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for i in range(index, min(index + thick, shape[axis])):
        mask[tuple(i if a == axis else slice(None) for a in range(3))] = flat
    return mask


def box(wanted: np.ndarray, axis: int, include: bool = True, grow: int = 1, **more: object) -> dict:
    index, flat = plane(wanted, axis)
    bounds = [[s.start - grow, s.stop + grow] for s in ndimage.find_objects(flat.astype(np.uint8))[0]]
    bounds.insert(axis, [index, index + 1])
    return {"type": "box", "bounds": bounds, "include": include} | more


def scribble(wanted: np.ndarray, axis: int, include: bool = True, **more: object) -> dict:
    """A line two voxels wide along the longer side of the figure."""
    index, flat = plane(wanted, axis)
    inner = ndimage.distance_transform_edt(np.pad(flat, 1))[1:-1, 1:-1]
    line = np.zeros(flat.shape, bool)
    along = 0 if np.ptp(np.nonzero(flat)[0]) >= np.ptp(np.nonzero(flat)[1]) else 1
    for i in np.flatnonzero(inner.max(axis=1 - along) > 0.5 * inner.max()):
        j = int(np.argmax(inner.take(i, along)))
        line[(i, slice(j, j + 2)) if along == 0 else (slice(j, j + 2), i)] = True
    mask = lift(line & flat, axis, index, wanted.shape, 2)
    return {"type": "scribble", "mask": mask, "include": include} | more


def lasso(wanted: np.ndarray, axis: int, include: bool = True, **more: object) -> dict:
    index, flat = plane(wanted, axis)
    loop = ndimage.binary_fill_holes(ndimage.binary_dilation(flat, iterations=2))
    return {"type": "lasso", "mask": lift(loop, axis, index, wanted.shape), "include": include} | more


def initial(mask: np.ndarray, run: bool) -> dict:
    return {"type": "initial", "mask": mask, "run": run}


def points(wanted: np.ndarray, count: int) -> Build:
    def build(target: np.ndarray) -> Iterator[dict]:
        yield point(deepest(wanted))
        for _ in range(count - 1):
            yield fix(target, wanted)
    return build


def points_after_lasso(wanted: np.ndarray, axis: int, count: int) -> Build:
    """The lasso waits for the first point's run."""
    def build(target: np.ndarray) -> Iterator[dict]:
        yield lasso(wanted, axis, run=False)
        yield point(deepest(wanted))
        for _ in range(count - 1):
            yield fix(target, wanted)
    return build


def box_then_undo(wanted: np.ndarray, axis: int) -> Build:
    def build(target: np.ndarray) -> Iterator[dict]:
        yield box(wanted, axis)
        yield fix(target, wanted)
        yield {"type": "undo"}
        yield {"type": "undo"}
        yield box(wanted, (axis + 1) % 3)
        yield fix(target, wanted)
    return build


def scribbles(wanted: np.ndarray, other: np.ndarray, axis: int) -> Build:
    def build(target: np.ndarray) -> Iterator[dict]:
        yield box(wanted, axis)
        yield scribble(wanted, axis, cropped=True)
        yield scribble(other, (axis + 1) % 3, include=False)
        yield scribble(wanted, (axis + 2) % 3)
        yield {"type": "reset"}
        yield box(other, axis)
        yield scribble(wanted, axis, include=False, cropped=True)
    return build


def lassos(wanted: np.ndarray, other: np.ndarray, axis: int) -> Build:
    def build(target: np.ndarray) -> Iterator[dict]:
        yield lasso(wanted, axis)
        yield lasso(other, axis, include=False, cropped=True)
        yield lasso(wanted, (axis + 1) % 3, cropped=True)
        yield fix(target, wanted)
    return build


def refine_initial(wanted: np.ndarray, start: np.ndarray, run: bool) -> Build:
    def build(target: np.ndarray) -> Iterator[dict]:
        yield initial(start, run)
        yield fix(target, wanted)
        yield {"type": "undo"}
        yield fix(target, wanted)
        yield fix(target, wanted)
    return build


def queued(wanted: np.ndarray, other: np.ndarray) -> Build:
    """Several prompts before one run; the last one decides where and how far out to look."""
    def build(target: np.ndarray) -> Iterator[dict]:
        yield point(deepest(wanted), run=False)
        yield point(deepest(other), include=False, run=False)
        yield box(wanted, 0)
        yield scribble(other, 1, include=False, run=False)
        yield {"type": "undo"}
        yield fix(target, wanted)
    return build


def autozoom_off(wanted: np.ndarray) -> Build:
    def build(target: np.ndarray) -> Iterator[dict]:
        yield {"type": "autozoom", "enabled": False}
        yield point(deepest(wanted))
        yield {"type": "autozoom", "enabled": True}
        yield fix(target, wanted)
        yield {"type": "undo"}
    return build


def borders(wanted: np.ndarray) -> Build:
    """An object, then a point on halves (rounded to even) just inside its edge, a corner, and a box across two faces."""
    b = wanted.shape[1]

    def build(target: np.ndarray) -> Iterator[dict]:
        yield lasso(wanted, 1)
        index, flat = plane(wanted, 0)
        j, i = (int(v) for v in np.argwhere(flat)[0])
        yield point([index + 0.5, j + 1.5, i + 0.5])
        yield point([0, b - 1, 0], include=False)
        yield {"type": "box", "bounds": [[index, index + 1], [b - 40, b + 9], [-5, 40]], "include": False}
        yield fix(target, wanted)
    return build


def mixed(wanted: np.ndarray, other: np.ndarray) -> Build:
    """Every prompt type in one session, with both signs."""
    def build(target: np.ndarray) -> Iterator[dict]:
        yield lasso(wanted, 0)
        yield point(deepest(other), include=False)
        yield scribble(wanted, 2)
        yield box(other, 1, include=False)
        yield fix(target, wanted)
        yield {"type": "undo"}
        yield point(deepest(wanted))
    return build


def abdomen(roots: dict, read: Callable) -> dict[str, Build]:
    label = read(roots["data"] / "ct_totalseg/example_seg.nii.gz").astype(int)
    liver, spleen, kidney, stomach = (largest(label == i) for i in (5, 1, 3, 6))
    return {"spleen points": points(spleen, 4), "kidney box, undo": box_then_undo(kidney, 0),
            "kidney scribbles": scribbles(kidney, spleen, 1), "stomach lasso": lassos(stomach, spleen, 2),
            "kidney initial": refine_initial(kidney, ndimage.binary_dilation(kidney, iterations=2), True),
            "spleen queued": queued(spleen, kidney), "liver lasso, points": points_after_lasso(liver, 2, 3)}


def thigh_ct(roots: dict, read: Callable) -> dict[str, Build]:
    image = read(roots["data"] / "sts_ct_pet_mr/STS_001/CT_image.nii.gz")
    tumour = read(roots["data"] / "sts_ct_pet_mr/STS_001/CT_mask.nii.gz") > 0
    bone = largest(image > 226)
    return {"sarcoma lasso": lassos(tumour, bone, 1), "bone without autozoom": autozoom_off(bone),
            "sarcoma borders": borders(tumour)}


def thigh_mr(roots: dict, read: Callable) -> dict[str, Build]:
    tumour = read(roots["data"] / "sts_ct_pet_mr/STS_003/MR_T1_mask.nii.gz") > 0
    image = read(roots["data"] / "sts_ct_pet_mr/STS_003/MR_T1_image.nii.gz")
    fat = largest(image > np.percentile(image, 92))
    return {"sarcoma mixed": mixed(tumour, fat), "sarcoma box sagittal": box_then_undo(tumour, 2)}


def prostate(roots: dict, read: Callable) -> dict[str, Build]:
    gland = read(roots["data"] / "us_prostate_deepreg/fixed_000002_label.nii.gz") > 0
    start = ndimage.binary_erosion(gland, iterations=3)
    return {"prostate points": points(gland, 4), "prostate initial, not run": refine_initial(gland, start, False)}


def flat_spine(roots: dict, read: Callable) -> dict[str, Build]:
    grey = read(roots["data"] / "mr_spine_sct/t2s_uncropped_gmseg_manual.nii.gz") > 0
    return {"flat volume box": box_then_undo(ndimage.binary_dilation(grey, iterations=10), 0)}


def human_brain(roots: dict, read: Callable) -> dict[str, Build]:
    image = read(roots["mricron"] / "ch2.nii.gz")
    inside = read(roots["mricron"] / "ch2bet.nii.gz") > 0
    ventricle = largest(ndimage.binary_opening(ndimage.binary_erosion(inside, iterations=12) & (image < 60)))
    white = largest(ndimage.binary_erosion(inside, iterations=3) & (image > 105))
    return {"ventricle lasso sagittal": lassos(ventricle, white, 2), "ventricle mixed": mixed(ventricle, white),
            "brain points, zoom": points(inside, 2)}


def macaque(roots: dict, read: Callable) -> dict[str, Build]:
    image = read(roots["mricron"] / "inia19-t1-brain.nii.gz")
    brain = largest(ndimage.binary_opening(image > 0.2 * image.max(), iterations=2))
    return {"macaque scribble, zoom": lambda target: iter([scribble(brain, 1)])}


def all_sequences(roots: dict[str, Path], read: Callable) -> dict[str, tuple[str, str, dict[str, Build]]]:
    """volume id -> (root, path below it, sequences)."""
    return {
        "ct_totalseg_abdomen": ("data", "ct_totalseg/example_ct.nii.gz", abdomen(roots, read)),
        "sts_001_ct": ("data", "sts_ct_pet_mr/STS_001/CT_image.nii.gz", thigh_ct(roots, read)),
        "sts_003_mr_t1": ("data", "sts_ct_pet_mr/STS_003/MR_T1_image.nii.gz", thigh_mr(roots, read)),
        "us_prostate_fixed_02": ("data", "us_prostate_deepreg/fixed_000002.nii.gz", prostate(roots, read)),
        "mr_spine_t2s": ("data", "mr_spine_sct/t2s_uncropped.nii.gz", flat_spine(roots, read)),
        "ch2": ("mricron", "ch2.nii.gz", human_brain(roots, read)),
        "inia19": ("mricron", "inia19-t1-brain.nii.gz", macaque(roots, read)),
    }
