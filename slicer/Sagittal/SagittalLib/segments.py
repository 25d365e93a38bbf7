"""Masks in the scene: only the region that changes is read and written, and other segments stay as they are."""
import hashlib

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from . import geometry
from .client import masks

LABELMAP = "Binary labelmap"
SURFACE = "Closed surface"
TAG = "Sagittal.Segment"


class Mask:
    """A mask of 0 and 1 that knows only the box around what was ever written; empty outside."""

    def __init__(self):
        self.bounds = masks.EMPTY
        self.crop = np.zeros((0, 0, 0), np.uint8)

    def paste(self, bounds, crop):
        """`crop` replaces what is inside `bounds`."""
        if masks.is_empty(bounds):
            return
        self._grow(bounds)
        self.crop[_within(bounds, self.bounds)] = crop

    def read(self, bounds):
        """A copy [k, j, i] of what is inside `bounds`."""
        out = np.zeros(_sides(bounds), np.uint8)
        common = intersection(bounds, self.bounds)
        if not masks.is_empty(common):
            out[_within(common, bounds)] = self.crop[_within(common, self.bounds)]
        return out

    def fingerprint(self):
        return fingerprint(self.bounds, self.crop)

    def _grow(self, bounds):
        wider = masks.joined(bounds, self.bounds)
        if wider != self.bounds:
            self.crop, self.bounds = self.read(wider), wider


def fingerprint(bounds, crop):
    """Equal for equal masks, whatever box they are kept in."""
    tight, inner = masks.crop_of(crop)
    if inner.size == 0:
        return b""
    place = [(low + first, high + first) for (low, high), (first, _) in zip(tight, bounds)]
    return hashlib.sha1(repr(place).encode() + np.packbits(inner != 0).tobytes()).digest()


def intersection(one, other):
    return tuple((max(a[0], b[0]), min(a[1], b[1])) for a, b in zip(one, other))


def segment_ids(node):
    """Of a segmentation node, in its order."""
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]


def description_of(segment):
    """Name and colour of a segment, for who looks at the session elsewhere."""
    if segment is None:
        return {}
    colour = "#" + "".join("%02x" % int(round(255 * c)) for c in segment.GetColor())
    return {"name": (segment.GetName() or "Segment")[:60], "colour": colour}


