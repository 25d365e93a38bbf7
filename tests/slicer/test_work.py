"""Worker threads whose results come back on the main thread."""
import threading
import time

import pytest

from SagittalLib.client import Cancelled
from SagittalLib.settings import MemoryStore, Settings


def test_results_come_on_the_main_thread(main_thread):
    told = []
    main_thread.workers.run(lambda stop: threading.current_thread(), lambda thread: told.append((thread, threading.current_thread())))
    main_thread.until(lambda: told)
    worker, here = told[0]
    assert worker is not here and here is threading.current_thread()


def test_what_fails_is_told(main_thread):
    told = []
    main_thread.workers.run(lambda stop: 1 / 0, told.append, lambda error: told.append(type(error)))
    main_thread.until(lambda: told)
    assert told == [ZeroDivisionError]


def test_what_fails_without_a_listener_is_raised(main_thread):
    main_thread.workers.run(lambda stop: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main_thread.until(lambda: False, seconds=5)


def test_a_lane_keeps_its_order_while_others_overtake(main_thread):
    told, gate = [], threading.Event()
    for n in range(3):
        main_thread.workers.run(lambda stop, n=n: (gate.wait(5), n)[1], told.append, lane="one")
    main_thread.workers.run(lambda stop: "other", told.append)
    main_thread.until(lambda: told)
    assert told == ["other"]
    gate.set()
    main_thread.until(lambda: len(told) == 4)
    assert told[1:] == [0, 1, 2]


def test_what_is_cancelled_tells_nothing(main_thread):
    told, seen = [], []

    def call(stop):
        try:
            stop.wait(10)
        except Cancelled:
            seen.append("stopped")
            raise

    task = main_thread.workers.run(call, told.append, told.append)
    time.sleep(0.05)
    task.cancel()
    main_thread.until(lambda: seen)
    main_thread.workers.pump()
    assert not told


def test_settings_are_kept_by_their_type():
    store = MemoryStore()
    settings = Settings(store)
    assert settings.get("send_early") is True
    settings.set("send_early", False)
    store["Sagittal/send_early"] = "false"  # as an ini file gives it back
    assert Settings(store).get("send_early") is False
    settings.set("server", "https://seg.example.org")
    assert str(Settings(store).connection().address) == "https://seg.example.org"
    settings.set("server", "http://localhost:1527")
    assert "Sagittal/server" not in store
    with pytest.raises(KeyError):
        settings.set("nonsense", 1)
