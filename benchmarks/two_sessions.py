#!/usr/bin/env python3
"""Two people at once on two cores, against one on one core; and what sessions cost that nobody uses.

    benchmarks/two_sessions.py build/release/bin/sagittal ../shared/data/ct_lidc_0314/image.nii.gz --rounds 10

Four servers with the same clicks, in turn, round after round: one person on a server held to one core; one person each on two
servers, each held to a core of its own, which is what the machine allows; and two people on a server on both cores. `ratio` is
the last rate by twice the first, `ceiling` the second by twice the first: medians over the rounds. Then --idle sessions are
opened, each with a small image, and the processor time of the server is taken for --rest seconds. Needs what clicks.py needs.
"""
import argparse
import concurrent.futures
import contextlib
import gzip
import json
import os
import statistics
import tempfile
import time

import numpy as np
import requests

import clicks


class Person:
    """A session of its own: the server knows the extension's clients by their path prefix."""

    def __init__(self, url: str, name: str):
        self.url, self.http = f"{url}/{name}", requests.Session()

    def upload(self, path: str, name: str, content: bytes) -> None:
        self.http.post(f"{self.url}/{path}", files={"file": (name, content, "application/octet-stream")}).raise_for_status()

    def click_all(self, places: np.ndarray, empty: bytes) -> None:
        for place in places:
            self.upload("upload_segment", "volume.npy.gz", empty)
            answer = self.http.post(f"{self.url}/add_point_interaction", json={"voxel_coord": place.tolist(), "positive_click": True})
            if "json" in answer.headers["Content-Type"]:
                raise SystemExit(answer.text)


class Crowd:
    """People on servers of their own, or on one; all on `cores`, unless each has a core."""

    def __init__(self, program: str, folder: str, image: np.ndarray, cores: list[set[int]], people: int, extra: list[str]):
        self.cores, self.servers, self.persons = set.union(*cores), [], []
        for held in cores:
            with on(held):  # the server too, which starts from here
                server, url, _ = clicks.start(program, ["--data-dir", tempfile.mkdtemp(dir=folder), *extra])
            self.servers.append(server)
            self.persons += [Person(url, f"person{n}") for n in range(people)]
        for person in self.persons:
            person.upload("upload_image", "volume.npy", clicks.npy(image))

    def rate(self, places: np.ndarray, empty: bytes) -> float:
        """Clicks a second of all together."""
        with on(self.cores), concurrent.futures.ThreadPoolExecutor(len(self.persons)) as pool:
            begun = time.perf_counter()
            list(pool.map(lambda person: person.click_all(places, empty), self.persons))
            return len(self.persons) * len(places) / (time.perf_counter() - begun)

    def close(self) -> None:
        for server in self.servers:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def on(cores: set[int]):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def rates(program: str, image: np.ndarray, places: np.ndarray, rounds: int, extra: list[str]) -> dict[str, list[float]]:
    """Of one person on a core, of two on two servers, and of two on one, per round."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    empty = gzip.compress(clicks.npy(np.zeros(image.shape, bool)), 1)
    found: dict[str, list[float]] = {"alone": [], "apart": [], "together": []}
    with contextlib.ExitStack() as stack:
        folder, crowds = stack.enter_context(tempfile.TemporaryDirectory()), {}
        kinds = {"alone": ([{first}], 1), "apart": ([{first}, {second}], 1), "together": ([{first, second}], 2)}
        for name, (cores, people) in kinds.items():
            crowds[name] = Crowd(program, folder, image, cores, people, extra)
            stack.callback(crowds[name].close)
            crowds[name].rate(places[:2], empty)  # warm
        for _ in range(rounds):
            for name, crowd in crowds.items():
                found[name].append(crowd.rate(places, empty))
    return found


def processor_seconds(pid: int) -> float:
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_share(program: str, sessions: int, rest: float, extra: list[str]) -> float:
    """Of one core, while nobody asks anything."""
    server, url, _ = clicks.start(program, extra)
    try:
        image = np.random.default_rng(0).integers(-1000, 1000, (32, 64, 64)).astype(np.int16)
        for n in range(sessions):
            person = Person(url, f"person{n}")
            person.upload("upload_image", "volume.npy", clicks.npy(image))
            person.click_all(np.array([[16, 32, 32]]), gzip.compress(clicks.npy(np.zeros(image.shape, bool)), 1))
        time.sleep(1)
        before = processor_seconds(server.pid)
        time.sleep(rest)
        return (processor_seconds(server.pid) - before) / rest
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("image", help="a .nii or .nii.gz file")
    parser.add_argument("--clicks", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--above", type=float, default=-900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--idle", type=int, default=20)
    parser.add_argument("--rest", type=float, default=10)
    parser.add_argument("serve", nargs="*", help="options for the server, after --")
    args = parser.parse_args()

    image = clicks.read_nifti(args.image)
    inside = np.argwhere(image > args.above)
    places = inside[np.random.default_rng(args.seed).integers(0, len(inside), args.clicks)]
    found = rates(args.program, image, places, args.rounds, args.serve)
    def share(name: str) -> float:
        return round(statistics.median(many / (2 * one) for many, one in zip(found[name], found["alone"])), 3)
    print(json.dumps({
        "clicks": args.clicks, "rounds": args.rounds,
        "per_s": {name: round(statistics.median(of), 3) for name, of in found.items()},
        "ratio": share("together"), "ceiling": share("apart"), "idle_sessions": args.idle,
        "idle_share_of_a_core": round(idle_share(args.program, args.idle, args.rest, args.serve), 4)}))


if __name__ == "__main__":
    main()
