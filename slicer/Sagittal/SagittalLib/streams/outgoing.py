"""Nodes of the scene as messages that go. What is large is copied on the thread of the link, not on the main one."""
import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from ..client.errors import SagittalError
from . import contents
from .nodes import numpy_matrix

NODE_TYPES = ("vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode", "vtkMRMLLabelMapVolumeNode",
              "vtkMRMLLinearTransformNode", "vtkMRMLTextNode")
TRIES = 5


def send(link, node, device=""):
    """Sends a volume, transform or text as it is now, under its name or `device`. Main thread; returns at once.

    Without the key MRMLNodeName: OpenIGTLinkIF makes a node of the class that it names of POLYDATA, which a pipeline
    may well make of an image, and ends where that is no model.
    """
    device = device or node.GetName() or "Slicer"
    if node.IsA("vtkMRMLVolumeNode"):
        link.send_made("IMAGE", device, Snapshot(node).make)
    elif node.IsA("vtkMRMLTransformNode"):
        link.send("TRANSFORM", device, contents.write_transform(_matrix_of(node)), b"", {"TransformStatus": "OK"})
    elif node.IsA("vtkMRMLTextNode"):
        link.send("STRING", device, contents.write_string(node.GetText() or ""))
    else:
        raise SagittalError("%s is no volume, transform or text: it cannot be sent." % node.GetName())


class Snapshot:
    """A volume that is about to be sent: what it is made of, and where it is."""

    def __init__(self, volume):
        data = volume.GetImageData()
        scalars = data.GetPointData().GetScalars() if data is not None else None
        if scalars is None:
            raise SagittalError("%s has no image that could be sent." % volume.GetName())
        self._scalars = scalars
        self._shape = tuple(reversed(data.GetDimensions()))
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        self._ijk_to_ras = _to_world(volume, volume.GetParentTransformNode()) @ numpy_matrix(matrix)

    def make(self):
        """(content, voxels) of a whole image; any thread. One that changes meanwhile is copied again."""
        components = self._scalars.GetNumberOfComponents()
        shape = self._shape + ((components,) if components > 1 else ())
        for _ in range(TRIES):
            before = self._scalars.GetMTime()
            voxels = numpy_support.vtk_to_numpy(self._scalars).reshape(shape).copy()
            if self._scalars.GetMTime() == before:
                break
        return contents.write_image(contents.Image(voxels, self._ijk_to_ras))


class Watch:
    """Sends a node whenever it changes, until `close`. Main thread."""

    def __init__(self, link, node, device="", on_error=None):
        """on_error(SagittalError): what a later change of the node cannot be sent for."""
        self.node = node
        self._link = link
        self._on_error = on_error or (lambda error: None)
        self._device = device
        events = [vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLTransformableNode.TransformModifiedEvent]
        if node.IsA("vtkMRMLVolumeNode"):
            events.append(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent)
        self._tags = [node.AddObserver(event, self._changed) for event in events]
        self._changed()

    def close(self):
        for tag in self._tags:
            self.node.RemoveObserver(tag)
        self._tags = []

    def _changed(self, *ignored):
        try:
            send(self._link, self.node, self._device)
        except SagittalError as error:
            self._on_error(error)


def _matrix_of(transform):
    if not transform.IsLinear():
        raise SagittalError("%s is no linear transform: it cannot be sent." % transform.GetName())
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToParent(matrix)
    return numpy_matrix(matrix)


def _to_world(volume, parent):
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise SagittalError("%s lies under a transform that bends it: harden the transform first." % volume.GetName())
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return numpy_matrix(matrix)
