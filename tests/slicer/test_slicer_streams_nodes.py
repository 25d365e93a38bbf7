"""What comes and goes by streams, as nodes of the scene."""
import struct
import threading
import time

import numpy as np
import pytest
import slicer
import vtk
from vtk.util import numpy_support

from SagittalLib.client import SagittalError
from SagittalLib.settings import MemoryStore, Settings
from SagittalLib.streams import contents, nodes, outgoing, slices, wire
from SagittalLib.streams.igtl import Arrival
from SagittalLib.streams.logic import StreamsLogic
from SagittalLib.streams.parts import Parts
from running_server import free_port
from stream_peers import Peer, Pipeline, oblique


@pytest.fixture
def logic(scene, main_thread):
    made = StreamsLogic(scene, Settings(MemoryStore()), main_thread.workers)
    yield made
    made.close()


def run(logic, main_thread, condition, seconds=60):
    """The event loop, ticking, until condition() is true."""
    def turn():
        main_thread.timed(logic.tick)
        return condition()

    return main_thread.until(turn, seconds)


class Came:
    """A message without its way here."""

    def __init__(self, kind, device, metadata=None):
        self.kind, self.device, self.metadata, self.time, self.arrived = kind, device, metadata or {}, 0, 0


def image(voxels, matrix=None, device="Probe", **metadata):
    return Arrival(Came("IMAGE", device, metadata), contents.Image(voxels, np.eye(4) if matrix is None else matrix), None)


def volume_of(scene, voxels, matrix, name="Sent"):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    nodes.fill_volume(node, contents.Image(voxels, matrix))
    return node


def mask_of(segmentation, segment, shape):
    """A segment's voxels on the grid of its frame."""
    data = slicer.vtkOrientedImageData()
    assert segmentation.GetBinaryLabelmapRepresentation(segment, data)
    place, mask = vtk.vtkMatrix4x4(), np.zeros(shape, bool)
    data.GetImageToWorldMatrix(place)
    assert np.allclose(nodes.numpy_matrix(place), oblique(), atol=1e-6)
    i0, i1, j0, j1, k0, k1 = data.GetExtent()
    if i0 <= i1:
        voxels = numpy_support.vtk_to_numpy(data.GetPointData().GetScalars())
        mask[k0:k1 + 1, j0:j1 + 1, i0:i1 + 1] = voxels.reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1) != 0
    return mask


