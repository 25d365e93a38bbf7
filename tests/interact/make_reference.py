#!/usr/bin/env python3
"""Plays random prompt scripts by the session rules on plain dense arrays and stores the masks (reference.json).

Nothing here is clever: no blocks, no bits, no tiles, a whole copy per step. The network is a weighted sum per voxel.
    python tests/interact/make_reference.py
"""
import json
import math
from pathlib import Path

import numpy as np

F, H = np.float32, np.float16
WEIGHTS = [F(w) for w in (1, 0.75, 2, -2, 1.5, -1.5, 1.25, -1.25)]  # image, previous, box/lasso, points, scribbles
DECAY, RADIUS, GROWTH, MAX_ZOOM = 0.9, 4, 1.5, 4
CHANNEL = {"box": 1, "lasso": 1, "point": 3, "scribble": 5}
MASK64 = (1 << 64) - 1


def make_image(case: dict) -> np.ndarray:
    i, j, k = np.ogrid[tuple(slice(0, n) for n in case["shape"])]
    image = (i * 7 + j * 13 + k * 29 + (i * j) % 11 + (j * k) % 17) % 64 + 1
    for centre, radii in case["ellipsoids"]:
        inside = sum(((x - c) / r) ** 2 for x, c, r in zip((i, j, k), centre, radii)) <= 1
        image = image + 200 * inside
    image[: case["empty_planes"]] = 0
    return image.astype(F)


