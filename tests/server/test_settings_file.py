"""`sagittal serve --config FILE`: the options in a file."""
import json
import subprocess

import pytest

from running_server import Server


@pytest.fixture
def settings(tmp_path):
    def write(text):
        file = tmp_path / "lab.conf"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def answer(server, path):
    return json.loads(subprocess.run(["curl", "-s", f"{server.url}{path}"], capture_output=True, check=True).stdout)


def test_the_server_does_what_its_file_says(program, settings, tmp_path):
    data = tmp_path / "Studien für uns"
    file = settings(f'# ours\nport = 0\ndata-dir = "{data}"\nmax-sessions = 9  # few\nverbose = true\n'
                    'allow-origin = ["https://a.example.org", "https://b.example.org"]\nmodel = "sagittal-small"\n')
    server = Server(program, "--config", file, data_dir=data)
    assert answer(server, "/api/v1/status")["max_sessions"] == 9
    for page in "ab":
        asked = subprocess.run(["curl", "-si", "-H", f"Origin: https://{page}.example.org", f"{server.url}/healthz"],
                               capture_output=True, text=True, check=True).stdout
        assert f"https://{page}.example.org" in asked
    assert server.stop() == 0 and (data / "state.db").exists()
    assert "GET /healthz" in server.process.stderr.read()


def test_the_command_line_comes_before_the_file(program, settings):
    server = Server(program, "--max-sessions", "5", "--config", settings("max-sessions = 9\nport = 1\n"))
    assert answer(server, "/api/v1/status")["max_sessions"] == 5
    assert server.stop() == 0


@pytest.mark.parametrize("text, complaint", [
    ("prt = 1527", "prt: there is no such option"),
    ("[server]\nport = 1527", "server: there is no such option"),
    ('config = "other.conf"', "config: there is no such option"),
    ("help = true", "help: there is no such option"),
    ("port = 70000", "port: --port: Value 70000 not in range"),
    ('port = [1, 2]', "port: one value is expected"),
    ("public = 1", "public: true or false is expected"),
    ("allow-origin = [[1]]", "allow-origin: a list of texts"),
    ("port = 1970-01-01", "port: a text or a number is expected"),
    ('port = "', "line 1: not TOML"),
    ("port = 1\nport = 2", "line 2: not TOML"),
    (b'studies = "\xff"', "not UTF-8"),
    ("a = " + "[" * 10_000, "not TOML"),
    ("#" * (64 << 10) + "#", "65536"),
], ids=lambda value: value[:30] if isinstance(value, str) else "bytes")
def test_a_wrong_file_ends_with_its_name_and_the_key(sagittal, settings, text, complaint):
    file = settings(text)
    refused = sagittal("serve", "--config", file)
    assert refused.returncode in (1, 2) and refused.stdout == ""
    assert str(file) in refused.stderr and complaint in refused.stderr
    assert len(refused.stderr) < 1000


def test_a_key_that_another_one_needs_is_asked_for(sagittal, settings):
    refused = sagittal("serve", "--config", settings('tls-cert = "server.pem"'))
    assert refused.returncode == 2 and "--tls-key" in refused.stderr


def test_a_missing_file_ends_it(sagittal, tmp_path):
    refused = sagittal("serve", "--config", tmp_path / "nix.conf")
    assert refused.returncode == 1 and "nix.conf" in refused.stderr
