"""What the panel does, without its widgets: the volume, segmentation and segment at hand, and what is given to them."""
import time

import slicer

from . import prompts
from .client import Api, SagittalError, check_server
from .marks import Marks
from .segments import segment_ids
from .server_models import ServerModels
from .session import VolumeSession

_COLOURS = ((0.93, 0.43, 0.35), (0.36, 0.68, 0.89), (0.55, 0.78, 0.36), (0.95, 0.77, 0.31), (0.67, 0.51, 0.82),
            (0.32, 0.78, 0.73), (0.95, 0.58, 0.76), (0.74, 0.62, 0.45))
STATES = {"waiting": "", "packing": "Packing the volume", "sending": "Sending the volume",
          "opening": "Opening a session", "away": "The server is away; trying again", "ready": "Ready",
          "failed": "Not connected"}
LONG_SECONDS = 2  # a wait that is told
STAGES = {"waiting": "Waiting for the server", "zooming": "Looking for the extent", "refining": "Refining"}


class Interactive:
    """Main thread. Errors are told, never raised."""

    def __init__(self, scene, workers, settings, on_change, tell):
        """on_change(): anything shown is another now. tell(text): an error for a person."""
        self.scene = scene
        self.workers = workers
        self.settings = settings
        self.include = True
        self.volume = self.segmentation = None
        self.segment_id = ""
        self.marks = Marks(scene, on_change)
        self.models = ServerModels(settings, workers, on_change)
        self.editor_history = None
        self.select_segment = None  # called with the id of a segment that was added, to show it as the chosen one
        self._on_change = on_change
        self._tell = tell
        self._sessions = {}
        self._connection = None

    # ---- what is at hand

    def choose(self, volume, segmentation, segment_id):
        """Where prompts go from here on. The volume is sent at once, unless the settings say otherwise."""
        is_new_volume = volume is not self.volume
        self._forget_removed()
        if (volume, segmentation, segment_id) != (self.volume, self.segmentation, self.segment_id):
            self.marks.clear()
        self.volume, self.segmentation, self.segment_id = volume, segmentation, segment_id or ""
        has_voxels = volume is not None and volume.GetImageData() is not None
        if is_new_volume and has_voxels and self.settings.get("send_early"):
            self._guarded(lambda: self.session().prepare())
        self._on_change()

    def session(self):
        """The VolumeSession of the volume at hand. Raises SagittalError."""
        if self.volume is None:
            raise SagittalError("Choose a volume first.")
        self._connect()
        model = self.settings.model(str(self._connection.address))
        made = self._sessions.get(self.volume.GetID())
        if made is None or made.model != model:
            made = self._new_session(model, made)
        if made.auto_zoom != self.settings.get("auto_zoom"):
            made.zoom(not made.auto_zoom)
        if self.segmentation is not None and self.editor_history is not None:
            made.histories[self.segmentation.GetID()] = self.editor_history
        return made

    def _new_session(self, model, old):
        """Of the volume at hand, in the place of `old`, which may be None."""
        made = VolumeSession(self.volume, self._connection, self.workers, self._on_change,
                             lambda error: self._tell(str(error)), model, self.models.take,
                             self.settings.get("auto_zoom"))
        if old is not None:
            made.take_over(old)
        self._sessions[self.volume.GetID()] = made
        return made

    def choose_model(self, name):
        """Prompts go to another model of the server from here on; the segments go with them."""
        self.settings.set_model(name)
        old = self._known_session()
        if old is not None and old.state != "waiting":
            self._guarded(lambda: self.session().prepare())
        self._on_change()

    def set_auto_zoom(self, on):
        """Whether large objects are looked at from afar first, from here on and for all volumes."""
        self.settings.set("auto_zoom", bool(on))

    def takes(self, tool):
        """Whether the chosen model takes prompts of that kind; True as long as that is not known."""
        return self.models.takes(tool)

    def link(self):
        """The segment at hand. Raises SagittalError."""
        session, node = self.session(), self._chosen_segmentation()
        if node.GetSegmentation().GetSegment(self.segment_id) is None:
            self.next_segment()
        return session.link(node, self.segment_id)

    def _chosen_segmentation(self):
        if self.segmentation is None:
            raise SagittalError("Choose a segmentation first.")
        return self.segmentation

    def reconnect(self):
        """The settings may name another server, or another key: the volume goes there at once."""
        volume, self.volume = self.volume, None
        self.models.ask()
        self.choose(volume, self.segmentation, self.segment_id)

    def _connect(self):
        """To what the settings say now. Sessions elsewhere are given up; the segments go along."""
        connection = self.settings.connection()
        if self._connection is not None and connection.is_as(self._connection):
            return
        is_another = self._connection is not None and connection.identity != self._connection.identity
        for session in self._sessions.values():
            (session.end if is_another else session.close)()
        self._sessions, self._connection = {}, connection

    def close(self):
        """Sessions stay on the server, to be gone on with."""
        for session in self._sessions.values():
            session.close()
        self._sessions = {}
        self.marks.remove_nodes()

    # ---- prompts

    def point(self, world):
        self._give(lambda: prompts.point(self.volume, world, self.include), world)

    def box(self, corners, normal=None):
        def make():
            flat = not self.session().capabilities.get("box3d", False) or normal is not None
            return prompts.box(self.volume, corners, self.include, flat, normal)

        self._give(make)

    def lasso(self, outline):
        self._give(lambda: prompts.lasso_maker(self.volume, outline, self.include))

    def scribble(self, line, diameter_mm):
        self._give(lambda: prompts.scribble(self.volume, line, diameter_mm, self.include))

    def drawn(self, prompt):
        """A drawing that is in voxels already."""
        self._give(lambda: prompt)

    def _forget_removed(self):
        """Volumes and segments that are no longer in the scene."""
        for name, session in list(self._sessions.items()):
            if session.volume.GetScene() is None:
                session.close()
                del self._sessions[name]
            else:
                session.forget_removed()

    def _give(self, make, world=None):
        """make(): the prompt, or what a worker is to call for it. world: of a point."""
        def give():
            prompt = make()
            link, session, marks = self.link(), self.session(), self.marks
            include = self.include if callable(prompt) else prompt["include"]

            def made():
                drawn = prompt()
                self.workers.deliver(marks.draw, mark, drawn)
                return drawn

            session.prompt(link, made if callable(prompt) else prompt, None, lambda: marks.remove(mark))
            mark = marks.add_drawing(self.volume, include) if world is None else marks.add_point(world, include)
            if world is None and not callable(prompt):
                marks.draw(mark, prompt)
            logic = slicer.vtkSlicerSegmentationsModuleLogic
            logic.SetSegmentStatus(link.scene.segment, logic.InProgress)

        self._guarded(give)

    # ---- the segment at hand

    def undo(self):
        self.marks.remove_last()
        self._guarded(lambda: self._walk(-1))

    def redo(self):
        self._guarded(lambda: self._walk(1))

    def _walk(self, count):
        """One undo (-1) or redo (1). A segment that comes back is at hand again."""
        session, node = self.session(), self._chosen_segmentation()
        before = segment_ids(node)
        if self.segment_id in before:
            (session.undo if count < 0 else session.redo)(session.link(node, self.segment_id))
        else:
            session.walk_scene(node, count)
        after = segment_ids(node)
        came = [name for name in after if name not in before]
        if came or self.segment_id not in after:
            self._go_to((came or after or [""])[-1])

    def delete_segment(self):
        """Takes the segment at hand out of the scene and the session; undo brings it back."""
        if self.segmentation is not None and self.segment_id in segment_ids(self.segmentation):
            self._guarded(self._delete)

    def _delete(self):
        session, names = self.session(), segment_ids(self.segmentation)
        at = names.index(self.segment_id)
        session.history(self.segmentation).save()
        self.segmentation.GetSegmentation().RemoveSegment(names.pop(at))
        session.forget_removed()
        self.marks.clear()
        self._go_to(names[min(at, len(names) - 1)] if names else "")

    def _go_to(self, name):
        """The segment with that id is at hand; "": none."""
        self.segment_id = name
        if self.select_segment is not None:
            self.select_segment(name)
        self._on_change()

    def reset(self):
        """Empties the segment; the next prompt includes."""
        self.marks.clear()
        self.include = True
        self._guarded(lambda: self.session().reset(self.link()))
        self._on_change()

    def cancel(self):
        self._guarded(lambda: self.session().cancel(self.link()))

    def toggle(self):
        """Include becomes exclude, and the other way round."""
        self.include = not self.include
        self._on_change()

    def toggle_visibility(self):
        """Shows or hides the segment at hand."""
        display = self.segmentation.GetDisplayNode() if self.segmentation is not None else None
        if display is not None and self.segment_id:
            display.SetSegmentVisibility(self.segment_id, not display.GetSegmentVisibility(self.segment_id))

    def next_segment(self):
        """A new segment, to which prompts go from here on."""
        if self.segmentation is None:
            self._tell("Choose a segmentation first.")
            return
        segmentation = self.segmentation.GetSegmentation()
        taken = {segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())}
        number = next(n for n in range(1, len(taken) + 2) if "Segment %d" % n not in taken)
        colour = _COLOURS[segmentation.GetNumberOfSegments() % len(_COLOURS)]
        known = self._known_session()
        if known is not None:
            known.history(self.segmentation).save()
        self.marks.clear()
        self.include = True
        self._go_to(segmentation.AddEmptySegment("", "Segment %d" % number, colour))

    # ---- what is shown

    @property
    def is_running(self):
        link = self._known_link()
        return link is not None and link.running > 0

    def status(self):
        """(what to say, how far from 0 to 1, or None where that is not known)."""
        link = self._known_link()
        if link is not None and link.running and link.progress is not None:
            stage, fraction = link.progress
            waited = int(time.monotonic() - link.since)
            text = STAGES.get(stage, stage.capitalize()) + (" (%d s)" % waited if waited >= LONG_SECONDS else "")
            return text, fraction if stage != "waiting" else None
        session = self._known_session()
        if session is None:
            return ("Choose a volume" if self.volume is None else ""), 0.0
        if session.state == "failed" and session.error is not None:
            return str(session.error), 0.0
        known = session.state in ("sending", "ready", "failed", "waiting")
        return STATES[session.state], session.fraction if known else None

    def _known_session(self):
        """That of the volume at hand, if there is one."""
        return self._sessions.get(self.volume.GetID()) if self.volume is not None else None

    def _known_link(self):
        session = self._known_session()
        if session is None or self.segmentation is None:
            return None
        return session.known_link(self.segmentation, self.segment_id)

    def test_connection(self, done):
        """done(text, whether it works)."""
        try:
            api = Api(self.settings.connection())
        except SagittalError as error:
            done(str(error), False)
            return

        def answered(info):
            self.models.take(api, info)
            done(describe(api, info), True)

        self.workers.run(lambda stop: check_server(api, stop), answered, lambda error: done(str(error), False))

    def _guarded(self, call):
        try:
            call()
        except SagittalError as error:
            self._tell(str(error))


def describe(api, info):
    """What a server said of itself, for a person."""
    model = info.get("default_model") or "no model"
    return "Sagittal %s answers at %s, with the model %s." % (info["version"], api.connection.address, model)
