"""/api/v1/jobs: models of the hub run on uploaded scans, as viewers ask for it."""
import json
import time

import numpy as np
import pytest
import requests
from websockets.sync.client import connect

from job_client import add_model, scan_file, submit, wait_for
from native_client import Client, nifti
from running_server import Server, scan
from test_keys import make_key


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    add_model(folder)
    return folder


@pytest.fixture(scope="module")
def scan_bytes(tmp_path_factory):
    return scan_file(tmp_path_factory.mktemp("scans")).read_bytes()


@pytest.fixture(scope="module")
def long_scan(tmp_path_factory):
    return scan_file(tmp_path_factory.mktemp("scans"), times=60).read_bytes()


@pytest.fixture(scope="module")
def server(program, model, data):
    server = Server(program, *model, "--max-jobs-per-user", "3", data_dir=data)
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(server):
    return Client(server.url)


@pytest.fixture(scope="module")
def done(server, scan_bytes):
    client = Client(server.url)
    volume = client.upload(scan_bytes)
    return {**wait_for(client, submit(client, volume)["id"]), "volume": volume}


def test_a_run_gives_named_segments_and_says_how(client, done):
    assert done["state"] == "done" and done["error"] is None, done
    (output,) = done["outputs"]
    assert output["kind"] == "segmentation" and output["bytes"] > 0
    liver = next(s for s in output["segments"] if s["id"] == "LIVER")
    assert liver["codes"]["type"]["value"] == "10200004" and liver["volume_ml"] > 0 and len(liver["colour"]) == 3
    record = done["record"]
    assert record["engine"]["name"] == "native" and len(record["inputs"][0]["sha256"]) == 64
    assert done["inputs"][0]["description"] == "scan.nii.gz" and done["place"] is None
    assert [job["id"] for job in client.ask("GET", "/jobs")["jobs"]][-1] == done["id"]
    assert "record" not in client.ask("GET", "/jobs")["jobs"][-1]


def test_outputs_and_logs_are_files(client, done):
    path = done["outputs"][0]["path"]
    response = client.http.get(f"{client.url}/jobs/{done['id']}/outputs/{path}")
    assert len(response.content) == done["outputs"][0]["bytes"]
    assert response.headers["X-Content-Type-Options"] == "nosniff" and response.headers["Content-Disposition"] == "attachment"
    log = client.ask("GET", f"/jobs/{done['id']}/logs")
    assert b"voxels" in log and b"/jobs/" not in log
    assert client.ask("GET", f"/jobs/{done['id']}/logs", params={"from": 5}) == log[5:]
    assert client.ask("GET", f"/jobs/{done['id']}/logs", params={"from": 10**12}) == b""
    client.ask("GET", f"/jobs/{done['id']}/logs", 400, params={"from": -1})


def test_outputs_are_sent_in_parts_and_from_the_disk(server, client, data, scan_bytes):
    job = wait_for(client, submit(client, client.upload(scan_bytes))["id"])
    name = job["outputs"][0]["path"]
    url = f"{client.url}/jobs/{job['id']}/outputs/{name}"
    whole = client.http.get(url).content
    part = client.http.get(url, headers={"Range": "bytes=2-9"})
    assert part.status_code == 206 and part.content == whole[2:10]
    assert part.headers["Content-Range"] == f"bytes 2-9/{len(whole)}" and part.headers["Content-Length"] == "8"
    assert client.http.get(url, headers={"Range": "bytes=-3"}).content == whole[-3:]
    assert client.http.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert int(client.http.head(url).headers["Content-Length"]) == len(whole)

    big = 1 << 30
    with open(data / "jobs" / job["id"] / "out" / name, "r+b") as file:
        file.truncate(big)
    before, most, got = server.resident_bytes(), 0, 0
    with client.http.get(url, stream=True) as answer:
        assert int(answer.headers["Content-Length"]) == big
        for block in answer.iter_content(8 << 20):
            got += len(block)
            most = max(most, server.resident_bytes())
    assert got == big and most - before < 64 << 20


@pytest.mark.parametrize("path", ["../record.json", "..%2frecord.json", "%2e%2e/request.json", "/etc/passwd", "a%00b", "", ".",
                                  "none.nii.gz", "../../../../jobs.db"])
