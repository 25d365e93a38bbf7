"""Hears what a WebSocket of the API says, connecting again after each loss."""
import threading

from .connection import parse_object
from .errors import Cancelled, SagittalError, ServerError
from .stop import Stop
from .web_socket import WebSocket

FIRST_PAUSE = 0.3
LONGEST_PAUSE = 5.0


class EventStream:
    """A thread that follows `path` until `close`. on_event(dict) and on_state(error or None) are called on it."""

    def __init__(self, connection, path, on_event, on_state=None):
        """on_state(None) once it listens; on_state(SagittalError) once it is lost, and it goes on trying; a refusal
        of the server ends it."""
        self._connection = connection
        self._path = path
        self._on_event = on_event
        self._on_state = on_state or (lambda error: None)
        self._stop = Stop()
        self._thread = threading.Thread(target=self._run, name="sagittal-events", daemon=True)
        self._thread.start()

    def close(self, wait=0.0):
        """Ends it; nothing is called from then on, but for what is being called just now."""
        self._stop.set()
        if wait:
            self._thread.join(wait)

    @property
    def is_open(self):
        return self._thread.is_alive() and not self._stop.is_set

    def _run(self):
        pause = FIRST_PAUSE
        while not self._stop.is_set:
            try:
                heard = self._listen()
                pause = FIRST_PAUSE if heard else pause
            except Cancelled:
                return
            except ServerError as error:
                self._tell(error)
                if error.status in (401, 403, 404):
                    return
            except SagittalError as error:
                self._tell(error)
            try:
                self._stop.wait(pause)
            except Cancelled:
                return
            pause = min(2 * pause, LONGEST_PAUSE)

    def _listen(self):
        """Until it is closed; whether anything was heard."""
        web_socket = WebSocket(self._connection, self._path)
        self._stop.add_waker(web_socket.close)
        heard = False
        try:
            self._tell(None)
            while True:
                text = web_socket.receive()
                self._stop.check()
                if text is None:
                    return heard
                heard = True
                self._on_event(parse_object(text))
        finally:
            self._stop.remove_waker(web_socket.close)
            web_socket.close()

    def _tell(self, error):
        if not self._stop.is_set:
            self._on_state(error)
