"""The panel of the Streams module under a look-alike of Slicer's Qt, with a real server. SAGITTAL_PICTURES keeps pictures."""
import os
import time
from pathlib import Path

import numpy as np
import pytest
import slicer

import qt_slicer
from running_server import Server, free_port
from SagittalLib.client import Api, Connection
from SagittalLib.settings import MemoryStore, Settings
from SagittalLib.streams import contents, nodes, wire
from stream_peers import PIPELINES, Peer, Pipeline, oblique, until, write_pipeline

BONE = """
pipeline: 1
title: Ultrasound with bone
description: Pictures of a recording with what is bright in them as labels, for 3D Slicer.
scheduler: {threads: 2}
operators:
  ultrasound: {type: image_folder, folder: frames, device: Ultrasound, repeat: true, frame_rate: 25}
  smooth: {type: resize, width: 200, filter: area}
  bone: {type: threshold, low: 200, high: 255, name: bone, device: Bone}
  largest: {type: largest_component, min_pixels: 20}
  slicer: {type: igtl_output, port: 0, share: slicer}
flows:
  - ultrasound -> smooth
  - smooth -> slicer
  - smooth -> bone
  - bone -> largest
  - {from: largest, to: slicer, capacity: 1, when_full: keep_latest}
"""


def frames(folder):
    (folder / "frames").mkdir()
    rows, columns = np.mgrid[0:300, 0:400]
    for n in range(3):
        speckle = np.random.default_rng(n).integers(0, 90, rows.shape)
        arc = np.abs(rows - 180 + 40 * np.cos((columns - 200 + 6 * n) / 90)) < 5
        np.save(folder / "frames" / f"{n}.npy", np.where(arc, 240, speckle).astype(np.uint8)[None])


