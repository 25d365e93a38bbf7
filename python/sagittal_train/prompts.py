"""Prompts of the simulated user, rendered into the network's channels as the session renders them."""
import functools
import math

import numpy as np
from scipy import ndimage

from . import user

DECAY = 0.98
BOX, POINT, SCRIBBLE = 0, 2, 4  # positive channels; the negative one follows; a lasso shares the boxes' channels
RADIUS = 4


@functools.cache
def ball() -> np.ndarray:
    """Distance to the outside within the 9x9x9 array, 1 at the centre."""
    grid = np.mgrid[-RADIUS:RADIUS + 1, -RADIUS:RADIUS + 1, -RADIUS:RADIUS + 1]
    inside = (grid**2).sum(0) <= RADIUS**2
    distance = ndimage.distance_transform_edt(inside)
    return (distance / distance.max()).astype(np.float32)


def dilation(zoom: float) -> int:
    """Edge of the cube that points and scribbles are dilated by before pooling: 2z-1 made odd."""
    x = 2 * zoom - 1
    up, down = math.ceil(x), math.floor(x)
    return up if up % 2 else down if down % 2 else round(x) + 1


@functools.cache
def dilated_ball(size: int) -> np.ndarray:
    return ndimage.maximum_filter(np.pad(ball(), (size - 1) // 2), size)


class Canvas:
    """The six prompt channels of one crop; newest prompt 1, older ones faded."""

    def __init__(self, shape: tuple[int, int, int], zoom: float):
        self.shape, self.zoom = shape, zoom
        self.channels = np.zeros((6, *shape), np.float32)
        fine = [round(n * zoom) for n in shape]
        self.windows = [(np.arange(n) * s // n, -(-(np.arange(n) + 1) * s // n)) for n, s in zip(shape, fine)]

    def to_fine(self, rng: np.random.Generator, voxel: np.ndarray) -> list[int]:
        """A voxel of the uncompressed crop under a voxel of the patch."""
        return [int(rng.integers(max(0, math.floor(v * self.zoom)), max(1, math.ceil((v + 1) * self.zoom))))
                if self.zoom > 1 else int(v) for v in voxel]

    def pooling(self, axis: int, low: int, count: int) -> tuple[np.ndarray, slice]:
        """Average pooling of `count` fine voxels from `low` on: weights, and the patch rows they reach."""
        start, end = self.windows[axis]
        j = np.arange(low, low + count)
        hit = (j >= start[:, None]) & (j < end[:, None])
        rows = np.flatnonzero(hit.any(1))
        if len(rows) == 0:
            return np.zeros((0, count), np.float32), slice(0, 0)
        part = slice(rows[0], rows[-1] + 1)
        return (hit[part] / (end - start)[part, None]).astype(np.float32), part

    def write(self, channel: int, positive: bool, place: tuple[slice, ...], values: np.ndarray) -> None:
        self.channels *= DECAY
        view = self.channels[channel + (not positive)][place]
        np.maximum(view, values, out=view)

    def point(self, rng: np.random.Generator, voxel: np.ndarray, positive: bool) -> None:
        size = dilation(self.zoom)
        element = dilated_ball(size)
        low = [c - RADIUS - (size - 1) // 2 for c in self.to_fine(rng, voxel)]
        (a, pa), (b, pb), (c, pc) = (self.pooling(d, low[d], element.shape[d]) for d in range(3))
        self.write(POINT, positive, (pa, pb, pc), np.einsum("ia,jb,kc,abc->ijk", a, b, c, element, optimize=True))

    def box(self, low: list[int], high: list[int], positive: bool) -> None:
        weights = [self.pooling(d, low[d], max(1, high[d] - low[d])) for d in range(3)]
        a, b, c = (w.sum(1) for w, _ in weights)
        self.write(BOX, positive, tuple(p for _, p in weights), a[:, None, None] * b[:, None] * c)

    def drawing(self, channel: int, flat: np.ndarray, axis: int, low: int, count: int, positive: bool) -> None:
        """A plane figure at patch resolution, `count` fine voxels thick across its slice."""
        weights, rows = self.pooling(axis, low, count)
        across = np.minimum(weights.sum(1), 1).reshape([-1 if d == axis else 1 for d in range(3)])
        place = tuple(rows if d == axis else slice(None) for d in range(3))
        self.write(channel, positive, place, np.expand_dims(flat.astype(np.float32), axis) * across)


def draw(rng: np.random.Generator, canvas: Canvas, mask: np.ndarray, kind: str, positive: bool,
         depth: float = 0.5) -> None:
    """One prompt of the given kind on a region."""
    if kind == "point":
        canvas.point(rng, user.interior_voxel(rng, mask, depth), positive)
        return
    axis, index, flat = user.section(rng, mask)
    fine = canvas.to_fine(rng, np.array([index] * 3))[0]
    if kind == "box":
        low, high = user.box_around(rng, flat)
        z = canvas.zoom
        bounds = [(round(a * z), round(b * z)) for a, b in zip(low, high)]
        bounds.insert(axis, (fine, fine + 1))
        canvas.box([b[0] for b in bounds], [b[1] for b in bounds], positive)
    elif kind == "lasso":
        canvas.drawing(BOX, user.outline(rng, flat), axis, fine, 1, positive)
    else:
        grow = (dilation(canvas.zoom) - 1) // 2
        thick = int(rng.integers(1, 3))
        canvas.drawing(SCRIBBLE, user.stroke(rng, flat), axis, fine - grow, thick + 2 * grow, positive)


def first_prompt(rng: np.random.Generator, canvas: Canvas, target: np.ndarray) -> None:
    kind = rng.choice(["point", "box", "scribble", "lasso"], p=[0.45, 0.2, 0.2, 0.15])
    draw(rng, canvas, target, kind, True, depth=0.5 if rng.random() < 0.7 else 0.0)


def correction(rng: np.random.Generator, canvas: Canvas, target: np.ndarray, found: np.ndarray) -> bool:
    """A prompt on the largest error; false where nothing is left to correct."""
    error = target != found
    if not error.any():
        return False
    region = user.largest_part(error)
    positive = bool(target[region][0])
    kind = rng.choice(["point", "box", "scribble", "lasso"], p=[0.55, 0.12, 0.23, 0.10])
    draw(rng, canvas, region, kind, positive, depth=0.6)
    return True
