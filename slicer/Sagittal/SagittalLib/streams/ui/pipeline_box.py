"""The pipelines of the server: choosing, starting, stopping one, and how its operators get on."""
import qt

from ...widgets.common import button, combo, fill_combo, label, problem, row, say, section
from ...widgets.table import fill_table, table
from ..pipelines import STATES, time_text
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
        self.form = SettingsForm(inner, pipelines)
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
        fill_combo(self.choice, self._entries())
        kind, name = self._chosen()
        chosen = next((one for one in pipelines.pipelines if kind == "pipeline" and one["name"] == name), {})
        say(self.description, "" if stream else str(chosen.get("problem") or chosen.get("description") or ""))
        self.start_button.setText("Follow" if kind == "stream" else "Start")
        self.start_button.setEnabled(bool(kind) and stream is None and not chosen.get("problem")
                                     and not pipelines.is_busy)
        self.stop_button.setEnabled(stream is not None and not pipelines.is_busy)
        self.choice.setEnabled(stream is None)
        self.server.setEnabled(stream is None)
        say(self.state, _state_text(stream, pipelines))
        error = pipelines.error
        if error is None and stream is not None and stream.get("why"):
            error = stream["why"]
        say(self.trouble, str(error) if error else "")
        rows = pipelines.rows()
        self.operators.setVisible(bool(rows))
        fill_table(self.operators, [_texts(one) for one in rows], [_tip(one) for one in rows])
        if rows and not self.operators.selectedItems():
            self.operators.selectRow(0)
        self._selected()

    def _selected(self):
        rows = self._pipelines.rows()
        index = self.operators.currentRow()
        stream = self._pipelines.stream
        if stream is None or not 0 <= index < len(rows):
            self.form.show(None)
            return
        self.form.show(next(one for one in stream["operators"] if one["name"] == rows[index].name))

    def _entries(self):
        stream = self._pipelines.stream
        if stream is not None:
            return [(str(stream.get("title") or stream["pipeline"]), "stream " + stream["id"])]
        running = [("%s (runs)" % (one.get("title") or one.get("pipeline")), "stream %s" % one.get("id"))
                   for one in self._pipelines.streams if not one.get("ended")]
        return running + [(str(one.get("title") or one["name"]), "pipeline " + one["name"])
                          for one in self._pipelines.pipelines]

    def _chosen(self):
        """("stream", its id), ("pipeline", its name), or two empty texts."""
        kind, _, name = str(self.choice.itemData(self.choice.currentIndex) or "").partition(" ")
        return kind, name

    def _server_changed(self):
        if self.server.text != self._settings.get("server"):
            self._settings.set("server", self.server.text.strip())
            self.refresh()


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
    name = one.name if one.is_on else one.name + " (off)"
    if one.errors:
        name = "⚠ " + name
    rate = "–" if not one.is_on else "%.0f/s" % one.rate if one.rate >= 10 else "%.1f/s" % one.rate
    times = [time_text(ms) if one.runs else "–" for ms in (one.p50_ms, one.p99_ms)]
    return [name, rate, *times, str(one.dropped) if one.dropped else "0"]


def _tip(one):
    tip = "%s (%s): %s, ran %d times" % (one.name, one.type, one.state, one.runs)
    return tip + ("\n%d errors, the last: %s" % (one.errors, one.last_error) if one.errors else "")
