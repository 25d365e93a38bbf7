"""Pipelines of a real server, as the Streams module starts, watches, changes and stops them."""
import json

import pytest
import slicer

from running_server import Server, free_port
from SagittalLib.client import Api, Connection, SagittalError, ServerError
from SagittalLib.settings import MemoryStore, Settings
from SagittalLib.streams import pipelines
from SagittalLib.streams.logic import StreamsLogic
from SagittalLib.streams.plans import Plans
from stream_peers import write_pipeline

LIVE = """
pipeline: 1
title: Live pictures
description: Pictures of a folder, made smaller, for 3D Slicer.
operators:
  camera: {type: image_folder, folder: pictures, device: Camera, repeat: true, frame_rate: 50}
  smaller: {type: resize, width: 16}
  labels: {type: largest_component, min_pixels: 1}
  slicer: {type: igtl_output, port: 0, device: Smaller}
flows:
  - camera -> smaller
  - smaller -> labels
  - {from: labels, to: slicer, capacity: 1, when_full: keep_latest}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("pipelines")
    write_pipeline(made, "live", LIVE)
    write_pipeline(made, "wrong", LIVE.replace("pipeline: 1", "pipeline: 9"))
    return made


@pytest.fixture(scope="module")
def server(program, folder):
    running = Server(program, "--pipelines", folder, "--max-streams", "2")
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def logic(server, scene, main_thread):
    settings = Settings(MemoryStore())
    settings.set("server", server.url)
    made = StreamsLogic(scene, settings, main_thread.workers)
    yield made
    made.close()
    api = Api(Connection(server.url))
    for stream in api.get("streams")["streams"]:
        api.delete("streams/" + stream["id"], statuses=(404,))


def started(logic, main_thread, **parameters):
    main_thread.timed(logic.pipelines.refresh)
    main_thread.until(lambda: logic.pipelines.pipelines)
    main_thread.timed(logic.pipelines.start, "live", parameters or None)
    return main_thread.until(lambda: logic.pipelines.stream)


def test_pipelines_are_listed_started_watched_and_stopped(logic, main_thread):
    stream = started(logic, main_thread)
    listed = {one["name"]: one for one in logic.pipelines.pipelines}
    assert listed["live"]["title"] == "Live pictures" and "9" in listed["wrong"]["problem"]
    assert stream["state"] == "running" and not logic.pipelines.is_busy
    main_thread.until(lambda: logic.pipelines.rates.get("smaller", 0) > 5)
    rows = {row.name: row for row in logic.pipelines.rows()}
    assert set(rows) == {"camera", "smaller", "labels", "slicer"}
    assert rows["smaller"].p99_ms >= rows["smaller"].p50_ms > 0 and rows["smaller"].is_on and rows["smaller"].errors == 0
    main_thread.timed(logic.pipelines.stop)
    main_thread.until(lambda: logic.pipelines.stream is None and not logic.pipelines.streams and not logic.pipelines.is_busy)
    assert logic.pipelines.rows() == [] and logic.pipelines.error is None and main_thread.longest < 0.05


def test_parameters_are_forms_and_change_while_it_runs(logic, main_thread):
    started(logic, main_thread, smaller={"width": 8})
    operator = next(one for one in logic.pipelines.stream["operators"] if one["name"] == "smaller")
    fields = {field.name: field for field in logic.pipelines.parameters_of(operator)}
    assert fields["width"].kind == "int" and fields["width"].value == 8 and fields["width"].most >= 1024
    assert fields["filter"].kind == "choice" and "area" in fields["filter"].choices
    assert [field.is_open for field in logic.pipelines.parameters_of(
        next(one for one in logic.pipelines.stream["operators"] if one["name"] == "slicer")) if field.name == "port"] == [False]
    value = lambda name: next(one for one in logic.pipelines.stream["operators"] if one["name"] == "smaller")["parameters"][name]
    main_thread.timed(logic.pipelines.set_parameters, {"smaller": {"width": 20}})
    main_thread.until(lambda: value("width") == 20)
    main_thread.timed(logic.pipelines.set_parameters, {"smaller": {"width": 30, "filter": "sharp"}})
    error = main_thread.until(lambda: logic.pipelines.error)
    assert isinstance(error, ServerError) and "filter" in str(error) and value("width") == 20
    main_thread.timed(logic.pipelines.enable, "camera", False)
    main_thread.until(lambda: not {row.name: row for row in logic.pipelines.rows()}["camera"].is_on)


def fields(logic, stream, operator):
    """Of an operator of a stream or plan, by name."""
    one = next(one for one in stream["operators"] if one["name"] == operator)
    return {field.name: field for field in logic.pipelines.parameters_of(one)}


def test_before_any_start_a_pipeline_tells_its_operators_and_their_settings(logic, main_thread):
    main_thread.timed(logic.pipelines.refresh)
    main_thread.until(lambda: logic.pipelines.pipelines and not logic.pipelines.is_busy)
    plan = logic.pipelines.plan("live")
    assert [row.name for row in logic.pipelines.rows(plan)] == ["camera", "smaller", "labels", "slicer"]
    assert all(row.is_planned for row in logic.pipelines.rows(plan))
    smaller, slicer = fields(logic, plan, "smaller"), fields(logic, plan, "slicer")
    assert smaller["width"].value == 16 and smaller["width"].is_own and smaller["width"].is_open
    assert smaller["filter"].choices == ["nearest", "bilinear", "area"] and not smaller["filter"].is_own
    assert slicer["port"].value == 0 and not slicer["port"].is_open and "in the file" in slicer["port"].tip()
    assert "max_clients" not in slicer  # the file alone could set it, and does not
    assert fields(logic, plan, "camera")["frame_rate"].unit == "Hz"
    assert logic.pipelines.plan("wrong") is None and logic.pipelines.plan("nothing") is None
    assert [name for name, _ in logic.pipelines.commands_of({"type": "igtl_output"})] == ["connections"]
    assert logic.pipelines.commands_of({"type": "igtl_command"})[0][0] == pipelines.ANY


def test_a_pipeline_starts_as_it_was_planned(logic, main_thread):
    logic.pipelines.plans.change("live", {"smaller": {"width": 24}, "camera": {"device": "Left knee"}})
    started(logic, main_thread)
    value = lambda stream, name: next(one for one in stream["operators"] if one["name"] == name)["parameters"]
    stream = main_thread.until(lambda: not logic.pipelines.is_busy and logic.pipelines.stream)
    assert value(stream, "smaller")["width"] == 24 and value(stream, "camera")["device"] == "Left knee"
    assert fields(logic, stream, "smaller")["width"].is_open and not fields(logic, stream, "slicer")["port"].is_open
    main_thread.timed(logic.pipelines.stop)
    main_thread.until(lambda: not logic.pipelines.is_busy)
    assert fields(logic, logic.pipelines.plan("live"), "smaller")["width"].value == 24
    logic.pipelines.plans.forget("live")
    assert fields(logic, logic.pipelines.plan("live"), "smaller")["width"].value == 16
    logic.pipelines.plans.change("live", {"smaller": {"height": -4}})
    main_thread.timed(logic.pipelines.start, "live")
    error = main_thread.until(lambda: logic.pipelines.error)
    assert isinstance(error, ServerError) and "height" in str(error) and logic.pipelines.stream is None


def test_operators_are_asked_for_what_only_they_can_do(logic, main_thread):
    started(logic, main_thread)
    main_thread.timed(logic.pipelines.command, "slicer", "connections")
    operator, answer = main_thread.until(lambda: logic.pipelines.answer if logic.pipelines.answer[1] else None)
    assert operator == "slicer" and json.loads(answer)["port"] == logic.pipelines.addresses()[0][1]
    main_thread.timed(logic.pipelines.command, "smaller", "dance")
    error = main_thread.until(lambda: logic.pipelines.error)
    assert isinstance(error, ServerError) and "dance" in str(error) and logic.pipelines.answer == ("", "")
    logic.pipelines.command("slicer", "connections", "{port")
    assert "JSON" in str(logic.pipelines.error) and not logic.pipelines.is_busy


def test_what_it_sends_becomes_a_volume(logic, main_thread):
    started(logic, main_thread)
    (address,) = logic.pipelines.addresses()
    assert address[0] == "127.0.0.1" and address[1] > 0 and address[2] is False
    assert logic.pipelines.label_devices() == set()
    main_thread.timed(logic.connect, *address)
    node = main_thread.until(lambda: (main_thread.timed(logic.tick), logic.nodes.node_of("Smaller"))[1])
    assert slicer.util.arrayFromVolume(node).shape == (1, 12, 16)
    device = next(one for one in logic.devices() if one.name == "Smaller")
    assert device.node_name == "Smaller" and device.pipeline_ms >= 0
    main_thread.timed(logic.pipelines.stop)
    main_thread.until(lambda: not logic.is_connected)
    main_thread.until(lambda: logic.link.error)
    main_thread.until(lambda: "Does the pipeline run?" in str(logic.link.error))


def test_another_window_finds_the_stream_that_runs(logic, main_thread, scene):
    stream = started(logic, main_thread)
    other = pipelines.Pipelines(main_thread.workers, logic._api)
    other.refresh()
    main_thread.until(lambda: other.streams)
    assert [one["id"] for one in other.streams] == [stream["id"]]
    other.follow(stream["id"])
    main_thread.until(lambda: other.stream and other.rates)
    other.close()


def test_errors_are_the_servers_own_words(logic, main_thread):
    logic.pipelines.start("nothing")
    assert "there is no pipeline" in str(main_thread.until(lambda: logic.pipelines.error)).lower()
    logic.pipelines.start("live", {"camera": {"folder": "/etc"}})
    main_thread.until(lambda: isinstance(logic.pipelines.error, ServerError) and logic.pipelines.error.status == 409)
    logic._settings.set("server", "nonsense://")
    logic.pipelines.refresh()
    assert isinstance(logic.pipelines.error, SagittalError) and not logic.pipelines.is_busy


def test_a_server_that_is_killed_and_comes_again(program, folder, scene, main_thread):
    port = free_port()
    server = Server(program, "--pipelines", folder, port=port)
    settings = Settings(MemoryStore())
    settings.set("server", server.url)
    logic = StreamsLogic(scene, settings, main_thread.workers)
    try:
        started(logic, main_thread)
        main_thread.timed(logic.connect, *logic.pipelines.addresses()[0])
        main_thread.until(lambda: (logic.tick(), logic.nodes.node_of("Smaller"))[1])
        server.process.kill()
        server.process.wait()
        main_thread.until(lambda: logic.pipelines.error and logic.link.error and not logic.is_connected)
        server = Server(program, "--pipelines", folder, port=port)
        main_thread.until(lambda: logic.pipelines.is_gone)
        main_thread.timed(logic.pipelines.stop)  # nobody is asked to delete what there is not
        main_thread.until(lambda: not logic.pipelines.is_busy)
        assert logic.pipelines.error is None and logic.pipelines.stream is None
        main_thread.timed(logic.pipelines.start, "live")
        main_thread.until(lambda: logic.pipelines.stream and not logic.pipelines.is_gone and logic.pipelines.error is None)
        main_thread.timed(logic.connect, *logic.pipelines.addresses()[0])
        main_thread.until(lambda: logic.is_connected)
        assert main_thread.longest < 0.05
    finally:
        logic.close()
        server.process.kill()
        server.process.wait()


def stream_of(**operator):
    one = dict({"name": "out", "type": "igtl_output", "state": "running", "runs": 1, "errors": 0, "compute": {},
                "parameters": {"role": "server", "host": "127.0.0.1"}, "counters": {"port": 18944}}, **operator)
    return {"id": "1", "state": "running", "pipeline": "x", "elapsed_s": 1.0, "operators": [one], "flows": []}


def test_descriptions_that_lie_are_refused():
    pipelines.checked(stream_of())
    for broken in ({}, {"id": 3}, dict(stream_of(), operators=[{}]), dict(stream_of(), operators=7),
                   dict(stream_of(), elapsed_s=None), stream_of(counters=3), stream_of(runs="many"),
                   dict(stream_of(), flows=[{"flow": 3, "dropped": 1}])):
        with pytest.raises(SagittalError):
            pipelines.checked(broken)


def test_a_port_that_only_the_servers_machine_reaches_is_known():
    assert pipelines.is_out_of_reach(stream_of(), 18944, "gpu.example.org")
    assert not pipelines.is_out_of_reach(stream_of(), 18944, "localhost")
    assert not pipelines.is_out_of_reach(stream_of(parameters={"role": "server", "host": "0.0.0.0"}), 18944, "gpu.example.org")


def test_fields_are_read_as_their_kind():
    field = lambda kind, value, **more: pipelines.Field("op", {"name": "x", "type": kind, **more}, value, True)
    assert field("whole number", 3, limits=[-1, 255]).least == -1 and field("number", 0.5).kind == "float"
    assert field("true or false", True).kind == "bool" and field("text", "a").read("b c") == "b c"
    assert field("text", "a", choices=["a", "b"]).kind == "choice" and field("anything", None).kind == "json"
    assert field("list of numbers", [1, 2]).shown() == "[1, 2]" and field("list of numbers", []).read("[0, 255]") == [0, 255]
    with pytest.raises(SagittalError, match="JSON"):
        field("list of numbers", []).read("0 to 255")
    assert [pipelines.time_text(ms) for ms in (0.0381, 4.13, 250)] == ["38 µs", "4.1 ms", "250 ms"]


@pytest.mark.parametrize("described", [
    {"operators": 3}, {"operators": [{}]}, {"operators": [{"name": 1, "type": "a", "parameters": []}]}, {"flows": [7]},
    {"operators": [{"name": "a", "type": "b", "parameters": [{"name": "c"}]}]}, {"operators": [7]}], ids=str)
def test_pipelines_that_lie_about_their_operators_are_refused(described):
    with pytest.raises(SagittalError):
        Plans().stream({"name": "p", **described})
    assert Plans().stream({"name": "p"}) is None
