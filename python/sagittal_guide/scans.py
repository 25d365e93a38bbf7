"""Scenes to train on: labelled structures, label-free pseudo-objects, imagined anatomy."""
from pathlib import Path

import numpy as np
from sagittal_train import contrast, samples, user, volumes

from . import features

LONGEST = 104
LABELLED = 0.6  # share of scenes with labelled structures
WEIGHT = {"ct_totalseg_abdomen": 4.0, "mr_totalseg_abdomen": 4.0, "sarcoma": 3.0}  # other scans: 0.6


class Scans:
    """Labelled structures of at least 1 ml of the training scans, and the cache of samples.py."""

    def __init__(self, data: Path, cache: Path):
        self.library = samples.Library(cache, synthetic=0.6, labelled=0.1)
        self.groups: dict[str, list] = {}
        for case in volumes.cases(data):
            if volumes.is_validation(case["id"]) or not case.get("label"):
                continue
            image, label = volumes.read_case(data, case)
            sizes = np.bincount(label.ravel())
            sizes[0] = 0
            large = [i for i in np.argsort(-sizes) if sizes[i] >= 300 and sizes[i] * np.prod(case["spacing"]) >= 1000]
            if large:
                group = "sarcoma" if case["id"].startswith("sts") else case["id"]
                self.groups.setdefault(group, []).extend((image, label, i) for i in large[:40])
        weights = np.array([WEIGHT.get(name, 0.6) for name in self.groups])
        self.names, self.chances = list(self.groups), weights / weights.sum()

    def labelled(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
        rows = self.groups[self.names[rng.choice(len(self.names), p=self.chances)]]
        image, label, value = rows[rng.integers(len(rows))]
        wanted = label == value
        if rng.random() < 0.3:
            wanted = user.largest_part(wanted)
        low, high = features.bounds(wanted)
        around = (high - low) * (rng.uniform(0.05, 1.3) if rng.random() < 0.8 else 3)
        low = np.maximum(0, low - (around * rng.uniform(0.3, 1.3, 3)).astype(int) - 3)
        high = np.minimum(wanted.shape, high + (around * rng.uniform(0.3, 1.3, 3)).astype(int) + 3)
        box = features.slices(low, high)
        size = high - low
        step = -(-size // LONGEST)
        if rng.random() < 0.25:
            step[rng.integers(3)] *= int(rng.integers(2, 5))
        if rng.random() < 0.2:
            step = step * np.where(size > 40, 2, 1)
        step = np.minimum(step, np.maximum(1, size // 8))
        part = features.block_means(image[box], step)
        if not part.std() > 0:
            return None
        wanted = features.block_means(wanted[box].astype(np.float32), step) >= 0.5
        return contrast.disturb(rng, (part - part.mean()) / part.std()), wanted

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """An image and the object that the user wants, turned and mirrored."""
        while True:
            if rng.random() < LABELLED:
                found = self.labelled(rng)
            else:
                sample = samples.make_sample(rng, self.library, int(rng.choice([48, 64, 88])))
                found = sample and (sample.image, sample.target)
            if found is None or found[1].sum() < 100 or found[1].mean() > 0.8 or min(found[0].shape) < 6:
                continue
            order = rng.permutation(3)
            flips = tuple(slice(None, None, -1 if rng.random() < 0.5 else 1) for _ in range(3))
            return tuple(np.ascontiguousarray(a.transpose(order)[flips]) for a in found)
