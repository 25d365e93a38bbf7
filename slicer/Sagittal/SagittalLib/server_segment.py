"""What the server holds of one segment: its mask, and the steps that undo and redo walk along."""
import threading

from .segments import Mask


class Step:
    """A prompt, undoable; `print`: fingerprint of the mask after it, None while it is being predicted."""

    def __init__(self, print_=None):
        self.print = print_


class ServerSegment:
    """Follows the server's replies. Any thread."""

    def __init__(self, number, revision=0):
        self.number = number
        self.revision = revision
        self.can_undo = self.can_redo = False
        self._lock = threading.RLock()
        self._mask = Mask()
        self._steps = [Step(b"")]
        self._at = 0

    def read(self, bounds):
        """The mask inside `bounds`."""
        with self._lock:
            return self._mask.read(bounds)

    @property
    def bounds(self):
        with self._lock:
            return self._mask.bounds

    def start_from(self, reply):
        """The whole mask of a segment that was there before; its steps are not known."""
        with self._lock:
            self._mask = Mask()
            self._mask.paste(reply.bounds, reply.crop)
            self._note(reply)
            self._steps, self._at = [Step(self._mask.fingerprint())], 0

    def begin_step(self):
        """A prompt is on its way."""
        with self._lock:
            step = Step()
            del self._steps[self._at + 1:]
            self._steps.append(step)
            self._at += 1
            return step

    def drop_step(self, step):
        """Its prompt was stopped or refused."""
        with self._lock:
            if step in self._steps:
                if self._steps.index(step) <= self._at:
                    self._at -= 1
                self._steps.remove(step)

    def supersede_step(self, step):
        """Its prompt was recorded and counts for the next one; the mask stayed."""
        with self._lock:
            if step in self._steps:
                step.print = self._steps[self._steps.index(step) - 1].print

    def finish_step(self, step, reply):
        """The reply to its prompt. False where something newer is here already."""
        with self._lock:
            is_news = self.take(reply)
            step.print = self._mask.fingerprint()
            return is_news

    def take(self, reply):
        """A mask of the server; False where it is not news."""
        with self._lock:
            if reply.revision <= self.revision:
                return False
            self._mask.paste(reply.bounds, reply.crop)
            self._note(reply)
            return True

    def take_foreign(self, reply):
        """What somebody else did to this segment: the steps until here are not ours to walk along."""
        with self._lock:
            if not self.take(reply):
                return False
            self._steps, self._at = [Step(self._mask.fingerprint())], 0
            return True

    def walk(self, count, reply):
        """An undo (-1) or redo (1) was answered."""
        with self._lock:
            is_news = self.take(reply)
            self._at = max(0, min(self._at + count, len(self._steps) - 1))
            self._steps[self._at].print = self._mask.fingerprint()
            return is_news

    def way_to(self, print_):
        """How many redos (or undos, where negative) lead to a mask with that fingerprint; 0: it is the present one;
        None: there is no such way."""
        with self._lock:
            if self._mask.fingerprint() == print_:
                return 0
            found = [n - self._at for n, step in enumerate(self._steps) if step.print == print_]
            return min(found, key=abs) if found else None

    def _note(self, reply):
        self.revision = reply.revision
        self.can_undo, self.can_redo = reply.can_undo, reply.can_redo
