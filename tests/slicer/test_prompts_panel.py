"""What the prompts' panel and the views say: pointers, marks, how long it takes, what the server computes on."""
import time

import numpy as np
import pytest
import slicer

from module_panel import CENTRE, picture, until, world_of
from SagittalLib.client import ServerError
from SagittalLib.cursors import cross
from SagittalLib.marks import EXCLUDE_COLOUR, INCLUDE_COLOUR
from SagittalLib.server_session import ServerSession
from slice_view import SliceView


@pytest.fixture
def view(window, scene, monkeypatch):
    """A slice view of the layout."""
    made = SliceView(scene)
    monkeypatch.setattr(slicer.app, "views", [made])
    yield made
    window.widget.exit()
    made.close()


def colours_of(cursor):
    """Those of its opaque pixels."""
    image = cursor.pixmap().toImage()
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return {(p.red(), p.green(), p.blue()) for p in pixels if p.alpha() == 255}


@pytest.mark.parametrize("include, colour", [(True, INCLUDE_COLOUR), (False, EXCLUDE_COLOUR)])
def test_the_pointer_has_the_colour_of_the_prompt(window, include, colour):
    made = cross(include)
    assert colours_of(made) == {(0, 0, 0), tuple(int(255 * part) for part in colour)}
    middle = made.hotSpot()
    assert made.pixmap().toImage().pixelColor(middle.x(), middle.y()).alpha() == 0


@pytest.mark.parametrize("key", "PBSL")
def test_views_show_the_pointer_while_a_tool_is_active(window, view, key):
    assert view.cursor is None
    window.press(key)
    assert colours_of(view.cursor) == colours_of(cross(True))
    window.press("T")
    assert colours_of(view.cursor) == colours_of(cross(False))
    window.press(key)
    assert view.cursor is None
    window.press(key)
    window.widget.exit()
    assert view.cursor is None


def test_views_of_a_new_layout_show_the_pointer_too(window, view, scene, monkeypatch):
    layout = scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    window.press("P")
    other = SliceView(scene, name="Green")
    monkeypatch.setattr(slicer.app, "views", [view, other])
    layout.Modified()
    window.until(lambda: other.cursor is not None)
    window.press("P")
    assert other.cursor is None and view.cursor is None
    other.close()


def test_marks_are_cleared_and_the_segment_stays(window, tmp_path):
    view, panel = window.widget.interactive, window.widget.prompts
    window.until(lambda: view.session().state == "ready")
    assert not panel.clear.enabled
    ring = [[14 + 5 * np.cos(t), 14 + 5 * np.sin(t), CENTRE[2]] for t in np.linspace(0, 6, 12)]
    view.lasso(np.array([world_of(window, ijk) for ijk in ring]))
    view.point(world_of(window, CENTRE))
    window.until(lambda: window.is_idle and window.mask().any())
    drawn = view.marks._drawn.GetSegmentation()
    assert drawn.GetNumberOfSegments() == 1 and view.marks._given and panel.clear.enabled
    picture(panel.widget, "marks.png", tmp_path, width=460)
    mask = window.mask()
    panel.clear.click()
    assert drawn.GetNumberOfSegments() == 0 and view.marks.is_empty and not panel.clear.enabled
    assert np.array_equal(window.mask(), mask)
    window.press("Ctrl+Z")
    window.until(lambda: window.is_idle and not np.array_equal(window.mask(), mask))


def test_scribbles_and_boxes_are_seen_until_the_next(window):
    view = window.widget.interactive
    view.scribble(np.array([world_of(window, CENTRE), world_of(window, [CENTRE[0] + 4, *CENTRE[1:]])]), 2.0)
    drawn = view.marks._drawn
    assert drawn.GetDisplayNode().GetSegmentVisibility2DFill("drawn")
    view.toggle()
    corners = [world_of(window, [i, j, CENTRE[2]]) for i in (6, 12) for j in (7, 13)]
    view.box(np.array(corners), np.array(world_of(window, [0, 0, 1])) - world_of(window, [0, 0, 0]))
    assert drawn.GetSegmentation().GetNumberOfSegments() == 1
    assert np.allclose(drawn.GetSegmentation().GetNthSegment(0).GetColor(), EXCLUDE_COLOUR)
    assert not drawn.GetDisplayNode().GetSegmentVisibility2DFill("drawn")
    window.until(lambda: window.is_idle)
    window.press("E")
    assert drawn.GetSegmentation().GetNumberOfSegments() == 0


def test_a_prompt_that_fails_leaves_no_mark(window, monkeypatch):
    view = window.widget.interactive
    window.until(lambda: view.session().state == "ready")

    def refuse(*_):
        raise ServerError(400, "bad_input", "not this one")

    monkeypatch.setattr(ServerSession, "predict", refuse)
    view.point(world_of(window, CENTRE))
    view.scribble(np.array([world_of(window, CENTRE)]), 2.0)
    assert len(view.marks._given) == 2
    until(lambda: len(window.told) == 2)
    assert window.told == ["Not this one."] * 2 and view.marks.is_empty
    assert view.marks._drawn.GetSegmentation().GetNumberOfSegments() == 0
    window.told.clear()


def test_a_prompt_that_the_scene_cannot_show_leaves_no_mark(window, scene):
    view = window.widget.interactive
    bent = scene.AddNewNodeByClass("vtkMRMLTransformNode", "Bent")
    bent.SetAndObserveTransformToParent(slicer.vtkOrientedBSplineTransform())
    view.segmentation.SetAndObserveTransformNodeID(bent.GetID())
    view.point(world_of(window, CENTRE))
    assert "transforms that bend" in window.told.pop() and view.marks.is_empty


def test_a_long_wait_is_told_and_can_be_stopped(window, monkeypatch, tmp_path):
    view, panel = window.widget.interactive, window.widget.prompts
    window.until(lambda: view.session().state == "ready")
    stopped = []

    def wait(session, link, prompt):
        while not stopped:
            time.sleep(0.01)
        raise ServerError(409, "cancelled", "stopped")

    monkeypatch.setattr(ServerSession, "predict", wait)
    monkeypatch.setattr(view.session(), "cancel", lambda link: stopped.append(link))
    view.point(world_of(window, CENTRE))
    window.until(lambda: view.is_running)
    assert " s)" not in panel.status.label.text
    window.until(lambda: "(2 s)" in panel.status.label.text)
    assert panel.status.cancel.isVisibleTo(panel.status.widget)
    picture(panel.widget, "waiting.png", tmp_path, width=460)
    window.until(lambda: "(3 s)" in panel.status.label.text)
    window.press("Esc")
    window.until(lambda: window.is_idle)
    assert " s)" not in panel.status.label.text and not panel._clock.active and view.marks.is_empty


def test_what_to_expect_of_the_server_is_told(window):
    panel = window.widget.prompts
    window.until(lambda: "without a graphics card (oneDNN" in panel.device.text)
    assert "Esc stops" in panel.device.text
