"""Scripts that do what 3D Slicer, Plus and HoloHub's operators do on the wire, with an endpoint of ours on the other side."""
import struct
import time

import pytest
from igtl_wire import TRANSFORM, Connection, Message, Peer, image, listen_on, status, text


@pytest.fixture
def server(program):
    with Peer(program, "server") as peer:
        yield peer


def slicer_hello():
    """What 3D Slicer sends first, so that its peer speaks version 2."""
    return Message("STATUS", "", status(), 2, {"dummy": "dummy"})


def test_slicer_connects_and_gets_back_what_it_sends(server):
    slicer = Connection.to(server.port)
    slicer.send(slicer_hello())
    assert slicer.receive().version == 2  # the echo of its greeting
    metadata = {"MRMLNodeName": "LinearTransform", "Status": "OK", "TransformStatus": "OK"}
    slicer.send(Message("TRANSFORM", "LinearTransform", TRANSFORM, 2, metadata, timestamp=0))
    back = slicer.receive()
    assert (back.type, back.device, back.content, back.metadata) == ("TRANSFORM", "LinearTransform", TRANSFORM, metadata)


def test_slicers_remote_query_panel_is_answered(server):
    slicer = Connection.to(server.port)
    slicer.send(slicer_hello())
    slicer.receive()
    picture = image(5, 4)
    slicer.send(Message("IMAGE", "Image_Reference", picture, 2))
    slicer.receive()
    slicer.send(Message("GET_IMGMETA", "", b"", 2))
    listed = slicer.receive()
    assert listed.type == "IMGMETA" and len(listed.content) == 260
    device = listed.content[64:84].rstrip(b"\0").decode()
    slicer.send(Message("GET_IMAGE", device, b"", 2))
    assert slicer.receive().content == picture
    slicer.send(Message("GET_LBMETA", "", b"", 2))
    assert slicer.receive().type == "LBMETA"
    slicer.send(Message("STT_TDATA", "", struct.pack(">I32s", 50, b"Patient"), 2))
    answer = slicer.receive()
    assert (answer.type, answer.content) == ("RTS_TDATA", b"\0")
    slicer.send(Message("STP_TDATA", "", b"", 2))
    assert slicer.receive().type == "RTS_TDATA"


def command(number, name, xml="<Command/>"):
    return struct.pack(">I128sHI", number, name.encode(), 3, len(xml)) + xml.encode()


def test_slicers_commands_are_answered_with_their_number(server):
    slicer = Connection.to(server.port)
    slicer.send(Message("COMMAND", "Slicer", command(17, "Start"), 2))
    reply = slicer.receive()
    assert (reply.type, reply.version) == ("RTS_COMMAND", 2)
    number, name = struct.unpack_from(">I128s", reply.content)
    assert (number, name.rstrip(b"\0")) == (17, b"Start")
    assert reply.metadata == {"Status": "SUCCESS", "Message": "did Start"}
    slicer.send(Message("COMMAND", "Slicer", command(18, "Fail"), 2))
    assert slicer.receive().metadata == {"Status": "FAIL", "Error": "as was wished"}


def test_slicer_as_a_server_is_spoken_to_in_version_2_once_it_spoke(program):
    with listen_on() as listener, Peer(program, "client", listener.getsockname()[1]) as ours:
        slicer = Connection(listener.accept()[0])
        ours.wait_for("connected")
        ours.say("image")
        assert slicer.receive().version == 1
        slicer.send(slicer_hello())
        assert slicer.receive().version == 2
        ours.say("image")
        assert slicer.receive().version == 2


def test_plus_client_says_who_it_is_and_reads_version_1(server):
    plus = Connection.to(server.port)
    plus.send(Message("CLIENTINFO", "PlusClient", text("<ClientInfo><MessageTypes><Message Type=\"IMAGE\"/></MessageTypes></ClientInfo>")),
              Message("CLIENTINFO", "PlusClient", b"<ClientInfo/>"), Message("USMESSAGE", "PlusClient", b"?"),
              Message("TRANSFORM", "ProbeToTracker", TRANSFORM), Message("IMAGE", "Image_Image", image()))
    assert plus.receive().type == "IMAGE"
    counted = server.counters()
    assert (counted["skipped"], counted["refused"]) == (1, 1)
    plus.send(Message("STRING", "CMD_4711", text('<Command Name="RequestChannelIds" />')))
    reply = plus.receive()
    assert (reply.type, reply.device, reply.version) == ("STRING", "ACK_4711", 1)
    assert reply.content[4:] == b'<CommandReply Status="SUCCESS" Message="did RequestChannelIds" />'


def test_plus_server_is_found_again_after_each_restart(program):
    listener = listen_on()
    port = listener.getsockname()[1]
    with Peer(program, "client", port) as ours:
        for _ in range(3):
            plus = Connection(listener.accept()[0])
            ours.wait_for("connected")
            listener.close()
            fields = {"ProbeToTrackerTransform": "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", "TransformValid": "True"}
            plus.send(Message("STATUS", "", status()), Message("IMAGE", "Image_Reference", image(), 2, fields),
                      Message("TRANSFORM", "ProbeToTracker", TRANSFORM, 2, fields))
            missing = {"STATUS", "IMAGE", "TRANSFORM"}
            while missing:  # the transform of before may come too
                missing.discard(plus.receive().type)
            plus.close()
            ours.wait_for("disconnected")
            listener = listen_on(port)
        listener.close()


def test_a_late_client_of_ours_knows_the_last_transform(server):
    plus = Connection.to(server.port)
    plus.send(Message("TRANSFORM", "ProbeToTracker", TRANSFORM))
    plus.receive()
    late = Connection.to(server.port)
    assert late.receive().content == TRANSFORM


def test_holohubs_sender_streams_version_1_and_cuts_its_name(server):
    holohub = Connection.to(server.port)
    frame = image(32, 24, 3)
    for n in range(5):
        holohub.send(Message("IMAGE", "HoloscanImageAndSegm", frame, 1, timestamp=n << 32))
        back = holohub.receive()
        assert (back.version, back.device, back.content) == (1, "HoloscanImageAndSegm", frame)


@pytest.mark.parametrize("version, taken", [("2", True), ("auto", False)])
def test_holohubs_receiver_dies_of_version_1(program, version, taken):
    with listen_on() as listener, Peer(program, "client", listener.getsockname()[1], version) as ours:
        holohub = Connection(listener.accept()[0])
        ours.wait_for("connected")
        ours.say("image")
        messages = [holohub.receive()]
        if messages[-1].type != "IMAGE":  # it skips others
            messages.append(holohub.receive())
        assert messages[-1].type == "IMAGE"
        assert all(message.version == 2 for message in messages) == taken


def test_a_killed_client_is_noticed_and_others_stream_on(server, program):
    with Peer(program, "client", server.port) as other:
        server.wait_for("connected")
        other.wait_for("connected")
        for _ in range(3):
            victim = Peer(program, "client", server.port)
            server.wait_for("connected")
            victim.process.kill()
            victim.process.wait()
            server.wait_for("disconnected")
        begin = time.monotonic()
        server.say("image")
        other.wait_for("message IMAGE")
        assert time.monotonic() - begin < 30
        other.process.kill()
        other.process.wait()
        other.process.returncode = 0
