"""The calls of /api/v1. Each blocks until its answer is here: worker threads only."""
import json

from . import masks
from .connection import Connection, parse_object
from .errors import BadAnswer, ServerError

PREDICTION_SECONDS = 1800.0
BYTES = {"Accept": "application/octet-stream"}


class Api:
    """What a server can do, over one Connection. Each call may raise any SagittalError."""

    def __init__(self, connection: Connection):
        self.connection = connection

    # ---- any path, for calls that have no method here

    def get(self, path, query=None, **options):
        """The answer's object."""
        return self.connection.request("GET", path, query, **options).json()

    def post(self, path, value=None, query=None, **options):
        return self._send("POST", path, value, query, **options)

    def patch(self, path, value, query=None, **options):
        return self._send("PATCH", path, value, query, **options)

    def delete(self, path, query=None, **options):
        self.connection.request("DELETE", path, query, **options)

    def download(self, path, file, query=None, max_bytes=1 << 40, **options):
        """Writes the body of an answer into `file`."""
        return self.connection.request("GET", path, query, sink=file, max_bytes=max_bytes, **options)

    # ---- the server

    def info(self, **options):
        """Its version, parts, limits, and what its model takes."""
        return self.get("info", **options)

    def status(self):
        return self.get("status")

    def terms(self, text):
        return _list_of(self.get("terms", {"search": text}), "terms")

    # ---- images

    def volume(self, volume):
        return self.get("volumes/" + volume)

    def received(self, volume, **options):
        """How many bytes of a file are there; -1: all of them."""
        response = self.connection.request("HEAD", "volumes/" + volume, statuses=(404,), **options)
        if response.status != 206:
            return -1 if response.status == 200 else 0
        text = response.headers.get("Sagittal-Received", "")
        if not text.isdigit() or len(text) > 15:
            raise BadAnswer("The server does not tell how much of the image it has.")
        return int(text)

    def put_piece(self, volume, name, piece, begin, total, **options):
        """Sends bytes [begin, begin + len(piece)) of a file; the Volume once it is whole, else None."""
        headers = {"Content-Type": "application/octet-stream",
                   "Content-Range": "bytes %d-%d/%d" % (begin, begin + len(piece) - 1, total)}
        response = self.connection.request("PUT", "volumes/" + volume, {"name": name}, piece, headers, **options)
        return None if response.status == 202 else response.json()

    def remove_volume(self, volume):
        self.delete("volumes/" + volume)

    # ---- sessions

    def sessions(self):
        return _list_of(self.get("sessions"), "sessions")

    def open_session(self, volume, **more):
        return checked_session(self.post("sessions", dict(more, volume=volume)))

    def session(self, session):
        return checked_session(self.get("sessions/" + session))

    def share_session(self, session, shared):
        return self.patch("sessions/" + session, {"shared": shared})

    def set_auto_zoom(self, session, on):
        return self.patch("sessions/" + session, {"auto_zoom": on})

    def close_session(self, session):
        self.delete("sessions/" + session)

    # ---- segments

    def add_segment(self, session, description):
        return self.post("sessions/%s/segments" % session, description)

    def segment(self, session, number):
        return self.get(_segment(session, number))

    def change_segment(self, session, number, description):
        return self.patch(_segment(session, number), description)

    def remove_segment(self, session, number):
        self.delete(_segment(session, number))

    # ---- prompts; `shape`: (ni, nj, nk) of the session's image

    def prompt(self, session, number, prompt, shape, stop=None):
        """What a prompt changed. A prediction that runs for the segment gives way; its prompt counts for this one."""
        return self._mask(session, number, "prompts", shape, prompt, {"supersede": True}, stop)

    def undo(self, session, number, shape):
        return self._mask(session, number, "undo", shape)

    def redo(self, session, number, shape):
        return self._mask(session, number, "redo", shape)

    def reset(self, session, number, shape):
        return self._mask(session, number, "reset", shape)

    def whole_mask(self, session, number, shape):
        """All of a segment's mask, inside its own bounds."""
        path = _segment(session, number) + "/mask"
        response = self.connection.request("GET", path, {"format": "bits"}, headers=BYTES)
        return _mask_of(response, number, shape)

    def prompts(self, session, number):
        """The prompts that made a segment, as a prompts file."""
        return self.get(_segment(session, number) + "/prompts")

    def cancel(self, session, number):
        """Stops the prediction that runs for a segment."""
        self.delete(_segment(session, number) + "/prediction")

    def _mask(self, session, number, what, shape, value=None, query=None, stop=None):
        body, headers = (b"", BYTES) if value is None else (json.dumps(value).encode(), dict(BYTES, **_JSON))
        response = self.connection.request("POST", "%s/%s" % (_segment(session, number), what), query, body, headers,
                                           timeout=PREDICTION_SECONDS, stop=stop)
        return _mask_of(response, number, shape)

    def _send(self, method, path, value, query, **options):
        body = b"" if value is None else json.dumps(value).encode()
        response = self.connection.request(method, path, query, body, _JSON if body else None, **options)
        return response.json() if response.body else {}


_JSON = {"Content-Type": "application/json"}


def check_server(api, stop=None):
    """The `info` of a server. Raises ServerError with what to do where it is none of Sagittal's."""
    try:
        info = api.info(timeout=10.0, stop=stop)
    except ServerError as error:
        if error.status == 404:
            raise ServerError(404, "not_sagittal", "there is a server at %s, but it is not Sagittal"
                              % api.connection.address) from error
        raise
    if not isinstance(info.get("version"), str) or not isinstance(info.get("capabilities"), dict):
        raise BadAnswer("There is a server at %s, but it is not Sagittal." % api.connection.address)
    return info


def checked_session(session):
    """A session whose id, shape and segments can be relied on. Raises BadAnswer."""
    try:
        shape = session["geometry"]["shape"]
        sizes = [n for n in shape if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 1 << 20]
        if not isinstance(session["id"], str) or len(shape) != 3 or len(sizes) != 3:
            raise BadAnswer("The server's description of a session cannot be read.")
        for segment in session["segments"]:
            int(segment["number"]), int(segment["revision"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer("The server's description of a session cannot be read.") from error
    return session


def _segment(session, number):
    return "sessions/%s/segments/%d" % (session, number)


def _mask_of(response, number, shape):
    text = response.headers.get("Sagittal-Reply")
    if text is None:
        raise BadAnswer("The server sent a mask without its description.")
    return masks.read_reply(dict(parse_object(text), segment=number), response.body, shape)


def _list_of(answer, name):
    value = answer.get(name)
    if not isinstance(value, list):
        raise BadAnswer("The server's answer has no list of %s." % name)
    return value
