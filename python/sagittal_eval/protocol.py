"""One simulated user at one structure, and the figures that sum many of them up. NumPy and SciPy only."""
import time
from dataclasses import asdict, dataclass

import numpy as np

from sagittal_train import user

PROMPTS = 10  # per structure; a structure that never reaches a Dice counts with this many
AFTER = (1, 3, 5, 10)
GOALS = (0.80, 0.85, 0.90)
KINDS = ("point", "box", "scribble", "lasso")


@dataclass
class Row:
    """What one user got: Dice and seconds of each prompt."""
    method: str
    split: str
    case: str
    modality: str
    structure: str
    first: str
    millilitres: float
    dice: list[float]
    seconds: list[float]

    def as_dict(self) -> dict:
        return asdict(self)


def prompt_on(rng: np.random.Generator, region: np.ndarray, kind: str) -> object:
    """What the user draws: a voxel, bounds [[low, high], ...] one slice thick, or a mask of one slice."""
    if kind == "point":
        return user.interior_voxel(rng, region, 0.6).tolist()
    axis, index, flat = user.section(rng, region)
    if kind == "box":
        low, high = user.box_around(rng, flat)
        bounds = [[int(a), int(b)] for a, b in zip(low, high)]
        bounds.insert(axis, [index, index + 1])
        return bounds
    mask = np.zeros(region.shape, np.uint8)
    drawn = user.outline(rng, flat) if kind == "lasso" else user.stroke(rng, flat)
    mask[tuple(index if d == axis else slice(None) for d in range(3))] = drawn
    return mask


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """2 |a & b| / (|a| + |b|); 1 where both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def session(driver, image: np.ndarray, wanted: np.ndarray, first: str, corrections: str = "point", prompts: int = PROMPTS,
            seed: int = 1, watch=None) -> tuple[list[float], list[float]]:
    """Dice and seconds of each prompt: the first on the structure, every later one on the largest error.

    The same seed places the same first prompt for every driver. `watch(turn, kind, drawn, include, found)` sees each answer.
    A user whose mask is perfect stops; the remaining Dice are 1.
    """
    rng, found, scores, seconds = np.random.default_rng(seed), np.zeros(wanted.shape, bool), [], []
    driver.start(image)
    for turn in range(prompts):
        error = found != wanted
        if error.any():
            region = user.largest_part(error)
            kind, include = first if turn == 0 else corrections, bool(wanted[region][0])
            drawn = prompt_on(rng, region, kind)
            begun = time.perf_counter()
            found = driver.add(kind, drawn, include).copy()
            seconds.append(round(time.perf_counter() - begun, 3))
            if watch:
                watch(turn, kind, drawn, include, found)
        scores.append(round(dice(found, wanted), 4))
    return scores, seconds


def clicks_to(scores: list[float], goal: float) -> tuple[int, bool]:
    """Prompts until the Dice first reaches the goal, and whether it did; the number of prompts where it never did."""
    for number, score in enumerate(scores, 1):
        if score >= goal:
            return number, True
    return len(scores), False


def summary(rows: list[Row]) -> dict[str, float]:
    """Means over rows: `dice@n`, `clicks@g`, `reached@g` (a share), and seconds per prompt `median` and `p95`."""
    out = {"structures": float(len(rows))}
    for n in AFTER:
        reached = [r.dice[n - 1] for r in rows if len(r.dice) >= n]
        out[f"dice@{n}"] = float(np.mean(reached)) if len(reached) == len(rows) else float("nan")
    for goal in GOALS:
        counts = [clicks_to(r.dice, goal) for r in rows]
        out[f"clicks@{goal:.2f}"] = float(np.mean([n for n, _ in counts]))
        out[f"reached@{goal:.2f}"] = float(np.mean([done for _, done in counts]))
    seconds = [s for r in rows for s in r.seconds]
    out["median"], out["p95"] = (float(np.percentile(seconds, q)) for q in (50, 95)) if seconds else (0.0, 0.0)
    return out


def worst_step(rows: list[Row]) -> float:
    """The largest fall of the mean Dice from one prompt to the next; 0 where it never falls."""
    mean = np.mean([r.dice for r in rows], axis=0)
    return float(max(0.0, np.max(mean[:-1] - mean[1:], initial=0.0)))
