"""Label maps of imagined anatomy; the contrast is painted on each time a crop is drawn."""
import numpy as np
from scipy import ndimage

Groups = dict[str, list[int]]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], cells: float) -> np.ndarray:
    """Noise of unit deviation with about `cells` bumps along the longest axis."""
    step = max(shape) / cells
    coarse = rng.standard_normal([max(2, int(np.ceil(s / step)) + 2) for s in shape]).astype(np.float32)
    fine = ndimage.zoom(coarse, [(s + 2) / c for s, c in zip(shape, coarse.shape)], order=1, grid_mode=True, mode="nearest")
    fine = fine[tuple(slice(0, s) for s in shape)]
    return fine / (fine.std() + 1e-6)


def grid(rng: np.random.Generator, shape: tuple[int, ...], bend: float) -> list[np.ndarray]:
    """Coordinates in [-1, 1] bent by smooth noise."""
    axes = np.meshgrid(*[np.linspace(-1, 1, s, dtype=np.float32) for s in shape], indexing="ij", sparse=True)
    return [a + bend * smooth_noise(rng, shape, rng.uniform(3, 6)) for a in axes]


def radius(coords: list[np.ndarray], centre: np.ndarray, size: np.ndarray, power: float = 2.0) -> np.ndarray:
    """1 on the surface of a superellipsoid, less inside."""
    total = sum(np.abs((c - m) / s) ** power for c, m, s in zip(coords, centre, size))
    return total ** np.float32(1 / power)


def blobs(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, Groups]:
    """A body with organs, some of them hollow, painted one over the other."""
    coords = grid(rng, shape, rng.uniform(0.02, 0.12))
    labels = np.zeros(shape, np.uint8)
    body = radius(coords, rng.uniform(-0.1, 0.1, 3), rng.uniform(0.7, 1.3, 3), rng.choice([2.0, 3.0])) < 1
    labels[body] = 1
    groups: Groups = {}
    number = 2
    for _ in range(rng.integers(5, 16)):
        size = rng.uniform(0.06, 0.45) * rng.uniform(0.5, 1.5, 3)
        r = radius(coords, rng.uniform(-0.75, 0.75, 3), size, rng.choice([1.5, 2.0, 2.0, 4.0]))
        inside = (r < 1) & (body if rng.random() < 0.9 else True)
        labels[inside] = number
        if rng.random() < 0.35:
            labels[inside & (r < rng.uniform(0.5, 0.85))] = number + 1
            groups[f"hollow{number}"] = [number, number + 1]
            number += 1
        number += 1
    groups["body"] = list(range(1, number))
    return labels, groups


def tubes(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, Groups]:
    """Winding vessels and long bones with a dense rim, in a body with layers."""
    labels, _ = blobs(rng, shape)
    labels = np.where(labels > 0, 1 + (labels > 1) * (labels % 3), 0).astype(np.uint8)
    groups: Groups = {"body": list(range(1, 30))}
    number = 5
    for _ in range(rng.integers(3, 8)):
        points = np.cumsum(rng.standard_normal((rng.integers(4, 9), 3)) * 0.25, 0) + rng.uniform(-0.6, 0.6, 3)
        t = np.linspace(0, len(points) - 1, 400)
        path = np.stack([ndimage.map_coordinates(points[:, d], [t], order=3, mode="nearest") for d in range(3)], 1)
        voxels = ((path + 1) / 2 * (np.array(shape) - 1)).round().astype(int)
        voxels = voxels[np.all((voxels >= 0) & (voxels < shape), 1)]
        if len(voxels) < 10:
            continue
        seed = np.ones(shape, bool)
        seed[tuple(voxels.T)] = False
        distance = ndimage.distance_transform_edt(seed) / max(shape) * 2
        thick = rng.uniform(0.02, 0.16)
        labels[distance < thick] = number
        if rng.random() < 0.5:
            labels[distance < thick * rng.uniform(0.5, 0.8)] = number + 1
            groups[f"tube{number}"] = [number, number + 1]
        number += 2
    return labels, groups


HEAD = {"scalp": 1, "skull": 2, "diploe": 3, "csf": 4, "grey": 5, "white": 6, "ventricle": 7, "nucleus": 8,
        "air": 9, "eye": 10, "muscle": 11, "lesion": 12}


