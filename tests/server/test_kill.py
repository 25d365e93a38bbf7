"""kill -9 at random moments while people work: after each restart every client goes on with the session it had.

SAGITTAL_KILLS sets how often; `make test-long` does it 200 times."""
import os
import random
import signal
import threading
import time

from kept_state import ItkSnap, Monai, Native, Person, Slicer, V2, count_prompts
from running_server import Server


def test_nothing_that_was_answered_is_lost(program, model, tmp_path):
    kills = int(os.environ.get("SAGITTAL_KILLS", 10))
    rng = random.Random(int(os.environ.get("SAGITTAL_SEED", 1)))
    server = Server(program, *model, data_dir=tmp_path / "data")
    people = [Person(kind, server.url, f"{kind.__name__}{n}", seed=n)
              for n, kind in enumerate([Slicer, V2, ItkSnap, Monai, Native, Slicer, V2, ItkSnap, Monai, Native])]
    held = count_prompts(tmp_path / "data")
    for person in people:
        person.base = held[person.viewer.key]
    for _ in range(kills):
        stop = threading.Event()
        threads = [threading.Thread(target=person.work, args=(stop,)) for person in people]
        for thread in threads:
            thread.start()
        answered = sum(len(person.done) for person in people) + rng.randrange(6)
        while sum(len(person.done) for person in people) < answered:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.3))
        server.stop(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join(timeout=120)
            assert not thread.is_alive()
        held = count_prompts(tmp_path / "data")
        for person in people:
            person.settle(held[person.viewer.key])
        server = Server(program, *model, port=server.port, data_dir=tmp_path / "data")
    for person in people:
        prompt = person.next_prompt()
        person.record(prompt, person.viewer.prompt(*prompt))
    assert server.stop() == 0
    undisturbed = Server(program, *model)
    try:
        answers = sum(person.compare(undisturbed.url) for person in people)
    finally:
        undisturbed.stop()
    lost = sum(len(person.done) for person in people) - answers
    print(f"{kills} kills: {answers} answers are those of an undisturbed server; {lost} prompts were kept, not answered")
    assert answers >= kills
