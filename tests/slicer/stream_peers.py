"""Pipelines of the program, and peers that are worse, for the tests of streams."""
import importlib.util
import socket
import subprocess
import threading
import time
from pathlib import Path

import numpy as np

from running_server import free_port

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "examples/pipelines"
# Not by sys.path: a folder of tests that is called slicer would become a part of Slicer's package.
_spec = importlib.util.spec_from_file_location("stream_pipelines", ROOT / "tests/stream_pipelines.py")
_stream_pipelines = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_stream_pipelines)
write_pipeline = _stream_pipelines.write_pipeline


class Pipeline:
    """`sagittal stream run` of a pipeline at a port of its own."""

    def __init__(self, program, pipeline, *settings, operator="input", port=None):
        self.port = port or free_port()
        known = PIPELINES / f"{pipeline}.yaml"
        self.command = [program, "stream", "run", str(known if known.exists() else pipeline), "--quiet", "--set",
                        f"{operator}.port={self.port}", *[part for one in settings for part in ("--set", one)]]
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(400):
            assert self.process.poll() is None, self.process.stderr.read()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the pipeline does not listen")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.kill()


class Peer:
    """Listens, and sends what it is given to whoever comes."""

    def __init__(self, talk):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        self._talk = talk
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._closed:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                try:
                    self._talk(connection)
                    connection.settimeout(0.2)
                    while not self._closed:
                        try:
                            if not connection.recv(1 << 16):
                                break
                        except socket.timeout:
                            continue
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self._closed = True
        self.socket.close()
        self._thread.join(5)


def until(condition, seconds=20.0):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.01)


def oblique():
    """IJK to RAS of an image that lies askew."""
    matrix = np.eye(4)
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])
    matrix[:3, :3] = turn @ tilt @ np.diag([0.5, 0.75, 2.0])
    matrix[:3, 3] = [12.5, -40.0, 33.0]
    return matrix
