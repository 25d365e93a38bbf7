"""/api/v1/streams: pipelines of the machine started, watched, changed and stopped by name."""
import json
import time

import pytest
import requests
from websockets.sync.client import connect

from running_server import Server
from stream_pipelines import PIPELINE, write_pipeline
from test_keys import make_key


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipelines")
    write_pipeline(folder)
    write_pipeline(folder, "short", PIPELINE.replace("repeat: true, frame_rate: 100", "frame_rate: 0"))
    write_pipeline(folder, "wrong", PIPELINE.replace("resize", "resise"))
    return folder


@pytest.fixture(scope="module")
def server(program, model, pipelines):
    running = Server(program, *model, "--pipelines", pipelines, "--max-streams", "2")
    yield running
    assert running.stop() == 0


@pytest.fixture
def api(server):
    class Api:
        url = f"{server.url}/api/v1/streams"

        def __call__(self, method, path="", status=200, **more):
            answer = requests.request(method, self.url + path, timeout=30, **more)
            assert answer.status_code == status, answer.text
            return answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else answer

        def start(self, name="small", status=201, **parameters):
            return self("POST", status=status, json={"pipeline": name, "parameters": parameters})

    api = Api()
    yield api
    for stream in api("GET")["streams"]:
        api("DELETE", f"/{stream['id']}", 204)


def wait_until(what):
    for _ in range(300):
        found = what()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail("it did not come")


def test_pipelines_are_listed_and_one_runs(api):
    listed = {one["name"]: one for one in api("GET")["pipelines"]}
    assert listed["small"]["title"] == "Small pictures" and listed["small"]["problem"] is None
    started = api.start()
    assert started["state"] == "running" and started["title"] == "Small pictures" and not started["ended"]
    state = wait_until(lambda: (now := api("GET", f"/{started['id']}"))["flows"][1]["taken"] > 20 and now)
    smaller = next(op for op in state["operators"] if op["name"] == "smaller")
    assert smaller["runs"] > 20 and smaller["compute"]["p99_ms"] > 0 and smaller["parameters"]["width"] == 16
    assert api("GET")["streams"][0]["id"] == started["id"]
    api("DELETE", f"/{started['id']}", 204)
    api("GET", f"/{started['id']}", 404)


def test_before_any_start_a_pipeline_tells_what_it_is_made_of(api):
    listed = {one["name"]: one for one in api("GET")["pipelines"]}
    small = listed["small"]
    operators = {one["name"]: one for one in small["operators"]}
    assert small["flows"] == ["folder.out -> smaller.in", "smaller.out -> numbers.in"] and small["stand_ins"] == []
    assert operators["smaller"]["type"] == "resize" and operators["smaller"]["enabled"] and operators["smaller"]["description"]
    parameters = {one["name"]: one for one in operators["smaller"]["parameters"]}
    width, filters = parameters["width"], parameters["filter"]
    assert (width["value"], width["default"], width["type"], width["limits"][0]) == (16, 0, "whole number", 0)
    assert width["settable"] == "while it runs" and width["description"] and filters["choices"] == ["nearest", "bilinear", "area"]
    folder = {one["name"]: one for one in operators["folder"]["parameters"]}
    assert folder["folder"]["settable"] == "in the file" and folder["folder"]["path"] and folder["frame_rate"]["unit"] == "Hz"
    assert all("operators" not in one for one in api("GET", "?operators=false")["pipelines"])
    assert "resise" in listed["wrong"]["problem"] and "there are: resize," in listed["wrong"]["problem"] and listed["wrong"]["operators"] == []


def test_operators_tell_their_commands(api):
    types = api("GET", "/operators")
    commands = {one["name"]: one["commands"] for one in types["operators"]}
    assert [one["name"] for one in commands["reconstruct"]] == ["snapshot", "reset"] and commands["resize"] == []
    assert {"SetParameter", "Start", "Stop", "Command"} < {one["name"] for one in types["control_commands"]}
    stream = api.start()["id"]
    wrong = api("POST", f"/{stream}/commands", 422, json={"operator": "smaller", "name": "dance"})
    assert "there are none" in wrong["error"]["message"]


def test_what_does_not_change_while_it_runs_may_be_chosen_at_the_start(api, pipelines):
    write_pipeline(pipelines, "computed", "pipeline: 1\noperators:\n  phantom: {type: phantom}\n  log: {type: log}\nflows:\n  - phantom.frame -> log\n")
    stream = api.start("computed", phantom={"width": 64, "frame_rate": 20})["id"]
    phantom = next(op for op in api("GET", f"/{stream}")["operators"] if op["name"] == "phantom")
    assert phantom["parameters"]["width"] == 64
    api("PATCH", f"/{stream}/parameters", 409, json={"phantom": {"width": 32}})
    refused = api.start("computed", phantom={"widht": 64}, status=404)
    assert '"widht"; there are: width,' in refused["error"]["message"]


