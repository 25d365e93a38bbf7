"""Work beside the main thread: its results come back on the main thread, where the scene may be touched."""
import collections
import queue
import threading
import time

from .client.errors import Cancelled
from .client.stop import Stop

THREADS = 8


class Task:
    """One call on a worker thread."""

    def __init__(self, call, done, failed, lane):
        self.stop = Stop()
        self._call = call
        self._done = done
        self._failed = failed
        self.lane = lane

    def cancel(self):
        """Stops it, and nothing is told of it from here on. Main thread."""
        self._done = self._failed = None
        self.stop.set()

    def run(self, deliver):
        """On a worker: calls, and leaves what came of it for the main thread."""
        try:
            self.stop.check()
            result = self._call(self.stop)
        except Cancelled as error:
            deliver(self._finish, None, error)
        except Exception as error:  # whatever it is, somebody has to be told
            deliver(self._finish, None, error)
        else:
            deliver(self._finish, result, None)

    def _finish(self, result, error):
        call, value = (self._done, result) if error is None else (self._failed, error)
        self._done = self._failed = None
        if call is not None:
            call(value)
        elif error is not None and not self.stop.is_set and not isinstance(error, Cancelled):
            raise error


class Workers:
    """A few threads. Calls of one lane run one after the other; those without a lane as soon as a thread is free."""

    def __init__(self, threads=THREADS, on_error=None):
        """on_error(exception): what a callback of the main thread raises; without it `pump` raises it."""
        self._ready = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._lanes = {}
        self._results = collections.deque()
        self._results_came = threading.Event()
        self._on_error = on_error
        self._closed = False
        self._threads = [threading.Thread(target=self._work, name="sagittal-worker-%d" % n, daemon=True)
                         for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def run(self, call, done=None, failed=None, lane=None):
        """`call(stop)` on a worker, then done(result) or failed(error) on the main thread. Returns its Task."""
        task = Task(call, done, failed, lane)
        with self._lock:
            waiting = self._lanes.get(lane) if lane is not None else None
            if waiting is not None:
                waiting.append(task)
                return task
            if lane is not None:
                self._lanes[lane] = collections.deque()
        self._ready.put(task)
        return task

    def deliver(self, call, *arguments):
        """`call(*arguments)` on the main thread, in the order of delivery. Any thread."""
        self._results.append((call, arguments))
        self._results_came.set()

    def pump(self, seconds=0.02):
        """Calls what was delivered; main thread. After about `seconds` the rest waits for the next time."""
        end = time.monotonic() + seconds
        called = 0
        self._results_came.clear()
        while self._results and not self._closed:
            call, arguments = self._results.popleft()
            called += 1
            try:
                call(*arguments)
            except Exception as error:
                if self._on_error is None:
                    raise
                self._on_error(error)
            if time.monotonic() > end:
                break
        return called

    def wait_for_results(self, seconds):
        """Sleeps until something was delivered: what takes the place of an event loop where there is none."""
        return bool(self._results) or self._results_came.wait(seconds)

    def close(self):
        """Lets the threads end; what was not delivered yet never is."""
        self._closed = True
        for _ in self._threads:
            self._ready.put(None)

    def _work(self):
        while True:
            task = self._ready.get()
            if task is None:
                return
            task.run(self.deliver)
            self._next_of(task.lane)

    def _next_of(self, lane):
        if lane is None:
            return
        with self._lock:
            waiting = self._lanes[lane]
            if not waiting:
                del self._lanes[lane]
                return
            task = waiting.popleft()
        self._ready.put(task)


def start_pump(workers, qt, interval_ms=15):
    """A Qt timer that empties the results; keep what it returns for as long as it is to run."""
    timer = qt.QTimer()
    timer.setInterval(interval_ms)
    timer.connect("timeout()", workers.pump)
    timer.start()
    return timer
