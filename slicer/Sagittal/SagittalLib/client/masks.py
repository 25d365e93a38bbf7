"""Masks as the API sends them: bounds in voxels, and one bit for each voxel inside."""
import base64
import binascii
from dataclasses import dataclass
from typing import Tuple

import numpy as np

from .errors import BadAnswer

Bounds = Tuple[Tuple[int, int], Tuple[int, int], Tuple[int, int]]
EMPTY: Bounds = ((0, 0), (0, 0), (0, 0))


@dataclass(frozen=True)
class MaskReply:
    """What a prompt, undo, redo or reset changed: `crop` is the mask [k, j, i] inside `bounds`, 0 and 1."""

    bounds: Bounds
    crop: np.ndarray
    revision: int
    voxels: int
    volume_ml: float
    can_undo: bool
    can_redo: bool
    request: str = ""
    segment: int = 0
    coarse: bool = False

    @property
    def is_empty(self):
        return self.crop.size == 0


def read_reply(reply, bits, shape):
    """A MaskReply of an answer or event. `shape`: (ni, nj, nk) of the image; raises BadAnswer for what does not fit."""
    try:
        bounds = read_bounds(reply["bounds"], shape)
        sides = tuple(high - low for low, high in reversed(bounds))
        count = sides[0] * sides[1] * sides[2]
        if len(bits) != (count + 7) // 8:
            raise BadAnswer("The server's mask has %d bytes, its bounds %d voxels." % (len(bits), count))
        crop = np.unpackbits(np.frombuffer(bits, np.uint8))[:count].reshape(sides)
        return MaskReply(bounds, crop, _count(reply["revision"]), _count(reply["voxels"]), float(reply["volume_ml"]),
                         reply["can_undo"] is True, reply["can_redo"] is True, str(reply.get("request", "")),
                         _count(reply.get("segment", 0)), reply.get("coarse") is True)
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer("The server's description of a mask cannot be read.") from error


def read_bounds(value, shape):
    """Half-open bounds inside an image of (ni, nj, nk) voxels. Raises BadAnswer."""
    bounds = tuple((_count(low), _count(high)) for low, high in value)
    if len(bounds) != 3 or any(low > high or high > size for (low, high), size in zip(bounds, shape)):
        raise BadAnswer("The server's mask leaves the image.")
    return bounds


def decode(text):
    """The bytes of base64. Raises BadAnswer."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadAnswer("The server's mask is no base64.") from error


def encode(crop):
    """The API's text for a mask [k, j, i]."""
    return base64.b64encode(np.packbits(np.ascontiguousarray(crop) != 0).tobytes()).decode()


def crop_of(mask):
    """(bounds, crop) of what is set in a mask [k, j, i]; EMPTY and an empty array where nothing is."""
    spans = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        found = np.flatnonzero(mask.any(axis=others))
        if found.size == 0:
            return EMPTY, np.zeros((0, 0, 0), np.uint8)
        spans.append((int(found[0]), int(found[-1]) + 1))
    (k0, k1), (j0, j1), (i0, i1) = spans
    return ((i0, i1), (j0, j1), (k0, k1)), mask[k0:k1, j0:j1, i0:i1]


def is_empty(bounds):
    return any(low >= high for low, high in bounds)


def joined(one, other):
    """The smallest bounds that hold both."""
    if is_empty(one) or is_empty(other):
        return other if is_empty(one) else one
    return tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other))


def _count(value):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise BadAnswer("The server sent %.40r where a count is expected." % (value,))
    return value
