"""Dragging and clicking in a slice view that has Slicer's own markups in it."""
import numpy as np
import pytest
import vtk

import scans
from running_server import SHAPE
from SagittalLib import geometry, prompts
from SagittalLib.tools import BOX, LASSO, POINT, PlaceTools
from slice_view import SliceView
from test_prompt_geometry import mask_of

CENTRE = np.array([n // 2 for n in SHAPE][::-1], float)
RING = [(150 + 60 * np.cos(t), 100 + 40 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 60)]


class Mouse:
    """A view, the tools, and what they told."""

    def __init__(self, scene, to_world=None):
        self.scene, self.told, self.waiting = scene, [], []
        self.view = SliceView(scene, to_world)
        self.tools = PlaceTools(scene, self.waiting.append, lambda world: self.told.append((POINT, world)),
                                lambda corners, normal: self.told.append((BOX, corners, normal)),
                                lambda points: self.told.append((LASSO, points)), lambda: [self.view])

    def settle(self):
        while self.waiting:
            self.waiting.pop(0)()
        told, self.told = self.told, []
        return told

    @property
    def lines(self):
        return self.view.renderer.GetActors2D().GetNumberOfItems()

    @property
    def placed(self):
        return self.tools._node(self.tools.active).GetNumberOfDefinedControlPoints()

    def close(self):
        self.tools.remove()
        self.view.close()


@pytest.fixture
def mouse(scene):
    made = Mouse(scene)
    yield made
    made.close()


def test_a_lasso_is_drawn_with_the_button_held(mouse):
    mouse.tools.activate(LASSO)
    lines = mouse.lines
    mouse.view.move(*RING[0])
    mouse.view.press(*RING[0])
    for place in RING[1:]:
        mouse.view.move(*place)
    assert mouse.lines == lines + 1 and mouse.view.rendered > 20 and mouse.told == []
    mouse.view.release(*RING[-1])
    assert mouse.lines == lines and mouse.placed == 0
    (_, points), = mouse.settle()
    assert len(points) > 40 and np.allclose(points[0], mouse.view.world(*map(int, RING[0])))
    assert np.allclose(((points - mouse.view.world(150, 100)) / [30, 20, 1])[:, :2] ** 2 @ [1, 1], 1, atol=0.1)


def test_a_lasso_is_clicked_point_by_point_too(mouse):
    mouse.tools.activate(LASSO)
    for place in ((100, 60), (200, 60), (200, 140)):
        mouse.view.click(*place)
    assert mouse.placed == 3 and mouse.settle() == []
    mouse.view.double_click(100, 140)
    (_, points), = mouse.settle()
    assert len(points) > 20 and mouse.placed == 0 and mouse.tools.active == LASSO
    for place in ((100, 60), (200, 60), (200, 140)):
        mouse.view.click(*place)
    mouse.tools.finish_lasso()
    assert len(mouse.settle()) == 1


def test_what_was_clicked_gives_way_to_what_is_dragged(mouse):
    mouse.tools.activate(LASSO)
    mouse.view.click(20, 20)
    mouse.view.drag(*RING)
    assert mouse.placed == 0 and len(mouse.settle()) == 1
    mouse.view.drag((50, 50), (52, 51))
    assert mouse.placed == 1 and mouse.settle() == []  # a hand that shakes has clicked
    mouse.view.drag((50, 50), (90, 50))
    assert mouse.settle() == []  # two points are no outline


def test_a_box_is_dragged_or_clicked(mouse):
    mouse.tools.activate(BOX)
    expected = sorted(mouse.view.world(x, y).tolist() for x in (80, 200) for y in (50, 120))
    mouse.view.drag((80, 50), (90, 70), (200, 120))
    (_, corners, normal), = mouse.settle()
    assert np.allclose(sorted(corners.tolist()), expected) and abs(normal[2]) == 1
    mouse.view.click(80, 50)
    assert mouse.settle() == []
    mouse.view.click(200, 120)
    (_, corners, normal), = mouse.settle()
    assert np.allclose(sorted(corners.tolist()), expected) and abs(normal[2]) == 1
    mouse.view.click(80, 50)
    mouse.view.drag((100, 50), (150, 120))
    (_, corners, _), = mouse.settle()
    assert corners[:, 0].max() - corners[:, 0].min() == pytest.approx(25)
    mouse.view.click(80, 50)
    assert mouse.settle() == []  # the corner before the drag is forgotten


def test_points_are_clicked_and_nothing_is_heard_without_a_tool(mouse):
    mouse.tools.activate(POINT)
    mouse.view.click(100, 60)
    assert np.allclose(mouse.settle()[0][1], mouse.view.world(100, 60))
    mouse.tools.activate(LASSO)
    mouse.view.move(10, 10)
    mouse.view.press(10, 10)
    mouse.view.move(100, 100)
    lines = mouse.lines
    mouse.tools.activate(None)
    assert mouse.lines == lines - 1
    mouse.view.release(100, 100)
    mouse.view.drag(*RING)
    assert mouse.settle() == []


def test_keys_leave_the_drag_to_slicer(mouse):
    mouse.tools.activate(LASSO)
    mouse.view.interactor().SetShiftKey(1)
    mouse.view._at = lambda x, y: mouse.view.interactor().SetEventPosition(int(x), int(y))
    mouse.view.drag(*RING)
    assert mouse.settle() == []


def test_another_layout_is_watched_as_well(mouse):
    layout = mouse.scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    mouse.tools.activate(LASSO)
    mouse.view.close()
    mouse.view = SliceView(mouse.scene, name="Green")
    layout.Modified()
    mouse.settle()
    mouse.view.drag(*RING)
    assert len(mouse.settle()) == 1


class LightBox:
    """A slice node as Slicer had it up to 5.10: a view shows two rows of three slices."""

    def __init__(self, node):
        self._node = node
        node.SetDimensions(100, 100, 6)
        node.SetFieldOfView(50, 50, 12)
        node.UpdateMatrices()

    def GetLayoutGridRows(self):
        return 2

    def GetLayoutGridColumns(self):
        return 3

    def __getattr__(self, name):
        return getattr(self._node, name)


def as_light_box(view):
    """Each field has a renderer of its own, from the left and from the top."""
    fields = [view.renderer] + [vtk.vtkRenderer() for _ in range(5)]
    for n, field in enumerate(fields):
        column, row = n % 3, n // 3
        field.SetViewport(column / 3, (1 - row) / 2, (column + 1) / 3, (2 - row) / 2)
        view.window.AddRenderer(field)
    box = LightBox(view.node)
    view.mrmlSliceNode = lambda: box
    return fields


def test_a_field_of_a_light_box_is_drawn_in(mouse):
    mouse.tools.activate(LASSO)
    fields = as_light_box(mouse.view)
    ring = [(150 + 30 * np.cos(t), 50 + 30 * np.sin(t)) for t in np.linspace(0, 6.2, 40)]  # of the fifth slice
    mouse.view.press(*ring[0])
    for place in ring[1:]:
        mouse.view.move(*place)
    assert [field.GetActors2D().GetNumberOfItems() for field in fields] == [0, 0, 0, 0, 1, 0]
    mouse.view.release(*ring[-1])
    (_, points), = mouse.settle()
    expected = np.array([mouse.view.node.GetXYToRAS().MultiplyDoublePoint((int(x) - 100, int(y), 4, 1))[:3] for x, y in ring])
    assert np.allclose(points[0], expected[0]) and np.allclose(points[:, 2], expected[0, 2])
    assert expected[0, 2] != mouse.view.world(0, 0)[2]  # another slice than the first one


def test_a_drag_does_not_leave_its_field_of_a_light_box(mouse):
    mouse.tools.activate(BOX)
    as_light_box(mouse.view)
    mouse.view.press(20, 120)
    for place in ((60, 150), (250, 30)):
        mouse.view.move(*place)
    mouse.view.release(250, 30)
    (_, corners, _), = mouse.settle()
    matrix = mouse.view.node.GetXYToRAS()
    expected = [matrix.MultiplyDoublePoint((x, y, 0, 1))[:3] for x in (20, 99) for y in (0, 20)]
    assert np.allclose(sorted(corners.tolist()), sorted(map(list, expected)))


def along_the_voxels(volume):
    """4 x 4 of a slice through the volume's middle whose axes are those of the voxels."""
    origin, *ends = geometry.ijk_to_world(volume, [CENTRE, *(CENTRE + np.eye(3))])
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([(end - origin) / np.linalg.norm(end - origin) for end in ends]).T
    matrix[:3, 3] = origin
    return matrix


@pytest.mark.parametrize("turned", [0, 25], ids=["along the voxels", "across the voxels"])
def test_a_dragged_lasso_is_that_of_the_command_line(scene, sagittal, tmp_path, turned):
    volume = scans.oblique_volume(scene)
    to_world = along_the_voxels(volume) @ scans.rotation((1, 0.5, 0), turned)
    mouse = Mouse(scene, to_world)
    mouse.tools.activate(LASSO)
    mouse.view.drag(*[(150 + 14 * np.cos(t), 100 + 12 * np.sin(t)) for t in np.linspace(0, 6.2, 50)])
    (_, outline), = mouse.settle()
    mouse.close()
    given = prompts.lasso(volume, outline)
    mask = mask_of(given)
    centres = geometry.ijk_to_world(volume, np.argwhere(mask)[:, ::-1])
    off_plane = np.abs((centres - to_world[:3, 3]) @ to_world[:3, 2])
    inside = ((centres - to_world[:3, 3]) @ to_world[:3, :2] / [7, 6]) ** 2 @ [1, 1]
    assert off_plane.max() < (1.1 if turned else 1e-3) and inside.max() < 1.5
    area = np.pi * 7 * 6 / np.prod(np.linalg.norm(geometry.ijk_to_ras(volume)[:3, :2], axis=0))  # in voxels
    assert 0.85 * area < mask.sum() < (2 if turned else 1.15) * area
    by_prompt = scans.command_line_mask(sagittal, volume, [given], tmp_path)
    drawn, out = tmp_path / "lasso.nii", tmp_path / "by_file.nii"
    drawn.write_bytes((tmp_path / "mask.nii").read_bytes()[:352] + mask.tobytes())
    done = sagittal("segment", tmp_path / "image.nrrd", "-o", out, "--lasso", drawn)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == (tmp_path / "mask.nii").read_bytes() and by_prompt.sum() > 50
