"""An image that moves in space, seen in a slice view that goes with it. Main thread."""
import numpy as np
import slicer
import vtk

from .nodes import numpy_matrix, vtk_matrix

MARGIN = 1.05


class LiveSlice:
    """Keeps one slice view on the plane of one volume; its middle plane where it has several."""

    def __init__(self, slice_node):
        self.slice_node = slice_node
        self._matrix = None
        self._size = None

    def follow(self, volume):
        """Puts the view where the volume is; the field of view changes only with the size of the volume."""
        placed = plane_of(volume)
        if placed is None:
            return
        matrix, size = placed
        if self._matrix is None or not np.allclose(matrix, self._matrix, rtol=0, atol=1e-6):
            self._matrix = matrix
            self.slice_node.GetSliceToRAS().DeepCopy(vtk_matrix(matrix))
            self.slice_node.UpdateMatrices()
        if self._size is None or not np.allclose(size, self._size):
            self._size = size
            self.fit()

    def fit(self):
        """All of the image fits into the view."""
        if self._size is None:
            return
        width, height = self.slice_node.GetDimensions()[:2]
        aspect = width / height if width > 0 and height > 0 else 1.0
        tall = max(self._size[1], self._size[0] / aspect) * MARGIN
        self.slice_node.SetFieldOfView(tall * aspect, tall, self.slice_node.GetFieldOfView()[2])


def plane_of(volume):
    """(slice to RAS, (width, height) in mm) of a volume's middle plane, rows downwards; None: it has no image."""
    data = volume.GetImageData()
    if data is None:
        return None
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    matrix = _to_world(volume) @ numpy_matrix(ijk_to_ras)
    counts = np.array(data.GetDimensions(), float)
    lengths = np.linalg.norm(matrix[:3, :2], axis=0)
    right, up = matrix[:3, 0] / lengths[0], -matrix[:3, 1] / lengths[1]
    normal = np.cross(right, up)
    plane = np.eye(4)
    plane[:3, 0], plane[:3, 2] = right, normal / np.linalg.norm(normal)
    plane[:3, 1] = np.cross(plane[:3, 2], right)
    middle = np.append((counts - 1) / 2, 1.0)
    middle[2] = float(int(middle[2]))
    plane[:3, 3] = (matrix @ middle)[:3]
    return plane, counts[:2] * lengths


def show(scene, slice_node, volume, foreground=False):
    """Puts a volume into a slice view: label maps on top, images behind, or between at half strength."""
    composite = composite_of(scene, slice_node)
    if composite is None or volume is None:
        return
    if volume.IsA("vtkMRMLLabelMapVolumeNode"):
        composite.SetLabelVolumeID(volume.GetID())
        composite.SetLabelOpacity(0.6)
    elif foreground:
        composite.SetForegroundVolumeID(volume.GetID())
        composite.SetForegroundOpacity(0.5)
    else:
        composite.SetBackgroundVolumeID(volume.GetID())


def composite_of(scene, slice_node):
    """The node that says what a slice view shows; None: there is none."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode", scene)
    return next((node for node in nodes if node.GetLayoutName() == slice_node.GetLayoutName()), None)


def _to_world(volume):
    parent = volume.GetParentTransformNode()
    if parent is None or not parent.IsTransformToWorldLinear():
        return np.eye(4)
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return numpy_matrix(matrix)
