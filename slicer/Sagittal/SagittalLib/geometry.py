"""Between points of the world, RAS millimetres, and voxels of a volume, (i, j, k) with whole numbers at centres."""
import numpy as np
import slicer
import vtk

from .client import SagittalError


def shape_of(volume):
    """(ni, nj, nk) of a volume node; zeros without voxels."""
    image = volume.GetImageData()
    return tuple(image.GetDimensions()) if image is not None else (0, 0, 0)


def ijk_to_ras(volume):
    """4 x 4: voxel to the volume's own RAS, without the transform that it is under."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return to_array(matrix)


def to_array(matrix):
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def to_matrix(array):
    matrix = vtk.vtkMatrix4x4()
    for r in range(4):
        for c in range(4):
            matrix.SetElement(r, c, float(array[r, c]))
    return matrix


def world_to_ijk(volume, points):
    """Voxel coordinates [n, 3] of points of the world [n, 3], through whatever transforms the volume is under."""
    local = _through(None, volume.GetParentTransformNode(), points)
    return _apply(np.linalg.inv(ijk_to_ras(volume)), local)


def ijk_to_world(volume, points):
    """The way back."""
    return _through(volume.GetParentTransformNode(), None, _apply(ijk_to_ras(volume), _as_points(points)))


def ijk_to_segmentation(volume, segmentation):
    """4 x 4: voxel to the coordinates in which a segmentation node keeps its masks. Raises SagittalError where no
    matrix can say that."""
    own, other = volume.GetParentTransformNode(), segmentation.GetParentTransformNode()
    if own is other:
        return ijk_to_ras(volume)
    if not all(node is None or node.IsTransformToWorldLinear() for node in (own, other)):
        raise SagittalError("The volume and the segmentation are under different transforms that bend. Put both under "
                            "the same transform, or harden it.")
    matrix = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(own, other, matrix)
    return to_array(matrix) @ ijk_to_ras(volume)


def voxel_axis_along(volume, at, direction):
    """The voxel axis (0, 1, 2) that a direction of the world at a point of the world runs along most closely."""
    ends = world_to_ijk(volume, [at, np.asarray(at) + np.asarray(direction)])
    spacing = np.linalg.norm(ijk_to_ras(volume)[:3, :3], axis=0)
    return int(np.argmax(np.abs(ends[1] - ends[0]) * spacing))


def _through(source, target, points):
    points = _as_points(points)
    if source is target:
        return points
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, transform)
    return np.array([transform.TransformPoint(point) for point in points.tolist()]).reshape(-1, 3)


def _apply(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _as_points(points):
    return np.asarray(points, float).reshape(-1, 3)
