"""Images that are the same on every machine: blobs, a ramp and noise of whole numbers. Arrays are [k, j, i]."""
import gzip
import struct
from pathlib import Path

import numpy as np


def blobs(shape: tuple, seed: int, objects: int, empty_rim: int = 0) -> tuple:
    """An int16 image and the labels of its objects, 1 to `objects`."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    image = rng.integers(-20, 21, shape) + np.round(30 * grid[1]).astype(int)
    label = np.zeros(shape, np.uint8)
    for n in range(1, objects + 1):
        centre = rng.uniform(-0.45, 0.45, 3)[:, None, None, None]
        radii = rng.uniform(0.25, 0.5, 3)[:, None, None, None]
        inside = (((grid - centre) / radii) ** 2).sum(0) < 1
        image[inside] = image[inside] % 40 + 100 * n
        label[inside] = n
    if empty_rim:
        outside = np.ones(shape, bool)
        outside[tuple(slice(empty_rim, -empty_rim) for _ in shape)] = False
        image[outside] = 0
        label[outside] = 0
    return image.astype(np.int16), label


def write_nifti(path: Path, array: np.ndarray, spacing_kji: tuple, axes: str = "RAS") -> Path:
    """A .nii.gz of int16 or uint8; i, j and k grow in the directions `axes`."""
    codes = {"int16": 4, "uint8": 2}
    shape, spacing = array.shape[::-1], [float(s) for s in spacing_kji[::-1]]
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, codes[array.dtype.name], array.itemsize * 8)
    struct.pack_into("<8f", header, 76, 1, *spacing, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<f", header, 112, 1)
    struct.pack_into("<hh", header, 252, 0, 1)
    for row in range(3):
        along = [{"RAS"[row]: 1.0, "LPI"[row]: -1.0}.get(axis, 0.0) for axis in axes]
        struct.pack_into("<4f", header, 280 + 16 * row, *(spacing[c] * along[c] if along[c] else 0.0 for c in range(3)), 0.0)
    struct.pack_into("<4s", header, 344, b"n+1\0")
    path.write_bytes(gzip.compress(bytes(header) + array.tobytes(), mtime=0))
    return path


def read_nifti(path: Path) -> np.ndarray:
    """The voxels of a plain .nii.gz of uint8 or int16, [k, j, i]."""
    raw = gzip.decompress(path.read_bytes())
    shape = struct.unpack_from("<3h", raw, 42)
    kind = {2: np.uint8, 4: np.int16, 512: np.uint16}[struct.unpack_from("<h", raw, 70)[0]]
    offset = int(struct.unpack_from("<f", raw, 108)[0])
    return np.frombuffer(raw, kind, int(np.prod(shape)), offset).reshape(shape[::-1])


def cases(generation: int = 2) -> dict:
    """name: (images, label, spacing [k, j, i]), for models of version 1 or 2."""
    flat, flat_label = blobs((9, 44, 52), 11, 2)
    image, label = blobs((40, 36, 44), 12, 3)
    thick, thick_label = blobs((10, 60, 56), 13, 2)
    small, small_label = blobs((30, 34, 32), 14, 2)
    rimmed, rimmed_label = blobs((34, 36, 40), 15, 3 if generation == 1 else 2, empty_rim=4)
    second = (rimmed // 2 + 7 * (rimmed != 0)).astype(np.int16)
    out = {"2d": ([flat], flat_label, (6.0, 1.2, 1.2)), "3d": ([image], label, (1.4, 1.1, 1.2)),
           "anisotropic": ([thick], thick_label, (7.0, 1.3, 1.3)), "cascade": ([small], small_label, (1.0, 1.0, 1.0)),
           "regions": ([rimmed, second], rimmed_label, (1.0, 1.2, 1.1))}
    if generation == 1:
        one, one_label = blobs((36, 34, 38), 17, 1, empty_rim=3)
        return out | {"single": ([one], one_label, (1.1, 1.2, 1.3))}
    residual, residual_label = blobs((12, 48, 50), 16, 1)
    framed, framed_label = blobs((30, 40, 36), 18, 2, empty_rim=3)
    clear, clear_label = blobs((36, 40, 44), 25, 2)
    return out | {"resenc": ([residual], residual_label, (4.0, 1.0, 1.0)),
                  "trained": ([clear], clear_label, (1.2, 1.1, 1.1)),
                  "ensemble": ([framed], framed_label, (1.5, 1.1, 1.2))}


def composed_cases() -> dict:
    """name: TotalSegmentator's task, image, spacing [k, j, i], directions of i, j and k, what more is asked."""
    image, _ = blobs((31, 40, 36), 21, 4)
    tall, _ = blobs((48, 34, 30), 22, 4)
    return {"total": ("total", image, (2.5, 1.3, 1.1), "LPS", {}),
            "total_fastest": ("total_fastest", image, (6.5, 4.3, 4.1), "PSR", {}),
            "body": ("body", image, (3.0, 3.2, 2.9), "RAS", {}),
            "liver_vessels": ("liver_vessels", image, (4.1, 3.9, 3.7), "LAI", {}),
            "vertebrae": ("vertebrae_pp_refined", image, (2.6, 1.4, 1.2), "LPS", {}),
            "split": ("total", tall, (2.5, 1.5, 1.4), "RAS", {"force_split": True}),
            "organs": ("total", image, (3.5, 2.5, 2.3), "LPS", {"roi_subset": ["liver", "pulmonary_vein"]}),
            "small": ("total", image, (2.5, 1.3, 1.1), "LPS", {"remove_small_blobs": 400})}
