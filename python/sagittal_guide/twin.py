"""The guide of src/interact/guide.cpp in Python: the same views, rules and last touch, to measure weights and to try rules."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from . import answer, features
from .train import build_network


@dataclass
class Rules:
    """As src/interact/guide.cpp has them."""
    rung: float = 1.6     # from one view of a first prompt to the next
    rungs: int = 6
    slack: float = 0.05   # of the expected Dice: the widest view this near the best one counts
    margin: float = 0.2   # around the mask and the prompts for a later prompt
    growths: int = 3
    coarse: int = 4       # blocks of so many voxels lose thin parts: a last look is finer
    weight: float = 0.7   # of the single voxels' grey values


def sharpened(log_odds: np.ndarray, image: np.ndarray, step: np.ndarray, weight: float) -> np.ndarray:
    """What grey values say of voxels that are open."""
    inside, beside = log_odds > 1, (log_odds < -1) & (log_odds > -5)
    if inside.sum() < 50 or beside.sum() < 50:
        return log_odds
    soft = ndimage.uniform_filter(image, [min(3, int(s)) for s in step])
    low, high = np.percentile(soft[inside | beside][::7], [0.5, 99.5])
    levels = 64
    level = np.clip((soft - low) / (high - low + 1e-6) * levels, 0, levels - 1).astype(int)
    shares = [ndimage.gaussian_filter1d(np.bincount(level[m], minlength=levels).astype(float), 1.5) for m in (inside, beside)]
    of_object, of_rest = (s / s.sum() + 1e-3 for s in shares)
    odds = np.clip(np.log(of_object / of_rest), -3, 3)[level]
    return np.where(np.abs(log_odds) < 4, log_odds + weight * odds, log_odds)


class Twin:
    """A driver for sagittal_eval.protocol.session."""

    def __init__(self, weights: Path, library: Path, rules: Rules | None = None):
        self.network, self.library, self.rules = build_network(), library, rules or Rules()
        self.network.load_state_dict(torch.load(weights, weights_only=True)["average"])
        self.network.eval()
        self.passes = 0

    def start(self, image: np.ndarray) -> None:
        box = features.slices(*features.bounds(image != 0)) if (image == 0).any() and image.any() else np.s_[:]
        inner = image[box]
        self.scene = features.Scene((image - inner.mean()) / (inner.std() + 1e-9), self.library, normalised=True)

    @torch.no_grad()
    def look(self, view: tuple) -> np.ndarray:
        seen, size = self.scene.features(view)
        self.passes += 1
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.network(torch.from_numpy(seen)[None])[0].float()
        return (logits[1] - logits[0])[tuple(slice(0, n) for n in size)].numpy()

    def widest_good(self, view: tuple) -> tuple[np.ndarray, tuple]:
        looks = []
        while len(looks) < self.rules.rungs:
            found = self.look(view)
            looks.append((answer.expected_dice(found), found, view))
            low, high, _ = view
            more = np.maximum(2, ((high - low) * (self.rules.rung - 1) / 2).astype(int))
            view = self.scene.view(low - more, high + more)
            if (view[0] == low).all() and (view[1] == high).all():
                break
        least = max(look[0] for look in looks) - self.rules.slack
        return [look for look in looks if look[0] >= least][-1][1:]

    def first_view(self, fresh: bool) -> tuple:
        low, high = self.scene.low, self.scene.high
        if fresh:
            margin = (high - low) * 2 // 5 + 2
        else:
            a, b = features.bounds(self.scene.mask)
            low, high = np.minimum(low, a), np.maximum(high, b)
            margin = ((high - low) * self.rules.margin).astype(int) + 4
        return self.scene.view(low - margin, high + margin)

    def grown(self, found: np.ndarray, view: tuple) -> tuple[np.ndarray, tuple]:
        for _ in range(self.rules.growths):
            reached = answer.reached_faces(found, view, self.scene.shape)
            low, high, _ = view
            more = np.maximum(4, ((high - low) * 0.35).astype(int))
            wider = self.scene.view(low - more * reached[:, 0], high + more * reached[:, 1])
            if (wider[0] == low).all() and (wider[1] == high).all():
                break
            view = wider
            found = self.look(view)
        return found, view

    def add(self, kind: str, drawn: object, include: bool) -> np.ndarray:
        scene, fresh = self.scene, not self.scene.mask.any()
        scene.add(kind, drawn, include)
        view = self.first_view(fresh)
        found, view = self.widest_good(view) if fresh else (self.look(view), view)
        found, view = self.grown(found, view)
        if view[2].max() >= self.rules.coarse:
            view = scene.view(view[0], view[1], features.SIDE * 5 // 3)
            found = self.look(view)
        scene.take(found, view, self.touch)
        return scene.mask

    def touch(self, log_odds: np.ndarray, view: tuple) -> np.ndarray:
        low, high, step = view
        if step.max() == 1:
            return log_odds
        return sharpened(log_odds, self.scene.image[features.slices(low, high)], step, self.rules.weight)
