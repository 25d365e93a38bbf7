"""Stopping a request from another thread."""
import threading

from .errors import Cancelled


class Stop:
    """Set once. Whoever waits for a socket leaves a way to wake it. Any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._wakers = []

    def set(self):
        """Stops what runs with it, now and later."""
        with self._lock:
            self._event.set()
            wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    @property
    def is_set(self):
        return self._event.is_set()

    def check(self):
        """Raises Cancelled once it is set."""
        if self._event.is_set():
            raise Cancelled()

    def wait(self, seconds):
        """Sleeps, and raises Cancelled as soon as it is set."""
        if self._event.wait(seconds):
            raise Cancelled()

    def add_waker(self, wake):
        """`wake()` is called when it is set, at once where it is."""
        with self._lock:
            if not self._event.is_set():
                self._wakers.append(wake)
                return
        wake()

    def remove_waker(self, wake):
        with self._lock:
            if wake in self._wakers:
                self._wakers.remove(wake)
