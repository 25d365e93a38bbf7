"""What prompts leave in the views: points, and the last drawing as it was given."""
import numpy as np
import pytest
import slicer

import scans
from SagittalLib import prompts
from SagittalLib.marks import EXCLUDE_COLOUR, INCLUDE_COLOUR, Marks
from test_prompt_geometry import mask_of

LASSO = prompts.drawing("lasso", ((5, 9), (6, 8), (10, 11)), np.array([[[1, 1, 0, 1], [0, 1, 1, 1]]]))
SCRIBBLE = prompts.drawing("scribble", ((3, 12), (5, 7), (9, 10)), np.ones((1, 2, 9)), False)
BOX = {"type": "box", "ijk0": [4, 5, 12], "ijk1": [10, 9, 13], "include": True}


class Shown:
    """Marks on an oblique volume under a transform, and what the scene has of them."""

    def __init__(self, scene):
        self.scene, self.changes = scene, 0
        self.volume = scans.oblique_volume(scene)
        self.marks = Marks(scene, self._changed)

    def _changed(self):
        self.changes += 1

    def draw(self, prompt):
        mark = self.marks.add_drawing(self.volume, prompt["include"])
        self.marks.draw(mark, prompt)
        return mark

    def points(self, include):
        node = self.marks._nodes.get(include)
        count = node.GetNumberOfControlPoints() if node is not None else 0
        return [tuple(node.GetNthControlPointPositionWorld(n)) for n in range(count)]

    @property
    def drawn(self):
        """The drawing's voxels of the volume [k, j, i], or None."""
        node = self.marks._drawn
        if node is None or node.GetSegmentation().GetNumberOfSegments() == 0:
            return None
        return scans.exported_mask(node, node.GetSegmentation().GetNthSegmentID(0), self.volume)


@pytest.fixture
def shown(scene):
    return Shown(scene)


def test_points_stay_where_they_were_given(shown):
    one, two = shown.marks.add_point((1, 2, 3), True), shown.marks.add_point((4, 5, 6), False)
    shown.marks.add_point((7, 8, 9), True)
    assert shown.points(True) == [(1, 2, 3), (7, 8, 9)] and shown.points(False) == [(4, 5, 6)]
    for include, colour in ((True, INCLUDE_COLOUR), (False, EXCLUDE_COLOUR)):
        assert shown.marks._nodes[include].GetDisplayNode().GetSelectedColor() == colour
    shown.marks.remove(one)
    shown.marks.remove(one)
    assert shown.points(True) == [(7, 8, 9)] and shown.points(False) == [(4, 5, 6)]
    shown.marks.remove_last()
    assert shown.points(True) == [] and two in shown.marks._given


@pytest.mark.parametrize("prompt", [LASSO, SCRIBBLE], ids=["lasso", "scribble"])
def test_a_drawing_is_seen_as_it_was_drawn(shown, prompt):
    shown.draw(prompt)
    expected = np.zeros(shown.drawn.shape, np.uint8)
    (i0, i1), (j0, j1), (k0, k1) = prompt["bounds"]
    expected[k0:k1, j0:j1, i0:i1] = mask_of(prompt)[k0:k1, j0:j1, i0:i1]
    assert np.array_equal(shown.drawn, expected) and expected.any()
    segment = shown.marks._drawn.GetSegmentation().GetNthSegment(0)
    assert np.allclose(segment.GetColor(), INCLUDE_COLOUR if prompt["include"] else EXCLUDE_COLOUR)
    display = shown.marks._drawn.GetDisplayNode()
    assert display.GetSegmentVisibility2DFill("drawn") == (prompt is SCRIBBLE)  # a line does not hide the mask
    assert display.GetSegmentVisibility2DOutline("drawn")


def test_a_box_is_one_voxel_of_its_size(shown):
    shown.draw(BOX)
    expected = np.zeros(shown.drawn.shape, np.uint8)
    expected[12, 5:9, 4:10] = 1
    assert np.array_equal(shown.drawn, expected)
    labelmap = shown.marks._drawn.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    assert labelmap.GetDimensions() == (1, 1, 1)


def test_a_drawing_stays_until_the_next_and_comes_back_with_undo(shown):
    shown.draw(LASSO)
    first = shown.drawn
    shown.marks.add_point((1, 2, 3), True)
    assert np.array_equal(shown.drawn, first)
    shown.draw(SCRIBBLE)
    assert not np.array_equal(shown.drawn, first)
    shown.marks.remove_last()
    assert np.array_equal(shown.drawn, first) and shown.points(True) == [(1, 2, 3)]
    shown.marks.remove_last()
    shown.marks.remove_last()
    assert shown.drawn is None and shown.marks.is_empty and shown.points(True) == []


def test_a_drawing_that_is_made_later_is_not_shown_where_it_was_cleared(shown):
    mark = shown.marks.add_drawing(shown.volume, True)
    assert shown.drawn is None and not shown.marks.is_empty
    shown.marks.clear()
    shown.marks.draw(mark, LASSO)
    assert shown.drawn is None and shown.marks.is_empty


def test_clearing_tells_once(shown):
    shown.marks.clear()
    assert shown.changes == 0
    shown.draw(LASSO)
    shown.marks.add_point((1, 2, 3), True)
    before = shown.changes
    shown.marks.clear()
    assert shown.changes == before + 1 and shown.drawn is None and shown.points(True) == []


def test_helpers_leave_the_scene_and_are_not_saved(shown):
    shown.draw(LASSO)
    shown.marks.remove_nodes()  # colours and the like that come with the first node of a kind stay
    count = shown.scene.GetNumberOfNodes()
    shown.draw(LASSO)
    shown.marks.add_point((1, 2, 3), True)
    helpers = [shown.marks._drawn, *shown.marks._nodes.values()]
    assert all(not node.GetSaveWithScene() and node.GetHideFromEditors() for node in helpers)
    shown.marks.remove_nodes()
    assert all(node.GetScene() is None for node in helpers)
    assert shown.scene.GetNumberOfNodes() == count
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode", shown.scene) == []


def test_marks_are_made_anew_in_a_scene_that_was_closed(shown):
    shown.draw(LASSO)
    shown.marks.add_point((1, 2, 3), True)
    shown.scene.Clear(False)
    shown.marks.clear()
    shown.volume = scans.oblique_volume(shown.scene)
    shown.draw(BOX)
    shown.marks.add_point((4, 5, 6), True)
    assert shown.drawn.sum() == 24 and shown.points(True) == [(4, 5, 6)]
