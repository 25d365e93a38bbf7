"""A certificate of its own for a server on this computer."""
import os
import subprocess
from pathlib import Path


def make_certificate(folder: Path, name: str) -> None:
    """folder/cert.pem and folder/key.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"], check=True, capture_output=True)


def trust(folder: Path) -> None:
    """From here on the clients of this process, and of those it starts, believe the certificate."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        os.environ[name] = str(folder / "cert.pem")
