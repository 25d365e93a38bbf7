"""What a run has found, on the grid of the image that it was given: read from the server by worker threads."""
import concurrent.futures
from dataclasses import dataclass
from typing import List

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ..client import BadAnswer, SagittalError, ServerError, masks
from ..geometry import to_matrix
from .job import FoundSegment

MOST_VOXELS = 1 << 32
TOGETHER = 4


@dataclass(frozen=True)
class Placed:
    """A segment in a layer, which it may share with others that it does not meet."""

    segment: FoundSegment
    layer: int
    label: int


@dataclass(frozen=True)
class Result:
    """Segments of one output; layers are vtkOrientedImageData in the coordinates of the image, RAS."""

    job: str
    path: str
    volume: str
    shape: tuple
    ijk_to_ras: np.ndarray
    layers: list
    segments: List[Placed]
    record: dict


class VolumeGone(SagittalError):
    """The server has forgotten the image of a run; `volumes` are its ids."""

    def __init__(self, volumes):
        super().__init__("The server has forgotten the image of this run, and no volume of this scene was sent as it. "
                         "Load the image that the model was run on, and run the model again.")
        self.volumes = volumes


def fetch(calls, job, output, stop):
    """The Result of an output. Raises SagittalError."""
    refused = None
    for one in job.inputs:
        stop.check()
        try:
            return _on_image_of(calls, job, output, one, stop)
        except ServerError as error:
            if error.code != "bad_input":
                raise
            refused = error  # it lies on the grid of another input
    raise refused or SagittalError("The server does not tell what this model was run on.")


def _on_image_of(calls, job, output, given, stop):
    try:
        volume = given.volume or calls.take_study(given.series)
        session = calls.api.open_session(volume, **({"series": given.series} if given.volume and given.series else {}))
    except ServerError as error:
        if error.status == 404:
            raise VolumeGone([one.volume for one in job.inputs if one.volume]) from error
        raise
    try:
        made = calls.import_segments(session["id"], job.id, output.path)
        if len(made) != len(output.segments):
            raise BadAnswer("The server found %d segments in %s, and announced %d." % (len(made), output.path,
                                                                                      len(output.segments)))
        shape = tuple(session["geometry"]["shape"])
        layers = Layers(shape)
        for described, reply in zip(output.segments, _masks(calls.api, session["id"], made, shape, stop)):
            layers.add(described, reply)
        to_ras = ijk_to_ras(session["geometry"])
        return Result(job.id, output.path, volume, shape, to_ras, layers.images(to_ras), layers.placed,
                      calls.record(job.id, stop=stop))
    finally:
        calls.api.close_session(session["id"])


def _masks(api, session, segments, shape, stop):
    """The MaskReply of each, asked for a few at a time."""
    def read(segment):
        stop.check()
        return api.whole_mask(session, int(segment["number"]), shape)

    with concurrent.futures.ThreadPoolExecutor(TOGETHER, "sagittal-masks") as pool:
        for begin in range(0, len(segments), TOGETHER):
            yield from pool.map(read, segments[begin:begin + TOGETHER])


def ijk_to_ras(geometry):
    """4 x 4 of a geometry of the API. Raises BadAnswer."""
    try:
        direction = np.array(geometry["direction"], float).reshape(3, 3)
        to_lps = np.eye(4)
        to_lps[:3, :3] = direction * np.array(geometry["spacing_mm"], float)
        to_lps[:3, 3] = np.array(geometry["origin_lps_mm"], float)
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer("The server's description of an image cannot be read.") from error
    if not np.isfinite(to_lps).all():
        raise BadAnswer("The server's description of an image is not finite.")
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ to_lps


class Layers:
    """Puts masks into as few label maps as they fit in without meeting, which is how Slicer draws many fastest."""

    MOST_LABELS = 255

    def __init__(self, shape):
        """`shape`: (ni, nj, nk) of the image. Raises BadAnswer for one that no scan has."""
        if shape[0] * shape[1] * shape[2] > MOST_VOXELS:
            raise BadAnswer("The server's image has %d x %d x %d voxels, too many to be shown." % tuple(shape))
        self.placed = []
        self._shape = tuple(reversed(shape))
        self._layers = []

    def add(self, segment, reply):
        """`reply`: its MaskReply."""
        for number, layer in enumerate(self._layers):
            if layer.takes(reply):
                break
        else:
            number, layer = len(self._layers), _Layer(self._shape)
            self._layers.append(layer)
        self.placed.append(Placed(segment, number, layer.add(reply)))

    def images(self, to_ras):
        """A vtkOrientedImageData of each."""
        return [layer.image(to_ras) for layer in self._layers]


class _Layer:
    """A label map of the whole image; its pages cost nothing before a mask is there."""

    def __init__(self, shape):
        self._bounds = masks.EMPTY
        self._labels = np.zeros(shape, np.uint8)
        self._count = 0

    def takes(self, reply):
        if self._count >= Layers.MOST_LABELS:
            return False
        return not (self._labels[_slices(reply.bounds)].astype(bool) & (reply.crop != 0)).any()

    def add(self, reply):
        """The label."""
        self._count += 1
        self._labels[_slices(reply.bounds)][reply.crop != 0] = self._count
        self._bounds = masks.joined(self._bounds, reply.bounds)
        return self._count

    def image(self, to_ras):
        """Of the part in which anything is."""
        part = self._labels[_slices(self._bounds)]
        made = slicer.vtkOrientedImageData()
        made.SetExtent(*[n for low, high in self._bounds for n in (low, high - 1)])
        made.SetGeometryFromImageToWorldMatrix(to_matrix(to_ras))
        array = vtk.vtkUnsignedCharArray()
        array.SetName("ImageScalars")
        array.SetNumberOfTuples(part.size)
        if part.size:
            vtk_to_numpy(array).reshape(part.shape)[...] = part
        made.GetPointData().SetScalars(array)
        return made


def _slices(bounds):
    return tuple(slice(low, high) for low, high in reversed(bounds))
