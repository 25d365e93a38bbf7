"""Many annotators at one server at once, as people click: each has a key and a volume of its own and one of five clients. Every mask
is compared with the one that the same prompts gave before the load, so that a mask mixed up between two people is seen."""
import argparse
import json
import multiprocessing
import os
import random
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import requests
from monailabel.client import MONAILabelClient
from nnInteractive.inference.remote.remote_session import nnInteractiveRemoteInferenceSession

import itksnap_client
import native_client
import nrrd
import slicer_v0_client
from certificate import make_certificate, trust
from running_server import Server

PEOPLE_PER_PROCESS = 5


def volume(person: int) -> tuple:
    """A bright ball at a place of its own, in noise of its own; for every fifth person of each client in a larger scan."""
    random_numbers = np.random.default_rng(person)
    larger = person // len(KINDS) % 5 == 0
    shape = tuple(int(n) for n in random_numbers.integers(*((96, 192) if larger else (24, 56)), 3))
    centre = [random_numbers.integers(8, n - 8) for n in shape]
    axes = np.meshgrid(*[np.arange(n) - c for n, c in zip(shape, centre)], indexing="ij")
    noise = random_numbers.integers(0, 20, shape)
    return (noise + 100 * (sum(a * a for a in axes) < 36)).astype(np.int16), [int(c) for c in centre]


class SlicerAnnotator:
    def __init__(self, url, name, key, image):
        self.client = slicer_v0_client.Client(url.replace("://", f"://{name}:{key}@"), image)
        assert self.client.upload_image() == {"status": "ok"}

    def restart(self):
        assert self.client.upload_segment() == {"status": "ok"}

    def click(self, position, positive):
        mask = self.client.point(position, positive)
        assert isinstance(mask, np.ndarray), mask
        return mask

    def end(self):
        pass


class ItkSnapAnnotator:
    def __init__(self, url, name, key, image):
        self.client = itksnap_client.Client(url.replace("://", f"://{name}:{key}@"), image=image.astype(np.float32)).start()
        assert self.client.upload().status_code == 200

    def restart(self):
        assert self.client.reset().status_code == 200

    def click(self, position, positive):
        return self.client.mask(self.client.point(*position[::-1], positive))

    def end(self):
        self.client.end()


class V2Annotator:
    def __init__(self, url, name, key, image):
        self.session = nnInteractiveRemoteInferenceSession(url, api_key=key)
        self.session.set_image(image[None], {"spacing": [1.0, 1.0, 1.0]})
        self.session.set_target_buffer(np.zeros(image.shape, np.uint8))

    def restart(self):
        self.session.reset_interactions()
        self.session.target_buffer[:] = 0

    def click(self, position, positive):
        self.session.add_point_interaction(position, positive)
        return self.session.target_buffer.astype(bool)

    def end(self):
        self.session.close()


class MonaiAnnotator:
    """It sends all clicks of a segment each time."""

    def __init__(self, url, name, key, image):
        self.folder = tempfile.TemporaryDirectory()
        self.client = MONAILabelClient(url, tmpdir=self.folder.name)
        self.client.update_auth(self.client.auth_token(name, key))
        self.session = self.client.create_session(nrrd.write(Path(self.folder.name) / "image.nrrd", image))["session_id"]

    def restart(self):
        self.clicks = {"foreground": [], "background": []}

    def click(self, position, positive):
        self.clicks["foreground" if positive else "background"].append(position[::-1])
        file, _ = self.client.infer("nnInteractive", "CT", {"label": "organ", **self.clicks}, session_id=self.session)
        mask = nrrd.read(Path(file).read_bytes())[1].astype(bool)
        Path(file).unlink()
        return mask

    def end(self):
        self.client.remove_session(self.session)
        self.folder.cleanup()


class NativeAnnotator:
    def __init__(self, url, name, key, image):
        client = native_client.Client(url, key)
        self.session = client.open(client.upload_in_pieces(native_client.nifti(image), size=1 << 20))
        self.segment = self.session.add_segment(term="liver")

    def restart(self):
        self.session.change(self.segment, "reset")

    def click(self, position, positive):
        self.session.point(self.segment, position[::-1], positive)
        return self.session.masks[self.segment].astype(bool)

    def end(self):
        self.session.client.ask("DELETE", self.session.path, 204)


KINDS = (SlicerAnnotator, V2Annotator, ItkSnapAnnotator, MonaiAnnotator, NativeAnnotator)


def clicks(image, centre, person):
    random_numbers = np.random.default_rng(1000 + person)
    outside = [int(n) for n in random_numbers.integers(0, image.shape)]
    return [(centre, True), (outside, False)]


