"""For how long the main thread is held up."""
import time

from SagittalLib.work import Workers

LONGEST_PAUSE_S = 0.05


class Pauses:
    """The longest of what it was given to call."""

    def __init__(self):
        self.longest, self.limit = 0.0, LONGEST_PAUSE_S

    def timed(self, call, *arguments):
        """Calls, and counts for how long that holds up the main thread: its own time, for a busy machine is no fault of
        the extension, and the whole time where that is so long that it must have waited for something."""
        begin, worked = time.monotonic(), time.thread_time()
        result = call(*arguments)
        passed, busy = time.monotonic() - begin, time.thread_time() - worked
        self.longest = max(self.longest, busy if passed < 20 * LONGEST_PAUSE_S else passed)
        return result


class TimedWorkers(Workers):
    """Knows for how long results held up the main thread, drawing not counted."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.pauses = Pauses()

    def pump(self, *arguments):
        return self.pauses.timed(super().pump, *arguments)
