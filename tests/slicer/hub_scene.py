"""What the tests of the Hub module share: a server with a tiny model, volumes of the scene that it takes, a model of the
sort that fails."""
import json
import shutil

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from job_client import PARITY, add_model, cases
from running_server import Server
from SagittalLib import geometry
from SagittalLib.client import Connection
from SagittalLib.hub.logic import HubLogic, Order

LICENCE = "CC BY-NC 4.0"


def make_server(program, data, *options, port=0, **process):
    """With the model "organs", which takes one image."""
    if not (data / "models/organs").exists():
        add_model(data)
    return Server(program, *options, data_dir=data, port=port, **process)


def add_channels(data, name, channels):
    """A model with two inputs that are called so."""
    shutil.copytree(PARITY / "nnunet/regions", data / "models" / name)
    described = next((data / "models" / name).rglob("dataset.json"))
    described.write_text(json.dumps({**json.loads(described.read_text()), "channel_names": dict(zip("01", channels))}))


def volume_of(scene, voxels, spacing_kji, name="CT chest"):
    """An oblique volume node of voxels [k, j, i]."""
    image = vtk.vtkImageData()
    image.SetDimensions(*voxels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.reshape(-1), deep=True))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image)
    turned = vtk.vtkTransform()
    turned.Translate(12.5, -40.0, 7.0)
    turned.RotateWXYZ(25.0, 0.3, 1.0, 0.2)
    turned.Scale(*spacing_kji[::-1])
    node.SetIJKToRASMatrix(turned.GetMatrix())
    return node


def scan(scene, times=1, name="CT chest"):
    """What "organs" was made for, `times` as many slices."""
    (voxels,), _, spacing = cases()["2d"]
    return volume_of(scene, np.concatenate([voxels] * times, axis=0), spacing, name)


def under_transform(scene, node):
    """Puts a volume under a transform of its own."""
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "registration")
    matrix = vtk.vtkTransform()
    matrix.RotateZ(30)
    matrix.Translate(5, 6, 7)
    transform.SetMatrixTransformToParent(matrix.GetMatrix())
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def labels_of(segmentation, volume):
    """{name: mask [k, j, i] on the volume's voxels}, whatever layers the segments lie in."""
    found = {}
    for name in segmentation.GetSegmentation().GetSegmentIDs():
        segment = segmentation.GetSegmentation().GetSegment(name)
        image = segment.GetRepresentation("Binary labelmap")
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)
        assert np.allclose(geometry.to_array(matrix), geometry.ijk_to_ras(volume), atol=1e-6)
        whole = np.zeros(geometry.shape_of(volume)[::-1], bool)
        e = image.GetExtent()
        part = vtk_to_numpy(image.GetPointData().GetScalars())
        shape = (e[5] - e[4] + 1, e[3] - e[2] + 1, e[1] - e[0] + 1)
        whole[e[4]:e[5] + 1, e[2]:e[3] + 1, e[0]:e[1] + 1] = part.reshape(shape) == segment.GetLabelValue()
        found[segment.GetName()] = whole
    return found


class Hub:
    """A HubLogic whose answers a test waits for."""

    def __init__(self, scene, main_thread, url, **more):
        self.ended, self.errors, self.main = [], [], main_thread
        self.logic = HubLogic(scene, main_thread.workers, Connection(url), on_ended=self.ended.append,
                              on_error=lambda error: error and self.errors.append(error), **more)

    def answer(self, call, *arguments):
        """What `call(*arguments, done, failed)` answers; an error is raised."""
        told = []
        self.main.timed(lambda: call(*arguments, lambda value: told.append((value, None)),
                                     lambda error: told.append((None, error))))
        value, error = self.main.until(lambda: told and told[0])
        if error is not None:
            raise error
        return value

    def run(self, *nodes, **more):
        return self.answer(self.logic.run, Order("organs", "local", [("", node, False) for node in nodes], **more))

    def until_ended(self, job):
        self.main.until(lambda: self.job(job).has_ended)
        return self.job(job)

    def job(self, job):
        return self.logic.runs.get(job.id)