def head(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, Groups]:
    """Scalp, skull with diploe, fluid, folded brain, ventricles, nuclei, eyes, sinuses."""
    coords = grid(rng, shape, rng.uniform(0.02, 0.06))
    size = np.array([0.72, 0.9, 0.75]) * rng.uniform(0.8, 1.15, 3)
    centre = rng.uniform(-0.12, 0.12, 3)
    r = radius(coords, centre, size, rng.uniform(2, 2.5)) + 0.02 * smooth_noise(rng, shape, 10)
    thick = rng.uniform(0.6, 1.5, 4)
    edge = 1 - np.cumsum(np.array([0.06, 0.06, 0.035, 0.07]) * thick)
    fold = 0.045 * rng.uniform(0.5, 1.6) * smooth_noise(rng, shape, rng.uniform(14, 26))
    labels = np.zeros(shape, np.uint8)
    below = coords[2] < centre[2] - size[2] * rng.uniform(0.3, 0.9)
    neck = radius(coords[:2] + [coords[2] * 0], np.append(centre[:2], 0), np.append(size[:2] * 0.65, 1)) < 1
    labels[neck & below] = HEAD["muscle"]
    labels[r < 1] = HEAD["scalp"]
    labels[(r < 1) & below & (rng.random() < 0.8)] = HEAD["muscle"]
    labels[r < edge[0]] = HEAD["skull"]
    gap = edge[0] - edge[1]
    if rng.random() < 0.6:
        labels[(r < edge[0] - 0.3 * gap) & (r > edge[1] + 0.3 * gap)] = HEAD["diploe"]
    labels[r < edge[1]] = HEAD["csf"]
    brain = r + 0.35 * np.minimum(fold, 0.02) < edge[2]
    brain &= r - np.maximum(fold, 0) * rng.uniform(0, 1) < edge[2]
    labels[brain] = HEAD["grey"]
    labels[brain & (r + fold < edge[3])] = HEAD["white"]
    gap_plane = np.abs(coords[0] - centre[0]) < 0.012 * rng.uniform(0.3, 2)
    labels[(labels == HEAD["grey"]) & gap_plane] = HEAD["csf"]
    for side in (-1, 1):
        horn = centre + size * np.array([side * 0.13, rng.uniform(-0.1, 0.1), 0.08])
        labels[brain & (radius(coords, horn, size * np.array([0.08, 0.35, 0.13]) * rng.uniform(0.5, 1.5)) < 1)] = 7
        deep = centre + size * np.array([side * 0.27, rng.uniform(-0.1, 0.15), -0.05])
        labels[brain & (radius(coords, deep, size * np.array([0.09, 0.2, 0.14]) * rng.uniform(0.6, 1.4)) < 1)] = 8
        eye = centre + size * np.array([side * 0.4, 0.88, -0.5])
        labels[radius(coords, eye, np.full(3, 0.13) * rng.uniform(0.7, 1.3)) < 1] = HEAD["eye"]
    sinus = centre + size * np.array([0, 0.7, -0.75])
    labels[radius(coords, sinus, size * np.array([0.2, 0.3, 0.25]) * rng.uniform(0.3, 1.3)) < 1] = HEAD["air"]
    if rng.random() < 0.4:
        spot = centre + size * rng.uniform(-0.4, 0.4, 3)
        labels[brain & (radius(coords, spot, rng.uniform(0.05, 0.2, 3)) < 1)] = HEAD["lesion"]
    return labels, head_groups()


def head_groups() -> Groups:
    h = HEAD
    brain = [h["grey"], h["white"], h["nucleus"], h["lesion"]]
    return {"brain": brain + [h["ventricle"]], "brain again": brain + [h["ventricle"]], "parenchyma": brain,
            "intracranial": brain + [h["ventricle"], h["csf"]], "skull": [h["skull"], h["diploe"]],
            "head": list(range(1, 13))}


def cells(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, Groups]:
    """Regions where layered smooth noise passes levels, at a random scale."""
    noise = smooth_noise(rng, shape, rng.uniform(4, 14)) + 0.3 * smooth_noise(rng, shape, rng.uniform(10, 30))
    levels = np.sort(rng.uniform(-1.5, 1.5, rng.integers(2, 5)))
    return (np.digitize(noise, levels) + 1).astype(np.uint8), {}


KINDS = {"blobs": blobs, "tubes": tubes, "head": head, "cells": cells}


def around_brain(rng: np.random.Generator, tissue: np.ndarray) -> tuple[np.ndarray, Groups]:
    """An imagined head around a real brain; tissue 0 outside, 1 fluid, 2 grey, 3 white."""
    pad = [(int(rng.integers(8, 24)),) * 2 for _ in range(3)]
    tissue = np.pad(tissue, pad)
    labels = np.choose(tissue, [0, HEAD["csf"], HEAD["grey"], HEAD["white"]]).astype(np.uint8)
    filled = ndimage.binary_closing(tissue[::2, ::2, ::2] > 0, iterations=4)
    distance = ndimage.zoom(ndimage.distance_transform_edt(~filled).astype(np.float32) * 2,
                            [a / b for a, b in zip(labels.shape, filled.shape)], order=1)
    distance = distance + smooth_noise(rng, labels.shape, 8) * rng.uniform(0.3, 1.5)
    edges = np.cumsum(rng.uniform([1, 3, 3], [6, 9, 12]))
    outside = tissue == 0
    labels[outside & (distance < edges[2])] = HEAD["scalp"]
    labels[outside & (distance < edges[1])] = HEAD["skull"]
    labels[outside & (distance < edges[0])] = HEAD["csf"]
    return labels, head_groups()
