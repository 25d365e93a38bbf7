#!/usr/bin/python3
"""Does what its workflow is called, and then what /usr/local/bin/bright does: what a stranger's program may try."""
import os
import socket
import sys
import time
from pathlib import Path

MARK, SECRET, PORT = "@MARK@", "@SECRET@", "@PORT@"
INPUT, OUTPUT = Path("/app/data/input_data"), Path("/app/data/output_data")


def tries(name: str, what) -> None:
    try:
        what()
    except OSError as error:
        print(f"closed: {name}: {error}", flush=True)
    else:
        print(f"OPEN: {name}", flush=True)


def doors() -> None:
    tries("network of this machine", lambda: socket.create_connection(("127.0.0.1", int(PORT)), 2))
    tries("network", lambda: socket.create_connection(("192.0.2.1", 80), 2))
    tries("files of the host", lambda: open(SECRET))
    tries("input", lambda: next(INPUT.rglob("*.dcm")).write_bytes(b"mine"))
    tries("image", lambda: Path("/usr/local/bin/new").touch())
    tries("kernel", lambda: open("/proc/sysrq-trigger", "w"))


def links() -> None:
    """Ways out of the output folder, and things there that are no files."""
    for name, target in {"secret.json": SECRET, "secret.seg.dcm": SECRET, "host": "/etc", "up": "../../.."}.items():
        (OUTPUT / name).symlink_to(target)
    os.mkfifo(OUTPUT / "pipe.json")
    (OUTPUT / "sub").mkdir()
    (OUTPUT / "sub/passwd.csv").symlink_to("/etc/passwd")


def memory() -> None:
    held = []
    while True:
        held.append(b"x" * (16 << 20))


def forks() -> None:
    count = 0
    try:
        while True:
            if os.fork() == 0:
                os.setsid()
                time.sleep(1000)
            count += 1
    except OSError:
        print(f"forks: {count}", flush=True)


def log() -> None:
    while True:
        print("I have much to tell. " * 40)


def endless() -> None:
    print("endless", flush=True)
    if os.fork() == 0:
        os.setsid()
    time.sleep(1000)


def slow() -> None:
    print("slow", flush=True)
    time.sleep(8)


Path("/proc/self/comm").write_text(MARK)  # by which it is known outside, with all its children
globals()[sys.argv[2]]()
os.execv("/usr/local/bin/bright", ["bright", "--workflow", "default", "--print"])
