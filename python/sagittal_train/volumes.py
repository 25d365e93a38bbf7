"""Real scans: reading, the session's normalisation, and objects found without labels."""
import json
from pathlib import Path

import cc3d
import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from skimage.filters import threshold_multiotsu
from skimage.segmentation import watershed

VALIDATION_EXACT = ("ct_totalseg_dicom", "mr_spine_t2")
SMALLEST = 120


def is_validation(case_id: str) -> bool:
    """Left out by patient: every series of two sarcoma patients, one CT, one spine."""
    return case_id in VALIDATION_EXACT or case_id.startswith(("sts_004", "sts_014"))


def cases(data: Path, use: str = "train and test") -> list[dict]:
    return [c for c in json.loads((data / "cases.json").read_text()) if c["use"] == use]


def read_image(path: Path) -> sitk.Image:
    if path.is_dir():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        return reader.Execute()
    return sitk.ReadImage(str(path))


def read_case(data: Path, case: dict) -> tuple[np.ndarray, np.ndarray | None]:
    """Image and label map as stored, axes [k, j, i]; the label on the image's grid."""
    image = read_image(data / (case["image"] or case["dicom"]))
    label = None
    if case.get("label"):
        label = sitk.ReadImage(str(data / case["label"]))
        if not case.get("same_grid", True) or label.GetSize() != image.GetSize():
            label = sitk.Resample(label, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        label = sitk.GetArrayFromImage(label).astype(np.uint16)
    return sitk.GetArrayFromImage(image).astype(np.float32), label


def normalise(image: np.ndarray) -> np.ndarray:
    """Mean and deviation over the bounding box of the non-zero voxels, applied everywhere."""
    box = tuple(slice(*bounds) for bounds in nonzero_bounds(image != 0))
    inner = image[box].astype(np.float64)
    return ((image - inner.mean()) / inner.std(ddof=1)).astype(np.float32)


def nonzero_bounds(mask: np.ndarray) -> list[tuple[int, int]]:
    bounds = []
    for axis in range(mask.ndim):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        bounds.append((int(hit[0]), int(hit[-1]) + 1))
    return bounds


def components(mask: np.ndarray, most: int = 200) -> np.ndarray:
    """Connected components by size, the largest first, small ones dropped."""
    found = cc3d.connected_components(mask, connectivity=6)
    sizes = np.bincount(found.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes)[:most]
    table = np.zeros(len(sizes), np.uint16)
    keep = order[sizes[order] >= SMALLEST]
    table[keep] = np.arange(1, len(keep) + 1)
    return table[found]


def label_components(label: np.ndarray) -> list[np.ndarray]:
    """The labels as given, and each label's parts on their own."""
    return [label, cc3d.connected_components(label, connectivity=26).astype(np.uint16)]


def threshold_maps(image: np.ndarray, is_ct: bool) -> list[np.ndarray]:
    if is_ct:
        body = largest(ndimage.binary_opening(image > -300, iterations=2))
        body = np.stack([ndimage.binary_fill_holes(s) for s in body])
        return [components(image > 226), components((image > 150) & body), components((image < -400) & body),
                components(body), components((image > 0) & (image < 120) & body), components(image < -400)]
    smooth = ndimage.gaussian_filter(image, 0.7)
    sample = smooth[smooth > smooth.min() + 1e-3 * np.ptp(smooth)][::7]
    levels = threshold_multiotsu(np.clip(sample, *np.percentile(sample, [0.5, 99.5])), classes=4)
    body = largest(smooth > levels[0])
    filled = np.stack([ndimage.binary_fill_holes(s) for s in body])
    maps = [components(smooth > level) for level in levels]
    return maps + [components(filled), components((smooth < levels[0]) & filled)]


def largest(mask: np.ndarray) -> np.ndarray:
    return components(mask, 1) == 1


def region_maps(image: np.ndarray, rng: np.random.Generator, edge: int = 176) -> list[np.ndarray]:
    """Watershed regions of the gradient, merged to three scales, in a box of limited size."""
    low = [int(rng.integers(0, max(1, n - edge + 1))) for n in image.shape]
    box = tuple(slice(a, a + edge) for a in low)
    part = np.clip(image[box], *np.percentile(image[box], [0.5, 99.5]))
    steep = ndimage.gaussian_gradient_magnitude(part, 1.0)
    markers, _ = ndimage.label(ndimage.minimum_filter(steep, 7) == steep)
    regions = watershed(steep, markers)
    maps = []
    for limit in (0.12, 0.25, 0.5):
        regions = merge(regions, part, limit * part.std())
        whole = np.zeros(image.shape, np.uint16)
        whole[box] = keep_large(regions)
        maps.append(whole)
    return maps


def keep_large(regions: np.ndarray) -> np.ndarray:
    sizes = np.bincount(regions.ravel())
    good = np.flatnonzero((sizes >= SMALLEST) & (sizes < 0.6 * regions.size))
    good = good[np.argsort(-sizes[good])][:600]
    table = np.zeros(len(sizes), np.uint16)
    table[good] = np.arange(1, len(good) + 1)
    return table[regions]


def merge(regions: np.ndarray, image: np.ndarray, limit: float) -> np.ndarray:
    """Joins touching regions of nearly equal mean, twice."""
    for _ in range(2):
        count = int(regions.max()) + 1
        total = np.maximum(np.bincount(regions.ravel(), minlength=count), 1)
        mean = np.bincount(regions.ravel(), weights=image.ravel(), minlength=count) / total
        pairs = [np.stack([regions[a].ravel(), regions[b].ravel()]) for a, b in (
            (np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :, 1:], np.s_[:, :, :-1]))]
        p = np.unique(np.concatenate([q[:, q[0] != q[1]] for q in pairs], 1), axis=1)
        p = p[:, np.abs(mean[p[0]] - mean[p[1]]) < limit]
        graph = coo_matrix((np.ones(p.shape[1]), (p[0], p[1])), shape=(count, count))
        regions = connected_components(graph, directed=False)[1][regions]
    return regions