def normalise(image: np.ndarray) -> np.ndarray:
    planes = [np.flatnonzero(image.sum(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    box = image[tuple(slice(p[0], p[-1] + 1) for p in planes)].astype(np.float64)
    return (image - F(box.mean())) / F(box.std(ddof=1))


def crop(a: np.ndarray, box: list) -> np.ndarray:
    out = np.zeros([hi - lo for lo, hi in box], a.dtype)
    inside = clip(box, a.shape)
    if all(lo < hi for lo, hi in inside):
        out[tuple(slice(lo - b[0], hi - b[0]) for (lo, hi), b in zip(inside, box))] = a[slices(inside)]
    return out


def slices(box: list) -> tuple:
    return tuple(slice(lo, hi) for lo, hi in box)


def clip(box: list, shape: tuple) -> list:
    return [[max(lo, 0), min(hi, n)] for (lo, hi), n in zip(box, shape)]


def shift(box: list, origin: list) -> list:
    return [[lo - o, hi - o] for (lo, hi), o in zip(box, origin)]


def around(centre: list, size: list) -> list:
    return [[c - s // 2, c - s // 2 + s] for c, s in zip(centre, size)]


def extreme(a: np.ndarray, radius: int, op: np.ufunc) -> np.ndarray:
    """Maximum or minimum over a cube clipped to the array."""
    for axis in range(3):
        best = a.copy()
        for d in range(1, radius + 1):
            low, high = [slice(None)] * 3, [slice(None)] * 3
            low[axis], high[axis] = slice(None, -d), slice(d, None)
            if a.shape[axis] > d:
                best[tuple(low)] = op(best[tuple(low)], a[tuple(high)])
                best[tuple(high)] = op(best[tuple(high)], a[tuple(low)])
        a = best
    return a


def mean_pool(a: np.ndarray, size: list) -> np.ndarray:
    a, count = a.astype(F), np.ones(size, F)
    for axis, n in enumerate(size):
        m = a.shape[axis]
        windows = [(i * m // n, -((i + 1) * m // -n)) for i in range(n)]
        a = np.stack([a.take(range(lo, hi), axis).sum(axis, dtype=F) for lo, hi in windows], axis)
        lengths = np.array([hi - lo for lo, hi in windows], F)
        count = count * lengths.reshape([-1 if d == axis else 1 for d in range(3)])
    return (a / count).astype(H)


def nearest(a: np.ndarray, size: list) -> np.ndarray:
    index = [np.minimum((np.arange(n, dtype=F) * (F(m) / F(n))).astype(int), m - 1) for m, n in zip(a.shape, size)]
    return a[np.ix_(*index)]


def linear(a: np.ndarray, size: list) -> np.ndarray:
    for axis in (2, 1, 0):
        m, n = a.shape[axis], size[axis]
        x = np.maximum((F(m) / F(n)) * (np.arange(n, dtype=F) + F(0.5)) - F(0.5), F(0))
        low = np.minimum(x.astype(int), m - 1)
        weight = (x - low).astype(F).reshape([-1 if d == axis else 1 for d in range(3)])
        second = (a.take(np.minimum(low + 1, m - 1), axis) * weight).astype(np.float64)
        a = (a.take(low, axis).astype(np.float64) * (F(1) - weight) + second).astype(F)  # fused, as in PyTorch
    return a


def ball() -> np.ndarray:
    offsets = np.stack(np.mgrid[tuple(slice(-RADIUS, RADIUS + 1) for _ in range(3))], -1).reshape(-1, 3)
    inside = (offsets**2).sum(1) <= RADIUS**2
    distance = np.zeros(len(offsets))
    for n in np.flatnonzero(inside):
        distance[n] = np.sqrt(((offsets[~inside] - offsets[n]) ** 2).sum(1).min())
    return (distance / distance.max()).reshape([2 * RADIUS + 1] * 3)


def odd(x: float) -> int:
    up, down = math.ceil(x), math.floor(x)
    return up if up % 2 else down if down % 2 else round(x) + 1


def splitmix64(state: int) -> int:
    z = (state + 0x9E3779B97F4A7C15) & MASK64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    return z ^ (z >> 31)


def cover(needed: np.ndarray, patch: list) -> list:
    """Greedy cover by patches; boxes relative to `needed`."""
    margin = [24 if p > 48 else p // 8 for p in patch]
    left, patches, drawn = needed.copy(), [], 0

    def window(centre: tuple) -> tuple:
        return slices([[max(0, lo + m), max(0, min(n, hi - m))]
                       for (lo, hi), m, n in zip(around(centre, patch), margin, needed.shape)])

    def take_best(candidates: list) -> bool:
        counts = [int(left[window(c)].sum()) for c in candidates]
        if max(counts) == 0:
            return False
        best = candidates[counts.index(max(counts))]
        patches.append(around(best, patch))
        left[window(best)] = 0
        return True

    if not needed.any():
        return []
    where = np.nonzero(needed)
    low, high = [int(w.min()) for w in where], [int(w.max()) for w in where]
    stride = [max(1, round((b - a) / 4)) for a, b in zip(low, high)]
    samples = 25
    for _ in range(4):
        grid = [(i, j, k) for i in range(low[0], high[0] + 1, stride[0]) for j in range(low[1], high[1] + 1, stride[1])
                for k in range(low[2], high[2] + 1, stride[2]) if needed[i, j, k]]
        if grid:
            samples = 10
            while grid and left.any() and take_best(grid):
                grid = [c for c in grid if left[c]]
            break
        stride = [max(1, s // 2) for s in stride]
    while left.any():
        voxels = np.argwhere(left)
        picks = [splitmix64(drawn + n) * len(voxels) >> 64 for n in range(samples)]
        drawn += samples
        take_best([tuple(int(x) for x in voxels[p]) for p in picks])
    return patches


class Session:
    def __init__(self, image: np.ndarray, patch: list, rules: str):
        self.rules, self.image, self.patch, self.shape = rules, normalise(image), patch, image.shape
        self.kernel, self.auto_zoom, self.focus, self.done, self.undone = ball(), True, None, [], []
        self.clear()

    def clear(self) -> None:
        self.channels = np.zeros((7, *self.shape), H)
        self.mask, self.intensity, self.focus = np.zeros(self.shape, np.uint8), 1.0, None

    def state(self) -> tuple:
        return self.channels.copy(), self.mask.copy(), self.intensity

    def step_through(self, source: list, target: list) -> None:
        if source:
            target.append(self.state())
            self.channels, self.mask, self.intensity = source.pop()
            self.focus = None

    def look_at(self, box: list) -> None:
        zoom = max(1, max((hi - lo + p // 3) / p for (lo, hi), p in zip(box, self.patch)))
        self.focus = [round((lo + hi) / 2) for lo, hi in box], zoom

    def strengthen(self) -> None:
        self.intensity *= 1 / DECAY
        if self.intensity > 65504:
            self.channels[1:] = (self.channels[1:].astype(F) * F(6550.4 / self.intensity)).astype(H)
            self.intensity = 6550.4

    def play(self, step: dict) -> dict:
        kind = step["type"]
        self.passes, self.zoom, changed = 0, 1, None
        if kind == "autozoom":
            self.auto_zoom = step["enabled"]
        elif kind == "undo":
            self.step_through(self.done, self.undone)
        elif kind == "redo":
            self.step_through(self.undone, self.done)
        elif kind != "reset" or self.channels.any() or self.intensity != 1:
            self.done.append(self.state())
            self.undone = []
            getattr(self, kind)(step)
            if step.get("run", False) and self.focus:
                changed = self.predict(kind == "initial")
                self.focus = None
        return {"changed": changed, "zoom": self.zoom, "passes": self.passes, "voxels": int(self.mask.sum()),
                "hash": fnv1a(np.packbits(self.mask).tobytes())}

    def channel(self, step: dict) -> np.ndarray:
        return self.channels[CHANNEL[step["type"]] + (0 if step["include"] else 1)]

    def reset(self, _step: dict) -> None:
        self.clear()

    def initial(self, step: dict) -> None:
        self.clear()
        self.mask[slices(step["bounds"])] = 1
        self.channels[0] = self.mask
        if step["run"]:
            self.look_at(step["bounds"])

    def box(self, step: dict) -> None:
        box = []
        for (lo, hi), n in zip(step["bounds"], self.shape):
            lo, hi = max(0, round(lo)), min(n, round(hi))
            if hi <= lo:
                lo, hi = (0, 1) if lo == 0 else (lo - 1, hi)
            box.append([lo, hi])
        self.look_at(box)
        self.strengthen()
        self.channel(step)[slices(box)] = H(F(self.intensity))

    def point(self, step: dict) -> None:
        centre = [round(c) for c in step["at"]]
        self.focus = centre, 1
        self.strengthen()
        box = around(centre, [2 * RADIUS + 1] * 3)
        inside = clip(box, self.shape)
        drawn = (self.kernel * self.intensity).astype(F).astype(H)[slices(shift(inside, [lo for lo, _ in box]))]
        view = self.channel(step)[slices(inside)]
        np.maximum(view, drawn, out=view)

    def paint(self, step: dict) -> None:
        painted = pattern(step)
        if painted.any():
            where = np.nonzero(painted)
            self.look_at([[int(w.min()) + lo, int(w.max()) + 1 + lo] for w, (lo, _) in zip(where, step["bounds"])])
        self.strengthen()
        view = self.channel(step)[slices(step["bounds"])]
        np.maximum(view, np.where(painted, H(F(self.intensity)), H(0)), out=view)

    scribble = lasso = paint

    # ---- prediction

    def divided(self, channels: np.ndarray) -> np.ndarray:
        out = channels.astype(F)
        if self.intensity != 1:
            out[1:] = (out[1:] * (F(1) / F(self.intensity))).astype(H).astype(F)
        return out

    def network(self, image: np.ndarray, channels: np.ndarray) -> np.ndarray:
        self.passes += 1
        total = image * WEIGHTS[0]
        for weight, channel in zip(WEIGHTS[1:], channels):
            total = total + channel * weight
        return (total > F(0.5)).astype(np.uint8)

    def look(self, centre: list, zoom: float) -> tuple:
        size = [round(p * zoom) for p in self.patch]
        box = around(centre, size)
        image, channels = crop(self.image, box), np.stack([crop(c, box) for c in self.channels])
        before = channels[0]
        if size != self.patch:
            radius = (odd(2 * zoom - 1) - 1) // 2
            before = nearest(before, self.patch)
            channels = np.stack([mean_pool(extreme(c, radius, np.maximum) if n >= 3 else c, self.patch)
                                 for n, c in enumerate(channels)])
            image = linear(image, self.patch)
        answer = self.network(image, self.divided(channels))
        return answer, box, self.leaves(answer, before)

    def leaves(self, answer: np.ndarray, before: np.ndarray) -> bool:
        for axis in range(3):
            for plane in (0, -1):
                a, b = answer.take(plane, axis), before.take(plane, axis)
                larger, smaller = sorted((int(a.sum()), int(b.sum(dtype=F))))[::-1]
                differing = int((a != b).sum())
                if differing > 1500 or (differing > 100 and self.grows(larger, smaller)):
                    return True
        return False

    def grows(self, larger: int, smaller: int) -> bool:
        if self.rules == "2.6" or smaller == 0:
            return larger / max(smaller, 1e-5) - 1 > 0.2
        return bool(H(F(H(larger)) / F(H(smaller))) - H(1) > H(0.2))

    def predict(self, refine_all: bool) -> list:
        centre, zoom = self.focus
        zoom = min(MAX_ZOOM, zoom)
        answer, box, leaves = self.look(centre, zoom)
        while leaves and self.auto_zoom and zoom < MAX_ZOOM:
            zoom = min(MAX_ZOOM, GROWTH * zoom)
            answer, box, leaves = self.look(centre, zoom)
        self.zoom = zoom
        if zoom == 1:
            self.paste(answer, box)
            return clip(box, self.shape)
        size = [hi - lo for lo, hi in box]
        coarse = (linear(answer.astype(F), size) >= F(0.5)).astype(np.uint8)
        patches = self.plan(coarse, box, centre, refine_all)
        return self.refine(coarse, box, patches)

    def paste(self, answer: np.ndarray, box: list) -> None:
        inside = clip(box, self.shape)
        part = answer[slices(shift(inside, [lo for lo, _ in box]))]
        self.channels[0][slices(inside)] = part
        self.mask[slices(inside)] = part

    def plan(self, coarse: np.ndarray, box: list, centre: list, refine_all: bool) -> list:
        needed = np.zeros(self.shape, np.uint8)
        seen = clip(box, self.shape)
        part = coarse[slices(shift(seen, [lo for lo, _ in box]))]
        differs = (part != self.channels[0][slices(seen)]).astype(np.uint8)
        needed[slices(seen)] = extreme(extreme(differs, 2, np.minimum), 2, np.maximum)
        area = seen
        if refine_all:
            needed[self.channels[0] > 0.5] = 1
            where = np.nonzero(self.channels[0] > 0.5)
            if len(where[0]):
                area = [[min(lo, int(w.min())), max(hi, int(w.max()) + 1)] for (lo, hi), w in zip(seen, where)]
        origin = [lo for lo, _ in area]
        patches = [shift(p, [-o for o in origin]) for p in cover(needed[slices(area)], self.patch)]
        return patches or [around(centre, self.patch)]

    def refine(self, coarse: np.ndarray, box: list, patches: list) -> list:
        union = [[min(p[d][0] for p in patches), max(p[d][1] for p in patches)] for d in range(3)]
        origin = [lo for lo, _ in union]
        image, channels = crop(self.image, union), np.stack([crop(c, union) for c in self.channels])
        known = [[max(a, lo), min(b, hi)] for (a, b), (lo, hi) in zip(clip(box, self.shape), union)]
        channels[0][slices(shift(known, origin))] = coarse[slices(shift(known, [lo for lo, _ in box]))]
        channels = self.divided(channels)
        for patch in patches:
            here = slices(shift(patch, origin))
            channels[0][here] = self.network(image[here], channels[(slice(None), *here)])
        if self.rules == "2.5":
            seen = clip(box, self.shape)
            self.channels[0][slices(seen)] = coarse[slices(shift(seen, [lo for lo, _ in box]))]
            patches = [union]
        for patch in patches:
            self.paste(channels[0][slices(shift(patch, origin))], patch)
        return clip(union, self.shape)


def pattern(step: dict) -> np.ndarray:
    """The voxels (i, j, k) of the bounds, counted from their first, where a*i + b*j + c*k is a multiple of `every`."""
    i, j, k = np.ogrid[tuple(slice(0, hi - lo) for lo, hi in step["bounds"])]
    a, b, c = step["weights"]
    return (a * i + b * j + c * k + step["offset"]) % step["every"] == 0


def fnv1a(data: bytes) -> str:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK64
    return f"{value:016x}"


def random_step(rng: np.random.Generator, shape: list) -> dict:
    kind = rng.choice(["point", "box", "scribble", "lasso", "initial", "undo", "redo", "reset", "autozoom"],
                      p=[0.3, 0.17, 0.14, 0.13, 0.06, 0.1, 0.05, 0.02, 0.03])
    step = {"type": str(kind)}
    low = [int(rng.integers(0, n - 4)) for n in shape]
    bounds = [[lo, lo + 1 + int(rng.integers(0, n - lo))] for lo, n in zip(low, shape)]
    if kind == "autozoom":
        return step | {"enabled": bool(rng.random() < 0.7)}
    if kind in ("undo", "redo", "reset"):
        return step
    step["run"] = bool(rng.random() < 0.75)
    if kind == "initial":
        return step | {"bounds": bounds}
    step["include"] = bool(rng.random() < 0.6)
    if kind == "point":
        at = [float(rng.integers(0, 2 * n - 1)) / 2 for n in shape]
        return step | {"at": at}
    if kind == "box":
        flat = int(rng.integers(0, 3))
        bounds = [[lo - 2 + 0.5 * float(rng.integers(0, 4)), hi + 0.5 * float(rng.integers(0, 4))] for lo, hi in bounds]
        bounds[flat] = [float(low[flat]), float(low[flat] + 1)]
        return step | {"bounds": bounds}
    every = int(rng.integers(1, 6))
    return step | {"bounds": bounds, "weights": [int(w) for w in rng.integers(0, 5, 3)], "every": every,
                   "offset": int(rng.integers(0, every))}


CASES = [
    {"rules": "2.5", "shape": [40, 44, 52], "patch": [16, 16, 16], "empty_planes": 0,
     "ellipsoids": [[[20, 22, 26], [17, 18, 22]]]},
    {"rules": "2.6", "shape": [60, 33, 47], "patch": [24, 16, 20], "empty_planes": 3,
     "ellipsoids": [[[14, 12, 12], [5, 6, 7]], [[44, 18, 30], [14, 12, 15]]]},
    {"rules": "2.5", "shape": [70, 70, 70], "patch": [17, 18, 19], "empty_planes": 0,
     "ellipsoids": [[[35, 35, 35], [33, 9, 30]], [[12, 55, 12], [6, 7, 8]]]},
    {"rules": "2.6", "shape": [9, 90, 80], "patch": [8, 24, 24], "empty_planes": 1,
     "ellipsoids": [[[4, 45, 40], [4, 40, 9]]]},
]


def main() -> None:
    cases = []
    for number, case in enumerate(CASES):
        rng = np.random.default_rng(number)
        session = Session(make_image(case), case["patch"], case["rules"])
        steps = []
        for _ in range(45):
            step = random_step(rng, case["shape"])
            expected = session.play(step)
            steps.append(step | {"expected": expected})
            print(number, step["type"], expected)
        cases.append(case | {"decay": DECAY, "steps": steps})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (Path(__file__).parent / "reference.json").write_text(f'{{"version":1,"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