def world(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return nodes.numpy_matrix(matrix)


def test_the_array_of_a_volume_stays_while_its_size_does(scene):
    kept = nodes.StreamNodes(scene)
    node = kept.take(image(np.zeros((1, 48, 64), np.uint8), oblique(), Who="Ann"))
    array, told = node.GetImageData().GetPointData().GetScalars(), []
    node.AddObserver(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, lambda *ignored: told.append(1))
    assert kept.take(image(np.full((1, 48, 64), 9, np.uint8), oblique())) is node
    assert node.GetImageData().GetPointData().GetScalars() is array and array.GetRange() == (9, 9) and told
    assert np.allclose(world(node), oblique(), atol=1e-6) and node.GetAttribute("OpenIGTLink.Who") == "Ann"
    assert kept.take(image(np.full((1, 50, 64), 3, np.uint8))) is node
    assert node.GetImageData().GetDimensions() == (64, 50, 1) and np.allclose(world(node), np.eye(4))


def test_a_large_volume_is_kept_and_not_copied(scene):
    kept = nodes.StreamNodes(scene)
    for n in (1, 2):
        came = image(np.full((4, 2048, 2100), n, np.uint8), oblique())
        came.buffer = b"its memory"
        kept.prepare(came)
        node = kept.take(came)
        assert np.shares_memory(slicer.util.arrayFromVolume(node), came.value.voxels) and came.buffer is None
        assert node.GetImageData().GetScalarRange() == (n, n) and np.allclose(world(node), oblique(), atol=1e-6)
    kept.show_as("Probe", nodes.AS_SEGMENTATION)
    kept.prepare(came)
    assert came.value.labels == [2]
    segmentation = kept.take(came).GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 1 and segmentation.GetNthSegment(0).GetLabelValue() == 2
    odd = np.zeros(8 * (1 << 21) + 1, np.uint8)[1:].view(np.float64).reshape(1, 1024, 2048)
    came = image(odd)
    kept.prepare(came)
    assert came.value.voxels.flags.aligned


def sent(messages):
    """A peer that sends images: (voxels, whole size, offset), one after the other, each once the one before was taken."""
    turns = threading.Semaphore(1)

    def talk(connection):
        for voxels, size, offset in messages:
            turns.acquire()
            head, _ = contents.write_image(contents.Image(np.zeros(tuple(reversed(size)), voxels.dtype), oblique()))
            part = struct.pack(">6H", *offset, *reversed(voxels.shape))
            for piece in wire.pack("IMAGE", "Probe", head[:-12] + part, np.ascontiguousarray(voxels)):
                connection.sendall(piece)

    return Peer(talk), turns


@pytest.mark.parametrize("size", [(64, 48, 4), (320, 320, 320)], ids=["small", "large"])
def test_a_part_changes_only_its_place_in_the_volume(logic, main_thread, size):
    shape = tuple(reversed(size))
    whole, part = np.full(shape, 3, np.uint8), np.full((2, 30, 10), 9, np.uint8)
    peer, turns = sent([(whole, size, (0, 0, 0)), (part, size, (5, 8, 1)), (part + 1, size, (40, 0, 2))])
    with peer:
        main_thread.timed(logic.connect, "127.0.0.1", peer.port)
        node = run(logic, main_thread, lambda: logic.nodes.node_of("Probe"))
        voxels, data = slicer.util.arrayFromVolume(node), node.GetImageData()
        voxels[0, 0, 0] = 77  # as if somebody had painted there: no part reaches it
        for box, value in (((slice(1, 3), slice(8, 38), slice(5, 15)), 9), ((slice(2, 4), slice(0, 30), slice(40, 50)), 10)):
            turns.release()
            run(logic, main_thread, lambda: slicer.util.arrayFromVolume(node)[box][-1, -1, -1] == value)
            whole[box] = value
        whole[0, 0, 0] = 77
        run(logic, main_thread, lambda: np.array_equal(slicer.util.arrayFromVolume(node), whole))
        assert node.GetImageData() is data and np.allclose(world(node), oblique(), atol=1e-4)
        assert main_thread.longest < 0.05


def test_a_part_before_any_whole_is_shown_where_it_belongs(scene):
    kept, parts = nodes.StreamNodes(scene), Parts()
    part = contents.Image(np.full((1, 4, 6), 5, np.uint8), oblique(), (20, 10, 2), (3, 2, 1))
    node = kept.take(whole_of(parts, part))
    assert node.GetImageData().GetDimensions() == (20, 10, 2) and slicer.util.arrayFromVolume(node).sum() == 5 * 24
    assert (slicer.util.arrayFromVolume(node)[1, 2:6, 3:9] == 5).all()


def test_parts_of_labels_are_segments_too(scene):
    kept, parts = nodes.StreamNodes(scene), Parts()
    kept.show_as("Probe", nodes.AS_SEGMENTATION)
    for label, row in ((2, 0), (7, 5)):
        came = whole_of(parts, contents.Image(np.full((1, 4, 6), label, np.uint8), oblique(), (20, 10, 1), (0, row, 0)))
        kept.prepare(came)
        node = kept.take(came)
    names = [node.GetSegmentation().GetNthSegment(n).GetName() for n in range(2)]
    assert names == ["label 2", "label 7"] and mask_of(node, "Label7", (1, 10, 20)).sum() == 24
    assert mask_of(node, "Label2", (1, 10, 20)).sum() == 24


def whole_of(parts, part):
    """An Arrival as a Link makes it of a part."""
    came = Arrival(Came("IMAGE", "Probe"), part, None)
    came.value = parts.add("Probe", part)
    return came


def test_colours_volumes_and_other_types_have_their_nodes(scene):
    kept = nodes.StreamNodes(scene)
    rgb = kept.take(image(np.zeros((1, 4, 6, 3), np.uint8), device="Colours"))
    assert rgb.IsA("vtkMRMLVectorVolumeNode") and rgb.GetImageData().GetNumberOfScalarComponents() == 3
    for dtype in ("i1", "i2", "u2", "i4", "u4", "f4", "f8"):
        voxels = np.arange(24).reshape(2, 3, 4).astype(dtype)
        node = kept.take(image(voxels, device=dtype))
        assert np.array_equal(slicer.util.arrayFromVolume(node), voxels) and slicer.util.arrayFromVolume(node).dtype == voxels.dtype
    again = nodes.StreamNodes(scene)  # as after the module was reloaded
    assert again.take(image(np.zeros((1, 4, 6, 3), np.uint8), device="Colours")) is rgb


def test_labels_become_a_label_map_or_segments_with_the_place_of_their_frame(scene):
    kept = nodes.StreamNodes(scene)
    voxels = np.zeros((1, 40, 60), np.uint8)
    voxels[0, 10:20, 5:15], voxels[0, 30:, 40:] = 1, 2
    kept.show_as("Bone", nodes.AS_LABELS)
    labels = kept.take(image(voxels, oblique(), "Bone"))
    assert labels.IsA("vtkMRMLLabelMapVolumeNode") and np.allclose(world(labels), oblique(), atol=1e-6)
    kept.show_as("Bone", nodes.AS_SEGMENTATION)
    segments = kept.take(image(voxels, oblique(), "Bone"))
    names = [segments.GetSegmentation().GetNthSegment(n).GetName() for n in range(2)]
    assert names == ["label 1", "label 2"]
    for label, name in ((1, "Label1"), (2, "Label2")):
        assert np.array_equal(mask_of(segments, name, voxels.shape), voxels == label)
    voxels[:] = 0
    voxels[0, 0, :7] = 2
    assert kept.take(image(voxels, oblique(), "Bone")) is segments
    assert np.array_equal(mask_of(segments, "Label2", voxels.shape), voxels == 2)
    assert not mask_of(segments, "Label1", voxels.shape).any() and segments.GetSegmentation().GetNumberOfSegments() == 2
    named = kept.take(image(voxels, oblique(), "Told", Labels='{"2": "liver", "x": 3}'))
    assert named.IsA("vtkMRMLLabelMapVolumeNode")  # the sender says that these are labels
    kept.show_as("Told", nodes.AS_SEGMENTATION)
    told = kept.take(image(voxels, oblique(), "Told", Labels='{"2": "liver"}')).GetSegmentation()
    assert [told.GetNthSegment(n).GetName() for n in range(told.GetNumberOfSegments())] == ["liver"]
    assert nodes.names_in({"Labels": "[1"}) == nodes.names_in({"Labels": "7"}) == {}
    kept.show_as("Bone", nodes.AS_LABELS)
    floats = kept.take(image(np.zeros((1, 4, 4), np.float32), device="Bone"))
    assert floats.GetClassName() == "vtkMRMLScalarVolumeNode"


def test_transforms_tools_texts_points_and_lines(scene):
    kept = nodes.StreamNodes(scene)
    transform = kept.take(Arrival(Came("TRANSFORM", "ProbeToTracker"), oblique(), None))
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToParent(matrix)
    assert np.allclose(nodes.numpy_matrix(matrix), oblique())
    kept.take(Arrival(Came("TRANSFORM", "ProbeToTracker", {"TransformStatus": "INVALID"}), np.eye(4), None))
    transform.GetMatrixTransformToParent(matrix)
    assert np.allclose(nodes.numpy_matrix(matrix), oblique())
    kept.take(Arrival(Came("TDATA", "Tracker"), [("Stylus", np.eye(4)), ("Probe", oblique())], None))
    assert {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLLinearTransformNode", scene)} == {
        "ProbeToTracker", "Stylus", "Probe"}
    assert kept.take(Arrival(Came("STRING", "Note"), "hello", None)).GetText() == "hello"
    for points in ([("a", (1, 2, 3)), ("b", (4, 5, 6))], [("a", (7, 8, 9))]):
        marks = kept.take(Arrival(Came("POINT", "Marks"), points, None))
        assert [marks.GetNthControlPointLabel(n) for n in range(marks.GetNumberOfControlPoints())] == [p[0] for p in points]
        assert np.allclose(marks.GetNthControlPointPositionWorld(0), points[0][1])
    lines = (np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]]), [[0, 1, 2, 0]])
    model = kept.take(Arrival(Came("POLYDATA", "Outline"), lines, None))
    assert model.GetPolyData().GetNumberOfLines() == 1 and model.GetPolyData().GetNumberOfPoints() == 3