class SceneSegment:
    """One segment of a segmentation node, seen as voxels of a volume. Main thread."""

    def __init__(self, segmentation, segment_id, volume):
        self.node = segmentation
        self.id = segment_id
        self.volume = volume

    @property
    def segment(self):
        """The vtkSegment, or None where somebody has removed it."""
        return self.node.GetSegmentation().GetSegment(self.id) if self.node.GetScene() is not None else None

    @property
    def labelmap(self):
        segment = self.segment
        return segment.GetRepresentation(LABELMAP) if segment is not None else None

    @property
    def tag(self):
        """What the scene remembers of where the segment is on the server; "": nothing."""
        text, segment = vtk.reference(""), self.segment
        return str(text) if segment is not None and segment.GetTag(TAG, text) else ""

    def set_tag(self, text):
        if self.segment is not None:
            self.segment.SetTag(TAG, text)

    def stamp(self):
        """Another one when the voxels have changed: by us, by painting, or by undo."""
        labelmap = self.labelmap
        if labelmap is None:
            return ()
        scalars = labelmap.GetPointData().GetScalars()
        return (labelmap.GetMTime(), scalars.GetMTime() if scalars is not None else 0,
                self.segment.GetLabelValue())

    def read(self):
        """(bounds, crop [k, j, i]) of the mask in the volume's voxels; `crop` is a copy."""
        return self.reader()()

    def reader(self):
        """The same for a worker thread: a call that reads the voxels where they lie. Right as long as `stamp` is what
        it was."""
        labelmap = self._labelmap_on_grid()
        if labelmap is None:
            return _nothing
        extent, view, label = _bounds_of(labelmap.GetExtent()), _view(labelmap), self.segment.GetLabelValue()
        bounds = intersection(extent, tuple((0, n) for n in geometry.shape_of(self.volume)))
        if masks.is_empty(bounds):
            return _nothing
        return lambda: (bounds, (view[_within(bounds, extent)] == label).astype(np.uint8))

    def write(self, bounds, crop):
        """Replaces the mask inside `bounds` by `crop`; where it meets another segment, both stay."""
        if masks.is_empty(bounds) or self.segment is None:
            return
        has_surface = self.node.GetSegmentation().ContainsRepresentation(SURFACE)
        self._take_binary_labelmap()
        self._bring_onto_grid()
        self._grow(bounds)
        if self._is_shared() and self._meets_others(bounds, crop):
            self.node.GetSegmentation().SeparateSegmentLabelmap(self.id)
            self._grow(bounds)
        labelmap, label = self.labelmap, self.segment.GetLabelValue()
        view = _view(labelmap)[_within(bounds, _bounds_of(labelmap.GetExtent()))]
        if self._is_shared():
            view[(view == label) & (crop == 0)] = 0
            view[crop != 0] = label
        elif label == 1:
            view[:] = crop
        else:
            np.multiply(crop, label, out=view, casting="unsafe")
        self._tell_changed(labelmap, has_surface)

    def _is_shared(self):
        """Whether another segment lies in the same labelmap."""
        segmentation, labelmap = self.node.GetSegmentation(), self.labelmap
        others = (segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments()))
        return sum(other.GetRepresentation(LABELMAP) is labelmap for other in others) > 1

    def _meets_others(self, bounds, crop):
        labelmap = self.labelmap
        view = _view(labelmap)[_within(bounds, _bounds_of(labelmap.GetExtent()))]
        found = view[crop != 0]
        return bool(((found != 0) & (found != self.segment.GetLabelValue())).any())

    def _tell_changed(self, labelmap, has_surface):
        """What Slicer draws follows; a surface is only made anew where there was one."""
        labelmap.GetPointData().GetScalars().Modified()
        labelmap.Modified()
        if has_surface:
            self.node.GetSegmentation().CreateRepresentation(SURFACE)

    def _take_binary_labelmap(self):
        segmentation = self.node.GetSegmentation()
        if self.segment.GetRepresentation(LABELMAP) is None:
            image = slicer.vtkOrientedImageData()
            image.SetExtent(0, -1, 0, -1, 0, -1)
            image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
            self.segment.AddRepresentation(LABELMAP, image)
        if segmentation.GetNumberOfSegments() == 1:
            self.node.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)

    def _grid(self):
        return geometry.ijk_to_segmentation(self.volume, self.node)

    def _is_on_grid(self, labelmap):
        matrix = vtk.vtkMatrix4x4()
        labelmap.GetImageToWorldMatrix(matrix)
        grid = self._grid()
        size = np.abs(grid[:3, :3]).max()
        return bool(np.allclose(geometry.to_array(matrix), grid, rtol=0, atol=1e-4 * size))

    def _labelmap_on_grid(self):
        """The labelmap if it lies on the volume's voxels, else one that does; None where it is empty."""
        labelmap = self.labelmap
        if labelmap is None or _is_empty(labelmap):
            return None
        return labelmap if self._is_on_grid(labelmap) else self._resampled(labelmap)

    def _bring_onto_grid(self):
        """From here on the segment lies on the volume's voxels, in a layer of its own where the others do not."""
        labelmap = self.labelmap
        if not _is_empty(labelmap) and self._is_on_grid(labelmap):
            return
        segmentation = self.node.GetSegmentation()
        if _is_empty(labelmap):
            if segmentation.GetNumberOfSegments() > 1:
                segmentation.SeparateSegmentLabelmap(self.id)
            self.labelmap.SetGeometryFromImageToWorldMatrix(geometry.to_matrix(self._grid()))
            return
        segmentation.SeparateSegmentLabelmap(self.id)
        self.labelmap.DeepCopy(self._resampled(self.labelmap))

    def _resampled(self, labelmap):
        reference = slicer.vtkOrientedImageData()
        size = geometry.shape_of(self.volume)
        reference.SetExtent(0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1)
        reference.SetGeometryFromImageToWorldMatrix(geometry.to_matrix(self._grid()))
        out = slicer.vtkOrientedImageData()
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(labelmap, reference, out)
        return out

    def _grow(self, bounds):
        """Room for `bounds`, which are written next, in the labelmap, for all segments that share it."""
        labelmap = self.labelmap
        had = masks.EMPTY if _is_empty(labelmap) else _bounds_of(labelmap.GetExtent())
        wider = masks.joined(bounds, had)
        if wider == had:
            return
        kind = labelmap.GetPointData().GetScalars().GetDataType() if not _is_empty(labelmap) else vtk.VTK_UNSIGNED_CHAR
        array = vtk.vtkDataArray.CreateDataArray(kind)
        array.SetName("ImageScalars")
        sides = _sides(wider)
        array.SetNumberOfTuples(sides[0] * sides[1] * sides[2])
        is_overwritten = wider == bounds and not self._is_shared()
        if not is_overwritten:
            array.Fill(0)
        view = vtk_to_numpy(array).reshape(sides)
        if not is_overwritten and not masks.is_empty(had):
            view[_within(had, wider)] = _view(labelmap)
        labelmap.SetExtent(*[n for low, high in wider for n in (low, high - 1)])
        labelmap.GetPointData().SetScalars(array)


def _nothing():
    return masks.EMPTY, np.zeros((0, 0, 0), np.uint8)


def _is_empty(labelmap):
    extent = labelmap.GetExtent()
    return extent[0] > extent[1] or extent[2] > extent[3] or extent[4] > extent[5] \
        or labelmap.GetPointData().GetScalars() is None


def _view(labelmap):
    """[k, j, i] over the labelmap's own memory."""
    return vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(_sides(_bounds_of(labelmap.GetExtent())))


def _bounds_of(extent):
    return tuple((extent[2 * n], extent[2 * n + 1] + 1) for n in range(3))


def _sides(bounds):
    return tuple(max(0, high - low) for low, high in reversed(bounds))


def _within(bounds, of):
    """Slices [k, j, i] of `bounds` in an array that covers `of`."""
    return tuple(slice(low - first, high - first) for (low, high), (first, _) in zip(reversed(bounds), reversed(of)))
