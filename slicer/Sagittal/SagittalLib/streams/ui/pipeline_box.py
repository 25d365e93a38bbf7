"""The pipelines of the server: choosing, starting, stopping one, and how its operators get on."""
import json

import qt

from ...client.errors import SagittalError
from ...widgets.common import button, combo, fill_combo, label, problem, row, say, section
from ...widgets.table import fill_table, table
from ..pipelines import STATES, time_text
from .command_line import CommandLine
from .settings_form import SettingsForm


class PipelineBox:
    """Shows `pipelines` (a Pipelines); on_started() after a person starts one, on_stopping() before it is stopped."""

    def __init__(self, layout, settings, pipelines, on_started, on_stopping):
        self._settings = settings
        self._pipelines = pipelines
        self._on_started = on_started
        self._on_stopping = on_stopping
        inner = section("Pipeline", layout)
        self.server = qt.QLineEdit(settings.get("server"))
        self.server.setToolTip("Address of the Sagittal server that runs pipelines")
        self.server.connect("editingFinished()", self._server_changed)
        self.refresh_button = button("Refresh", "Ask the server which pipelines there are", self.refresh)
        inner.addWidget(row(qt.QLabel("Server:"), self.server, self.refresh_button, stretch=1))
        self.choice = combo("Pipelines of the server, and those of yours that run")
        self.choice.connect("currentIndexChanged(int)", lambda index: self.update())
        self.start_button = button("Start", "Start the pipeline on the server, or follow the one that runs", self.start)
        self.stop_button = button("Stop", "Stop the pipeline on the server", self.stop)
        inner.addWidget(row(self.choice, self.start_button, self.stop_button, stretch=0))
        self.description = label()
        self.description.setEnabled(False)
        self.trouble = problem()
        self.state = label()
        for widget in (self.description, self.state, self.trouble):
            inner.addWidget(widget)
        self.operators = table(
            ["Operator", "Rate", "p50", "p99", "Dropped"],
            ["Parts of the pipeline; choose one for its settings", "How often it ran in a second, of late",
             "Half of its runs took less", "All but one of a hundred took less",
             "Messages that were thrown away because it was busy"])
        self.operators.connect("itemSelectionChanged()", self._selected)
        inner.addWidget(self.operators)
        self.form = SettingsForm(inner, pipelines.parameters_of, self._change, pipelines.enable)
        self.changes = label()
        self.reset_button = button("As in the file", "Start it with the settings of the pipeline's file", self.reset)
        self.reset_row = row(self.reset_button, stretch=1)
        inner.addWidget(self.changes)
        inner.addWidget(self.reset_row)
        self.command = CommandLine(inner, pipelines)
        self._planned = ""  # the pipeline that may be started
        self._followed = None  # the pipeline that was followed when this was updated last
        self.update()

    def refresh(self):
        self._pipelines.refresh()

    def start(self):
        """Starts what is chosen, or follows it where it runs."""
        kind, name = self._chosen()
        if kind == "stream":
            self._pipelines.follow(name)
        elif kind == "pipeline":
            self._pipelines.start(name)
        self._on_started()

    def stop(self):
        self._on_stopping()
        self._pipelines.stop()

    def update(self):
        """Shows what is new; cheap where nothing is."""
        pipelines = self._pipelines
        stream = pipelines.stream
        fill_combo(self.choice, self._entries(), self._stopped())
        kind, name = self._chosen()
        chosen = next((one for one in pipelines.pipelines if kind == "pipeline" and one["name"] == name), {})
        say(self.description, "" if stream else _about(chosen))
        self.start_button.setText("Follow" if kind == "stream" else "Start")
        self.start_button.setEnabled(bool(kind) and stream is None and not chosen.get("problem")
                                     and not pipelines.is_busy)
        self.stop_button.setEnabled(stream is not None and not pipelines.is_busy)
        self.choice.setEnabled(stream is None)
        self.server.setEnabled(stream is None)
        say(self.state, _state_text(stream, pipelines))
        self._planned = name if kind == "pipeline" and stream is None else ""
        plan, error = self._plan()
        error = pipelines.error or error
        if error is None and stream is not None and stream.get("why"):
            error = stream["why"]
        say(self.trouble, str(error) if error else "")
        self._show_changes()
        rows = pipelines.rows(plan)
        self.operators.setVisible(bool(rows))
        fill_table(self.operators, [_texts(one) for one in rows], [self._tip(one) for one in rows])
        if rows and not self.operators.selectedItems():
            self.operators.selectRow(0)
        self._selected()

    def _tip(self, one):
        tip = "%s (%s)" % (one.name, one.type) if one.is_planned else "%s (%s): %s, ran %d times" % (
            one.name, one.type, one.state, one.runs)
        tip += "\n%s" % self._pipelines.sentence_of({"type": one.type})
        return tip + ("\n%d errors, the last: %s" % (one.errors, one.last_error) if one.errors else "")

    def _selected(self):
        stream = self._pipelines.stream or self._plan()[0]
        rows = self._pipelines.rows(stream)
        index = self.operators.currentRow()
        name = rows[index].name if 0 <= index < len(rows) else None
        operator = next((one for one in stream["operators"] if one["name"] == name), None) if rows else None
        self.form.show(operator)
        self.command.show(operator if self._pipelines.stream is not None else None)

    # ---- settings before the start

    def reset(self):
        """The pipeline starts as its file has it."""
        self._pipelines.plans.forget(self._planned)
        self.update()

    def _plan(self):
        """(the chosen pipeline as it would start, what is wrong with it); (None, None) where something is followed."""
        try:
            return (self._pipelines.plan(self._planned) if self._pipelines.stream is None else None), None
        except SagittalError as error:
            return None, error

    def _show_changes(self):
        wishes = self._pipelines.plans.wishes(self._planned)
        changes = ["%s.%s = %s" % (operator, name, _shown(value))
                   for operator, values in wishes.items() for name, value in values.items()]
        self.reset_row.setVisible(bool(changes))
        say(self.changes, "Starts with %s." % ", ".join(changes) if changes else "")

    def _change(self, values):
        """A person has changed settings in the form: of what runs, or of what is to be started."""
        if self._pipelines.stream is not None:
            self._pipelines.set_parameters(values)
        elif self._planned:
            self._pipelines.plans.change(self._planned, values)
            self.update()

    # ---- what there is to choose

    def _entries(self):
        stream = self._pipelines.stream
        if stream is not None:
            return [(str(stream.get("title") or stream["pipeline"]), "stream " + stream["id"])]
        running = [("%s (runs)" % (one.get("title") or one.get("pipeline")), "stream %s" % one.get("id"))
                   for one in self._pipelines.streams if not one.get("ended")]
        return running + [(str(one.get("title") or one["name"]), "pipeline " + one["name"])
                          for one in self._pipelines.pipelines]

    def _stopped(self):
        """The entry of the pipeline that has just been stopped, to be chosen again; else None."""
        stream, before = self._pipelines.stream, self._followed
        self._followed = stream["pipeline"] if stream is not None else None
        return "pipeline " + before if stream is None and before is not None else None

    def _chosen(self):
        """("stream", its id), ("pipeline", its name), or two empty texts."""
        kind, _, name = str(self.choice.itemData(self.choice.currentIndex) or "").partition(" ")
        return kind, name

    def _server_changed(self):
        if self.server.text != self._settings.get("server"):
            self._settings.set("server", self.server.text.strip())
            self._pipelines.use_other_server()


