"""Where a simulated user puts prompts: on the object first, then on the largest error. NumPy and SciPy only."""
import numpy as np
from scipy import ndimage


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest face-connected part of a mask that is not empty."""
    box = tuple(slice(int(hit[0]), int(hit[-1]) + 1) for hit in (
        np.flatnonzero(mask.any(axis=tuple(d for d in range(mask.ndim) if d != axis))) for axis in range(mask.ndim)))
    parts, _ = ndimage.label(mask[box])
    out = np.zeros(mask.shape, bool)
    out[box] = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return out


def interior_voxel(rng: np.random.Generator, mask: np.ndarray, depth: float) -> np.ndarray:
    """A random voxel no shallower than `depth` of the deepest one."""
    bounds = ndimage.find_objects(mask.astype(np.uint8))[0]
    part = np.pad(mask[bounds], 1)
    distance = ndimage.distance_transform_edt(part)[1:-1, 1:-1, 1:-1]
    choice = np.argwhere((distance >= depth * distance.max()) & (distance > 0))
    return choice[rng.integers(len(choice))] + [b.start for b in bounds]


def section(rng: np.random.Generator, mask: np.ndarray) -> tuple[int, int, np.ndarray]:
    """An axis, a slice that shows the region well, and the largest part of the region in it."""
    axis = int(rng.integers(3))
    area = mask.sum(axis=tuple(d for d in range(3) if d != axis))
    good = np.flatnonzero(area >= (0.4 if rng.random() < 0.75 else 0.05) * area.max())
    index = int(rng.choice(good[area[good] > 0]))
    flat = mask.take(index, axis)
    parts, count = ndimage.label(flat)
    if count > 1:
        flat = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return axis, index, flat


def stroke(rng: np.random.Generator, flat: np.ndarray) -> np.ndarray:
    """A brush line two voxels wide through the figure, never outside it."""
    deep = ndimage.distance_transform_edt(np.pad(flat, 1))[1:-1, 1:-1]
    choice = np.argwhere(deep >= 0.5 * deep.max())
    knots = choice[rng.integers(len(choice), size=int(rng.integers(2, 5)))]
    line = np.zeros(flat.shape, bool)
    for a, b in zip(knots[:-1], knots[1:]):
        steps = int(np.abs(b - a).max()) + 1
        path = np.round(a + (b - a) * np.linspace(0, 1, steps + 1)[:, None]).astype(int)
        line[path[:, 0], path[:, 1]] = True
    line |= np.roll(line, 1, int(rng.integers(2)))
    line &= flat
    return line if line.any() else deep == deep.max()


def outline(rng: np.random.Generator, flat: np.ndarray) -> np.ndarray:
    """A filled loop drawn around the figure by a slightly careless hand."""
    soft = ndimage.gaussian_filter(flat.astype(np.float32), rng.uniform(0.5, 2.0))
    loop = ndimage.binary_fill_holes(soft > rng.uniform(0.25, 0.5))
    return loop if loop.any() else flat


def box_around(rng: np.random.Generator, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = (np.array(f) for f in zip(*[(s.start, s.stop) for s in ndimage.find_objects(flat.astype(np.uint8))[0]]))
    slack = np.maximum(1, 0.08 * (high - low))
    low, high = low + rng.normal(0, 1, 2) * slack * 0.7, high + rng.normal(0, 1, 2) * slack * 0.7
    low = np.clip(np.round(low), 0, np.array(flat.shape) - 1).astype(int)
    return low, np.clip(np.round(high), low + 1, flat.shape).astype(int)