def test_a_slice_view_lies_on_the_image(scene):
    node = nodes.StreamNodes(scene).take(image(np.zeros((1, 40, 60), np.uint8), oblique()))
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    view.SetDimensions(400, 300, 1)
    live = slices.LiveSlice(view)
    live.follow(node)
    plane = nodes.numpy_matrix(view.GetSliceToRAS())
    for i, j in ((0, 0), (59, 0), (0, 39), (17, 23)):
        on_view = np.linalg.inv(plane) @ oblique() @ [i, j, 0, 1]
        assert np.allclose(on_view[:3], [(i - 29.5) * 0.5, -(j - 19.5) * 0.75, 0], atol=1e-4)
    wide, tall, _ = view.GetFieldOfView()
    assert wide / tall == pytest.approx(400 / 300) and tall >= 40 * 0.75 and wide >= 60 * 0.5


def test_an_oblique_volume_under_a_transform_goes_into_a_pipeline_and_comes_back(program, scene, main_thread, logic):
    voxels = (np.arange(3 * 32 * 256).reshape(3, 32, 256) % 997).astype(np.int16)
    node = volume_of(scene, voxels, oblique())
    parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]], [5, 6, 7]
    nodes.set_matrix(parent, move)
    node.SetAndObserveTransformNodeID(parent.GetID())
    with pytest.raises(SagittalError, match="connect"):
        logic.send(node)
    with Pipeline(program, "slicer_roundtrip") as pipeline:
        logic.connect("127.0.0.1", pipeline.port)
        main_thread.timed(logic.send, node)
        back = run(logic, main_thread, lambda: logic.nodes.node_of("Processed"))
        assert np.array_equal(slicer.util.arrayFromVolume(back), voxels)
        assert np.allclose(world(back), move @ oblique(), atol=1e-4)
        assert back.GetAttribute("OpenIGTLink.MRMLNodeName") is None
        (device,) = [one for one in logic.devices() if one.kind == "IMAGE"]
        assert device.name == "Processed" and device.received == 1 and device.pipeline_ms > 0 and device.latency_ms > 0
        with pytest.raises(SagittalError, match="round and round"):
            logic.send(back)
        main_thread.timed(logic.send, parent, "Moved")
        moved = run(logic, main_thread, lambda: logic.nodes.nodes().get(("TRANSFORM", "Moved")))
        matrix = vtk.vtkMatrix4x4()
        moved.GetMatrixTransformToParent(matrix)
        assert np.allclose(nodes.numpy_matrix(matrix), move, atol=1e-6)
        assert moved.GetAttribute("OpenIGTLink.TransformStatus") == "OK"
    assert main_thread.longest < 0.05