def _shown(value):
    return "%.10g" % value if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _about(pipeline):
    """What a pipeline does, or why it cannot be started, and what runs instead of what was not fetched."""
    said = [pipeline.get("problem") or pipeline.get("description") or "", *(pipeline.get("stand_ins") or [])]
    return "\n".join(str(one) for one in said if one)


def _state_text(stream, pipelines):
    if stream is None:
        return "Asking the server …" if pipelines.is_busy else ""
    if pipelines.is_gone:
        return "The server was started anew; it does not know this pipeline any more. Stop and start it."
    seconds = int(stream["elapsed_s"])
    text = "%s for %d:%02d min" % (STATES.get(stream["state"], stream["state"]), seconds // 60, seconds % 60)
    worst = max((path["latency"].get("p99_ms") or 0 for path in stream.get("paths", [])), default=0)
    return text + (", from end to end %s (p99)" % time_text(worst) if worst else "")


def _texts(one):
    if one.is_planned:
        return [one.name] + 4 * ["–"]
    name = one.name if one.is_on else one.name + " (off)"
    if one.errors:
        name = "⚠ " + name
    rate = "–" if not one.is_on else "%.0f/s" % one.rate if one.rate >= 10 else "%.1f/s" % one.rate
    times = [time_text(ms) if one.runs else "–" for ms in (one.p50_ms, one.p99_ms)]
    return [name, rate, *times, str(one.dropped) if one.dropped else "0"]
