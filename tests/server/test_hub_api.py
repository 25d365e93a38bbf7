"""/api/v1/hub: the models to find, as the browser and scripts ask for them."""
import os
from pathlib import Path

import pytest
import requests

from job_client import THREE_SERIES, FakeDocker, add_model, publish
from native_client import Client
from running_server import Server

REPOSITORY = Path(__file__).resolve().parents[1] / "hub/data/repository"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program, model, data):
    server = Server(program, *model, data_dir=data)
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(server):
    return Client(server.url)


@pytest.fixture
def synced(sagittal, server, data):
    """A sync by the command while the server runs."""
    assert sagittal("hub", "sync", "--from", REPOSITORY, "--data-dir", data).returncode == 0


def names(client, **query):
    return [m["name"] for m in client.ask("GET", "/hub/models", params={"source": "mhub", **query})["models"]]


def test_before_a_sync_there_are_the_models_of_the_machine(client):
    listed = client.ask("GET", "/hub/models")
    assert listed["synced"] is None and [m["source"] for m in listed["models"]] == ["local"]
    info = client.ask("GET", "/info")
    assert "hub" in info["parts"] and info["hub"] == {"models": 1, "synced": None}


def test_a_sync_is_seen_at_once(client, synced):
    assert names(client) == ["heart_pair", "lung_spots"]
    listed = client.ask("GET", "/hub/models")
    assert listed["total"] == 3 and listed["synced"]["models"] == 2
    assert client.ask("GET", "/info")["hub"]["synced"] == listed["synced"]["time"]


def test_queries_are_those_of_the_command(client, synced):
    assert names(client, search="spots") == ["lung_spots"]
    assert names(client, modality="PET") == ["heart_pair"]
    assert names(client, structure="left lung", licence="non-commercial") == ["lung_spots"]
    assert names(client, body_part="HEART", engine="other") == ["heart_pair"]
    for bad in ({"engine": "magic"}, {"source": "moon"}, {"search": "x" * 300}):
        assert client.ask("GET", "/hub/models", 400, params=bad)["error"]["code"] == "bad_input"


def test_a_card_has_everything(client, synced):
    card = client.ask("GET", "/hub/models/lung_spots")
    assert card["licence"]["weights"] == "CC-BY-NC-4.0" and card["licence"]["commercial_use"] is False
    assert [s["label"] for s in card["outputs"][0]["structures"]] == [1, 2, 3]
    assert card["outputs"][0]["structures"][0]["type"]["scheme"] == "SCT"
    assert card["links"]["weights"] is None, "what is no address of the web"
    assert client.ask("GET", "/hub/models/none", 404)["error"]["code"] == "not_found"
    assert client.ask("GET", "/hub/models/..%2Fhub.db", 404)["error"]["code"] == "not_found"


def test_the_description_of_the_api_fits_the_answers(client, server, synced):
    document = requests.get(f"{server.url}/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    listed = client.ask("GET", "/hub/models")
    for model in listed["models"]:
        assert set(model) == set(schemas["HubModel"]["properties"])
        assert model["kind"] in schemas["HubModel"]["properties"]["kind"]["enum"]
        assert model["engine"] in schemas["HubModel"]["properties"]["engine"]["enum"]
    assert "/api/v1/hub/models/{name}" in document["paths"]


@pytest.fixture(scope="module")
def runnable(program, model, sagittal, tmp_path_factory):
    """A server with published models of several kinds, one of the machine, and an engine that answers."""
    data, repository = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("repository")
    engine = FakeDocker(tmp_path_factory.mktemp("engine") / "bin")
    publish(repository, "lung_spots")
    publish(repository, "prostate", THREE_SERIES, "MR")
    publish(repository, "riddle", "execute: [OwnImporter, OwnRunner]\nmodules: {}\n")
    add_model(data)
    assert sagittal("hub", "sync", "--from", repository, "--data-dir", data).returncode == 0
    server = Server(program, *model, data_dir=data, env={**os.environ, "PATH": engine.path})
    server.engine = engine
    yield server
    assert server.stop() == 0


def test_the_inputs_of_a_model_are_those_of_its_workflow(runnable):
    client = Client(runnable.url)
    one = client.ask("GET", "/hub/models/lung_spots/inputs")
    assert one["workflow"] == "default" and one["volumes"] == {"accepted": True, "reason": None}
    assert one["inputs"] == [{"role": "", "kind": "series", "modalities": ["CT"], "description": "a DICOM series (CT)",
                              "accepts": ["dicom", "nifti", "nrrd", "metaimage"]}]
    assert one["licence"]["id"] == "CC-BY-NC-4.0" and one["licence"]["commercial_use"] is False
    file = client.ask("GET", "/hub/models/lung_spots/inputs?workflow=files")
    assert [(i["role"], i["kind"]) for i in file["inputs"]] == [("", "image")] and "nrrd" in file["inputs"][0]["accepts"]

    several = client.ask("GET", "/hub/models/prostate/inputs")
    assert [i["role"] for i in several["inputs"]] == ["t2w", "adc", "hbv"]
    assert all(i["modalities"] == ["MR"] and i["accepts"] == ["dicom"] for i in several["inputs"])
    assert not several["volumes"]["accepted"] and "DICOM only" in several["volumes"]["reason"]

    own = client.ask("GET", "/hub/models/organs/inputs?source=local")
    assert [(i["role"], i["kind"]) for i in own["inputs"]] == [("", "image")] and own["licence"] is None


def test_what_nobody_knows_of_a_workflow_is_said(runnable):
    client = Client(runnable.url)
    assert client.ask("GET", "/hub/models/riddle/inputs", 422)["error"]["message"]
    assert "prompts" in client.ask("GET", "/hub/models/sagittal-small/inputs", 422)["error"]["message"]
    client.ask("GET", "/hub/models/none/inputs", 404)
    client.ask("GET", "/hub/models/lung_spots/inputs?workflow=none", 404)


def test_the_backends_are_probed_once(runnable):
    client = Client(runnable.url)
    for _ in range(4):
        found = client.ask("GET", "/hub/backends")
    state = {one["name"]: one for one in found["backends"]}
    assert found["best"] == "docker" and state["docker"]["available"] and state["docker"]["reason"] is None
    assert state["native"]["available"] and not state["apptainer"]["available"]
    assert state["apptainer"]["reason"] and state["apptainer"]["mend"]
    assert [one["name"] for one in found["on"]] == ["local", "slurm"]
    assert runnable.engine.calls("version") == 1


def test_the_description_of_the_api_fits_what_a_run_needs(runnable):
    schemas = requests.get(f"{runnable.url}/api/v1/openapi.json", timeout=30).json()["components"]["schemas"]
    client = Client(runnable.url)
    inputs, backends = client.ask("GET", "/hub/models/prostate/inputs"), client.ask("GET", "/hub/backends")
    assert set(inputs) == set(schemas["HubInputs"]["properties"]) and set(backends) == set(schemas["HubBackends"]["properties"])
    one = schemas["HubInputs"]["properties"]["inputs"]["items"]["properties"]
    assert all(set(i) == set(one) and i["kind"] in one["kind"]["enum"] for i in inputs["inputs"])
    assert all(set(b) == set(schemas["HubBackend"]["properties"]) for b in backends["backends"] + backends["on"])
