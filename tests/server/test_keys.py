"""Keys, owners and public addresses, as people meet them: `sagittal key`, and each client with its key in its address."""
import json
import os
import stat
import subprocess
import time

import httpx
import numpy as np
import pytest
import requests
from monailabel.client import MONAILabelClient
from monailabel.client.client import MONAILabelClientException
from nnInteractive.inference.remote.remote_session import SessionExpiredError, nnInteractiveRemoteInferenceSession

import itksnap_client
import slicer_v0_client
from running_server import SHAPE, Server, scan

CENTRE = [n // 2 for n in SHAPE]


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    return tmp_path_factory.mktemp("keys") / "keys.json"


def make_key(program, key_file, name) -> str:
    made = subprocess.run([program, "key", "add", name, "--api-key-file", key_file], capture_output=True, text=True, check=True)
    assert made.stdout.startswith("sgt_") and made.stdout.count("\n") == 1
    return made.stdout.strip()


@pytest.fixture(scope="module")
def keys(program, key_file):
    return {name: make_key(program, key_file, name) for name in ("alice", "bob")}


@pytest.fixture(scope="module")
def locked(program, model, key_file, keys):
    running = Server(program, *model, "--api-key-file", key_file)
    yield running
    running.process.kill()
    running.process.wait()


def with_key(url, key, user="anyone") -> str:
    return url.replace("http://", f"http://{user}:{key}@")


def test_the_command_makes_lists_and_revokes(sagittal, tmp_path):
    file = tmp_path / "keys.json"
    key = sagittal("key", "add", "carol", "--api-key-file", file).stdout.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and key not in file.read_text()
    assert sagittal("key", "list", "--api-key-file", file).stdout.split()[0] == "carol"
    listed = json.loads(sagittal("key", "list", "--json", "--api-key-file", file).stdout)
    assert [row["name"] for row in listed["keys"]] == ["carol"]
    again = sagittal("key", "add", "carol", "--api-key-file", file)
    assert again.returncode == 1 and "key revoke carol" in again.stderr
    assert sagittal("key", "revoke", "carol", "--api-key-file", file).returncode == 0
    assert sagittal("key", "list", "--api-key-file", file).stdout == ""
    assert sagittal("key", "revoke", "carol", "--api-key-file", file).returncode == 1
    assert sagittal("key", "revoke", "x", "--api-key-file", tmp_path / "none").returncode == 1


def test_keys_lie_in_the_data_directory_by_default(program, model, sagittal, tmp_path):
    sagittal("key", "add", "dora", "--data-dir", tmp_path)
    running = Server(program, *model, "--data-dir", tmp_path)
    assert requests.get(f"{running.url}/capabilities", timeout=5).status_code == 401
    assert running.stop() == 0


def test_a_public_address_needs_keys_or_a_word(program, model, sagittal, key_file, keys):
    refused = sagittal("serve", *model, "--host", "0.0.0.0", "--port", 0, timeout=20)
    assert refused.returncode == 2 and refused.stdout == ""
    assert "sagittal key add NAME" in refused.stderr and "--public" in refused.stderr
    for option in (["--public"], ["--api-key-file", key_file]):
        running = Server(program, *model, "--host", "0.0.0.0", *option)
        assert running.stop() == 0
    missing = sagittal("serve", *model, "--api-key-file", key_file.parent / "none", timeout=20)
    assert missing.returncode == 1 and "there is no key file" in missing.stderr


def test_health_is_open_and_the_rest_is_not(locked, keys):
    assert requests.get(f"{locked.url}/healthz", timeout=5).status_code == 200
    for path in ("server", "metrics", "status", "start_session", "capabilities", "alice"):
        assert requests.get(f"{locked.url}/{path}", timeout=5).status_code == 401, path
        answer = requests.get(f"{locked.url}/{path}", auth=("alice", keys["alice"]), timeout=5)
        assert answer.status_code == 200, path
    assert requests.get(f"{locked.url}/server", timeout=5).headers["WWW-Authenticate"].startswith("Basic")


def test_the_native_api_makes_no_browser_ask_for_a_password_itself(locked):
    answer = requests.get(f"{locked.url}/api/v1/volumes", timeout=5)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_first_slicer_protocol_with_and_without_a_key(locked, keys):
    client = slicer_v0_client.Client(with_key(locked.url, keys["alice"]))
    assert client.upload_image() == {"status": "ok"}
    assert isinstance(client.point(CENTRE), np.ndarray)
    for url in (locked.url, with_key(locked.url, "wrong"), with_key(locked.url, keys["alice"][:-1])):
        stranger = slicer_v0_client.Client(url)
        for answer in (stranger.upload_image(), stranger.point(CENTRE)):
            assert answer["status"] == "error" and "key" in answer["message"]
            assert "No image uploaded" not in answer["message"]


def test_the_same_path_of_two_owners_is_two_sessions(locked, keys):
    alice = slicer_v0_client.Client(with_key(f"{locked.url}/shared", keys["alice"]))
    bob = slicer_v0_client.Client(with_key(f"{locked.url}/shared", keys["bob"]))
    alice.upload_image()
    assert isinstance(alice.point(CENTRE), np.ndarray)
    assert bob.point(CENTRE) == {"status": "error", "message": "No image uploaded"}


def open_v2(url, key):
    session = nnInteractiveRemoteInferenceSession(url, api_key=key)
    session.set_image(scan()[None], {"spacing": [2.0, 0.7, 0.7]})
    session.set_target_buffer(np.zeros(SHAPE, np.uint8))
    session.reset_interactions()
    return session


def test_nninteractive_v2_with_and_without_a_key(locked, keys):
    with open_v2(locked.url, keys["alice"]) as session:
        session.add_point_interaction(CENTRE, True)
        assert session.target_buffer.any()
    for wrong in (None, "wrong"):
        with pytest.raises(httpx.HTTPStatusError) as error:
            open_v2(locked.url, wrong)
        assert error.value.response.status_code == 401 and "key" in error.value.response.json()["detail"]


def test_a_lease_is_of_no_use_to_another_owner(locked, keys):
    with open_v2(locked.url, keys["alice"]) as session:
        lease = requests.post(f"{locked.url}/claim", headers={"Authorization": f"Bearer {keys['alice']}"}, timeout=5).json()
        stolen = {"X-Lease-Token": lease["lease_token"], "Authorization": f"Bearer {keys['bob']}"}
        assert requests.get(f"{locked.url}/lease_status", headers=stolen, timeout=5).status_code == 410
        assert requests.post(f"{locked.url}/undo", json={}, headers=stolen, timeout=5).status_code == 410
        requests.post(f"{locked.url}/release", headers=stolen, timeout=5)
        own = {**stolen, "Authorization": f"Bearer {keys['alice']}"}
        assert requests.get(f"{locked.url}/lease_status", headers=own, timeout=5).status_code == 200
        assert session.ping()
        requests.post(f"{locked.url}/release", headers=own, timeout=5)


def test_itksnap_with_and_without_a_key(locked, keys):
    alice = itksnap_client.Client(with_key(locked.url, keys["alice"])).start()
    assert alice.upload().status_code == 200
    assert alice.mask(alice.point(16, 14, 12)).any()
    thief = itksnap_client.Client(with_key(locked.url, keys["bob"]))
    thief.id = alice.id
    assert thief.point(16, 14, 12).status_code == 410
    assert thief.end().status_code == 200
    assert alice.point(16, 14, 12).status_code == 200
    refused = itksnap_client.Client(locked.url).get("status")
    assert refused.status_code == 401 and "key" in refused.text
    alice.end()


def test_revoking_works_while_the_server_runs(program, sagittal, locked, key_file):
    key = make_key(program, key_file, "guest")
    time.sleep(0.7)
    ask = lambda: requests.get(f"{locked.url}/capabilities", headers={"Authorization": f"Bearer {key}"}, timeout=5).status_code
    assert ask() == 200
    assert sagittal("key", "revoke", "guest", "--api-key-file", key_file).returncode == 0
    time.sleep(0.7)
    assert ask() == 401


def test_a_refused_body_is_not_read(locked):
    with httpx.Client() as client:
        started = time.monotonic()

        def body():
            yield b"x" * 1000
            time.sleep(0.2)
            yield b"x" * 1000

        answer = client.post(f"{locked.url}/set_image", content=body(), headers={"X-Meta": "{}"}, timeout=10)
    assert answer.status_code == 401 and time.monotonic() - started < 5
    assert answer.headers["Connection"] == "close"


def test_many_wrong_keys_have_to_wait_and_colleagues_do_not(program, model, key_file, keys):
    running = Server(program, *model, "--api-key-file", key_file)
    wrong = {"Authorization": "Bearer sgt_wrong"}
    seen = [requests.get(f"{running.url}/capabilities", headers=wrong, timeout=5) for _ in range(12)]
    assert [answer.status_code for answer in seen] == [401] * 10 + [429] * 2
    assert int(seen[-1].headers["Retry-After"]) > 0
    right = {"Authorization": f"Bearer {keys['alice']}"}
    assert requests.get(f"{running.url}/capabilities", headers=right, timeout=5).status_code == 200
    assert running.stop() == 0


def test_pages_of_other_sites_cannot_drive_the_server(server):
    def ask(**headers):
        return requests.get(f"{server.url}/start_session", headers=headers, timeout=5)
    assert ask().status_code == 200
    assert ask(Origin="http://evil.example").status_code == 403
    assert ask(Host="evil.example").status_code == 403
    assert ask(**{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ask(Origin=server.url).status_code == 200
    assert "Access-Control-Allow-Origin" not in ask(Origin="http://evil.example").headers


def test_a_listed_origin_may(program, model):
    running = Server(program, *model, "--allow-origin", "https://viewer.example.org")
    headers = {"Origin": "https://viewer.example.org", "Access-Control-Request-Method": "POST"}
    preflight = requests.options(f"{running.url}/claim", headers=headers, timeout=5)
    assert preflight.status_code == 204 and preflight.headers["Access-Control-Allow-Origin"] == headers["Origin"]
    claimed = requests.post(f"{running.url}/claim", headers={"Origin": headers["Origin"]}, timeout=5)
    assert claimed.status_code == 200 and claimed.headers["Access-Control-Allow-Origin"] == headers["Origin"]
    assert requests.options(f"{running.url}/claim", headers={**headers, "Origin": "https://other.example"}, timeout=5).status_code == 403
    assert running.stop() == 0


def test_the_monai_label_module_logs_in_with_the_key_as_password(locked, keys, tmp_path):
    client = MONAILabelClient(locked.url, tmpdir=str(tmp_path))
    assert client.auth_enabled()
    with pytest.raises(MONAILabelClientException) as error:
        client.auth_token("alice", "wrong")
    assert "no key of this server" in error.value.msg
    with pytest.raises(MONAILabelClientException):
        client.info()
    assert not client.auth_valid_token()
    client.update_auth(client.auth_token("alice", keys["alice"]))
    assert client.auth_valid_token()
    assert "nnInteractive" in client.info()["models"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for others")
def test_root_makes_keys_for_the_user_of_the_server(sagittal, tmp_path):
    os.chown(tmp_path, 65534, 65534)
    assert sagittal("key", "add", "alice", "--data-dir", tmp_path).returncode == 0
    status = (tmp_path / "api_keys.json").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (65534, 65534, 0o600)
