"""A pipeline that streams while its peers are killed, sleep, crawl and lie: a few seconds, or SAGITTAL_STREAM_SECONDS."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from igtl_wire import Connection, free_port

SECONDS = float(os.environ.get("SAGITTAL_STREAM_SECONDS", 6))
LIFETIME_S = min(20, SECONDS / 8)
ALLOWED_GROWTH_KIB = 16 << 10

PIPELINE = """
pipeline: 1
title: Soak
description: Pictures at 30 a second for everybody, transforms there and back.
scheduler: {{threads: 2}}
operators:
  folder: {{type: image_folder, folder: pictures, device: Image, repeat: true, frame_rate: 30}}
  smaller: {{type: resize, width: 320}}
  input: {{type: igtl_input, role: server, port: {port}, share: peers}}
  images: {{type: igtl_output, share: peers}}
  back: {{type: igtl_output, share: peers, device: Back}}
flows:
  - folder -> smaller
  - smaller -> images
  - {{from: input.transform, to: back, capacity: 64}}
"""

VICTIM = """
import sys
import time
sys.path.insert(0, sys.argv[1])
from igtl_wire import TRANSFORM, Connection, Message
connection = Connection.to(int(sys.argv[2]))
while True:
    connection.send(Message("TRANSFORM", "Victim", TRANSFORM))
    connection.receive_raw()
    time.sleep(0.002)
"""


def resident_kib(pid: int) -> int:
    return int(next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])


class Crowd:
    """Peers in threads and processes of their own, until `over`."""

    def __init__(self, port: int):
        self.port, self.over, self.failures = port, threading.Event(), []
        self.kills = self.lies = self.frames = self.backwards = self.longest_gap_ms = 0
        self.threads = [threading.Thread(target=self.guarded, args=(task,)) for task in (self.good, self.killed, self.crawling, self.lying)]
        self.silent = socket.create_connection(("127.0.0.1", port))
        for thread in self.threads:
            thread.start()

    def guarded(self, task):
        try:
            task()
        except Exception as error:  # said by the test, which would wait in vain
            self.failures.append(f"{task.__name__}: {error!r}")

    def good(self):
        connection, last, before = Connection.to(self.port), 0, time.monotonic()
        while not self.over.is_set():
            header, _ = connection.receive_raw()
            if header[2:14].rstrip(b"\0") != b"IMAGE":
                continue
            now, stamp = time.monotonic(), int.from_bytes(header[34:42], "big")
            self.longest_gap_ms = max(self.longest_gap_ms, round(1e3 * (now - before)))
            self.frames, self.backwards = self.frames + 1, self.backwards + (stamp < last)
            last, before = stamp, now

    def killed(self):
        while not self.over.is_set():
            victim = subprocess.Popen([sys.executable, "-c", VICTIM, Path(__file__).parent, str(self.port)])
            self.over.wait(LIFETIME_S)
            assert victim.poll() is None, "the victim left by itself"
            victim.kill()
            victim.wait()
            self.kills += 1

    def crawling(self):
        connection = Connection.to(self.port)
        while not self.over.wait(0.15):
            connection.receive_raw()

    def lying(self):
        while not self.over.wait(0.2):
            with socket.create_connection(("127.0.0.1", self.port)) as liar:
                liar.sendall(os.urandom(400))
                self.lies += 1
                liar.settimeout(5)
                try:
                    while liar.recv(1 << 16):
                        pass
                except ConnectionError:
                    pass


def test_peers_that_are_killed_sleep_crawl_and_lie_disturb_nobody(program, tmp_path):
    (tmp_path / "pictures").mkdir()
    for n in range(4):
        np.save(tmp_path / "pictures" / f"{n}.npy", np.full((1, 480, 640), 50 * n, np.uint8))
    port = free_port()
    (tmp_path / "soak.yaml").write_text(PIPELINE.format(port=port))
    process = subprocess.Popen([program, "stream", "run", tmp_path / "soak.yaml", "--json"], stdout=subprocess.PIPE, text=True)
    crowd, resident = None, []
    try:
        wait_for(port)
        crowd, begin = Crowd(port), time.monotonic()
        while time.monotonic() < begin + SECONDS and not crowd.failures:
            time.sleep(min(1, SECONDS / 12))
            if time.monotonic() > begin + SECONDS / 3:
                resident.append(resident_kib(process.pid))
    finally:
        if crowd:
            crowd.over.set()
            for thread in crowd.threads:
                thread.join()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and not crowd.failures, crowd.failures
    counters = {op["name"]: op["counters"] for op in json.loads(out)["operators"]}["images"]
    said = {name: count for name, count in counters.items() if name != "peers"}
    print(f"\n{SECONDS:.0f} s: {crowd.frames} frames, longest gap {crowd.longest_gap_ms} ms, {crowd.kills} kills, {crowd.lies} lies, "
          f"resident {min(resident)} to {max(resident)} KiB; {said}")
    assert crowd.backwards == 0 and crowd.frames > 10 * SECONDS
    assert crowd.kills >= 6 and counters["refused"] + counters["bad_checksums"] >= crowd.lies
    assert counters["connects"] == counters["disconnects"] + len(counters["peers"]) >= crowd.kills + crowd.lies
    assert counters["dropped"] > SECONDS, "what the crawling and the silent did not take"
    assert max(resident) < resident[0] + ALLOWED_GROWTH_KIB, resident


def wait_for(port: int):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("nobody listens")
