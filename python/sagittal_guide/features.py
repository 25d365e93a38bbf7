"""What the guide's network sees, computed by the program's own C++; and a session's prompts as it keeps them."""
import ctypes
import subprocess
from pathlib import Path

import numpy as np
from sagittal_train import prompts

from . import answer

CHANNELS, SIDE, MULTIPLE, LEAST = 15, 48, 8, 24
SOURCE = Path(__file__).resolve().parents[2] / "src"
CROSS = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
KINDS = ("positive", "negative", "inside", "outside")


def build(library: Path) -> None:
    """Compiles the C++ that makes the features, unless the library is newer; needs g++ and libfmt."""
    parts = [Path(__file__).with_name("features.cpp")]
    parts += [SOURCE / "interact" / f"{name}.cpp" for name in ("field", "random_walker", "guide_features")]
    parts += [SOURCE / "base" / f"{name}.cpp" for name in ("thread_pool", "error", "progress")]
    if library.exists() and library.stat().st_mtime > max(p.stat().st_mtime for folder in ("base", "interact", "volume")
                                                          for p in [*parts, *(SOURCE / folder).glob("*.h")]):
        return
    subprocess.run(["g++", "-std=c++20", "-O3", "-march=x86-64-v3", "-ffp-contract=off", "-shared", "-fPIC", f"-I{SOURCE}",
                    *map(str, parts), "-lfmt", "-o", str(library)], check=True)


def block_means(array: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Means over blocks of `step` voxels; the last ones may hold fewer."""
    for axis, s in enumerate(step):
        if s > 1:
            start = np.arange(0, array.shape[axis], s)
            count = np.minimum(start + s, array.shape[axis]) - start
            shape = [-1 if d == axis else 1 for d in range(3)]
            array = np.add.reduceat(array, start, axis, dtype=np.float32) / count.astype(np.float32).reshape(shape)
    return np.ascontiguousarray(array, np.float32)


def block_maxima(array: np.ndarray, step: np.ndarray) -> np.ndarray:
    for axis, s in enumerate(step):
        if s > 1:
            array = np.maximum.reduceat(array, np.arange(0, array.shape[axis], s), axis)
    return np.ascontiguousarray(array)


def enlarge(answer: np.ndarray, step: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Trilinear between the middles of the blocks."""
    for axis, (s, n) in enumerate(zip(step, size)):
        if s > 1:
            place = (np.arange(n) + 0.5) / s - 0.5
            low = np.clip(np.floor(place).astype(int), 0, answer.shape[axis] - 1)
            share = np.clip(place - low, 0, 1).astype(np.float32).reshape([-1 if d == axis else 1 for d in range(3)])
            high = np.minimum(low + 1, answer.shape[axis] - 1)
            answer = answer.take(low, axis) * (1 - share) + answer.take(high, axis) * share
    return answer


def bounds(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hits = [np.flatnonzero(mask.any(axis=tuple(d for d in range(3) if d != axis))) for axis in range(3)]
    return np.array([h[0] for h in hits]), np.array([h[-1] + 1 for h in hits])


class Scene:
    """One image with its prompts and its mask, as a session has them."""

    def __init__(self, image: np.ndarray, library: Path, normalised: bool = False):
        self.compute = ctypes.CDLL(str(library)).sagittal_guide_features
        self.image = (image if normalised else (image - image.mean()) / (image.std() + 1e-9)).astype(np.float32)
        self.shape = np.array(image.shape)
        self.drawn = {kind: np.zeros(image.shape, np.float32) for kind in KINDS}
        self.core = np.zeros(image.shape, np.uint8)
        self.mask = np.zeros(image.shape, bool)
        self.intensity, self.turn = 1.0, 0
        self.low, self.high = self.shape.copy(), np.zeros(3, int)

    def add(self, kind: str, what: object, include: bool) -> None:
        """A prompt as the simulated user draws it."""
        self.intensity /= prompts.DECAY
        self.turn += 1
        if kind == "point":
            low, high = np.array(what), np.array(what) + 1
            start = low - prompts.RADIUS
            a, b = np.maximum(start, 0), np.minimum(low + prompts.RADIUS + 1, self.shape)
            place, values = slices(a, b), prompts.ball()[slices(a - start, b - start)]
            middle = low + CROSS
            middle = middle[((middle >= 0) & (middle < self.shape)).all(1)]
            self.core[tuple(middle.T)] = 1 if include else 2
        elif kind == "box":
            low, high = np.array(what).T
            place, values = slices(low, high), 1
        else:
            low, high = bounds(what > 0)
            place = slices(low, high)
            values = what[place] > 0
            if kind == "scribble":
                self.core[place][values] = 1 if include else 2
        stroke = kind in ("point", "scribble")
        view = self.drawn[KINDS[(0 if stroke else 2) + (not include)]][place]
        np.maximum(view, np.float32(self.intensity) * values, out=view)
        self.newest = low, high
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)

    def view(self, low: np.ndarray, high: np.ndarray, side: int = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Corners and step: at least `side` voxels per axis where the image has them, at most `side` blocks."""
        low, given = np.array(low, int), np.array(high) - low
        length = np.clip(given, np.minimum(side, self.shape), self.shape)
        low = np.clip(low - np.maximum(0, length - given) // 2, 0, self.shape - length)
        return low, low + length, -(-length // side)

    def take(self, found: np.ndarray, view: tuple, touch=None) -> None:
        """The mask after the network's answer: prompts are obeyed, and what was accepted stays unless the answer is sure.

        `touch` sees the answer at full resolution before it becomes the mask.
        """
        low, high, step = view
        box = slices(low, high)
        found = answer.obey(found, block_maxima(self.core[box], step))
        if self.mask.any():
            drawn = np.max([block_maxima(self.drawn[kind][box], step) for kind in KINDS], 0)
            newest = (drawn > 0) & (drawn >= 0.999 * drawn.max())
            found = answer.keep_accepted(found, block_means(self.mask[box].astype(np.float32), step), newest)
        found = enlarge(found, step, high - low)
        self.mask[box] = (touch(found, view) if touch else found) > 0

    def features(self, view: tuple) -> tuple[np.ndarray, tuple]:
        """[channels, padded sides], and the sides before padding."""
        low, high, step = view
        box = slices(low, high)
        fields = [block_means(self.image[box], step), block_means(self.mask[box].astype(np.float32), step)]
        fields += [np.ascontiguousarray(block_maxima(self.drawn[k][box], step) / np.float32(self.intensity), np.float32)
                   for k in KINDS]
        fields.append(block_maxima(self.core[box], step))
        size = fields[0].shape
        padded = tuple(max(LEAST, -(-n // MULTIPLE) * MULTIPLE) for n in size)
        out = np.empty((CHANNELS, *padded), np.float32)
        three = ctypes.c_long * 3
        arrays = [a.ctypes.data_as(ctypes.c_void_p) for a in (*fields, out)]
        if self.compute(three(*size), three(*padded), *arrays):
            raise RuntimeError("the features could not be computed")
        return out, size


def slices(low: np.ndarray, high: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high))
