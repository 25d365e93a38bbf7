"""Images that come in parts (sub-volumes): each part goes to its place in the whole image that came before it."""
import collections
import math

import numpy as np

from .contents import Image
from .wire import MAX_BODY, BadMessage

MAX_IMAGES = 8
MAX_CHANGES = 64


class _Whole:
    """An image while parts of it come; `missing` voxels of it have not come yet."""

    def __init__(self, voxels, has=None):
        self.voxels = voxels
        self.has = has
        self.missing = 0 if has is None else has.size

    def paste(self, box, voxels):
        self.voxels[box] = voxels
        if self.missing:
            self.missing -= int(np.count_nonzero(~self.has[box]))
            self.has[box] = True
            if not self.missing:
                self.has = None


class Parts:
    """By device, at most MAX_IMAGES and MAX_BODY bytes: then the oldest is forgotten. One thread."""

    def __init__(self):
        self._wholes = collections.OrderedDict()

    def whole(self, device):
        """The device has sent a whole image: what was put together is no more."""
        self._wholes.pop(device, None)

    def add(self, device, part, before=None):
        """The whole Image with `part` in it, `changed` where it is. `before`: the whole one that came last, if any; a
        large one is written into, for it is shown from the same memory. What never came is 0. Raises BadMessage."""
        shape = tuple(reversed(part.size)) + part.voxels.shape[3:]
        whole = self._wholes.pop(device, None)
        if whole is None or whole.voxels.shape != shape or whole.voxels.dtype != part.voxels.dtype:
            whole = self._begin(shape, part, before)
        box = tuple(slice(at, at + n) for at, n in zip(reversed(part.offset), part.voxels.shape))
        whole.paste(box, part.voxels)
        self._wholes[device] = whole
        made = Image(whole.voxels, part.ijk_to_ras)
        made.changed, made.is_complete = [box], not whole.missing
        return made

    def _begin(self, shape, part, before):
        needed = math.prod(shape) * part.voxels.itemsize
        if needed > MAX_BODY:
            raise BadMessage("An IMAGE of %d bytes comes in parts; at most %d are put together." % (needed, MAX_BODY))
        kept = sum(one.voxels.nbytes for one in self._wholes.values())
        while self._wholes and (len(self._wholes) >= MAX_IMAGES or kept + needed > MAX_BODY):
            kept -= self._wholes.popitem(last=False)[1].voxels.nbytes
        if before is not None and before.voxels.shape == shape and before.voxels.dtype == part.voxels.dtype:
            return _Whole(before.voxels if before.is_large and before.voxels.flags.writeable else before.voxels.copy())
        return _Whole(np.zeros(shape, part.voxels.dtype), np.zeros(shape[:3], bool))


def merge_changes(later, earlier):
    """What `earlier`, which nobody has seen, changed is new in `later` too."""
    if later.changed is None:
        return
    if earlier.changed is None or earlier.voxels is not later.voxels or len(earlier.changed) >= MAX_CHANGES:
        later.changed = None
    else:
        later.changed = earlier.changed + later.changed
    if later.labels is not None:
        later.labels = sorted(set(later.labels) | set(earlier.labels or []))
