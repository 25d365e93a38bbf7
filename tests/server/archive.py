"""A small DICOMweb archive, which can be told to behave badly."""
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import ct_series

BOUNDARY = "archive-boundary"
FAILED = {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}, "00081197": {"vr": "US", "Value": [0xA700]}}]}
STORED = {  # answers to STOW by the way to misbehave
    "refuse": (409, "application/dicom+json", b"{}"),
    "accept, then fail": (202, "application/dicom+json", json.dumps({"00081198": FAILED}).encode()),
    "fail at status 200": (200, "application/dicom+json", json.dumps([{"00081198": FAILED}]).encode()),
    "fail in XML": (200, "application/dicom+xml", b'<NativeDicomModel><DicomAttribute tag="00081198" vr="SQ"/></NativeDicomModel>'),
    "store with warnings": (202, "application/dicom+json", b'{"00081199":{"vr":"SQ","Value":[{"00081196":{"vr":"US","Value":[45056]}}]}}'),
}


def multipart(files: list) -> bytes:
    parts = b"".join(b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % (BOUNDARY.encode(), f) for f in files)
    return parts + b"--%s--\r\n" % BOUNDARY.encode()


class Archive:
    """Serves `instances`; `bad` names a way to misbehave; `requests` are the lines it was asked."""

    def __init__(self, instances: list, key: str = "", only_in_studies: bool = False):
        self.instances, self.bad, self.requests, self.stored = list(instances), "", [], []
        self.authorization = "Basic " + base64.b64encode(key.encode()).decode() if key else ""
        self.only_in_studies = only_in_studies
        archive = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                archive.requests.append(self.path)
                archive.answer(self)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                archive.requests.append(self.path)
                archive.stored.append((self.headers["Content-Type"], body))
                archive.send(self, *STORED.get(archive.bad, (200, "application/dicom+json", b"{}")))

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/dicom-web"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    @staticmethod
    def send(handler, status, content_type, body, **headers):
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    def series(self) -> list:
        found = {}
        for d in self.instances:
            found.setdefault(d.SeriesInstanceUID, []).append(d)
        return [{"0020000D": {"vr": "UI", "Value": [ds[0].StudyInstanceUID]},
                 "0020000E": {"vr": "UI", "Value": [uid]},
                 "00080060": {"vr": "CS", "Value": [ds[0].Modality]},
                 "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
                 "0008103E": {"vr": "LO", "Value": [ds[0].SeriesDescription]},
                 "00201209": {"vr": "IS", "Value": [len(ds)]}} for uid, ds in found.items()]

    def answer(self, handler):
        if self.authorization and handler.headers["Authorization"] != self.authorization:
            return self.send(handler, 401, "text/plain", b"who are you?")
        path, _, query = handler.path.removeprefix("/dicom-web").partition("?")
        parts = path.strip("/").split("/")
        if self.bad == "elsewhere":
            return self.send(handler, 302, "text/plain", b"", Location="file:///etc/passwd")
        if self.bad == "endless":
            return self.endless(handler)
        if parts == ["series"] and self.only_in_studies:
            return self.send(handler, 400, "text/plain", b"not here")
        if parts == ["studies"]:
            found = [{"0020000D": {"vr": "UI", "Value": [ct_series.STUDY]}}]
        elif parts[-1] == "series":
            wanted = dict(f.split("=", 1) for f in query.split("&")).get("SeriesInstanceUID")
            found = [s for s in self.series() if wanted in (None, s["0020000E"]["Value"][0])]
        elif parts[-1] == "instances":
            found = [{"00080018": {"vr": "UI", "Value": [d.SOPInstanceUID]}}
                     for d in self.instances if d.SeriesInstanceUID == parts[3]]
        else:
            return self.send_series(handler, parts[3])
        if self.bad == "html":
            return self.send(handler, 200, "text/html", b"<html>please log in</html>")
        if self.bad == "large":
            return self.send(handler, 200, "application/dicom+json", b"[" + b" " * (20 << 20) + b"]")
        self.send(handler, 200, "application/dicom+json", json.dumps(found).encode())

    def send_series(self, handler, uid):
        files = [ct_series.encode(d) for d in self.instances if d.SeriesInstanceUID == uid]
        content_type = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        body = multipart(files)
        if self.bad == "other series":
            other = ct_series.instances(__import__("numpy").zeros((1, 4, 4), "int16"), "1.2.3.4")[0]
            body = multipart([*files, ct_series.encode(other)])
        elif self.bad == "twice":
            body = multipart([*files, files[0]])
        elif self.bad == "cut off":
            body = body[:-20]
        elif self.bad == "no boundary":
            content_type = "multipart/related"
        elif self.bad == "wrong boundary":
            content_type = "multipart/related; boundary=other"
        elif self.bad == "no dicom":
            body = multipart([b"MZ" + bytes(1000)])
        elif self.bad == "empty":
            body = multipart([])
        elif self.bad == "compressed":
            return self.send(handler, 200, content_type, body, Content_Encoding="gzip")
        elif self.bad == "endless series":
            return self.endless(handler, content_type, multipart(files)[:-30])
        self.send(handler, 200, content_type, body)

    @staticmethod
    def endless(handler, content_type="application/dicom+json", start=b"["):
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.end_headers()
        try:
            handler.wfile.write(start)
            while True:
                handler.wfile.write(b" " * (1 << 20))
        except OSError:
            pass