@pytest.fixture(scope="module")
def server(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipelines")
    frames(folder)
    write_pipeline(folder)
    write_pipeline(folder, "bone", BONE)
    write_pipeline(folder, "back", (PIPELINES / "invert.yaml").read_text().replace("port: 18944", "port: 0"))
    write_pipeline(folder, "broken", BONE.replace("pipeline: 1", "pipeline: 9"))
    running = Server(program, "--pipelines", folder)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def views(scene):
    qt_slicer.install(scene)
    made = []
    for name in ("Red", "Yellow"):
        view = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
        view.SetName(name), view.SetLayoutName(name)
        scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode").SetLayoutName(name)
        made.append(view)
    return made


@pytest.fixture
def panel(server, views, scene):
    from SagittalLib.streams.ui.streams_panel import StreamsPanel
    settings = Settings(MemoryStore())
    settings.set("server", server.url)
    made = StreamsPanel(scene, settings)
    made.enter()
    yield made
    made.close()
    api = Api(Connection(server.url))
    for stream in api.get("streams")["streams"]:
        api.delete("streams/" + stream["id"], statuses=(404,))


def turn(condition, seconds=30):
    """Qt's event loop until condition() is true."""
    def once():
        qt_slicer.application().processEvents()
        return condition()

    return until(once, seconds)


def picture(panel, name, tmp_path):
    """Takes one, into SAGITTAL_PICTURES where that is set; it is not blank."""
    path = Path(os.environ.get("SAGITTAL_PICTURES", tmp_path)) / f"{name}.png"
    panel.update()
    image = qt_slicer.screenshot(panel.root, path, 440, 0)
    colours = {image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert len(colours) > 10
    return path


def choose(panel, title):
    turn(lambda: panel.pipeline.choice.findText(title) >= 0)
    panel.pipeline.choice.setCurrentIndex(panel.pipeline.choice.findText(title))


def started(panel, title="Ultrasound with bone"):
    choose(panel, title)
    panel.pipeline.start_button.click()
    turn(lambda: panel.logic.pipelines.stream)


def texts(table):
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]


def test_pipelines_are_offered_with_what_they_do(panel, tmp_path):
    choose(panel, "Ultrasound with bone")
    assert "bright" in panel.pipeline.description.text and panel.pipeline.start_button.enabled
    assert not panel.pipeline.stop_button.enabled and not panel.exchange.send_button.enabled
    picture(panel, "offered", tmp_path)
    choose(panel, "broken")
    assert not panel.pipeline.start_button.enabled and "9" in panel.pipeline.description.text


def test_one_click_starts_connects_and_shows(panel, views, tmp_path):
    started(panel)
    turn(lambda: panel.connection.devices.rowCount >= 2 and panel.logic.live)
    turn(lambda: any(row[0] == "smooth" and row[1] not in ("–", "0.0/s") for row in texts(panel.pipeline.operators)))
    image, bone = (panel.logic.nodes.node_of(name) for name in ("Ultrasound", "Bone"))
    assert bone.IsA("vtkMRMLLabelMapVolumeNode") and slicer.util.arrayFromVolume(bone).any()
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode", panel.logic.scene)[0]
    turn(lambda: composite.GetBackgroundVolumeID() == image.GetID() and composite.GetLabelVolumeID() == bone.GetID())
    assert panel.logic.live_device(views[0]) == "Ultrasound"
    time.sleep(0.7)
    turn(lambda: "Running" in panel.pipeline.state.text)
    rows = {row[0]: row for row in texts(panel.connection.devices)}
    assert set(rows) == {"Bone (labels)", "Ultrasound (image)"} and rows["Bone (labels)"][2].endswith("s")
    assert [row[0] for row in texts(panel.pipeline.operators)][0] == "ultrasound"
    picture(panel, "running", tmp_path)
    panel.pipeline.stop_button.click()
    turn(lambda: panel.logic.pipelines.stream is None and panel.pipeline.start_button.enabled)
    assert not panel.logic.has_connection


def test_settings_are_changed_in_a_form(panel, tmp_path):
    started(panel)
    table = panel.pipeline.operators
    turn(lambda: table.rowCount == 5)
    row = [row[0] for row in texts(table)].index("bone")
    table.selectRow(row)
    form = panel.pipeline.form
    assert {"low", "high", "label", "name"} <= set(form._widgets)
    value = lambda: next(one for one in panel.logic.pipelines.stream["operators"] if one["name"] == "bone")["parameters"]
    form._widgets["low"].setValue(230)
    form._widgets["low"].editingFinished.emit()
    turn(lambda: value()["low"] == 230)
    form._widgets["name"].setText("cortex")
    form._widgets["name"].editingFinished.emit()
    turn(lambda: value()["name"] == "cortex")
    picture(panel, "settings", tmp_path)
    form._enabled.setChecked(False)
    turn(lambda: any(row[0] == "bone (off)" for row in texts(table)))
    row = [row[0] for row in texts(table)].index("smooth")
    table.selectRow(row)
    before = value()["low"]
    panel.logic.pipelines.set_parameters({"smooth": {"width": -4}})
    turn(lambda: panel.pipeline.trouble.text)
    assert "width" in panel.pipeline.trouble.text and value()["low"] == before
    picture(panel, "refused", tmp_path)


def parameters_of(panel, operator):
    return next(one for one in panel.logic.pipelines.stream["operators"] if one["name"] == operator)["parameters"]


def change(form, name, value):
    """As a person does: the value, and the end of typing."""
    widget = form._widgets[name]
    widget.setText(value) if isinstance(value, str) else widget.setValue(value)
    widget.editingFinished.emit()


def test_settings_are_chosen_before_the_first_start(panel, tmp_path):
    box = panel.pipeline
    choose(panel, "Ultrasound with bone")
    turn(lambda: box.operators.rowCount == 5)
    assert not box.reset_row.isVisibleTo(panel.root) and not box.command.row.isVisibleTo(panel.root)
    row = lambda name: [row[0] for row in texts(box.operators)].index(name)
    box.operators.selectRow(row("smooth"))
    assert box.form._widgets["width"].value == 200 and box.form._widgets["width"].minimum == 0
    box.form._widgets["filter"].setCurrentIndex(0)
    assert 'smooth.filter = "nearest"' in box.changes.text
    box.operators.selectRow(row("slicer"))
    assert not box.form._widgets["port"].enabled and "in the file" in box.form._widgets["port"].toolTip
    picture(panel, "before", tmp_path)
    box.operators.selectRow(row("bone"))
    assert box.form._widgets["low"].value == 200 and not box.form._enabled.isVisibleTo(panel.root)
    change(box.form, "low", 230)
    change(box.form, "name", "left bone")
    assert "bone.low = 230" in box.changes.text and "left bone" in box.changes.text
    picture(panel, "planned", tmp_path)
    box.start_button.click()
    turn(lambda: panel.logic.pipelines.stream)
    assert parameters_of(panel, "bone")["low"] == 230 and parameters_of(panel, "bone")["name"] == "left bone"
    assert parameters_of(panel, "smooth")["filter"] == "nearest"
    turn(lambda: box.stop_button.enabled and not box.reset_row.isVisibleTo(panel.root))
    box.stop_button.click()
    turn(lambda: panel.logic.pipelines.stream is None and box.start_button.enabled)
    turn(lambda: box.reset_row.isVisibleTo(panel.root))
    box.reset_button.click()
    box.operators.selectRow(row("bone"))
    assert box.form._widgets["low"].value == 200 and not box.reset_row.isVisibleTo(panel.root)
    change(box.form, "label", 7)
    panel.logic.pipelines.plans.change("bone", {"bone": {"label": 700}})
    box.start_button.click()
    turn(lambda: "label" in box.trouble.text)
    assert "from 1 to 255" in box.trouble.text and panel.logic.pipelines.stream is None


def test_an_operator_is_sent_a_command(panel, tmp_path):
    started(panel)
    box = panel.pipeline
    turn(lambda: box.operators.rowCount == 5)
    box.operators.selectRow([row[0] for row in texts(box.operators)].index("slicer"))
    turn(lambda: box.command.row.isVisibleTo(panel.root))
    assert box.command.names.currentText == "connections" and "who is connected" in box.command.does.text
    assert not box.command.name.isVisibleTo(panel.root)
    box.command.send_button.click()
    turn(lambda: "peers" in box.command.answer.text and "port" in box.command.answer.text)
    picture(panel, "command", tmp_path)
    box.command.arguments.setText("{port")
    box.command.arguments.returnPressed.emit()
    turn(lambda: "JSON" in box.trouble.text and not box.command.answer.text)
    box.operators.selectRow([row[0] for row in texts(box.operators)].index("smooth"))
    assert not box.command.row.isVisibleTo(panel.root) and not box.command.does.isVisibleTo(panel.root)


def test_what_cannot_be_shown_is_said(panel, tmp_path):
    video, other = (b"".join(map(bytes, wire.pack(kind, "Endoscope", b"\0" * 40))) for kind in ("VIDEO", "NDARRAY"))
    with Peer(lambda connection: connection.sendall(5 * video + other)) as peer:
        panel.connection.connect_to("127.0.0.1", peer.port)
        turn(lambda: "NDARRAY" in panel.connection.unread.text)
    assert "Endoscope" in panel.connection.unread.text and "SlicerOpenIGTLink" in panel.connection.unread.text
    assert panel.connection.unread.text.count("VIDEO") == 1 and panel.connection.unread.isVisibleTo(panel.root)
    picture(panel, "video", tmp_path)


def test_without_a_server_it_says_so(panel, tmp_path):
    panel.pipeline.server.setText("http://127.0.0.1:%d" % free_port())
    panel.pipeline.server.editingFinished.emit()
    turn(lambda: "Is the server running?" in panel.pipeline.trouble.text)
    panel.connection.host.setText("localhost")
    panel.connection.port.setValue(free_port())
    panel.connection.connect_button.click()
    turn(lambda: "Does the pipeline run?" in panel.connection.trouble.text)
    picture(panel, "nobody", tmp_path)
    panel.connection.connect_button.click()
    assert not panel.logic.has_connection and not panel.connection.trouble.text


def test_a_volume_is_sent_and_what_comes_is_recorded(panel, scene, program, tmp_path):
    voxels = np.tile(np.arange(256, dtype=np.uint8), (1, 64, 1))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT of the knee")
    nodes.fill_volume(node, contents.Image(voxels, oblique()))
    with Pipeline(program, "invert") as pipeline:
        panel.connection.host.setText("localhost")
        panel.connection.port.setValue(pipeline.port)
        panel.connection.connect_button.click()
        turn(lambda: panel.logic.is_connected)
        panel.exchange.node.setCurrentNode(node)
        turn(lambda: panel.exchange.send_button.enabled)
        panel.exchange.send_button.click()
        back = turn(lambda: panel.logic.nodes.node_of("Inverted"))
        assert np.array_equal(slicer.util.arrayFromVolume(back), 255 - voxels)
        turn(lambda: panel.connection.chosen() == ("IMAGE", "Inverted"))
        panel.exchange.folder.setText(str(tmp_path))
        turn(lambda: panel.exchange.record_button.enabled)
        panel.exchange.record_button.click()
        panel.exchange.watch_box.setChecked(True)
        for n in range(3):
            slicer.util.arrayFromVolume(node)[:] = n + 1
            slicer.util.arrayFromVolumeModified(node)
            turn(lambda: slicer.util.arrayFromVolume(back).max() == 254 - n)
        picture(panel, "recording", tmp_path)
        panel.exchange.record_button.click()
        turn(lambda: "frames are in" in panel.logic.note)
        picture(panel, "recorded", tmp_path)
    (file,) = tmp_path.glob("*.igs.mha")
    assert file.name.startswith("Inverted_") and file.stat().st_size > 3 * voxels.size  # one for each change


def test_the_module_is_one_of_slicers(scene, server):
    qt_slicer.install(scene)
    import SagittalStreams
    module = SagittalStreams.SagittalStreams(type("Parent", (), {})())
    assert module.parent.title == "Sagittal Streams" and len(module.parent.helpText) > 100
    widget = SagittalStreams.SagittalStreamsWidget()
    widget.setup()
    widget.enter()
    widget.exit()
    widget.cleanup()
    icon = Path(SagittalStreams.__file__).parent / "Resources/Icons/SagittalStreams.png"
    assert icon.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_self_test_passes(panel, views, scene, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "slicer/SagittalStreams/Testing/Python"))
    import SagittalStreamsSelfTest
    red = type("Widget", (), {"mrmlSliceNode": lambda self: views[0]})()
    slicer.app.layoutManager = lambda: type("Layout", (), {"sliceWidget": lambda self, name: red})()
    slicer.app.settings = lambda: panel.pipeline._settings._store
    slicer.modules.SagittalStreamsWidget = type("Module", (), {"panel": panel})()
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
    said = []
    SagittalStreamsSelfTest.run(said.append, pipeline="back")
    assert said[-1].startswith("Passed")
