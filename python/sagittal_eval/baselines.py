"""Two interactive methods without any training: random walker, and geodesic distance (the paths of grow-cut)."""
import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

BALL = 2             # radius of a point, in voxels
MARGIN = 64          # voxels around all prompts: one click sees what a patch of 128 sees
MOST_VOXELS = 60000  # of the region, which is thinned until it fits
OBJECT, BACKGROUND = 1, 2


class Seeds:
    """Prompts as seeds in a thinned region around them; a subclass labels the rest."""

    def start(self, image: np.ndarray) -> None:
        self.image = image
        self.seeds = np.zeros(image.shape, np.uint8)
        self.low, self.high = np.array(image.shape), np.zeros(3, int)

    def add(self, kind: str, what: object, include: bool) -> np.ndarray:
        self.write(kind, what, OBJECT if include else BACKGROUND)
        box, step = self.region()
        view = tuple(slice(b.start, b.stop, s) for b, s in zip(box, step))
        image = self.image[view].astype(np.float32)
        low, high = np.percentile(image, [1, 99])
        image = np.clip(image, low, high)
        found = self.label((image - image.mean()) / (image.std() + 1e-6), self.thinned_seeds(box, step)) == OBJECT
        out = np.zeros(self.image.shape, bool)
        for axis, (b, s) in enumerate(zip(box, step)):
            found = found.repeat(s, axis).take(range(b.stop - b.start), axis)
        out[box] = found
        return out

    def label(self, image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def write(self, kind: str, what: object, value: int) -> None:
        """Points and strokes are seeds; of a positive box or loop the core is, and the slice outside it is background."""
        if kind == "point":
            grid = np.indices((2 * BALL + 1,) * 3).reshape(3, -1) - BALL
            near = (np.array(what)[:, None] + grid)[:, (grid**2).sum(0) <= BALL**2]
            near = near[:, ((near >= 0) & (near < np.array(self.seeds.shape)[:, None])).all(0)]
            self.seeds[tuple(near)] = value
            bounds = [(c, c + 1) for c in what]
        elif kind == "box":
            bounds = what
            self.write_flat(bounds, tuple(slice(*b) for b in bounds), None, value)
        else:
            bounds = [(int(h[0]), int(h[-1]) + 1) for h in np.nonzero(what) for h in [np.unique(h)]]
            if kind == "scribble":
                self.seeds[what > 0] = value
            else:
                self.write_flat(bounds, tuple(slice(*b) for b in bounds), what > 0, value)
        self.low = np.minimum(self.low, [a for a, _ in bounds])
        self.high = np.maximum(self.high, [b for _, b in bounds])

    def write_flat(self, bounds: list, inner: tuple[slice, ...], loop: np.ndarray | None, value: int) -> None:
        if value == BACKGROUND:
            self.seeds[inner] = BACKGROUND if loop is None else np.where(loop[inner], BACKGROUND, self.seeds[inner])
            return
        outer = tuple(slice(max(0, a - MARGIN), b + MARGIN) if b - a > 1 else slice(a, b) for a, b in bounds)
        plane = self.seeds[outer]
        filled = np.zeros(self.seeds.shape, bool)
        filled[inner] = True if loop is None else loop[inner]
        filled = filled[outer]
        flat = ndimage.distance_transform_edt(np.pad(filled.squeeze(), 1))[1:-1, 1:-1].reshape(filled.shape)
        plane[~ndimage.binary_dilation(filled, iterations=2)] = BACKGROUND
        plane[flat > 0.5 * flat.max()] = OBJECT

    def region(self) -> tuple[tuple[slice, ...], list[int]]:
        box = tuple(slice(max(0, int(a) - MARGIN), min(n, int(b) + MARGIN))
                    for a, b, n in zip(self.low, self.high, self.image.shape))
        step = [1, 1, 1]
        size = lambda: [-(-(b.stop - b.start) // s) for b, s in zip(box, step)]  # noqa: E731
        while np.prod(size()) > MOST_VOXELS:
            step[int(np.argmax(size()))] += 1
        return box, step

    def thinned_seeds(self, box: tuple[slice, ...], step: list[int]) -> np.ndarray:
        """Seeds of the thinned region: the region's faces are background, but for image borders of its shortest axis."""
        shape = [-(-(b.stop - b.start) // s) for b, s in zip(box, step)]
        seeds = np.zeros(shape, np.uint8)
        shortest = int(np.argmin([b.stop - b.start for b in box]))
        for axis, b in enumerate(box):
            for end, at_border in ((0, b.start == 0), (-1, b.stop == self.image.shape[axis])):
                if not (at_border and axis == shortest):
                    seeds[tuple(end if d == axis else slice(None) for d in range(3))] = BACKGROUND
        for value in (BACKGROUND, OBJECT):
            index = np.argwhere(self.seeds[box] == value) // step
            seeds[tuple(index.T)] = value
        return seeds


class RandomWalker(Seeds):
    def label(self, image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        from skimage.segmentation import random_walker
        return random_walker(image, seeds, beta=130, mode="cg_mg", tol=1e-3, prob_tol=1)


class Geodesic(Seeds):
    """Every voxel takes the label of the seed with the shortest path, whose length is the change of intensity along it."""

    def label(self, image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        index = np.arange(image.size).reshape(image.shape)
        pairs, lengths = [], []
        for axis in range(3):
            a, b = index.take(range(image.shape[axis] - 1), axis), index.take(range(1, image.shape[axis]), axis)
            pairs.append(np.stack([a.ravel(), b.ravel()]))
            lengths.append(np.abs(np.diff(image, axis=axis)).ravel() + 0.01)
        (a, b), length = np.concatenate(pairs, 1), np.concatenate(lengths)
        graph = coo_matrix((length, (a, b)), shape=(image.size, image.size)).tocsr()
        far = [dijkstra(graph, directed=False, indices=np.flatnonzero(seeds == value), min_only=True)
               if (seeds == value).any() else np.full(image.size, np.inf) for value in (OBJECT, BACKGROUND)]
        return np.where(far[0] < far[1], OBJECT, BACKGROUND).reshape(image.shape)
