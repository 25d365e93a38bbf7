"""Markups and paint, as a person places them, become prompts."""
import numpy as np
import pytest
import slicer
import vtk

import scans
from running_server import SHAPE
from SagittalLib import geometry, prompts
from SagittalLib.scribbles import EXCLUDE, INCLUDE, ScribblePad
from SagittalLib.segments import SceneSegment
from SagittalLib.tools import BOX, LASSO, POINT, PlaceTools, rectangle


class Views:
    """What a person places, and what was told of it."""

    def __init__(self, scene):
        self.scene, self.told, self.waiting = scene, [], []
        self.tools = PlaceTools(scene, self.waiting.append, lambda world: self.told.append(("point", world)),
                                lambda corners, normal: self.told.append(("box", corners, normal)),
                                lambda points: self.told.append(("lasso", points)), list)

    def place(self, *points):
        node = self.scene.GetNodeByID(self.scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID())
        for point in points:
            node.AddControlPointWorld(vtk.vtkVector3d(*point))
        return node

    def settle(self):
        while self.waiting:
            self.waiting.pop(0)()
        return self.told

    @property
    def is_placing(self):
        return self.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton").GetCurrentInteractionMode() == \
            slicer.vtkMRMLInteractionNode.Place


@pytest.fixture
def views(scene):
    made = Views(scene)
    yield made
    made.tools.remove()


def slice_view(scene, matrix):
    node = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    node.GetSliceToRAS().DeepCopy(geometry.to_matrix(matrix))
    node.UpdateMatrices()
    return node


def test_points_are_told_one_by_one(views):
    views.tools.activate(POINT)
    assert views.is_placing
    node = views.place((1, 2, 3))
    assert views.settle() == [("point", (1, 2, 3))] and node.GetNumberOfControlPoints() == 0
    views.place((4, 5, 6))
    assert views.settle()[1:] == [("point", (4, 5, 6))]
    views.tools.activate(None)
    assert not views.is_placing


def test_a_box_lies_in_the_slice_in_which_it_was_drawn(views):
    matrix = scans.rotation((1, 1, 0), 30)
    matrix[:3, 3] = [3, 4, 5]
    slice_view(views.scene, matrix)
    one, other = (matrix @ [x, y, 0, 1] for x, y in ((-10, 5), (20, 25)))
    views.tools.activate(BOX, False)
    views.place(one[:3], other[:3])
    (_, corners, normal), = views.settle()
    local = (np.linalg.inv(matrix) @ np.c_[corners, np.ones(4)].T)[:3].T
    assert np.allclose(sorted(local.tolist()), [[-10, 5, 0], [-10, 25, 0], [20, 5, 0], [20, 25, 0]], atol=1e-3)
    assert np.allclose(abs(normal @ matrix[:3, 2]), 1)
    views.place(one[:3])
    assert len(views.settle()) == 1  # the second box has one corner yet


def test_a_box_across_slices_is_its_diagonal(scene):
    corners, normal = rectangle(scene, np.zeros(3), np.array([1.0, 2, 3]))
    assert corners.tolist() == [[0, 0, 0], [1, 2, 3]] and normal is None


def test_a_lasso_is_taken_when_placing_ends(views):
    views.tools.activate(LASSO)
    ring = [(10 * np.cos(t), 10 * np.sin(t), 0) for t in np.linspace(0, 2 * np.pi, 12, endpoint=False)]
    views.place(*ring)
    views.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton").SwitchToViewTransformMode()
    (_, points), = views.settle()
    assert len(points) > 30 and np.allclose(np.linalg.norm(points, axis=1), 10, atol=0.2)
    assert views.is_placing and views.tools.active == LASSO
    views.place(*ring[:2])
    views.tools.finish_lasso()
    assert len(views.settle()) == 1  # two points are no outline
    views.tools.activate(None)
    assert not views.is_placing and len(views.settle()) == 1


def test_strokes_are_taken_once_and_wiped(scene):
    volume = scans.oblique_volume(scene)
    heard = []
    pad = ScribblePad(scene, volume, lambda: heard.append("stroke"))
    assert pad.take() == []
    for name, k in ((INCLUDE, 4), (EXCLUDE, 9)):
        SceneSegment(pad.node, name, volume).write(((3, 12), (5, 7), (k, k + 1)), np.ones((1, 2, 9), np.uint8))
    assert heard
    heard.clear()
    taken = pad.take()
    assert [(p["type"], p["include"], p["bounds"]) for p in taken] == [
        ("scribble", True, [[3, 12], [5, 7], [4, 5]]), ("scribble", False, [[3, 12], [5, 7], [9, 10]])]
    assert not heard and pad.take() == [] and SHAPE[0] > 9
    pad.remove()
    assert prompts.drawing("scribble", ((3, 12), (5, 7), (4, 5)), np.ones((1, 2, 9)))["mask"] == taken[0]["mask"]
