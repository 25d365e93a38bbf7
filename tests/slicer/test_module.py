"""The panel, the effect and the self-test, on the look-alike of Slicer's Qt."""
import numpy as np
import pytest
import slicer

import qt_slicer
import scans
from module_panel import CENTRE, picture, until, world_of
from running_server import free_port
from SagittalLib import geometry
from SagittalLib.local_server import LocalServer, find_program
from SagittalLib.segments import segment_ids
from slice_view import SliceView


def test_from_an_empty_scene_to_a_mask(window, tmp_path):
    view = window.widget.interactive
    assert view.volume.GetName() == "Ball" and view.segmentation is not None
    window.until(lambda: view.session().state == "ready")
    picture(window.widget.parent, "ready.png", tmp_path, width=460)
    window.press("P")
    assert window.widget.prompts.buttons["point"].checked
    window.place(world_of(window, CENTRE))
    window.until(lambda: view.segment_id and window.is_idle and window.mask().any())
    picture(window.widget.parent, "segmented.png", tmp_path, width=460)
    first = window.mask()
    window.press("T")
    assert window.widget.prompts.exclude.checked and not view.include
    window.place(world_of(window, [3, 3, 3]))
    window.until(lambda: len(view.marks._given) == 2 and window.is_idle)
    window.press("Ctrl+Z")
    window.until(lambda: window.is_idle)
    assert np.array_equal(window.mask(), first)
    window.press("E")
    assert view.include and view.segmentation.GetSegmentation().GetNumberOfSegments() == 2
    window.press("L")
    ring = [[14 + 5 * np.cos(t), 14 + 5 * np.sin(t), CENTRE[2]] for t in np.linspace(0, 6, 12)]
    window.place(*[world_of(window, ijk) for ijk in ring])
    window.press("Shift+L")
    window.until(lambda: len(view.session()._links) == 2 and window.is_idle and window.mask(1).any())
    assert np.array_equal(window.mask(), first)
    window.press("R")
    window.until(lambda: window.is_idle and not window.mask(1).any())
    assert not window.told


def segments_of(window):
    return segment_ids(window.widget.interactive.segmentation)


def servers_segments(view):
    session = view.session()
    return [one["number"] for one in session.api.session(session._session.id)["segments"]]


def test_a_segment_is_deleted_and_comes_back(window):
    view = window.widget.interactive
    view.point(world_of(window, CENTRE))
    window.until(lambda: view.segment_id and window.is_idle and window.mask().any())
    first, mask = view.segment_id, window.mask()
    window.press("E")
    view.point(world_of(window, [3, 3, 3]))
    window.until(lambda: window.is_idle and len(view.session()._links) == 2)
    second = view.segment_id
    assert servers_segments(view) == [1, 2]
    view.choose(view.volume, view.segmentation, first)
    window.press("Del")
    assert segments_of(window) == [second] and view.segment_id == second and not view.marks._given
    window.until(lambda: servers_segments(view) == [2])
    window.press("Ctrl+Z")
    assert segments_of(window) == [first, second] and view.segment_id == first
    window.until(lambda: window.is_idle)
    assert np.array_equal(window.mask(), mask)
    view.toggle()
    view.point(world_of(window, [CENTRE[0] + 4, *CENTRE[1:]]))
    window.until(lambda: window.is_idle and len(servers_segments(view)) == 2)
    recorded = view.session().api.prompts(view.session()._session.id, 3)["prompts"]
    assert [p["type"] for p in recorded] == ["init", "point"]  # from the mask that came back
    window.press("Ctrl+Z")
    window.until(lambda: window.is_idle)
    assert np.array_equal(window.mask(), mask)
    window.press("Ctrl+Y")
    window.until(lambda: window.is_idle)


def test_the_last_segment_is_deleted_while_it_is_predicted(window):
    view = window.widget.interactive
    view.point(world_of(window, CENTRE))
    window.until(lambda: view.segment_id and window.is_idle and window.mask().any())
    first, mask = view.segment_id, window.mask()
    view.point(world_of(window, [CENTRE[0] + 3, *CENTRE[1:]]))
    session = view.session()
    window.widget.prompts.delete.click()
    assert segments_of(window) == [] and view.segment_id == "" and session._links == {}
    window.until(lambda: servers_segments(view) == [])
    window.press("Del")
    window.press("Ctrl+Z")
    assert segments_of(window) == [first] and view.segment_id == first
    window.until(lambda: window.is_idle)
    assert np.array_equal(window.mask(), mask)
    window.press("Ctrl+Y")
    assert segments_of(window) == [] and view.segment_id == ""


def test_a_segment_that_the_editor_removes_leaves_the_server(window):
    view = window.widget.interactive
    view.point(world_of(window, CENTRE))
    window.until(lambda: view.segment_id and window.is_idle and window.mask().any())
    view.segmentation.GetSegmentation().RemoveSegment(view.segment_id)
    window.widget.editor.setCurrentSegmentID("")
    window.until(lambda: servers_segments(view) == [])


