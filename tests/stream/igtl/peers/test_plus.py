"""Pipelines between Plus and 3D Slicer, with scripts in the place of both: what Plus sends is placed and comes on, what we find
goes back to its devices."""
import json
import re
import signal
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyigtl
import pytest
import yaml
from igtl_wire import PATIENCE_S, Connection, Message, Peer, free_port, image, text
from plus import DeviceSet, PlusDevice, PlusServer, TrackedFrame, find_transform, parts_of, read_sequence, wire_time

ROOT = Path(__file__).resolve().parents[4]
PIPELINES = ROOT / "examples/pipelines"
REPLAY = ROOT / "examples/plus/PlusDeviceSet_Sagittal_BoneReplay.xml"
RESULTS = ROOT / "examples/plus/PlusDeviceSet_Sagittal_Results.xml"


def operators(name: str) -> dict:
    return yaml.safe_load((PIPELINES / f"{name}.yaml").read_text())["operators"]


def turned(n: int) -> np.ndarray:
    """A pose that moves with the frames."""
    angle = 0.1 + 0.05 * n
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = [10 + n, 20, 30 - 2 * n]
    return matrix


def made_up_frames(count=5) -> list:
    fields = {"Timestamp": "1.5", "ImageStatus": "OK", "Depth": "40"}
    return [TrackedFrame(np.full((24, 32), 10 * n, np.uint8), fields,
                         {("Probe", "Tracker"): turned(n), ("Reference", "Tracker"): turned(2 * n + 1)}) for n in range(count)]