def test_no_other_file_is_an_output(server, done, path):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", server.port)  # sends the path as it is
    connection.request("GET", f"/api/v1/jobs/{done['id']}/outputs/{path}")
    assert connection.getresponse().status in (400, 404)


def test_its_segments_go_into_the_viewer_with_names_and_codes(client, done):
    session = client.open(done["volume"])
    asked = {"job": done["id"], "path": done["outputs"][0]["path"]}
    made = client.ask("POST", f"{session.path}/segments/import", 201, json=asked)["segments"]
    found = {s["id"]: s for s in done["outputs"][0]["segments"]}
    liver = next(s for s in made if s["name"].lower() == "liver")
    assert liver["term"]["id"] == "LIVER"
    assert liver["volume_ml"] == pytest.approx(found["LIVER"]["volume_ml"], rel=1e-6)
    again = client.ask("POST", f"{session.path}/segments/import", 200, json=asked)["segments"]
    assert [s["number"] for s in again] == [s["number"] for s in made], "each once"
    client.ask("DELETE", f"{session.path}/segments/{liver['number']}", 204)
    third = client.ask("POST", f"{session.path}/segments/import", 201, json=asked)["segments"]
    assert [s["name"] for s in third] == [s["name"] for s in made] and len(client.ask("GET", session.path)["segments"]) == len(made)
    other = client.open(client.upload(nifti(scan())))
    assert "another grid" in client.ask("POST", f"{other.path}/segments/import", 400, json=asked)["error"]["message"]
    client.ask("POST", f"{session.path}/segments/import", 404, json={**asked, "path": "../record.json"})


def test_a_running_job_tells_how_it_goes_on_and_is_cancelled(server, client, long_scan):
    job = submit(client, client.upload(long_scan))
    with connect(f"ws://127.0.0.1:{server.port}/api/v1/jobs/{job['id']}/events", subprotocols=["sagittal.v1"]) as socket:
        assert json.loads(socket.recv(timeout=10))["id"] == job["id"]
        wait_for(client, job["id"], ("staging", "running"))
        assert client.ask("DELETE", f"/jobs/{job['id']}", 202)["state"] not in ("done", "failed")
        messages = [json.loads(text) for text in socket]
    assert messages[-1] == {"type": "closed"}
    assert [m["state"] for m in messages if "state" in m][-1] == "cancelled"
    assert all("record" not in m for m in messages)
    client.ask("DELETE", f"/jobs/{job['id']}", 204)
    client.ask("GET", f"/jobs/{job['id']}", 404)


def test_a_queue_shows_places_and_a_quota_refuses(client, long_scan):
    volume = client.upload(long_scan)
    jobs = [submit(client, volume) for _ in range(3)]
    refused = client.ask("POST", "/jobs", 503, json={"model": "organs", "inputs": [{"volume": volume}]})
    assert "unfinished" in refused["error"]["message"]
    assert client.ask("GET", f"/jobs/{jobs[2]['id']}")["place"] in (1, 2)
    for job in jobs[::-1]:
        client.ask("DELETE", f"/jobs/{job['id']}", 202)
    assert {wait_for(client, job["id"])["state"] for job in jobs} == {"cancelled"}


@pytest.mark.parametrize("body, status", [
    ({"inputs": []}, 400), ({"inputs": [{"volume": "0" * 64}]}, 404), ({"inputs": [{"path": "/etc/passwd"}]}, 404),
    ({"inputs": [{"series": "nowhere"}]}, 404), ({"inputs": 3}, 400), ({"inputs": [3]}, 400), ({"model": "../organs"}, 404),
    ({"model": "/etc"}, 404), ({"model": 3}, 400), ({"backend": "chroot"}, 400), ({"on": "moon"}, 400),
    ({"workflow": "a\nb"}, 400), ({"model": "sagittal-small"}, 422), ({"inputs": [{"volume": "{volume}", "role": "../a"}]}, 400),
])
def test_what_cannot_be_run_is_refused_at_once(client, scan_bytes, body, status):
    volume = client.upload(scan_bytes)
    before = len(client.ask("GET", "/jobs")["jobs"])
    asked = {"model": "organs", "inputs": [{"volume": volume}], **json.loads(json.dumps(body).replace("{volume}", volume))}
    client.ask("POST", "/jobs", status, json=asked)
    assert len(client.ask("GET", "/jobs")["jobs"]) == before