def test_lassos_and_boxes_are_dragged(window, scene, monkeypatch):
    view = window.widget.interactive
    slice_view = SliceView(scene)
    slice_view.node.GetSliceToRAS().SetElement(2, 3, world_of(window, CENTRE)[2])
    slice_view.node.UpdateMatrices()
    monkeypatch.setattr(slicer.app, "views", [slice_view])
    middle = slice_view.place_of(world_of(window, CENTRE))
    window.press("L")
    slice_view.drag(*[(middle[0] + 12 * np.cos(t), middle[1] + 12 * np.sin(t)) for t in np.linspace(0, 6.2, 40)])
    window.until(lambda: view.segment_id and window.is_idle and window.mask().any())
    window.press("E")
    window.press("B")
    slice_view.drag((middle[0] - 12, middle[1] - 12), middle, (middle[0] + 12, middle[1] + 12))
    window.until(lambda: window.is_idle and len(view.session()._links) == 2 and window.mask(1).any())
    session = view.session()
    kinds = [session.api.prompts(session._session.id, n)["prompts"][0]["type"] for n in (1, 2)]
    assert kinds == ["lasso", "box"]
    window.widget.exit()
    slice_view.close()


def test_a_drawing_outside_is_refused_without_a_mark(window):
    view = window.widget.interactive
    view.lasso(np.array([[900.0, 900, 0], [910, 900, 0], [910, 910, 0]]))
    while not window.told:
        qt_slicer.application().processEvents()
    assert window.told == ["The lasso lies outside the volume."] and view.marks._given == []
    window.told.clear()


def test_scribbles_are_painted_with_slicers_brush(window):
    from SagittalLib.segments import SceneSegment
    view = window.widget.interactive
    window.press("S")
    pad = window.widget.prompts._pad
    assert window.widget.prompts._painter._widget._effect == "Paint"
    SceneSegment(pad.node, "include", view.volume).write(((13, 19), (14, 15), (12, 13)), np.ones((1, 1, 6), np.uint8))
    window.until(lambda: view.segment_id and window.is_idle and window.mask().any())
    window.press("S")
    assert window.widget.prompts.chosen is None and window.widget.prompts._painter._widget._effect == ""


def test_the_panel_is_left_and_the_scene_closed(window, scene):
    window.press("B")
    window.widget.exit()
    assert window.widget.prompts._shortcuts == [] and window.widget.prompts.chosen is None
    removed = window.widget.interactive.volume
    scene.Clear(False)
    window.widget.enter()
    assert removed.GetScene() is None and window.widget.interactive._sessions == {}
    assert window.widget.interactive.volume is None
    assert window.widget.interactive.status()[0] == "Choose a volume"


def test_errors_are_told_in_the_servers_words(window):
    window.press("P")
    window.place((500, 500, 500))
    qt_slicer.application().processEvents()
    assert window.told == ["The point lies outside the volume."]
    window.told.clear()


def test_the_connection_is_tested(window, tmp_path, server):
    panel = window.widget.configuration
    panel.test.click()
    window.until(lambda: "answers at" in panel.result.text)
    picture(panel.widget, "configuration.png", tmp_path, width=460)
    panel.address.setText("http://127.0.0.1:%d" % free_port())
    panel.address.editingFinished.emit()
    panel.test.click()
    window.until(lambda: "Nothing listens" in panel.result.text)
    panel.address.setText(server.url)
    panel.address.editingFinished.emit()
    panel.ca_file.currentPath = "/none.pem"
    assert window.application.settings.get("ca_file") == "/none.pem"


def test_a_server_is_started_and_stopped_here(window, program, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    panel = window.widget.configuration
    panel.program.currentPath = str(program)
    panel.start.click()
    window.until(lambda: "answers at" in panel.result.text)
    assert window.application.local_server.is_running and panel.start.text == "Stop the server here"
    panel.start.click()
    window.until(lambda: not window.application.local_server.is_running and panel.start.text == "Start a server here")


def test_a_program_that_does_not_start_is_named(tmp_path):
    from SagittalLib.client import SagittalError, Stop
    with pytest.raises(SagittalError, match="not installed"):
        LocalServer().start("", Stop())
    broken = tmp_path / "sagittal"
    broken.write_text("#!/bin/sh\necho no model >&2\nexit 1\n")
    broken.chmod(0o755)
    assert find_program(str(broken)) == str(broken) and find_program(str(tmp_path / "none")) == ""
    with pytest.raises(SagittalError, match="no model"):
        LocalServer().start(str(broken), Stop())


def test_the_effect_works_in_a_segment_editor(effect, tmp_path):
    view, scripted = effect.interactive, effect.scriptedEffect
    assert view.segment_id == "a"
    view.point(geometry.ijk_to_world(view.volume, [CENTRE])[0])
    session = view.session()
    until(lambda: not (session.is_busy or session.is_preparing))
    assert scans.exported_mask(view.segmentation, "a", view.volume).any() and scripted.saved == 1
    picture(scripted.widget, "effect.png", tmp_path, width=420)


def test_the_self_test_passes_here(scene, server, monkeypatch):
    qt_slicer.install(scene)
    from SagittalLib.self_test import run_interactive
    slice_view = SliceView(scene)
    monkeypatch.setattr(slicer.app, "views", [slice_view])
    lines = list(run_interactive(slicer.mrmlScene, server.url))
    assert len(lines) == 13 and all(line.startswith("PASS") for line in lines), lines
    assert not any("not tried" in line for line in lines)
    slice_view.close()
