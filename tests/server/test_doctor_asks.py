"""`sagittal doctor --server URL`: is it alive? What a container's health check runs."""
import http.server
import json
import os
import threading

from certificate import make_certificate
from running_server import Server, free_port


def test_the_doctor_says_whether_a_server_answers(program, sagittal):
    server = Server(program)
    proxy = {**os.environ, "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    well = sagittal("doctor", "--server", server.url, env=proxy)
    assert well.returncode == 0 and f"{server.url} answers" in well.stdout, well.stderr
    assert server.stop() == 0
    (finding,) = json.loads(sagittal("doctor", "--json", "--server", server.url).stdout)["findings"]
    assert (finding["topic"], finding["ok"]) == ("server", False) and "sagittal serve" in finding["mend"]
    assert sagittal("doctor", "--server", server.url).returncode == 1


def test_an_address_of_something_else_is_no_server(sagittal):
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'["ok"]')

    other = http.server.HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    asked = sagittal("doctor", "--server", f"http://127.0.0.1:{other.server_port}")
    other.shutdown()
    assert asked.returncode == 1 and "status 200" in asked.stdout


def test_a_wrong_address_is_wrong_usage(sagittal):
    assert sagittal("doctor", "--server", f"localhost:{free_port()}").returncode == 2
    assert sagittal("doctor", "--server-ca", "ca.pem").returncode == 2


def test_certificates_come_from_a_file_or_from_the_system(program, sagittal, tmp_path):
    make_certificate(tmp_path, "localhost")
    mine = tmp_path / "cert.pem"
    server = Server(program, "--tls-cert", mine, "--tls-key", tmp_path / "key.pem")
    clean = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    stranger = sagittal("doctor", "--server", server.url, env=clean)
    assert stranger.returncode == 1 and "certificate" in stranger.stdout
    assert sagittal("doctor", "--server", server.url, "--server-ca", mine, env=clean).returncode == 0
    assert sagittal("doctor", "--server", server.url, env={**clean, "SSL_CERT_FILE": str(mine)}).returncode == 0
    assert server.stop() == 0
