"""Volumes of the scene with something to segment, and what `sagittal segment` says of the same prompts."""
import json

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from running_server import scan
from SagittalLib import geometry

TYPES = {np.int16: vtk.VTK_SHORT, np.uint8: vtk.VTK_UNSIGNED_CHAR, np.float32: vtk.VTK_FLOAT, np.float64: vtk.VTK_DOUBLE,
         np.uint16: vtk.VTK_UNSIGNED_SHORT, np.int32: vtk.VTK_INT, np.int8: vtk.VTK_SIGNED_CHAR}


def volume_of(scene, array, matrix=None, name="Ball"):
    """A scalar volume node of an array [k, j, i]."""
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    image = vtk.vtkImageData()
    image.SetDimensions(array.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(array.ravel(), deep=True, array_type=TYPES[array.dtype.type]))
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(geometry.to_matrix(np.eye(4) if matrix is None else matrix))
    return node


def rotation(axis, degrees):
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, *axis)
    return geometry.to_array(transform.GetMatrix())


def oblique_matrix():
    """Rotated, left-handed, with three spacings and an origin."""
    matrix = rotation((1, 2, 0.5), 37) @ np.diag([-1.2, 1.0, 1.5, 1.0])
    matrix[:3, 3] = [12.5, -30.25, 7.75]
    return matrix


def oblique_volume(scene, linear=True):
    """The ball on an oblique grid, under a transform."""
    node = volume_of(scene, scan(), oblique_matrix())
    if linear:
        parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Moved")
        matrix = rotation((0, 1, 1), -20)
        matrix[:3, 3] = [5, 6, -7]
        parent.SetMatrixTransformToParent(geometry.to_matrix(matrix))
    else:
        parent = scene.AddNewNodeByClass("vtkMRMLTransformNode", "Bent")
        spline = vtk.vtkThinPlateSplineTransform()
        spline.SetBasisToR()
        source, target = vtk.vtkPoints(), vtk.vtkPoints()
        for n, point in enumerate([(0, 0, 0), (40, 0, 0), (0, 40, 0), (0, 0, 40), (40, 40, 40)]):
            source.InsertNextPoint(point)
            target.InsertNextPoint([c + (n % 3) - 1 for c in point])
        spline.SetSourceLandmarks(source)
        spline.SetTargetLandmarks(target)
        parent.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(parent.GetID())
    return node


def segmentation_of(scene, volume, *names):
    """A segmentation with empty segments, under the volume's transform."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    for name in names:
        node.GetSegmentation().AddEmptySegment(name, name)
    return node


def exported_mask(segmentation, segment_id, volume):
    """What Slicer itself says the segment is, in the volume's voxels [k, j, i]."""
    image = slicer.vtkOrientedImageData()
    slicer.vtkSlicerSegmentationsModuleLogic.GetSegmentBinaryLabelmapRepresentation(segmentation, segment_id, image)
    if image.GetNumberOfPoints() == 0:
        return np.zeros(geometry.shape_of(volume)[::-1], np.uint8)
    local = slicer.vtkOrientedImageData()
    reference = slicer.vtkOrientedImageData()
    size = geometry.shape_of(volume)
    world = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(world)
    parent = volume.GetParentTransformNode()
    if parent is not None:
        to_world = vtk.vtkMatrix4x4()
        parent.GetMatrixTransformToWorld(to_world)
        vtk.vtkMatrix4x4.Multiply4x4(to_world, world, world)
    reference.SetExtent(0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1)
    reference.SetGeometryFromImageToWorldMatrix(world)
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, reference, local)
    label = segmentation.GetSegmentation().GetSegment(segment_id).GetLabelValue()
    return (vtk_to_numpy(local.GetPointData().GetScalars()).reshape(size[::-1]) == label).astype(np.uint8)


def nrrd_file(volume, path):
    """The volume as the extension packs it."""
    from SagittalLib import volumes
    from SagittalLib.client import Stop
    path.write_bytes(volumes.pack(volumes.snapshot(volume), True, Stop()).data)
    return path


def command_line_mask(sagittal, volume, prompts, folder):
    """The mask [k, j, i] that `sagittal segment` makes of a list of prompts."""
    image, file, out = nrrd_file(volume, folder / "image.nrrd"), folder / "prompts.json", folder / "mask.nii"
    file.write_text(json.dumps({"version": 1, "prompts": prompts}))
    done = sagittal("segment", image, "-o", out, "--prompts", file)
    assert done.returncode == 0, done.stderr
    return np.frombuffer(out.read_bytes()[352:], np.uint8).reshape(geometry.shape_of(volume)[::-1])
