"""A session that is open on the server: what is asked of it about its segments. Worker threads."""
import threading
import time

from . import prompts
from .client import BadAnswer, ServerError, Unreachable, masks
from .segments import fingerprint
from .server_segment import ServerSegment

NEAR_SECONDS = 0.005
RETRY_PAUSES = (0.3, 0.6, 1.0, 2.0, 4.0)


class ServerSession:
    """Segments are given as Links of a VolumeSession: `server` of each is kept in step here."""

    def __init__(self, api, opened):
        """opened: the server's description of the session."""
        self.api = api
        self.id = opened["id"]
        self.shape = tuple(opened["geometry"]["shape"])
        self.model = opened.get("model")
        self.prompts = opened.get("prompts")  # what its model takes
        self.auto_zoom = opened.get("auto_zoom") is not False

    def zoom(self, on):
        """Whether predictions from here on look at large objects from afar first."""
        if on != self.auto_zoom:
            self.api.set_auto_zoom(self.id, on)
            self.auto_zoom = on

    def bring_in_step(self, link, content):
        """The mask of the server's segment is that of the scene, which content() reads."""
        bounds, crop = content()
        print_ = fingerprint(bounds, crop)
        way = link.server.way_to(print_)
        if way is None:
            step = link.server.begin_step()
            link.server.finish_step(step, self._empty(link) if print_ == b"" else self._start_from(link, bounds, crop))
        for _ in range(abs(way or 0)):
            self.walk(link, 1 if way > 0 else -1)

    def add_segment(self, link):
        """Finds the segment that the scene remembers, or adds one; True: it was added."""
        number = self._tagged_number(link)
        if number is not None:
            try:
                server = ServerSegment(number)
                server.start_from(self.api.whole_mask(self.id, number, self.shape))
                link.server = server
                return False
            except ServerError as error:
                if error.status != 404:
                    raise
        made = self.api.add_segment(self.id, link.description)
        link.server = ServerSegment(int(made["number"]), int(made["revision"]))
        return True

    def tag(self, link):
        """What the scene is to remember of where a segment is."""
        return "%s/%d" % (self.id, link.server.number)

    def walk(self, link, count):
        """One undo (-1) or redo (1); the server's reply."""
        call = self.api.undo if count < 0 else self.api.redo
        reply = call(self.id, link.server.number, self.shape)
        link.server.walk(count, reply)
        return reply

    def reset(self, link):
        """Empties a segment; the server's reply."""
        step = link.server.begin_step()
        reply = self._empty(link)
        link.server.finish_step(step, reply)
        return reply

    def predict(self, link, prompt):
        """Asks until there is an answer; a connection that breaks meanwhile does not lose the prompt."""
        server = link.server
        step = server.begin_step()
        for pause in RETRY_PAUSES + (None,):
            before = server.revision
            try:
                reply = self.api.prompt(self.id, server.number, prompt, self.shape)
                server.finish_step(step, reply)
                return reply
            except Unreachable:
                if pause is None:
                    server.drop_step(step)
                    raise
                reply = self._after_a_loss(server, before, pause)
                if reply is not None:
                    server.finish_step(step, reply)
                    return reply
            except ServerError as error:
                (server.supersede_step if error.superseded else server.drop_step)(step)
                raise
            except BaseException:
                server.drop_step(step)
                raise
        raise BadAnswer("The server did not answer.")

    def _after_a_loss(self, server, before, pause):
        """The whole mask where the prompt was done before its answer was lost; None where it is to be asked anew."""
        threading.Event().wait(pause)
        try:
            now = self.api.segment(self.id, server.number)
            if int(now["revision"]) > before:
                return self.api.whole_mask(self.id, server.number, self.shape)
        except Unreachable:
            pass
        return None

    def _empty(self, link):
        return self.api.reset(self.id, link.server.number, self.shape)

    def _start_from(self, link, bounds, crop):
        return self.api.prompt(self.id, link.server.number, prompts.initial(bounds, crop), self.shape)

    def _tagged_number(self, link):
        session, _, number = link.tag.partition("/")
        return int(number) if session == self.id and number.isdigit() and len(number) < 10 else None


def opened(api, volume_id, model, auto_zoom=True):
    """A new session with that model; "": with the server's own. Raises SagittalError."""
    asked = dict({"model": model} if model else {}, auto_zoom=auto_zoom)
    made = ServerSession(api, api.open_session(volume_id, **asked))
    if model and made.model != model:
        raise BadAnswer("The server opened a session with the model %s instead of %s." % (made.model, model))
    return made


def resumed(api, session, volume_id, model):
    """The session of that id, if the server still has it, and has its model, and it is of this image and model."""
    try:
        found = api.session(session)
    except ServerError as error:
        if error.status in (404, 409):
            return None
        raise
    is_it = found.get("volume") == volume_id and found.get("model") == model
    return ServerSession(api, found) if is_it else None


def is_near(connection, stop):
    """Whether the server is on this computer, and not at the other end of a tunnel that begins here."""
    if not connection.address.is_local:
        return False
    times = []
    for _ in range(3):
        begin = time.monotonic()
        connection.request("GET", "/healthz", stop=stop)
        times.append(time.monotonic() - begin)
    return min(times) < NEAR_SECONDS