class Outbox:
    """A link that keeps what is sent over it."""

    def __init__(self):
        self.sent = []

    def send(self, kind, device, content, bulk=b"", metadata=None):
        self.sent.append((kind, device, metadata or {}))

    def send_made(self, kind, device, make, metadata=None):
        self.send(kind, device, make(), b"", metadata)


def test_what_goes_names_no_class_of_node(scene):
    """OpenIGTLinkIF takes MRMLNodeName for that, where a pipeline has made POLYDATA of an image."""
    outbox = Outbox()
    text, transform = (scene.AddNewNodeByClass(name, "Sent") for name in ("vtkMRMLTextNode", "vtkMRMLLinearTransformNode"))
    for node in (volume_of(scene, np.zeros((1, 3, 4), np.uint8), oblique()), transform, text):
        outgoing.send(outbox, node)
    assert [kind for kind, _, _ in outbox.sent] == ["IMAGE", "TRANSFORM", "STRING"]
    assert all(device == "Sent" and "MRMLNodeName" not in metadata for _, device, metadata in outbox.sent)
    with pytest.raises(SagittalError, match="no volume, transform or text"):
        outgoing.send(outbox, scene.AddNewNodeByClass("vtkMRMLModelNode", "Surface"))
    assert len(outbox.sent) == 3


