"""A server of files for downloads: with ranges, or with the faults that real ones have."""
import http.server
import threading
from urllib.parse import urlsplit


class FileServer:
    """Serves `files` (path -> bytes). `break_after` closes each connection after so many bytes of a body."""

    def __init__(self, files: dict, etag='"one"', ranges=True, break_after=None):
        self.files, self.etag, self.ranges, self.break_after = files, etag, ranges, break_after
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler):
        path = urlsplit(handler.path).path
        self.requests.append((path, handler.headers.get("Range")))
        body = self.files.get(path)
        if body is None:
            handler.send_response(404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        begin = 0
        wanted = handler.headers.get("Range")
        if self.ranges and wanted and handler.headers.get("If-Range") == self.etag:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        else:
            handler.send_response(200)
        handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(len(body) - begin))
        handler.end_headers()
        part = body[begin:]
        if self.break_after is not None and len(part) > self.break_after:
            handler.wfile.write(part[:self.break_after])
            handler.wfile.flush()
            handler.close_connection = True
            return
        handler.wfile.write(part)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
