"""Crops for training: an object, the image around it at some zoom, and a previous mask for refinement."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from . import contrast
from .synthetic import HEAD, smooth_noise

REAL = {"CT": 0.5, "MR": 0.38, "PET": 0.07, "US": 0.05}
SYNTHETIC = {"head": 0.62, "blobs": 0.21, "tubes": 0.14, "cells": 0.03}
SOURCES = {"label": 0.4, "threshold": 0.42, "region": 0.18}


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

    def choose(self, rng: np.random.Generator) -> dict:
        sources = [s for s in SOURCES if s in self.objects]
        weights = np.array([SOURCES[s] for s in sources])
        rows = self.objects[sources[rng.choice(len(sources), p=weights / weights.sum())]]
        weight = np.array([self.importance(r) for r in rows])
        return rows[rng.choice(len(rows), p=weight / weight.sum())]

    def importance(self, row: dict) -> float:
        """How often an object is drawn: bones, skulls and brains often; whole bodies, which hide what a click meant, seldom."""
        share = row["count"] / np.prod(self.shape)
        if self.synthetic:
            skull = self.kind == "head" and HEAD["skull"] in row["ids"] and HEAD["scalp"] not in row["ids"]
            whole = len(row["ids"]) > 1 and 1 in row["ids"]
            return row["count"] ** 0.25 * (6 if skull else 0.3 if whole else 3 if len(row["ids"]) > 1 else 1)
        bone = self.kind == "CT" and row["source"] == "threshold" and row["map"] - self.first_threshold < 2
        return row["count"] ** 0.4 * (5 if bone else 0.15 if share > 0.3 else 1)


class Library:
    """All volumes of a cache folder, chosen by kind."""

    def __init__(self, cache: Path, synthetic: float = 0.45):
        self.volumes: dict[str, list[Volume]] = {}
        for folder in sorted(p for p in cache.iterdir() if (p / "objects.json").exists()):
            volume = Volume(folder)
            if volume.objects:
                self.volumes.setdefault(volume.kind, []).append(volume)
        weights = {k: synthetic * v for k, v in SYNTHETIC.items()} | {k: (1 - synthetic) * v for k, v in REAL.items()}
        self.kinds = [k for k in weights if k in self.volumes]
        total = np.array([weights[k] for k in self.kinds])
        self.weights = total / total.sum()

    def choose(self, rng: np.random.Generator) -> Volume:
        group = self.volumes[self.kinds[rng.choice(len(self.kinds), p=self.weights)]]
        size = np.array([len(v.objects) * np.cbrt(np.prod(v.shape)) for v in group])
        return group[rng.choice(len(group), p=size / size.sum())]


def linear(volume: np.ndarray, positions: list[np.ndarray]) -> np.ndarray:
    """Separable trilinear sampling at per-axis positions, 0 outside."""
    box, local = [], []
    for p, n in zip(positions, volume.shape):
        low, high = int(np.clip(np.floor(p[0]), 0, n - 1)), int(np.clip(np.floor(p[-1]) + 2, 1, n))
        box.append(slice(low, max(high, low + 1)))
        local.append(p - low)
    out = np.asarray(volume[tuple(box)], np.float32)
    for axis, p in enumerate(local):
        n = out.shape[axis]
        i = np.floor(p).astype(int)
        shape = [-1 if d == axis else 1 for d in range(3)]
        inside = ((p > -0.5) & (p < n - 0.5)).astype(np.float32).reshape(shape)
        weight = (p - i).astype(np.float32).reshape(shape)
        a, b = out.take(np.clip(i, 0, n - 1), axis), out.take(np.clip(i + 1, 0, n - 1), axis)
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


def choose_zoom(rng: np.random.Generator, extent: float, volume: float, edge: int) -> float:
    """1, or a step of the session's ladder, or anything between, where object and volume are large enough."""
    most = min(4.0, extent / 10, 1.7 * volume / edge)
    if most <= 1.2 or rng.random() < 0.45:
        return 1.0
    if rng.random() < 0.5:
        return float(np.clip(extent / (edge * rng.uniform(0.5, 1.0)), 1.0, most))
    ladder = [z for z in (1.5, 2.25, 3.375, 4.0) if z <= most]
    return float(rng.choice(ladder)) if ladder and rng.random() < 0.6 else float(rng.uniform(1.05, most))


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


def make_sample(rng: np.random.Generator, library: Library, edge: int) -> Sample | None:
    """One crop of edge³, or none where the object hardly shows in it. Small crops show whole objects, shrunk to fit."""
    volume = library.choose(rng)
    row = volume.choose(rng)
    labels = volume.maps[row["map"]]
    extent = max(b - a for a, b in row["bounds"])
    zoom = choose_zoom(rng, extent, max(volume.shape), edge)
    shrink = np.exp(rng.uniform(-0.5, 0.15)) if zoom == 1 else 1.0
    if edge <= 48 and rng.random() < 0.8:
        zoom = 1.0 if rng.random() < 0.7 else zoom
        shrink = max(shrink, extent / (zoom * edge * rng.uniform(0.35, 0.9)))
    step = zoom * shrink * np.exp(rng.normal(0, 0.12, 3))
    centred, refine = bool(rng.random() < (0.15 if edge <= 48 else 0.4)), bool(rng.random() < 0.2)
    centre = seed_voxel(rng, labels, row)
    shift = np.zeros(3) if centred else np.round(rng.uniform(-0.42, 0.42, 3) * edge) * step
    positions = [c + s + (np.arange(edge) - edge // 2) * d for c, s, d in zip(centre, shift, step)]
    box, valid = nearest(labels, positions)
    target = np.isin(box, row["ids"]) & valid
    if not 60 <= target.sum() <= (0.5 if edge <= 48 else 0.97) * target.size:
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