def test_a_volume_comes_back_as_labels_of_a_threshold(program, scene, main_thread, logic):
    voxels = np.zeros((6, 20, 24), np.int16)
    voxels[1:4, 5:15, 6:18] = 700
    node = volume_of(scene, voxels, oblique())
    port = free_port()
    with Pipeline(program, "volume_threshold", port=port) as pipeline:
        logic.connect("127.0.0.1", pipeline.port)
        main_thread.timed(logic.send, node)
        labels = run(logic, main_thread, lambda: logic.nodes.node_of("Segmentation-label"))
        assert labels.IsA("vtkMRMLLabelMapVolumeNode") and np.allclose(world(labels), oblique(), atol=1e-4)
        assert np.array_equal(slicer.util.arrayFromVolume(labels), voxels == 700)
        logic.link.send_command("SetParameter", "bone.low=900")
        run(logic, main_thread, lambda: "SUCCESS" in logic.note)
        main_thread.timed(logic.send, node)
        run(logic, main_thread, lambda: not slicer.util.arrayFromVolume(labels).any())
    assert main_thread.longest < 0.05


def test_what_is_watched_goes_whenever_it_changes(program, scene, main_thread, logic):
    node = volume_of(scene, np.full((1, 8, 256), 1, np.uint8), oblique())
    with Pipeline(program, "invert") as pipeline:
        logic.connect("127.0.0.1", pipeline.port)
        logic.watch(node)
        back = run(logic, main_thread, lambda: logic.nodes.node_of("Inverted"))
        assert logic.is_watched(node) and slicer.util.arrayFromVolume(back).max() == 254
        slicer.util.arrayFromVolume(node)[:] = 55
        slicer.util.arrayFromVolumeModified(node)
        run(logic, main_thread, lambda: slicer.util.arrayFromVolume(back).max() == 200)
        pipeline.kill()
        run(logic, main_thread, lambda: not logic.is_connected)
        nodes.fill_volume(node, contents.Image(np.full((1, 8, 256), 77, np.uint8), oblique()))
        pipeline.start()
        run(logic, main_thread, lambda: slicer.util.arrayFromVolume(back).max() == 178)
        logic.watch(None, node.GetID())
        assert not logic.is_watched(node)
    assert main_thread.longest < 0.05


BONE = """
pipeline: 1
operators:
  pictures: {type: image_folder, folder: pictures, device: Picture, repeat: true, frame_rate: 30}
  labels: {type: normalise, out_dtype: uint8, scale_min: 0, scale_max: 1, from: [0, 255]}
  slicer: {type: igtl_output, port: 1, share: slicer}
  bones: {type: igtl_output, port: 1, share: slicer, device: Bone}
flows:
  - pictures -> slicer
  - pictures -> labels
  - labels -> bones
"""


