#!/usr/bin/env python3
"""Two people at once on two cores, against one on one core; and what sessions cost that nobody uses.

    benchmarks/two_sessions.py build/release/bin/sagittal ../shared/data/ct_lidc_0314/image.nii.gz --clicks 20

A server held to one core answers one session; then a server on both cores answers two sessions at once, each with the same
clicks. `ratio` is the second rate by twice the first. Then --idle sessions are opened, each with a small image, and the
processor time of the server is taken for --rest seconds. Needs what clicks.py needs.
"""
import argparse
import concurrent.futures
import gzip
import json
import os
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


def rate(program: str, image: np.ndarray, places: np.ndarray, cores: set[int], people: int, extra: list[str]) -> float:
    """Clicks a second of all people together."""
    all_cores, empty = os.sched_getaffinity(0), gzip.compress(clicks.npy(np.zeros(image.shape, bool)), 1)
    os.sched_setaffinity(0, cores)  # the server's too, which starts from here
    server, url, _ = clicks.start(program, extra)
    try:
        persons = [Person(url, f"person{n}") for n in range(people)]
        for person in persons:
            person.upload("upload_image", "volume.npy", clicks.npy(image))
            person.click_all(places[:2], empty)
        begun = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(people) as pool:
            list(pool.map(lambda person: person.click_all(places, empty), persons))
        return people * len(places) / (time.perf_counter() - begun)
    finally:
        server.terminate()
        server.wait()
        os.sched_setaffinity(0, all_cores)


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
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--above", type=float, default=-900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--idle", type=int, default=20)
    parser.add_argument("--rest", type=float, default=10)
    parser.add_argument("serve", nargs="*", help="options for the server, after --")
    args = parser.parse_args()

    image = clicks.read_nifti(args.image)
    inside = np.argwhere(image > args.above)
    places = inside[np.random.default_rng(args.seed).integers(0, len(inside), args.clicks)]
    first, second = sorted(os.sched_getaffinity(0))[:2]
    alone = rate(args.program, image, places, {first}, 1, args.serve)
    both = rate(args.program, image, places, {first, second}, 2, args.serve)
    print(json.dumps({
        "clicks": args.clicks, "one_core_per_s": round(alone, 3), "two_cores_two_sessions_per_s": round(both, 3),
        "ratio": round(both / (2 * alone), 3), "idle_sessions": args.idle,
        "idle_share_of_a_core": round(idle_share(args.program, args.idle, args.rest, args.serve), 4)}))


if __name__ == "__main__":
    main()