@contextmanager
def running(program, pipeline, *settings):
    """The pipeline; what it says at its end comes into the dictionary that is given."""
    command = [program, "stream", "run", str(pipeline), "--json", *(word for setting in settings for word in ("--set", setting))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    result = {}
    try:
        for setting in settings:
            if re.match("(slicer|out|back).port=", setting):
                until(lambda: is_open(int(setting.split("=")[1])), setting)
        yield result
    finally:
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    result.update({one["name"]: one["counters"] for one in json.loads(out)["operators"]})


def is_open(port: int) -> bool:
    try:
        Connection.to(port).close()
    except OSError:
        return False
    return True


def until(condition, what=""):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@contextmanager
def slicer_at(port):
    """pyigtl in 3D Slicer's place, a client."""
    client = pyigtl.OpenIGTLinkClient("127.0.0.1", port)
    try:
        yield client
    finally:
        client.stop()


def frame_number(plus, message) -> int:
    """Which frame of the recording has the message's time."""
    return plus.times[min(plus.times, key=lambda stamp: abs(stamp - wire_time(message.timestamp)))]


def place_of(plus, number, name="ImageToReference") -> np.ndarray:
    """From the recording and the device set alone."""
    return find_transform(plus.device_set.calibrations | plus.frames[number].transforms, *parts_of(name))


def expect_place(message, matrix):
    """Of an image in RAS; the third axis of a picture has no length of its own."""
    assert message.world_coordinate_system == "ras"
    found = message.ijk_to_world_matrix
    np.testing.assert_allclose(found[:3, [0, 1, 3]], matrix[:3, [0, 1, 3]], atol=2e-3)
    assert found[:3, 2] @ matrix[:3, 2] > 0.99 * np.linalg.norm(found[:3, 2]) * np.linalg.norm(matrix[:3, 2])


def test_device_sets_and_pipelines_speak_of_the_same():
    replay, results = DeviceSet(REPLAY), DeviceSet(RESULTS)
    for name in ("plus_to_slicer", "plus_bone"):
        parts = operators(name)
        assert parts["plus"]["port"] == replay.port and parts["plus"]["role"] == "client"
        asked = parts["plus"]["client_info"]
        assert [parts_of(one) for one in asked["images"]] == replay.default.images
        assert asked["transforms"] == replay.default.transforms
        ports = {one["port"] for one in parts.values() if one.get("role") == "server"} | {replay.port, results.port}
        assert len(ports) == 2 + sum(one.get("role") == "server" for one in parts.values())
    (video,), (tracker,) = results.devices("OpenIGTLinkVideo"), results.devices("OpenIGTLinkTracker")
    parts = operators("plus_bone")
    for device in (video, tracker):
        assert int(device.get("ServerPort")) == parts["back"]["port"]
    assert "_".join(parts_of(video.get("ImageMessageEmbeddedTransformName"))) == parts["labels"]["device"]
    tools = [f"{one.get('Id')}To{tracker.get('ToolReferenceFrame')}" for one in tracker.iterfind("DataSources/DataSource")]
    assert tools == parts["plus"]["client_info"]["transforms"] == results.default.transforms
    for device_set in (replay, results):
        channels = {one.get("Id") for one in device_set.root.iter("OutputChannel")}
        used = {one.get("Id") for one in device_set.root.iter("InputChannel")} | {device_set.server.get("OutputChannelId")}
        assert used <= channels and device_set.devices("VirtualCapture")


def test_the_calibration_is_that_of_the_other_example():
    (calibration,) = DeviceSet(REPLAY).calibrations.values()
    there = operators("bone_ultrasound")["ultrasound"]["calibration"]["ImageToProbe"]
    np.testing.assert_array_equal(calibration.ravel(), there)


def test_plus_to_slicer_with_poses_commands_and_restarts(program):
    device_set, port = DeviceSet(REPLAY), free_port()
    capture = device_set.devices("VirtualCapture")[0].get("Id")
    plus = PlusServer(device_set, made_up_frames(), 0.02)
    settings = (f"plus.port={plus.port}", f"slicer.port={port}", "slicer.header_version='2'",
                f"recording.on_connect=[{{name: StartRecording, CaptureDeviceId: {capture}}}, {{name: RequestDeviceIds}}]",
                f"recording.at_end=[{{name: StopRecording, CaptureDeviceId: {capture}}}]")
    with running(program, PIPELINES / "plus_to_slicer.yaml", *settings) as counted:
        with slicer_at(port) as slicer, plus:
            seen, early = set(), 0
            while len(seen) < 5:
                message = slicer.wait_for_message("Image_Reference", timeout=PATIENCE_S)
                if not message.metadata:  # sent before Plus heard the wish for version 2
                    early += 1
                    assert not seen and early < 50
                    continue
                number = frame_number(plus, message)
                assert (message.image == 10 * number).all() and message.image.shape == (1, 24, 32)
                assert message.metadata["Depth"] == "40"
                expect_place(message, place_of(plus, number))
                seen.add(number)
            pose = slicer.wait_for_message("ProbeToReference", timeout=PATIENCE_S)
            np.testing.assert_allclose(pose.matrix, place_of(plus, frame_number(plus, pose), "ProbeToReference"), atol=1e-4)
            assert pose.metadata["TransformStatus"] == "OK"
            until(lambda: len(plus.commands) == 2, plus.commands)
            assert plus.recording == "recording"
            (wishes,) = plus.clients.values()
            assert (wishes.header_version, wishes.types, wishes.images) == (2, ["IMAGE", "TRANSFORM"], [("Image", "Reference")])
            assert ordered(port, "Command", {"operator": "recording", "name": "Version", "arguments": {}}) == "SUCCESS"
            until(lambda: plus.commands[-1] == {"Name": "Version"}, plus.commands)
            plus.paused = True  # what it has to say then is that it lives
            time.sleep(2.5 * device_set.keep_alive_s)
            plus.paused = False
            slicer.wait_for_message("Image_Reference", timeout=PATIENCE_S)
        with slicer_at(port) as slicer, PlusServer(device_set, made_up_frames(), 0.02, plus.port) as again:
            message = slicer.wait_for_message("Image_Reference", timeout=PATIENCE_S)
            until(lambda: again.recording, "asked again, as the connection is a new one")
            assert not again.skipped and frame_number(again, message) < 5
    # Version is none of the commands that plus.py knows; StopRecording comes when nobody waits for its answer any more.
    assert {key: counted["recording"][key] for key in ("sent", "answered", "failed")} == {"sent": 4, "answered": 5, "failed": 1}
    assert counted["plus"]["connects"] == 2 and counted["plus"]["refused"] == 0 and counted["plus"]["bad_checksums"] == 0


def ordered(port, name, content) -> str:
    """What becomes of a COMMAND of 3D Slicer."""
    slicer, text_of_it = Connection.to(port), json.dumps(content).encode()
    slicer.send(Message("COMMAND", "Slicer", struct.pack(">I128sHI", 7, name.encode(), 3, len(text_of_it)) + text_of_it, 2))
    (answer,) = drain(slicer, "RTS_COMMAND")
    return answer.metadata["Status"]


TRACKING = """
pipeline: 1
title: Tools
operators:
  plus: {type: igtl_input, role: client, port: 1, header_version: "2", waiting: 64,
         client_info: {images: [ImageToImage], transforms: [ProbeToReference, VeryLongToolNameToReference], strings: [Depth], tracking: true}}
  place: {type: pose_pair, transform: ImageToReference, calibration: {ImageToProbe: [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1]}}
  out: {type: igtl_output, role: server, port: 1, share: out}
  placed: {type: igtl_output, role: server, port: 1, share: out, device: Image_Reference}
flows:
  - plus.frame -> place.frame
  - {from: plus.tracking, to: place.tracking, capacity: 64}
  - place -> placed
  - {from: plus.text, to: out, capacity: 8}
  - {from: plus.tracking, to: out, capacity: 64}
"""


def test_images_without_a_calibration_in_plus_are_placed_here_by_its_tracking_data(program, tmp_path):
    file, port = tmp_path / "tracking.yaml", free_port()
    file.write_text(TRACKING)
    frames = made_up_frames()
    for frame in frames:
        frame.transforms["VeryLongToolName", "Tracker"] = turned(9)
    with PlusServer(DeviceSet(REPLAY), frames, 0.02) as plus:
        with running(program, file, f"plus.port={plus.port}", f"out.port={port}", f"placed.port={port}"), slicer_at(port) as slicer:
            assert slicer.wait_for_message("Depth", timeout=PATIENCE_S).string == "40"
            message = slicer.wait_for_message("Image_Reference", timeout=PATIENCE_S)
            number = frame_number(plus, message)
            expect_place(message, place_of(plus, number, "ProbeToReference") @ np.diag([0.5, 0.5, 0.5, 1]))
            assert [one.type for one in drain(Connection.to(port), "TDATA")] == ["TDATA"]


def drain(connection, kind, count=1):
    """The next messages of that kind."""
    found = []
    while len(found) < count:
        message = connection.receive()
        if message.type == kind:
            found.append(message)
    connection.close()
    return found


@pytest.fixture
def server(program):
    with Peer(program, "server") as peer:
        yield peer


def send_all(plus_free, *names):
    """Images, transforms and a text, to a server that gives everybody back what it was sent."""
    plus_free.send(*(Message("IMAGE", name, image()) for name in names if "_" in name))
    plus_free.send(*(Message("TRANSFORM", name, b"\0" * 48) for name in names if "To" in name))
    plus_free.send(Message("STRING", "note", text("note")))


def test_the_video_device_of_plus_is_sent_its_image_alone(server):
    device = PlusDevice(DeviceSet(RESULTS).devices("OpenIGTLinkVideo")[0], server.port)
    until(lambda: server.counters()["received"] == 1)
    source = Connection.to(server.port)
    for _ in range(3):
        send_all(source, "Image_Reference", "Bone_Reference", "ProbeToReference")
        message = device.tick()
        assert (message.type, message.device, message.version) == ("IMAGE", "Bone_Reference", 1)
    device.close()


def test_the_tracker_device_of_plus_is_sent_its_tools_alone(server):
    device = PlusDevice(DeviceSet(RESULTS).devices("OpenIGTLinkTracker")[0], server.port)
    until(lambda: server.counters()["received"] == 1)
    source = Connection.to(server.port)
    for _ in range(3):
        send_all(source, "Bone_Reference", "StylusToReference", "ProbeToReference")
        message = device.tick()
        assert (message.type, message.device) == ("TRANSFORM", "ProbeToReference")
    device.close()


def test_a_tracker_of_tracking_data_starts_and_stops_it(server):
    element = DeviceSet(RESULTS).devices("OpenIGTLinkTracker")[0]
    element.set("MessageType", "TDATA")
    device = PlusDevice(element, server.port)
    assert device.tick().type == "RTS_TDATA"
    source = Connection.to(server.port)
    tool = Message("TDATA", "TDATA_1Elem", b"ProbeToReference\0\0\0\0\2\0" + b"\0" * 48)
    source.send(tool)
    assert device.tick().type == "TDATA"
    device.connection.close()  # as after silence, it comes again
    device.connect()
    assert device.tick().type == "RTS_TDATA"
    device.connection.send(Message("STP_TDATA", ""))
    assert device.tick().type == "RTS_TDATA"
    source.send(tool)
    assert device.tick(0.3) is None


def what_comes(device, kind, name, count=3) -> list:
    """Nothing else but signs of life, once its wishes are known."""
    found = []
    while len(found) < count:
        message = device.tick()
        if (message.type, message.device) == (kind, name):
            found.append(message)
        else:
            assert not found or message.type == "STATUS"
    return found


@pytest.fixture(scope="module")
def bone(program, shared_data, tmp_path_factory):
    """The network for bones as a folder, and the recording."""
    data = shared_data / "us_plus"
    if not (data / "SagittalSpine_05.h5").exists():
        pytest.skip(f"no bone ultrasound at {data}")
    folder = tmp_path_factory.mktemp("network")
    done = subprocess.run([program, "model", "convert", data / "SagittalSpine_05.h5", "-o", folder, "--divide-by-maximum", "--flip-vertically",
                           "--labels", "background,bone"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, data / DeviceSet(REPLAY).devices("SavedDataSource")[0].get("SequenceFile")


def test_bone_in_plus_goes_to_slicer_and_back_to_plus(program, bone):
    network, recording = bone
    slicer_port, back_port = free_port(), free_port()
    results = DeviceSet(RESULTS)
    with PlusServer(DeviceSet(REPLAY), read_sequence(recording), 1 / 11.6) as plus:
        settings = (f"plus.port={plus.port}", f"slicer.port={slicer_port}", f"back.port={back_port}", f"bone.model={network}")
        with running(program, PIPELINES / "plus_bone.yaml", *settings) as counted, slicer_at(slicer_port) as slicer:
            video, tracker = (PlusDevice(results.devices(kind)[0], back_port) for kind in ("OpenIGTLinkVideo", "OpenIGTLinkTracker"))
            labelled = 0
            for _ in range(8):
                picture = slicer.wait_for_message("Image_Reference", timeout=PATIENCE_S)
                number = frame_number(plus, picture)
                np.testing.assert_array_equal(picture.image[0], plus.frames[number].pixels)
                expect_place(picture, place_of(plus, number))
                labels = slicer.wait_for_message("Bone_Reference", timeout=PATIENCE_S)
                assert labels.image.shape == picture.image.shape and set(np.unique(labels.image)) <= {0, 1}
                expect_place(labels, place_of(plus, frame_number(plus, labels)))
                labelled += np.count_nonzero(labels.image) > 500
            assert labelled >= 6, "the surface is seen in nearly all frames"
            assert all(1 in message.content[72:] for message in what_comes(video, "IMAGE", "Bone_Reference"))
            what_comes(tracker, "TRANSFORM", "ProbeToReference")
    assert counted["back"]["unwanted"] > 0 and counted["plus"]["refused"] == 0