def test_a_live_view_shows_frames_with_their_labels(program, scene, main_thread, logic, tmp_path):
    (tmp_path / "pictures").mkdir()
    picture = np.zeros((1, 60, 80), np.uint8)
    picture[0, 20:30, 10:50] = 255
    np.save(tmp_path / "pictures/0.npy", picture)
    (tmp_path / "bone.yaml").write_text(BONE)
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    composite = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    view.SetLayoutName("Red"), composite.SetLayoutName("Red")
    port = free_port()
    with Pipeline(program, tmp_path / "bone.yaml", f"bones.port={port}", operator="slicer", port=port) as pipeline:
        logic.connect("127.0.0.1", pipeline.port)
        logic.nodes.show_as("Bone", nodes.AS_LABELS)
        logic.show_live("Picture", view)
        run(logic, main_thread, lambda: logic.nodes.node_of("Bone") and logic.nodes.node_of("Picture"))
        bone, shown = logic.nodes.node_of("Bone"), logic.nodes.node_of("Picture")
        assert np.array_equal(slicer.util.arrayFromVolume(bone) == 1, picture == 255)
        assert np.allclose(world(bone), world(shown))
        run(logic, main_thread, lambda: composite.GetBackgroundVolumeID() == shown.GetID())
        run(logic, main_thread, lambda: composite.GetLabelVolumeID() == bone.GetID())
        assert logic.live_device(view) == "Picture"
        path = tmp_path / "picture.igs.mha"
        logic.start_recording(str(path), "Picture")
        run(logic, main_thread, lambda: logic.recorder.frames >= 5)
        logic.stop_recording()
        run(logic, main_thread, lambda: "frames are in" in logic.note)
    text = path.read_bytes()
    assert b"Seq_Frame0004_ImageToReferenceTransform" in text and text.endswith(picture.tobytes())
    assert not [file for file in tmp_path.iterdir() if file.name.endswith((".part", ".whole"))]


def test_what_was_recorded_is_played_by_the_program_at_its_place(program, scene, main_thread, logic, tmp_path):
    from SagittalLib.streams.recorder import Recorder
    recorder = Recorder(str(tmp_path / "one.igs.mha"), "Probe")
    matrix = oblique()
    matrix[:3, :3] = matrix[:3, :3] @ np.diag([1, 0.5 / 0.75, 0.25])  # Plus's recordings have square pixels, no thickness
    frames = [np.random.default_rng(n).integers(0, 256, (1, 20, 30), np.uint8) for n in range(3)]
    for frame in frames:
        recorder.take(image(frame, matrix))
    recorder.take(image(np.zeros((1, 4, 4), np.uint8), matrix))
    in_parts = image(frame, matrix)
    in_parts.value.is_complete = False
    recorder.take(in_parts)
    assert recorder.finish() == 3 and recorder.left_out == 2
    (tmp_path / "play.yaml").write_text(
        "pipeline: 1\noperators:\n  play: {type: sequence_file, file: one.igs.mha, device: Played, repeat: true,"
        " transform: ImageToReference, frame_rate: 20}\n  slicer: {type: igtl_output, port: 1}\nflows:\n  - play.frame -> slicer\n")
    with Pipeline(program, tmp_path / "play.yaml", operator="slicer") as pipeline:
        logic.connect("127.0.0.1", pipeline.port)
        node = run(logic, main_thread, lambda: logic.nodes.node_of("Played"))
        assert any(np.array_equal(slicer.util.arrayFromVolume(node), frame) for frame in frames)
        assert np.allclose((world(node) @ [3, 5, 0, 1])[:3], (matrix @ [3, 5, 0, 1])[:3], atol=1e-3)
    empty = Recorder(str(tmp_path / "none.igs.mha"), "Probe")
    with pytest.raises(SagittalError, match="No frame"):
        empty.finish()
    assert not (tmp_path / "none.igs.mha").exists() and not (tmp_path / "none.igs.mha.part").exists()


