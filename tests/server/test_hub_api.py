"""/api/v1/hub: the models to find, as the browser and scripts ask for them."""
from pathlib import Path

import pytest
import requests

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