def annotate(url, person, key, expected, until, think, results):
    """One person until `until`; uploads anew now and then. Puts (prompts, latencies, errors) into `results`."""
    pauses = random.Random(person)
    image, centre = volume(person)
    prompts, latencies, errors, annotator = 0, [], [], None
    try:
        while time.time() < until:
            annotator = KINDS[person % len(KINDS)](url, f"user{person}", key, image)
            for _ in range(3):
                annotator.restart()
                for step, (position, positive) in enumerate(clicks(image, centre, person)):
                    started = time.monotonic()
                    mask = annotator.click(position, positive)
                    latencies.append(time.monotonic() - started)
                    prompts += 1
                    if expected is not None and not np.array_equal(np.packbits(mask), expected[step]):
                        errors.append(f"user{person}: another mask than before the load at step {step}")
                    time.sleep(pauses.uniform(0, 2 * think))
                    if time.time() > until:
                        break
            annotator.end()
    except Exception as error:  # noqa: BLE001: whatever goes wrong for a person is the result
        errors.append(f"user{person}: {type(error).__name__}: {error}")
    results.put((prompts, latencies, errors))


def annotate_several(url, people, keys, expected, ready, seconds, think, results):
    """They begin when all processes are `ready`."""
    ready.wait(300)
    until = time.time() + seconds
    threads = [threading.Thread(target=annotate, args=(url, p, keys[p], expected[p], until, think, results)) for p in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def masks_alone(url, keys, person):
    image, centre = volume(person)
    annotator = KINDS[person % len(KINDS)](url, f"user{person}", keys[person], image)
    annotator.restart()
    masks = [np.packbits(annotator.click(*click)) for click in clicks(image, centre, person)]
    annotator.end()
    return masks


def make_keys(program, file, people) -> list:
    return [subprocess.run([program, "key", "add", f"user{p}", "--api-key-file", file], capture_output=True, text=True, check=True).stdout.strip()
            for p in range(people)]


def watch(server, until) -> tuple:
    """Seconds of each health answer, over connections of their own, and (time, resident bytes)."""
    health, memory = [], []
    while time.time() < until:
        started = time.monotonic()
        answer = requests.get(f"{server.url}/healthz", timeout=30)
        health.append(time.monotonic() - started)
        assert answer.status_code == 200
        memory.append((time.time(), server.resident_bytes()))
        time.sleep(0.1)
    return health, memory


def by_tenth(memory, start, seconds) -> list:
    """The mean of each tenth of the time; of the nearest one where nothing was measured in it."""
    means = {}
    for n in range(10):
        sizes = [size for when, size in memory if n <= 10 * (when - start) / seconds < n + 1]
        if sizes:
            means[n] = round(float(np.mean(sizes)) / 2**20)
    return [means[min(means, key=lambda known: abs(known - n))] for n in range(10)]


def run(program, model, people=50, seconds=20.0, think=4.0, encrypted=False) -> dict:
    """With `encrypted`, over TLS; the certificate is trusted from then on."""
    with tempfile.TemporaryDirectory() as folder:
        if encrypted:
            make_certificate(Path(folder), "load")
            trust(Path(folder))
            model = [*model, "--tls-cert", f"{folder}/cert.pem", "--tls-key", f"{folder}/key.pem"]
        file = Path(folder) / "keys.json"
        keys = make_keys(program, file, people)
        server = Server(program, *model, "--api-key-file", file, "--max-sessions", str(2 * people), "--data-dir", folder)
        try:
            expected = [masks_alone(server.url, keys, person) for person in range(people)]
            results = multiprocessing.get_context("spawn").Queue()
            groups = [range(p, min(p + PEOPLE_PER_PROCESS, people)) for p in range(0, people, PEOPLE_PER_PROCESS)]
            context = multiprocessing.get_context("spawn")
            ready = context.Barrier(len(groups) + 1)
            processes = [context.Process(target=annotate_several, args=(server.url, group, keys, expected, ready, seconds, think, results))
                         for group in groups]
            for process in processes:
                process.start()
            ready.wait(300)
            start, until = time.time(), time.time() + seconds
            health, memory = watch(server, until)
            gathered = [results.get(timeout=120) for _ in range(people)]
            for process in processes:
                process.join(60)
            stopped = server.stop()
        finally:
            server.process.kill()
            server.process.wait()
    latencies = np.concatenate([latency for _, latency, _ in gathered])
    late = [size for when, size in memory if when > start + 0.4 * seconds]
    return {"people": people, "seconds": seconds, "encrypted": encrypted, "prompts": sum(prompts for prompts, _, _ in gathered),
            "errors": [error for _, _, errors in gathered for error in errors], "exit_code": stopped,
            "prompt_median_s": round(float(np.median(latencies)), 3), "prompt_p95_s": round(float(np.percentile(latencies, 95)), 3),
            "health_p50_ms": round(1e3 * float(np.median(health)), 1), "health_p99_ms": round(1e3 * float(np.percentile(health, 99)), 1),
            "health_asked": len(health), "memory_mib_at_40_percent": late[0] >> 20, "memory_mib_at_end": late[-1] >> 20,
            "memory_mib_most_after": max(late) >> 20, "memory_mib_by_tenth": by_tenth(memory, start, seconds)}


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=os.environ.get("SAGITTAL_PROGRAM", str(root / "build/release/bin/sagittal")))
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--think", type=float, default=4, help="mean seconds between two clicks of one person")
    parser.add_argument("--tls", action="store_true", help="every client over TLS")
    arguments = parser.parse_args()
    result = run(arguments.program, [], arguments.people, arguments.seconds, arguments.think, arguments.tls)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