@pytest.mark.parametrize("shape, rate", [((1, 480, 640), 30), ((1, 1080, 1920, 3), 15)])
def test_the_main_thread_is_free_while_frames_come(program, scene, main_thread, logic, tmp_path, shape, rate):
    (tmp_path / "pictures").mkdir()
    for n in range(2):
        np.save(tmp_path / f"pictures/{n}.npy", np.random.default_rng(n).integers(0, 255, shape, np.uint8))
    (tmp_path / "camera.yaml").write_text(
        f"pipeline: 1\noperators:\n  camera: {{type: image_folder, folder: pictures, device: Camera, repeat: true, frame_rate: {rate}}}\n"
        "  slicer: {type: igtl_output, port: 1}\nflows:\n  - camera -> slicer\n")
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    with Pipeline(program, tmp_path / "camera.yaml", operator="slicer") as pipeline:
        logic.connect("127.0.0.1", pipeline.port)
        logic.show_live("Camera", view)
        run(logic, main_thread, lambda: logic.nodes.node_of("Camera"))
        main_thread.longest, shown, end = 0.0, 0, time.monotonic() + 2
        while time.monotonic() < end:
            main_thread.workers.wait_for_results(0.015)
            main_thread.timed(main_thread.workers.pump)
            shown += main_thread.timed(logic.tick)
        (device,) = logic.devices()
    assert main_thread.longest < 0.05 and shown >= 5 and device.rate > 0
    assert slicer.util.arrayFromVolume(logic.nodes.node_of("Camera")).size == np.prod(shape)


class Connector:
    """Has what is used of the connector node of SlicerOpenIGTLink, and writes down what it is told."""

    StateConnected = 2
    made = []

    def __init__(self):
        self.calls, self.incoming, self.state = [], [], 0
        Connector.made.append(self)

    def __getattr__(self, name):
        return lambda *given: self.calls.append((name, *given))

    def GetState(self):
        return self.state

    def GetNumberOfIncomingMRMLNodes(self):
        return len(self.incoming)

    def GetIncomingMRMLNode(self, index):
        return self.incoming[index]


def test_a_connection_is_left_to_slicers_own_extension_where_it_is_installed(scene, logic, monkeypatch):
    with pytest.raises(SagittalError, match="not installed"):
        logic.connect_slicer("localhost", 18944)
    monkeypatch.setattr(slicer, "vtkMRMLIGTLConnectorNode", Connector, raising=False)
    node = volume_of(scene, np.zeros((1, 4, 6), np.uint8), oblique())

    class Scene:
        """One that can make the connector's node."""

        def AddNewNodeByClass(self, name, *more):
            return Connector() if name == "vtkMRMLIGTLConnectorNode" else scene.AddNewNodeByClass(name, *more)

        def IsNodePresent(self, one):
            return one in Connector.made

        def RemoveNode(self, one):
            Connector.made.remove(one)

        def __getattr__(self, name):
            return getattr(scene, name)

    view = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    logic.scene = Scene()
    logic.connect_slicer("gpu", 18945)
    (connector,) = Connector.made
    assert connector.calls == [("SetTypeClient", "gpu", 18945), ("Start",)] and not logic.is_connected
    connector.state, connector.incoming = 2, [node]
    assert logic.is_connected
    logic.show_live("Sent", view)
    logic.tick()
    assert np.allclose(nodes.numpy_matrix(view.GetSliceToRAS())[:3, 0], oblique()[:3, 0] / 0.5, atol=1e-5)
    logic.send(node)
    logic.watch(node)
    assert [call[0] for call in connector.calls[2:]] == ["RegisterOutgoingMRMLNode", "PushNode", "UnregisterOutgoingMRMLNode",
                                                         "RegisterOutgoingMRMLNode", "PushNode"]
    with pytest.raises(SagittalError, match="own connection"):
        logic.start_recording("/nowhere/file.igs.mha", "Sent")
    logic.disconnect()
    assert connector.calls[-2:] == [("UnregisterOutgoingMRMLNode", node), ("Stop",)] and not Connector.made
