"""One click from outside, in the network of another process: `click(PID)`; as a program it clicks in its own network."""
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
URL = "http://127.0.0.1:1527"


def click(pid: int, key: str = "") -> dict:
    """What the server at port 1527 of that process' network answers to a click into a bright ball."""
    asked = subprocess.run(["nsenter", "-t", str(pid), "-n", sys.executable, __file__, key], capture_output=True, text=True,
                           timeout=120)
    assert asked.returncode == 0, asked.stderr[-2000:]
    return json.loads(asked.stdout)


def expect_ball(answer: dict) -> None:
    assert answer["dice"] > 0.7, answer


def main(key: str) -> None:
    sys.path.insert(0, str(HERE.parent / "server"))
    import numpy as np

    from native_client import Client, nifti
    from running_server import SHAPE, scan

    client = Client(URL, key)
    session = client.open(client.upload(nifti(scan())))
    session.add_segment()
    session.point(1, [n // 2 for n in SHAPE][::-1])
    mask, ball = session.masks[1] > 0, scan() > 60
    print(json.dumps({"dice": 2 * np.sum(mask & ball) / (np.sum(mask) + np.sum(ball))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
