"""Crops for training: an object, the image around it at some zoom, and a previous mask for refinement."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from . import contrast
from .synthetic import HEAD, smooth_noise

REAL = {"CT": 0.5, "MR": 0.38, "PET": 0.07, "US": 0.05}
SYNTHETIC = {"head": 0.4, "blobs": 0.33, "tubes": 0.15, "cells": 0.12}
SOURCES = {"label": 0.15, "threshold": 0.5, "region": 0.35}
LABELLED = 0.3  # share of crops with a labelled structure of a real scan


@dataclass
class Sample:
    image: np.ndarray    # float32, normalised
    target: np.ndarray   # bool
    previous: np.ndarray  # float32
    zoom: float
    centred: bool        # the first point lies in the centre, as it does in a session
    refine: bool         # starts from a coarse mask, with few prompts or none


class Volume:
    def __init__(self, folder: Path):
        info = json.loads((folder / "objects.json").read_text())
        self.shape, self.synthetic = info["shape"], info["synthetic"]
        self.kind = "US" if "US" in info["modality"] else info["modality"].split()[0].replace("DCE-MR", "MR")
        self.image = None if self.synthetic else np.load(folder / "image.npy", mmap_mode="r")
        self.maps = [np.load(p, mmap_mode="r") for p in sorted(folder.glob("labels_*.npy"),
                                                               key=lambda p: int(p.stem.split("_")[1]))]
        self.objects: dict[str, list[dict]] = {}
        for row in info["objects"]:
            self.objects.setdefault("label" if self.synthetic else row["source"], []).append(row)
        self.first_threshold = min((r["map"] for r in self.objects.get("threshold", [])), default=0)
        if self.synthetic:
            self.fractions = np.bincount(self.maps[0].ravel(), minlength=256)[:256] / self.maps[0].size

        self.chances = {source: self.chance(rows) for source, rows in self.objects.items()}

    def choose(self, rng: np.random.Generator, source: str | None = None) -> dict:
        if source is None:
            sources = [s for s in SOURCES if s in self.objects]
            weights = np.array([SOURCES[s] for s in sources])
            source = sources[rng.choice(len(sources), p=weights / weights.sum())]
        rows = self.objects[source]
        return rows[rng.choice(len(rows), p=self.chances[source])]

    def chance(self, rows: list[dict]) -> np.ndarray:
        """However many small objects there are, every octave of extent is drawn more often than the one below."""
        octave = np.array([int(np.log2(extent(r))) for r in rows])
        weight = np.array([self.importance(r) for r in rows]) * 1.6**octave / np.bincount(octave)[octave]
        return weight / weight.sum()

    def importance(self, row: dict) -> float:
        """How often an object is drawn: bones, skulls and brains often; whole bodies, which hide what a click meant, seldom."""
        share = row["count"] / np.prod(self.shape)
        if self.synthetic:
            skull = self.kind == "head" and HEAD["skull"] in row["ids"] and HEAD["scalp"] not in row["ids"]
            whole = len(row["ids"]) > 1 and 1 in row["ids"]
            return 4 if skull else 0.3 if whole else 2 if len(row["ids"]) > 1 else 1
        bone = self.kind == "CT" and row["source"] == "threshold" and row["map"] - self.first_threshold < 2
        return 3 if bone else 0.15 if share > 0.3 else 1


def extent(row: dict) -> int:
    return max(b - a for a, b in row["bounds"])


class Library:
    """All volumes of a cache folder, chosen by kind."""

    def __init__(self, cache: Path, synthetic: float = 0.45, labelled: float = LABELLED):
        self.share = labelled
        self.volumes: dict[str, list[Volume]] = {}
        for folder in sorted(p for p in cache.iterdir() if (p / "objects.json").exists()):
            volume = Volume(folder)
            if volume.objects:
                self.volumes.setdefault(volume.kind, []).append(volume)
        weights = {k: synthetic * v for k, v in SYNTHETIC.items()} | {k: (1 - synthetic) * v for k, v in REAL.items()}
        self.kinds = [k for k in weights if k in self.volumes]
        total = np.array([weights[k] for k in self.kinds])
        self.weights = total / total.sum()

        self.labelled = [v for group in self.volumes.values() for v in group if not v.synthetic and "label" in v.objects]

    def choose(self, rng: np.random.Generator) -> tuple[Volume, dict]:
        if self.labelled and rng.random() < self.share:
            volume = pick(rng, self.labelled, [len(v.objects["label"]) ** 0.5 for v in self.labelled])
            return volume, volume.choose(rng, "label")
        group = self.volumes[pick(rng, self.kinds, self.weights)]
        volume = pick(rng, group, [len(v.objects) * np.cbrt(np.prod(v.shape)) for v in group])
        return volume, volume.choose(rng)


def pick(rng: np.random.Generator, items: list, weights: list[float]) -> object:
    weights = np.asarray(weights, float)
    return items[rng.choice(len(items), p=weights / weights.sum())]


def linear(volume: np.ndarray, positions: list[np.ndarray]) -> np.ndarray:
    """Separable trilinear sampling at per-axis positions, 0 outside."""
    box, local = [], []
    for p, n in zip(positions, volume.shape):
        low, high = int(np.clip(np.floor(p[0]), 0, n - 1)), int(np.clip(np.floor(p[-1]) + 2, 1, n))
        box.append(slice(low, max(high, low + 1)))
        local.append(p - low)
    out = np.asarray(volume[tuple(box)])
    for axis, p in enumerate(local):
        n = out.shape[axis]
        i = np.floor(p).astype(int)
        shape = [-1 if d == axis else 1 for d in range(3)]
        inside = ((p > -0.5) & (p < n - 0.5)).astype(np.float32).reshape(shape)
        weight = (p - i).astype(np.float32).reshape(shape)
        a, b = (out.take(np.clip(j, 0, n - 1), axis).astype(np.float32) for j in (i, i + 1))
        out = (a + weight * (b - a)) * inside
    return out


def nearest(volume: np.ndarray, positions: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    index = [np.round(p).astype(int) for p in positions]
    valid = np.ones([len(p) for p in positions], bool)
    for axis, (i, n) in enumerate(zip(index, volume.shape)):
        valid &= ((i >= 0) & (i < n)).reshape([-1 if d == axis else 1 for d in range(3)])
    index = [np.clip(i, 0, n - 1) for i, n in zip(index, volume.shape)]
    return np.asarray(volume[np.ix_(*index)]), valid


def seed_voxel(rng: np.random.Generator, labels: np.ndarray, row: dict) -> np.ndarray:
    """A random voxel of the object."""
    bounds = np.array(row["bounds"])
    tries = rng.integers(bounds[:, 0], bounds[:, 1], size=(3000, 3))
    hits = tries[np.isin(labels[tuple(tries.T)], row["ids"])]
    if len(hits):
        return hits[0]
    all_of_it = np.argwhere(np.isin(labels[tuple(slice(*b) for b in bounds)], row["ids"]))
    return all_of_it[rng.integers(len(all_of_it))] + bounds[:, 0]


def choose_step(rng: np.random.Generator, row: dict, edge: int, finest: float, coarsest: float) -> float:
    """Voxels from one crop voxel to the next: the object small in the crop, whole in it, or larger than it."""
    u = rng.random()
    share = rng.uniform(0.1, 0.3) if u < 0.12 else rng.uniform(0.35, 1) if u < 0.6 else rng.uniform(1, 1.8)
    return float(np.clip(extent(row) / (edge * share), finest, max(1.0, coarsest)))


def choose_zoom(rng: np.random.Generator, step: float) -> float:
    """How much of the step is the session's zoom, which also thickens prompts: none, a rung of AutoZoom's ladder or all."""
    if step < 1.2 or rng.random() < 0.45:
        return 1.0
    ladder = [z for z in (1.5, 2.25, 3.375, 4.0) if z <= step]
    return ladder[-1] if ladder and rng.random() < 0.4 else min(4.0, step)


def coarse_mask(rng: np.random.Generator, target: np.ndarray) -> np.ndarray:
    """The mask as a zoomed-out prediction would give it: blocky, blurred, partly wrong."""
    soft = ndimage.gaussian_filter(target.astype(np.float32), rng.uniform(0.5, 2.5))
    soft = soft + rng.uniform(0, 0.35) * smooth_noise(rng, target.shape, rng.uniform(4, 12))
    step = rng.uniform(1.2, 4)
    small = ndimage.zoom(soft, 1 / step, order=1, grid_mode=True, mode="nearest") > 0.5
    back = ndimage.zoom(small.astype(np.float32), [a / b for a, b in zip(target.shape, small.shape)], order=1,
                        grid_mode=True, mode="nearest") >= 0.5
    if rng.random() < 0.25:
        hole = smooth_noise(rng, target.shape, rng.uniform(2, 5)) > rng.uniform(1.0, 2.0)
        back = back & ~hole if rng.random() < 0.6 else back | (hole & ndimage.binary_dilation(target, iterations=6))
    return back.astype(np.float32)


def crop_positions(rng: np.random.Generator, volume: Volume, row: dict, edge: int,
                   centred: bool) -> tuple[list[np.ndarray], float]:
    """Where the crop's planes lie in the volume, and the zoom; synthetic volumes get thick slices at times."""
    step = choose_step(rng, row, edge, 0.6 if volume.synthetic else 0.35, 1.6 * max(volume.shape) / edge)
    zoom = choose_zoom(rng, step)
    steps = step * np.exp(rng.normal(0, 0.12, 3))
    if rng.random() < (0.4 if volume.synthetic else 0.15):
        steps[rng.integers(3)] *= np.exp(rng.uniform(0, np.log(6)))
    centre = seed_voxel(rng, volume.maps[row["map"]], row)
    shift = np.zeros(3) if centred else np.round(rng.uniform(-0.42, 0.42, 3) * edge) * steps
    return [c + s + (np.arange(edge) - edge // 2) * d for c, s, d in zip(centre, shift, steps)], zoom


def make_sample(rng: np.random.Generator, library: Library, edge: int) -> Sample | None:
    """One crop of edge³, or none where the object hardly shows in it or fills it."""
    volume, row = library.choose(rng)
    centred, refine = bool(rng.random() < (0.15 if edge <= 48 else 0.4)), bool(rng.random() < 0.2)
    positions, zoom = crop_positions(rng, volume, row, edge, centred)
    box, valid = nearest(volume.maps[row["map"]], positions)
    target = np.isin(box, row["ids"]) & valid
    if not 60 <= target.sum() <= (0.7 if edge <= 64 else 0.97) * target.size:
        return None
    if volume.synthetic:
        mean = contrast.means(rng, volume.kind == "head")
        average = float((volume.fractions * mean).sum())
        spread = float(np.sqrt((volume.fractions * (mean - average) ** 2).sum())) + 0.05
        image = (contrast.paint(rng, box, mean) - average) / spread * valid
    else:
        image = linear(volume.image, positions)
    image = np.where(valid, contrast.disturb(rng, image), 0).astype(np.float32)
    order = rng.permutation(3)
    flips = tuple(slice(None, None, -1) if rng.random() < 0.5 and not centred else slice(None) for _ in range(3))
    image, target = (np.ascontiguousarray(a.transpose(order)[flips]) for a in (image, target))
    previous = coarse_mask(rng, target) if refine else np.zeros(target.shape, np.float32)
    return Sample(np.clip(image, -8, 12), target, previous, zoom, centred, refine)