def test_counters_of_an_operator_that_does_nothing_are_not_old(api):
    stream = api.start()["id"]
    api("PATCH", f"/{stream}/parameters", json={"folder": {"enabled": False}})
    time.sleep(1.2)
    ages = lambda: [op["counters_age_s"] for op in api("GET", f"/{stream}")["operators"]]
    first = ages()
    wait_until(lambda: max(ages()) < 1)
    assert max(first) >= 1, first


def test_the_last_frame_of_a_flow_is_a_picture(api):
    stream = api.start()["id"]
    wait_until(lambda: requests.get(f"{api.url}/{stream}/picture?flow=1", timeout=30).status_code == 200)
    answer = api("GET", f"/{stream}/picture?flow=1")
    assert answer.headers["Content-Type"] == "image/png" and answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(answer.content[16:20], "big") == 16
    for flow in ("7", "-1", "x"):
        assert requests.get(f"{api.url}/{stream}/picture?flow={flow}", timeout=30).status_code in (400, 404)


def test_parameters_change_while_it_runs_all_or_none(api):
    stream = api.start(smaller={"width": 8})["id"]
    value = lambda: next(op for op in api("GET", f"/{stream}")["operators"] if op["name"] == "smaller")["parameters"]["width"]
    assert value() == 8
    api("PATCH", f"/{stream}/parameters", json={"smaller": {"width": 20}})
    assert value() == 20
    api("PATCH", f"/{stream}/parameters", 400, json={"smaller": {"width": 30, "height": "tall"}})
    assert value() == 20
    api("PATCH", f"/{stream}/parameters", 409, json={"folder": {"folder": "/etc"}})
    api("PATCH", f"/{stream}/parameters", 404, json={"nobody": {"width": 1}})
    api("PATCH", f"/{stream}/parameters", json={"folder": {"enabled": False}})
    assert next(op for op in api("GET", f"/{stream}")["operators"] if op["name"] == "folder")["state"] == "off"
    api("POST", f"/{stream}/commands", 422, json={"operator": "smaller", "name": "dance"})


def test_files_and_addresses_are_not_for_callers(api):
    api.start(status=409, folder={"folder": "/etc"})
    api.start(status=404, folder={"fodler": 1})
    api.start("../../etc/passwd", status=404)
    api.start("wrong", status=404)
    api("POST", "", 400, json={"operators": {}})


def test_so_many_run_and_no_more(api):
    first = api.start()["id"]
    api.start()
    api.start(status=503)
    api("DELETE", f"/{first}", 204)
    wait_until(lambda: requests.post(api.url, json={"pipeline": "small"}, timeout=30).status_code == 201)


def test_one_that_ends_stays_to_be_looked_at(api):
    stream = api.start("short")["id"]
    ended = wait_until(lambda: (now := api("GET", f"/{stream}"))["ended"] and now)
    assert ended["state"] == "finished" and ended["flows"][0]["taken"] == 2
    api("PATCH", f"/{stream}/parameters", 410, json={"smaller": {"width": 3}})


def test_a_web_socket_tells_how_it_goes_on(api, server):
    stream = api.start()["id"]
    with connect(f"{server.url.replace('http', 'ws')}/api/v1/streams/{stream}/events", subprotocols=["sagittal.v1"]) as socket:
        first, later = json.loads(socket.recv(timeout=10)), json.loads(socket.recv(timeout=10))
        assert later["elapsed_s"] > first["elapsed_s"] and later["operators"][0]["runs"] > 0
        api("DELETE", f"/{stream}", 204)
        said = {}
        while said.get("type") != "closed":
            said = json.loads(socket.recv(timeout=10))


def test_a_stream_belongs_to_its_key(program, model, pipelines, tmp_path):
    keys = tmp_path / "keys.json"
    alice, bob = make_key(program, keys, "alice"), make_key(program, keys, "bob")
    server = Server(program, *model, "--pipelines", pipelines, "--api-key-file", keys)
    url = f"{server.url}/api/v1/streams"
    ask = lambda key, method, path="", **more: requests.request(method, url + path, headers={"Authorization": f"Bearer {key}"}, timeout=30, **more)
    stream = ask(alice, "POST", json={"pipeline": "small"}).json()["id"]
    assert requests.get(url, timeout=30).status_code == 401
    assert ask(bob, "GET", f"/{stream}").status_code == 404 and ask(bob, "GET").json()["streams"] == []
    assert ask(bob, "DELETE", f"/{stream}").status_code == 404
    assert ask(alice, "GET", f"/{stream}").json()["state"] == "running"
    assert server.stop() == 0
