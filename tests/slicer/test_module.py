"""The panel, the effect and the self-test, on the look-alike of Slicer's Qt."""
import os
import time

import numpy as np
import pytest
import slicer

import qt_slicer
import scans
from running_server import SHAPE, free_port
from SagittalLib import geometry
from SagittalLib.local_server import LocalServer, find_program
from SagittalLib.segments import segment_ids
from SagittalLib.settings import MemoryStore, Settings
from slice_view import SliceView

CENTRE = [n // 2 for n in SHAPE][::-1]
PICTURES = os.environ.get("SAGITTAL_PICTURES")


@pytest.fixture
def application(scene, server, monkeypatch):
    """A Slicer with a volume; its settings name the server."""
    qt_slicer.install(scene)
    from SagittalLib import application as shared_module
    shared_module._shared.clear()
    monkeypatch.setattr(shared_module, "Settings", lambda store: Settings(MemoryStore()))
    made = shared_module.shared()
    made.settings.set("server", server.url)
    yield made
    made._timer.stop()
    made.workers.close()
    made.local_server.stop()


class Window:
    """The module's panel, and a person before it."""

    def __init__(self, application, scene):
        from Sagittal import SagittalWidget
        self.application, self.scene = application, scene
        self.widget = SagittalWidget()
        self.told = []
        self.widget._tell = self.told.append
        self.widget.setup()

    def until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end and not self.told, self.told
            qt_slicer.application().processEvents()
            time.sleep(0.005)

    def press(self, key):
        """A shortcut."""
        shortcut, = [s for s in self.widget.prompts._shortcuts if s.key.toString() == key]
        shortcut.activated.emit()

    def place(self, *points):
        node = self.scene.GetNodeByID(self.scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID())
        for point in points:
            node.AddControlPointWorld(point)

    def mask(self, segment=0):
        view = self.widget.interactive
        return scans.exported_mask(view.segmentation, view.segmentation.GetSegmentation().GetNthSegmentID(segment), view.volume)

    @property
    def is_idle(self):
        session = self.widget.interactive.session()
        return not session.is_busy and not session.is_preparing


@pytest.fixture
def window(application, scene):
    scans.oblique_volume(scene)
    made = Window(application, scene)
    made.widget.enter()
    yield made
    made.widget.exit()
    made.widget.cleanup()


def picture(widget, name, folder, **size):
    """A screenshot; kept where SAGITTAL_PICTURES names a folder."""
    path = os.path.join(PICTURES or str(folder), name)
    taken = qt_slicer.screenshot(widget, path, **size)
    colours = {taken.pixel(x, y) for x in range(0, taken.width(), 5) for y in range(0, taken.height(), 5)}
    assert len(colours) > 5, f"{name} shows nothing"


def world_of(window, ijk):
    return geometry.ijk_to_world(window.widget.interactive.volume, [ijk])[0]


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


def test_the_effect_works_in_a_segment_editor(application, scene, tmp_path):
    from SegmentEditorEffects import ScriptedEffect
    from SegmentEditorSagittalLib.SegmentEditorEffect import SegmentEditorEffect
    volume = scans.oblique_volume(scene)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetAndObserveSourceVolumeNode(volume)
    node.SetAndObserveSegmentationNode(scans.segmentation_of(scene, volume, "a"))
    node.SetSelectedSegmentID("a")
    scripted = ScriptedEffect(node)
    effect = SegmentEditorEffect(scripted)
    effect.setupOptionsFrame()
    effect.activate()
    assert effect.interactive.segment_id == "a"
    effect.interactive.point(geometry.ijk_to_world(volume, [CENTRE])[0])
    session = effect.interactive.session()
    end = time.monotonic() + 60
    while (session.is_busy or session.is_preparing) and time.monotonic() < end:
        qt_slicer.application().processEvents()
        time.sleep(0.005)
    assert scans.exported_mask(node.GetSegmentationNode(), "a", volume).any() and scripted.saved == 1
    picture(scripted.widget, "effect.png", tmp_path, width=420)
    effect.deactivate()
    effect.prompts.close()
    effect.interactive.close()


def test_the_self_test_passes_here(scene, server, monkeypatch):
    qt_slicer.install(scene)
    from SagittalLib.self_test import run_interactive
    slice_view = SliceView(scene)
    monkeypatch.setattr(slicer.app, "views", [slice_view])
    lines = list(run_interactive(slicer.mrmlScene, server.url))
    assert len(lines) == 13 and all(line.startswith("PASS") for line in lines), lines
    assert not any("not tried" in line for line in lines)
    slice_view.close()
