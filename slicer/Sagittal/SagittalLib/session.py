"""One volume that is being segmented: its session on the server, and what the scene shows of it. Main thread, but for
what is said to be a worker's."""
import threading
import time

from . import geometry, volumes
from .client import Api, Cancelled, EventStream, SagittalError, ServerError, masks
from .history import SceneHistory
from .link import Link
from .segments import SceneSegment, description_of, fingerprint, segment_ids
from .server_session import is_near, opened, resumed

SESSION, VOLUME, SERVER, FORM = "Sagittal.Session", "Sagittal.Volume", "Sagittal.Server", "Sagittal.Form"
LISTEN_SECONDS = 1.0


class VolumeSession:
    """Packs and sends a volume in the background, opens a session on it, and gives prompts to it."""

    def __init__(self, volume, connection, workers, on_change=None, on_error=None, model="", on_info=None,
                 auto_zoom=True):
        """on_change(): state, progress or masks are others now. on_error(SagittalError): to be told to a person.
        model: "" for the server's own. on_info(api, info): what the server said of itself."""
        self.volume = volume
        self.api = Api(connection)
        self.workers = workers
        self.model = model
        self.auto_zoom = auto_zoom
        self.state, self.fraction, self.error = "waiting", 0.0, None
        self.capabilities = {}
        self.shape = (0, 0, 0)
        self.histories = {}
        self._on_change = on_change or (lambda: None)
        self._on_error = on_error or (lambda error: None)
        self._on_info = on_info or (lambda api, info: None)
        self._lane = "volume %s" % volume.GetID()
        self._links = {}
        self._file = None
        self._session = None
        self._stream = None
        self._preparing = None
        self._stamp = None
        self._known = None  # id of a session that may be gone on with, while that is being tried
        self._closed = self._ended = False
        self._ending = threading.Lock()

    # ---- the volume on its way

    def prepare(self):
        """Starts what the first prompt needs, if it is not under way. Raises SagittalError for an empty volume."""
        stamp = volumes.stamp(self.volume)
        if self._preparing is not None or (self._session is not None and stamp == self._stamp):
            return
        if stamp != self._stamp:
            self._forget_session()
            self._file = None
        self._stamp = stamp
        taken = None if self._file is not None else volumes.snapshot(self.volume)
        is_here = self.volume.GetAttribute(SERVER) == str(self.api.connection.address)
        self._known = self.volume.GetAttribute(SESSION) if is_here else None
        self._form = self.volume.GetAttribute(FORM) if is_here else None
        self._tell("packing", 0.0)
        self._preparing = self.workers.run(lambda stop: self._prepare(stop, taken), self._prepared, self._failed,
                                           self._lane)

    def _prepare(self, stop, taken):
        """Worker: (file, session, info)."""
        try:
            return self._prepare_on_server(stop, taken)
        except SagittalError as error:
            self.error = error  # what waits behind it is told why
            raise

    def _prepare_on_server(self, stop, taken):
        info = self.api.info(stop=stop)
        self.workers.deliver(self._on_info, self.api, info)
        file = self._file or self._pack(taken, stop)
        known, model = self._known, self.model or info.get("default_model")
        found = resumed(self.api, known, file.id, model) if known else None
        if found is None:
            self._later("sending", 0.0)
            volumes.upload(self.api, file, stop, lambda sent, total: self._sending(sent, total))
            self._later("opening", 1.0)
            found = opened(self.api, file.id, self.model, self.auto_zoom)
        with self._ending:
            self._session = None if self._ended else found
        if self._ended:
            self.api.close_session(found.id)
            raise Cancelled()
        found.zoom(self.auto_zoom)
        self._file, self.shape = file, found.shape
        self._listen(found.id)  # before the prompts that wait in this lane
        return file, found, info

    def _pack(self, taken, stop):
        """As before, for what is packed in another way has another name on the server."""
        before = {"packed": True, "plain": False}.get(self._form)
        return volumes.pack(taken, not is_near(self.api.connection, stop) if before is None else before, stop)

    def _sending(self, sent, total):
        if sent < 0:
            self._later("away", 0.0)
        else:
            self._later("sending", sent / total)

    def _prepared(self, result):
        file, session, info = result
        self._preparing = self._known = None
        if self._closed:
            return
        self.capabilities = session.prompts or info.get("capabilities") or {}
        self.volume.SetAttribute(SESSION, session.id)
        self.volume.SetAttribute(VOLUME, file.id)
        self.volume.SetAttribute(FORM, "packed" if file.is_packed else "plain")
        self.volume.SetAttribute(SERVER, str(self.api.connection.address))
        self._tell("ready", 1.0)
        if volumes.stamp(self.volume) != self._stamp:
            self.prepare()

    def _failed(self, error):
        self._preparing = self._known = None
        self.error = error
        self._tell("failed", 0.0)

    def _listen(self, session):
        """Worker: waits a moment until it hears, for coarse masks are only made for who listens."""
        if self._stream is not None:
            self._stream.close()
        told = threading.Event()
        self._stream = EventStream(self.api.connection, "sessions/%s/events" % session, self._on_event,
                                   lambda error: told.set())
        if self._closed:
            self._stream.close()
        told.wait(LISTEN_SECONDS)

    def _forget_session(self):
        if self._stream is not None:
            self._stream.close()
        self._stream = self._session = None
        for link in self._links.values():
            link.server = link.stamp = None

    def close(self):
        """Lets go of the session; the server keeps it for as long as it keeps those that nobody uses."""
        self._closed = True
        if self._preparing is not None:
            self._preparing.cancel()
        if self._stream is not None:
            self._stream.close()

    def take_over(self, other):
        """From a session of the same volume: its packed file and undo stacks. That one is ended; segments follow with
        their next prompts."""
        self._file, self._stamp, self.histories = other._file, other._stamp, other.histories
        other.end()

    def end(self):
        """Deletes the session on the server too, as far as it can be reached; what runs there is stopped."""
        with self._ending:
            session, self._session, self._ended = self._session, None, True
        self.close()
        names = {session.id if session is not None else None, self._known} - {None}
        if self.volume.GetAttribute(SESSION) in names:
            self.volume.RemoveAttribute(SESSION)
        for name in names:
            self.workers.run(lambda stop, name=name: self.api.close_session(name), None, lambda error: None)

    def zoom(self, on):
        """Whether predictions from here on look at large objects from afar first."""
        self.auto_zoom = on
        if self.state != "waiting":
            self.workers.run(lambda stop: self._opened().zoom(on), None, self._on_error, self._lane)

    # ---- prompts

    def link(self, segmentation, segment_id):
        """The Link of a segment; the same one each time."""
        key = (segmentation.GetID(), segment_id)
        if key not in self._links:
            self._links[key] = Link(SceneSegment(segmentation, segment_id, self.volume))
        return self._links[key]

    def known_link(self, segmentation, segment_id):
        """The Link of a segment that was given something, else None."""
        return self._links.get((segmentation.GetID(), segment_id))

    def forget_removed(self):
        """Segments that are no longer in the scene leave the server too."""
        for key, link in list(self._links.items()):
            if link.scene.segment is None:
                del self._links[key]
                if link.server is not None and self._session is not None:
                    self._remove(self._session.id, link.server.number)

    def _remove(self, session, number):
        """Best effort: nobody sees it here any more."""
        self.workers.run(lambda stop: self.api.remove_segment(session, number), None, lambda error: None)

    @property
    def is_busy(self):
        return any(link.running or link.walking for link in self._links.values())

    @property
    def is_preparing(self):
        return self._preparing is not None

    def prompt(self, link, prompt, done=None, refused=None):
        """Gives a segment a prompt, or what a worker is to call for one. done(): its mask is shown, or it counts for a
        newer prompt; refused(): it counts for nothing, because it failed or was stopped. Returns at once. Raises
        SagittalError where the scene cannot show what would come."""
        geometry.ijk_to_segmentation(self.volume, link.scene.node)
        self.prepare()
        link.since = link.since if link.running else time.monotonic()
        link.running += 1
        link.progress = ("waiting", 0.0)
        content = self._content_of(link)
        arrived = threading.Event()

        def send(stop):
            try:
                reply = self._opened().predict(link, prompt() if callable(prompt) else prompt)
            finally:
                arrived.set()
            region = masks.joined(reply.bounds, link.preview)
            return reply.bounds, (region, link.server.revision, link.server.read(region))

        def stopped(error):
            self._stopped(link, error, prompt, done, refused)

        def start(stop):
            self._bring_in_step(link, content)
            link.arrived = arrived
            self.workers.run(send, lambda result: self._finished(link, *result, done), stopped)
            arrived.wait()  # so that the next one comes after it

        self.workers.run(start, None, stopped, self._lane)
        self._on_change()

    def cancel(self, link):
        """Stops the prediction of a segment: its mask is what it was before."""
        server = link.server
        if link.running and server is not None:
            session = self._session.id
            self.workers.run(lambda stop: self.api.cancel(session, server.number), None, self._on_error)

    def undo(self, link):
        """Takes back the last prompt, or whatever else the scene's undo stack holds; stops a prediction that runs."""
        self._walk(link, -1)

    def redo(self, link):
        self._walk(link, 1)

    def walk_scene(self, segmentation, count):
        """One step (-1 or 1) along the scene's undo stack alone. True: it brought a segment back or took one away, and
        so was no step of a segment that is there."""
        history, before = self.history(segmentation), segment_ids(segmentation)
        (history.undo if count < 0 else history.redo)()
        self.forget_removed()
        return segment_ids(segmentation) != before

    def _walk(self, link, count, tries=3):
        if link.running:
            self.cancel(link)
            return
        before = link.scene.stamp()
        if self.walk_scene(link.scene.node, count):
            return
        is_walked = link.scene.stamp() != before
        content = self._content_of(link, always=True)

        def walk(stop):
            if link.server is None or link.server.way_to(fingerprint(*content())) != 0:
                return self._bring_in_step(link, content)
            if is_walked and tries:
                return None
            return self._opened().walk(link, count).bounds

        def shown(bounds):
            if bounds is None:
                self._walk(link, count, tries - 1)  # that state of the scene's stack looked the same
                return
            self._show(link, bounds, undoable=False)
            self._on_change()

        self._run_step(link, walk, shown)

    def reset(self, link):
        """Empties a segment; undo brings it back."""
        if link.running:
            self.cancel(link)
        self.history(link.scene.node).save()
        content = self._content_of(link)

        def reset(stop):
            self._bring_in_step(link, content)
            return self._opened().reset(link).bounds

        def shown(bounds):
            self._show(link, bounds, undoable=False)
            self._on_change()

        self._run_step(link, reset, shown)

    def sync(self, link):
        """Brings the server in step with a segment that was edited; a prompt does so by itself."""
        content = self._content_of(link)
        self._run_step(link, lambda stop: self._bring_in_step(link, content), lambda bounds: self._on_change())

    def _run_step(self, link, call, shown):
        self.prepare()
        link.walking += 1

        def finished(result):
            link.walking -= 1
            shown(result)

        def failed(error):
            link.walking -= 1
            link.stamp = None
            if not self._closed:
                self._on_error(error)

        self.workers.run(call, finished, failed, self._lane)

    def history(self, node):
        """Of a segmentation: what was given for it in `histories`, else one of our own."""
        if node.GetID() not in self.histories:
            self.histories[node.GetID()] = SceneHistory(node)
        return self.histories[node.GetID()]

    # ---- the server in step with the scene

    def _content_of(self, link, always=False):
        """Main thread: a call that reads what the scene has, or None where the server has it, or will before this."""
        stamp = link.scene.stamp()
        if not always and link.stamp is not None and link.stamp == stamp:
            return None
        link.stamp = stamp  # before anything else, the server is brought in step with it
        link.tag, link.description = link.scene.tag, description_of(link.scene.segment)
        return link.scene.reader()

    def _opened(self):
        """Worker. Raises SagittalError where there is no session yet."""
        session = self._session  # the main thread may forget it meanwhile
        if session is None:
            raise self.error or SagittalError("The volume is not on the server yet.")
        return session

    def _bring_in_step(self, link, content):
        """Worker: the segment is there, and its mask is that of the scene. Nothing of the scene is to be shown anew."""
        session = self._opened()
        if link.server is None:
            if content is None:
                raise self.error or SagittalError("The segment did not reach the server. Give the prompt again.")
            if session.add_segment(link):
                self.workers.deliver(link.scene.set_tag, session.tag(link))
        if content is not None:
            session.bring_in_step(link, content)
        return masks.EMPTY

    # ---- answers and events

    def _finished(self, link, bounds, ready, done):
        link.running -= 1
        link.was_lost = False
        self._show(link, bounds, ready=ready)
        if done is not None:
            done()
        self._settle(link)

    def _stopped(self, link, error, prompt, done, refused):
        link.running -= 1
        superseded = isinstance(error, ServerError) and error.superseded
        cancelled = isinstance(error, ServerError) and error.code == "cancelled"
        if self._closed or link.scene.segment is None:  # nobody waits for it any more
            cancelled, link.was_lost = True, True
        if not cancelled:
            link.stamp = None
        if isinstance(error, ServerError) and error.status == 404 and not link.was_lost:
            link.was_lost = True
            self._forget_session()
            self.prompt(link, prompt, done, refused)
            return
        if not superseded and not link.running and link.server is not None:
            self._show(link, masks.EMPTY)
        if superseded and done is not None:
            done()
        if not superseded and refused is not None:
            refused()
        self._settle(link)
        if not cancelled:
            self._on_error(error)

    def _settle(self, link):
        if link.running == 0:
            link.progress = None
            link.is_saved = False
        self._on_change()

    def _show(self, link, bounds, undoable=True, ready=None):
        """The scene shows what the server has inside `bounds`, and where a preview was. ready: (region, revision,
        mask), read by a worker, for what is just that."""
        region = masks.joined(bounds, link.preview)
        if link.running == 0:
            link.preview = masks.EMPTY
        if not masks.is_empty(region) and link.scene.segment is not None:
            is_ready = ready is not None and ready[:2] == (region, link.server.revision)
            self._write(link, region, ready[2] if is_ready else link.server.read(region), undoable)

    def _show_preview(self, link, reply):
        if link.running == 0 or link.scene.segment is None or reply.is_empty:
            return
        region = masks.joined(reply.bounds, link.preview)
        link.preview = region
        if region == reply.bounds:
            self._write(link, region, reply.crop)
            return
        whole = link.server.read(region)
        inner = tuple(slice(low - first, high - first)
                      for (low, high), (first, _) in zip(reversed(reply.bounds), reversed(region)))
        whole[inner] = reply.crop
        self._write(link, region, whole)

    def _write(self, link, region, crop, undoable=True):
        """What was edited in the scene meanwhile stays outside of `region`; the next prompt tells the server."""
        in_step = link.stamp is not None and link.stamp == link.scene.stamp()
        if undoable and not link.is_saved:
            self.history(link.scene.node).save()
            link.is_saved = True
        link.scene.write(region, crop)
        link.stamp = link.scene.stamp() if in_step else None

    def _on_event(self, event):
        """Worker: a thread of its own."""
        kind = event.get("type")
        self._note_arrival(event)
        if kind == "mask":
            bits = masks.decode(event.get("mask"))
            reply = masks.read_reply(event, bits, self.shape)
            self.workers.deliver(self._on_mask, reply)
        elif kind == "progress":
            self.workers.deliver(self._on_progress, event)
        elif kind == "closed":
            self.workers.deliver(self._forget_session)

    def _note_arrival(self, event):
        """Worker: the first that is heard of a prompt says that the server has it."""
        link, request = self._link_of(event.get("segment")), event.get("request")
        if link is None or not isinstance(request, str) or request in link.requests:
            return
        link.requests.add(request)
        if link.arrived is not None:
            link.arrived.set()

    def _on_mask(self, reply):
        link = self._link_of(reply.segment)
        if link is None or self._closed:
            return
        if reply.coarse:
            self._show_preview(link, reply)
        elif link.running + link.walking == 0 and link.server.take_foreign(reply):
            self._show(link, reply.bounds)
            link.is_saved = False
        self._on_change()

    def _on_progress(self, event):
        link = self._link_of(event.get("segment"))
        fraction = event.get("fraction")
        if link is not None and link.running and isinstance(fraction, (int, float)):
            link.progress = (str(event.get("stage")), min(max(float(fraction), 0.0), 1.0))
            self._on_change()

    def _link_of(self, number):
        for link in list(self._links.values()):
            if link.server is not None and link.server.number == number:
                return link
        return None

    def _later(self, state, fraction):
        self.workers.deliver(self._tell, state, fraction)

    def _tell(self, state, fraction):
        self.state, self.fraction = state, fraction
        if state != "failed":
            self.error = None
        self._on_change()
