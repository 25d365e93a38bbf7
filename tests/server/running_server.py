"""The program as a server in a process of its own, and a scan to send to it."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile

import numpy as np
import pytest

SHAPE = (24, 28, 32)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Without `data_dir` it has a temporary folder of its own."""

    def __init__(self, program, *options, port=0, data_dir=None, **process):
        chosen = data_dir or "--data-dir" in options
        self.own_folder = None if chosen else tempfile.TemporaryDirectory(prefix="sagittal-")
        if "--data-dir" not in options:
            options = ("--data-dir", str(data_dir or self.own_folder.name), *options)
        self.process = subprocess.Popen([program, "serve", "--port", str(port), *map(str, options)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **process)
        self.ready_line = self.process.stdout.readline()
        self.cpu_seconds_to_ready = self.cpu_seconds()
        if not self.ready_line:
            pytest.fail(f"the server did not start: {self.process.stderr.read()}")
        self.url = re.search(r"https?://\S+", self.ready_line).group()
        self.port = int(self.url.rsplit(":", 1)[1])

    def stop(self, how=signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def cpu_seconds(self) -> float:
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def restarting(program, data_dir):
    """start(*options) of a server on that folder, in place of the one before, which is killed, and on its port."""
    running = []

    def start(*options, **process):
        port = running[0].port if running else 0
        if running:
            running.pop().stop(signal.SIGKILL)
        running.append(Server(program, *options, port=port, data_dir=data_dir, **process))
        return running[0]

    yield start
    for server in running:
        server.process.kill()
        server.process.wait()


def scan(dtype=np.int16, shape=SHAPE):
    """A bright ball in noise."""
    axes = np.meshgrid(*[np.arange(n) - n / 2 for n in shape], indexing="ij")
    ball = sum(a * a for a in axes) < 64
    return (ball * 100 + np.random.default_rng(1).integers(0, 20, shape)).astype(dtype)