def test_a_job_that_fails_says_why(client, data):
    wrong = client.upload(nifti(np.zeros((4, 4, 4), np.int16)))
    two = {"model": "organs", "inputs": [{"volume": wrong}, {"volume": wrong}]}
    job = wait_for(client, client.ask("POST", "/jobs", 201, json=two)["id"])
    assert job["state"] == "failed" and "the model takes 1" in job["error"]["message"], job
    assert str(data) not in job["error"]["message"]
    client.ask("GET", f"/jobs/{job['id']}/outputs/organs.nii.gz", 404)


def test_forged_files_of_a_job_fail_that_job_alone(server, client, data, scan_bytes, long_scan):
    blocker = submit(client, client.upload(long_scan))
    job = submit(client, client.upload(scan_bytes))
    (data / "jobs" / job["id"] / "request.json").write_text('{"version":1,"model":"organs","inputs":[{"path":"../../x"}]}')
    client.ask("DELETE", f"/jobs/{blocker['id']}", 202)
    failed = wait_for(client, job["id"])
    assert failed["state"] == "failed" and failed["error"]["code"] == "bad_input", failed


def test_metrics_count_jobs(server, done):
    assert 'sagittal_jobs{state="done"}' in requests.get(f"{server.url}/metrics").text


def test_a_model_with_a_licence_runs_once_it_is_accepted(program, model, tmp_path, scan_bytes):
    add_model(tmp_path)
    (tmp_path / "models/organs/nnUNetTrainer__nnUNetPlans__2d/LICENSE").write_text("CC BY-NC 4.0\n")
    server = Server(program, *model, data_dir=tmp_path)
    try:
        client = Client(server.url)
        asked = {"model": "organs", "inputs": [{"volume": client.upload(scan_bytes)}]}
        error = client.ask("POST", "/jobs", 409, json=asked)["error"]
        assert error["code"] == "licence_not_accepted" and error["details"]["licence"]["commercial_use"] is False
        client.ask("POST", "/jobs", 201, json={**asked, "accept_licence": True})
        client.ask("POST", "/jobs", 201, json=asked)  # remembered
    finally:
        server.stop()


def test_a_job_is_its_owners_alone(program, model, tmp_path, scan_bytes):
    add_model(tmp_path)
    key_file = tmp_path / "keys.json"
    keys = {name: make_key(program, key_file, name) for name in ("alice", "bob")}
    audit = tmp_path / "audit.log"
    server = Server(program, *model, "--api-key-file", key_file, "--audit-log", audit, data_dir=tmp_path)
    try:
        alice, bob = Client(server.url, keys["alice"]), Client(server.url, keys["bob"])
        volume = alice.upload(scan_bytes)
        bob.ask("POST", "/jobs", 404, json={"model": "organs", "inputs": [{"volume": volume}]})
        job = submit(alice, volume)
        path = f"/jobs/{job['id']}"
        for method, place in (("GET", ""), ("DELETE", ""), ("GET", "/logs"), ("GET", "/outputs/organs.nii.gz")):
            bob.ask(method, path + place, 404)
        assert bob.ask("GET", "/jobs")["jobs"] == []
        assert wait_for(alice, job["id"])["state"] == "done"
        assert requests.get(f"{server.url}/api/v1/jobs").status_code == 401
        assert '"alice"' in audit.read_text() and "/api/v1/jobs" in audit.read_text()
    finally:
        server.stop()


def test_stopping_a_server_leaves_its_jobs_to_the_next(program, model, tmp_path, long_scan, sagittal):
    add_model(tmp_path)
    server = Server(program, *model, "--drain-seconds", "0", data_dir=tmp_path)
    job = submit(Client(server.url), Client(server.url).upload(long_scan))
    wait_for(Client(server.url), job["id"], ("running",))
    assert server.stop() == 0
    (left,) = json.loads(sagittal("hub", "jobs", "--json", "--data-dir", tmp_path).stdout)["jobs"]
    assert left["state"] == "interrupted"
    server = Server(program, *model, data_dir=tmp_path)
    try:
        client = Client(server.url)
        wait_for(client, job["id"], ("staging", "running", "done"))
        assert sagittal("hub", "cancel", job["id"], "--data-dir", tmp_path).returncode == 0
        assert wait_for(client, job["id"])["state"] in ("cancelled", "done")
    finally:
        server.stop()
