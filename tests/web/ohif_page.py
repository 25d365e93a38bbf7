"""OHIF with its MONAI Label extension as the package `monailabel` ships it, built, and the DICOMweb archive it shows scans from."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import ct_series

TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".json": "application/json",
         ".svg": "image/svg+xml"}
BOUNDARY = "frame-boundary"


def application() -> Path:
    """The folder with OHIF's index.html."""
    return Path(find_spec("monailabel").submodule_search_locations[0]) / "endpoints/static/ohif"


class OhifPage:
    """OHIF at /ohif/, and at /proxy/dicom/ the series `instances`."""

    def __init__(self, instances: list):
        page, self.instances = self, instances

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                content_type, body = page.answer(self.path.partition("?")[0].strip("/").split("/"))
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.http.server_port}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, parts: list) -> tuple:
        if parts[:2] == ["proxy", "dicom"]:
            return self.dicomweb(parts[3:])
        file = application() / "/".join(parts[1:])
        file = file if file.is_file() else application() / "index.html"
        return TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes()

    def dicomweb(self, parts: list) -> tuple:
        first = self.instances[0]
        if "frames" in parts:
            [found] = [d for d in self.instances if d.SOPInstanceUID == parts[5]]
            part = b"--%s\r\nContent-Type: application/octet-stream\r\n\r\n%s\r\n--%s--\r\n" % (
                BOUNDARY.encode(), found.PixelData, BOUNDARY.encode())
            return f'multipart/related; type="application/octet-stream"; boundary={BOUNDARY}', part
        if parts[-1] in ("metadata", "instances"):
            rows = [d.to_json_dict(suppress_invalid_tags=True) for d in self.instances]
            for row in rows:
                row.pop("7FE00010", None)
                row["00020010"] = {"vr": "UI", "Value": ["1.2.840.10008.1.2.1"]}
        else:
            row = first.to_json_dict(suppress_invalid_tags=True)
            row = {tag: row[tag] for tag in ("0020000D", "0020000E", "00080060", "0008103E", "00080020", "00080030", "00100010",
                                             "00100020", "00200010", "00080050")}
            rows = [row | {"00080061": {"vr": "CS", "Value": ["CT"]}, "00201206": {"vr": "IS", "Value": [1]},
                           "00201208": {"vr": "IS", "Value": [len(self.instances)]},
                           "00201209": {"vr": "IS", "Value": [len(self.instances)]}}]
        return "application/dicom+json", json.dumps(rows).encode()


def url_of(page: OhifPage) -> str:
    return f"{page.origin}/ohif/monai-label?StudyInstanceUIDs={ct_series.STUDY}"
