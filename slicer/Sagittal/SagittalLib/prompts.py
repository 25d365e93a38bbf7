"""What a person points at, as prompts of the API: voxels of the volume, whatever its slices and transforms."""
import numpy as np

from . import geometry
from .client import SagittalError, masks


class Outside(SagittalError):
    """The prompt lies outside the volume."""

    def __init__(self, what):
        super().__init__("The %s lies outside the volume." % what)


def point(volume, world, include=True):
    """A click at a point of the world."""
    ijk = np.rint(geometry.world_to_ijk(volume, [world])[0])
    if not np.isfinite(ijk).all() or (ijk < 0).any() or (ijk >= geometry.shape_of(volume)).any():
        raise Outside("point")
    return {"type": "point", "ijk": [int(n) for n in ijk], "include": bool(include)}


def box(volume, corners, include=True, flat=True, normal=None):
    """The box around points of the world. flat: one voxel thick along the axis nearest to `normal`, the direction of
    the view, or without it along the thinnest one."""
    size = np.array(geometry.shape_of(volume))
    corners = np.asarray(corners, float).reshape(-1, 3)
    ijk = geometry.world_to_ijk(volume, corners)
    if ijk.size == 0 or not np.isfinite(ijk).all():
        raise Outside("box")
    low, high = np.floor(ijk.min(axis=0) + 0.5), np.floor(ijk.max(axis=0) + 0.5) + 1
    if flat:
        middle = ijk.mean(axis=0)
        axis = int(np.argmin(high - low)) if normal is None else \
            geometry.voxel_axis_along(volume, corners.mean(axis=0), normal)
        low[axis] = np.floor(middle[axis] + 0.5)
        high[axis] = low[axis] + 1
    low, high = np.maximum(low, 0), np.minimum(high, size)
    if (low >= high).any():
        raise Outside("box")
    return {"type": "box", "ijk0": [int(n) for n in low], "ijk1": [int(n) for n in high], "include": bool(include)}


def drawing(kind, bounds, crop, include=True):
    """A scribble or lasso of a mask [k, j, i] inside `bounds`."""
    inner, tight = masks.crop_of(crop)
    if tight.size == 0:
        raise Outside(kind)
    placed = [[low + first, high + first] for (low, high), (first, _) in zip(inner, bounds)]
    return {"type": kind, "bounds": placed, "mask": masks.encode(tight), "include": bool(include)}


def initial(bounds, crop):
    """A segment that starts from a mask."""
    inner, tight = masks.crop_of(crop)
    if tight.size == 0:
        raise SagittalError("The mask to start from is empty.")
    placed = [[low + first, high + first] for (low, high), (first, _) in zip(inner, bounds)]
    return {"type": "init", "bounds": placed, "mask": masks.encode(tight)}


def lasso(volume, outline, include=True):
    """What a closed line of points of the world encloses, in the plane in which it was drawn."""
    return lasso_maker(volume, outline, include)()


def lasso_maker(volume, outline, include=True):
    """The same for a worker thread: a call that makes the prompt of what the scene was."""
    outline = np.asarray(outline, float).reshape(-1, 3)
    ijk, size = geometry.world_to_ijk(volume, outline), geometry.shape_of(volume)
    if len(ijk) < 3 or not np.isfinite(ijk).all():
        raise SagittalError("A lasso needs three points or more.")

    def make():
        spread = ijk.max(axis=0) - ijk.min(axis=0)
        axis = int(np.argmin(spread))
        voxels = _fill_slice(ijk, axis) if spread[axis] <= 0.5 else _fill_plane(ijk)
        return _of_voxels("lasso", voxels, size, include)

    return make


def scribble(volume, line, diameter_mm, include=True):
    """A stroke along points of the world, a ball of that diameter at each of its places."""
    line = np.asarray(line, float).reshape(-1, 3)
    local = geometry.world_to_ijk(volume, _densely(line, max(0.1 * diameter_mm, 0.1)))
    if local.size == 0 or not np.isfinite(local).all():
        raise Outside("scribble")
    matrix = geometry.ijk_to_ras(volume)[:3, :3]
    spacing = np.linalg.norm(matrix, axis=0)
    reach = np.maximum(np.ceil(0.5 * diameter_mm / spacing).astype(int), 0)
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    centres = np.rint(local)
    near = (centres[:, None, :] + steps[None]).reshape(-1, 3)
    distance = np.linalg.norm((near - np.repeat(local, len(steps), axis=0)) @ matrix.T, axis=1)
    voxels = np.concatenate([near[distance <= 0.5 * diameter_mm + 1e-6], centres])
    return _of_voxels("scribble", voxels, geometry.shape_of(volume), include)


def _densely(line, step):
    """Points at most `step` apart along a line."""
    parts = [line[:1]]
    for a, b in zip(line[:-1], line[1:]):
        count = max(1, int(np.ceil(np.linalg.norm(b - a) / step)))
        parts.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
    return np.concatenate(parts)


def _of_voxels(kind, voxels, size, include):
    """A drawing of voxels [n, 3], those inside the volume."""
    voxels = voxels[((voxels >= 0) & (voxels < np.array(size))).all(axis=1)].astype(int)
    if len(voxels) == 0:
        raise Outside(kind)
    low, high = voxels.min(axis=0), voxels.max(axis=0) + 1
    crop = np.zeros((high - low)[::-1], np.uint8)
    crop[tuple((voxels - low)[:, ::-1].T)] = 1
    return drawing(kind, [[int(a), int(b)] for a, b in zip(low, high)], crop, include)


def _fill_slice(ijk, axis):
    """Voxels of one slice whose centres a polygon encloses."""
    first, second = [a for a in range(3) if a != axis]
    inside = _enclosed(ijk[:, [first, second]])
    voxels = np.empty((len(inside), 3))
    voxels[:, [first, second]] = inside
    voxels[:, axis] = np.rint(np.median(ijk[:, axis]))
    return voxels


def _fill_plane(ijk):
    """Voxels that a flat polygon across the voxel axes passes through, in the columns along its steepest axis whose
    middles it encloses."""
    middle = ijk.mean(axis=0)
    normal = np.linalg.svd(ijk - middle)[2][2]
    axis = int(np.argmax(np.abs(normal)))
    others = [a for a in range(3) if a != axis]
    inside = _enclosed(ijk[:, others])
    slope = -normal[others] / normal[axis]
    depth = middle[axis] + (inside - middle[others]) @ slope
    half = 0.5 * np.abs(slope).sum()  # how far the plane rises within a column
    low, high = np.rint(depth - half), np.rint(depth + half)
    layers = []
    for step in range(int((high - low).max()) + 1):
        taken = low + step <= high
        layer = np.empty((taken.sum(), 3))
        layer[:, others], layer[:, axis] = inside[taken], low[taken] + step
        layers.append(layer)
    return np.concatenate(layers)


def _enclosed(polygon):
    """Whole points [n, 2] inside a polygon [m, 2], by the even-odd rule."""
    low, high = np.ceil(polygon.min(axis=0)).astype(int), np.floor(polygon.max(axis=0)).astype(int)
    if (low > high).any():
        return np.rint(polygon.mean(axis=0))[None]
    x, y = np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1)
    odd = np.zeros((len(x), len(y)), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0)):
        if ay == by:
            continue
        rows = ((y >= min(ay, by)) & (y < max(ay, by))).nonzero()[0]
        crossing = ax + (y[rows] - ay) * (bx - ax) / (by - ay)
        odd[:, rows] ^= x[:, None] < crossing[None, :]
    found = np.argwhere(odd)
    return found + low if len(found) else np.rint(polygon.mean(axis=0))[None]
