"""Runs of models as the server tells of them. All texts are strangers': show them as plain text."""
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Dict, Optional, Tuple

from ..client import BadAnswer

ENDED = ("done", "failed", "cancelled")
STATES = {"queued": "Waiting", "pulling": "Fetching the model", "staging": "Preparing the scan", "running": "Running",
          "collecting": "Reading the results", "done": "Done", "failed": "Failed", "cancelled": "Cancelled",
          "interrupted": "Interrupted, runs again"}


@dataclass(frozen=True)
class FoundSegment:
    """A segment of a result; `colour` of 0 to 255, `codes` by category, type, modifier, region, region_modifier."""

    number: int
    name: str
    colour: Tuple[int, int, int]
    codes: Dict[str, Optional[dict]]
    volume_ml: float


@dataclass(frozen=True)
class Output:
    """A file that a model wrote; `kind`: segmentation, table, json, image or file."""

    path: str
    kind: str
    bytes: int
    segments: Tuple[FoundSegment, ...]

    @property
    def name(self):
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Input:
    """What a run was given: an uploaded image, or a series of the server where `volume` is empty."""

    role: str
    description: str
    volume: str
    series: str

    @property
    def name(self):
        """Without the ending that volumes of the scene are sent with."""
        ending = next((one for one in (".nrrd", ".zip") if self.description.endswith(one)), "")
        return self.description[:len(self.description) - len(ending)]


@dataclass(frozen=True)
class Job:
    """One run of a model. Times are ISO 8601, or empty; `fraction` is that of the stage."""

    id: str
    model: str
    title: str
    source: str
    workflow: str
    backend: str
    state: str
    stage: str
    fraction: float
    place: int
    created: str
    started: str
    ended: str
    error: str
    notes: Tuple[str, ...]
    inputs: Tuple[Input, ...]
    outputs: Tuple[Output, ...]

    @property
    def has_ended(self):
        return self.state in ENDED

    @property
    def has_segments(self):
        return self.state == "done" and any(self.segmentations)

    @property
    def segmentations(self):
        """The outputs that can be shown in the scene."""
        return [output for output in self.outputs if output.kind == "segmentation" and output.segments]

    @property
    def state_text(self):
        """The state in words, with the place in the queue."""
        if self.place == 1:
            return "Next in the queue"
        if self.place > 1:
            return "Place %d in the queue" % self.place
        return STATES.get(self.state, self.state)

    @property
    def values(self):
        """The outputs that are numbers in words: JSON and tables."""
        return [output for output in self.outputs if output.kind in ("json", "table")] if self.state == "done" else []

    @property
    def progress_text(self):
        """The state in words, with what is known of how far it is."""
        state, stage = self.state_text, self.stage.strip()
        if self.has_ended or self.place or not stage or stage.lower() in (self.state, state.lower()):
            return state
        return "%s: %s" % (state, stage)

    @property
    def scan_text(self):
        """What it was run on, by the names of the volumes."""
        named = ["%s: %s" % (i.role, i.name) if i.role else i.name for i in self.inputs]
        return ", ".join(named)

    @property
    def duration_text(self):
        begin, end = moment(self.started), moment(self.ended)
        return duration((end - begin).total_seconds()) if begin and end else ""

    @property
    def created_text(self):
        """In this computer's time."""
        made = moment(self.created)
        return made.astimezone().strftime("%d %b %H:%M") if made else ""


def read_job(value):
    """Raises BadAnswer for what is none."""
    try:
        error = value.get("error")
        return Job(_text(value["id"]), _text(value["model"]), _text(value["title"]) or _text(value["model"]),
                   _text(value.get("source")), _text(value.get("workflow")), _text(value.get("backend")),
                   _text(value["state"]), _text(value["stage"]), min(1.0, max(0.0, float(value["fraction"]))),
                   int(value.get("place") or 0), _text(value.get("created")), _text(value.get("started")),
                   _text(value.get("ended")), _text(error["message"]) if error else "",
                   tuple(_text(note) for note in value["notes"]), tuple(map(_input, value["inputs"])),
                   tuple(map(_output, value["outputs"])))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadAnswer("The server's description of a run cannot be read.") from error


def read_jobs(answer):
    """Those of a list, newest first."""
    jobs = answer.get("jobs")
    if not isinstance(jobs, list):
        raise BadAnswer("The server's answer has no list of jobs.")
    return [read_job(one) for one in jobs]


def moment(text):
    """None for what is no time."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def duration(seconds):
    """'3 min 12 s'"""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return "%d s" % seconds
    if seconds < 3600:
        return "%d min %d s" % divmod(seconds, 60)
    return "%d h %d min" % (seconds // 3600, seconds % 3600 // 60)


def _input(value):
    return Input(_text(value.get("role")), _text(value.get("description")), _text(value.get("volume")),
                 _text(value.get("series")))


def _output(value):
    return Output(_text(value["path"]), _text(value["kind"]), int(value.get("bytes") or 0),
                  tuple(map(_segment, value.get("segments") or ())))


def _segment(value):
    red, green, blue = (min(255, max(0, int(part))) for part in value["colour"])
    codes = value.get("codes") or {}
    return FoundSegment(int(value["number"]), _text(value["name"]) or "Segment %d" % int(value["number"]),
                        (red, green, blue), dict(codes), float(value["volume_ml"]))


def _text(value):
    return "" if value is None else str(value)
