"""The caller's runs: the list, and one of them with its progress, results and log."""
import os

import qt

from ...widgets.common import button, heading, label, problem, row, say, swatch
from ...widgets.tree import add_row, key_of, tree
from .. import terminology
from ..calls import MAX_TEXT
from ..record import record_lines
from .dialogs import ask_folder, ask_removal

LINE, MOST_LINES = 18, 12
RIGHT = 0x82  # Qt::AlignRight | Qt::AlignVCenter, as a number in each version of Qt
NONE_YET = "No runs yet. Choose a model under Models and run it on a volume."
SIGNS = {"done": "✓ ", "failed": "✕ ", "cancelled": "– "}


class JobsPanel:
    """Shows what Runs knows. on_opened(nodes): a person wants to see results."""

    def __init__(self, on_opened):
        self.root = qt.QWidget()
        self._on_opened = on_opened
        self._logic = None
        self._shown = None
        self.dialog = None
        self._build()

    def _build(self):
        layout = qt.QVBoxLayout(self.root)
        self.note = label(NONE_YET)
        self.list = tree(["Model", "Volume", "State", "Asked for"], stretched=(0, 1))
        self.list.setMinimumHeight(110)
        self.list.connect("currentItemChanged(QTreeWidgetItem*,QTreeWidgetItem*)", self._picked)
        self.trouble = problem()
        self.details = qt.QWidget()
        for widget, stretch in ((self.trouble, 0), (self.note, 0), (self.list, 1), (self.details, 2)):
            layout.addWidget(widget, stretch)
        layout.addStretch(0)
        self._build_details()
        self.details.setVisible(False)

    def _build_details(self):
        layout = qt.QVBoxLayout(self.details)
        layout.setContentsMargins(0, 6, 0, 0)
        self.title = heading("")
        self.facts = label()
        self.progress = qt.QProgressBar()
        self.progress.setRange(0, 100)
        self.error = problem()
        self.notes = label()
        self.segments = tree(["Segment", "Code", "ml"])
        self.segments.headerItem().setData(2, qt.Qt.TextAlignmentRole, RIGHT)
        self.values = qt.QPlainTextEdit()
        self.values.setReadOnly(True)
        self.values.setLineWrapMode(qt.QPlainTextEdit.NoWrap)
        self.values.setFixedHeight(LINE * 6)
        self.open_button = button("Show in the scene", "As a segmentation on its volume, once", self.open)
        self.save_button = button("Save files …", "What the model has written, as it is", self.save)
        self.end_button = button("Cancel", "", self.end)
        self.log_button, self.log = self._page("Log", "What the model said while it ran")
        self.record_button, self.record = self._page("Provenance", "How these results were made: model, versions, "
                                                     "digests, times. It is kept with the segmentation too")
        buttons = row(self.open_button, self.save_button, self.end_button, stretch=3)
        pages = row(self.record_button, self.log_button, stretch=2)
        for widget in (self.title, self.facts, self.progress, self.error, self.notes, self.segments, self.values,
                       buttons, pages):
            layout.addWidget(widget)
        layout.addWidget(self.record, 1)
        layout.addWidget(self.log, 1)
        layout.addStretch(0)

    @staticmethod
    def _page(title, tip):
        """(button, text that it shows and hides)."""
        text = qt.QPlainTextEdit()
        text.setReadOnly(True)
        text.setMinimumHeight(120)
        text.setVisible(False)
        made = qt.QPushButton(title)
        made.setToolTip(tip)
        made.setCheckable(True)
        made.connect("toggled(bool)", text.setVisible)
        return made, text

    def use(self, logic):
        """Shows the runs of this logic from now on."""
        self._logic, self._shown = logic, None
        self.list.clear()
        self.details.setVisible(False)
        self.changed()

    # ---- told by the runs

    def changed(self):
        """The list, or a run in it, is another one."""
        runs = self._logic.runs
        chosen = runs.watched
        self.list.blockSignals(True)
        self._fill(runs.jobs, chosen)
        self.list.blockSignals(False)
        self.note.setVisible(not runs.jobs)
        self.list.setVisible(bool(runs.jobs))
        self._show(runs.get(chosen))

    def _fill(self, jobs, chosen):
        if [key_of(self.list.topLevelItem(n)) for n in range(self.list.topLevelItemCount)] != [job.id for job in jobs]:
            self.list.clear()
            for job in jobs:
                add_row(self.list, ["", "", "", ""], job.id)
        for n, job in enumerate(jobs):
            item = self.list.topLevelItem(n)
            texts = [job.title, job.scan_text, SIGNS.get(job.state, "") + job.state_text, job.created_text]
            for column, text in enumerate(texts):
                if item.text(column) != text:
                    item.setText(column, text)
                    item.setToolTip(column, text if "<" not in text else "")
            if job.id == chosen and key_of(self.list.currentItem()) != chosen:
                self.list.setCurrentItem(item)

    def log_changed(self):
        """More was said by the run that is watched."""
        follows = self.log.textCursor().atEnd()
        self.log.setPlainText(self._logic.runs.log or "Nothing was said yet.")
        if follows:
            self.log.moveCursor(qt.QTextCursor.End)

    def list_failed(self, error):
        """The list cannot be read, or can again (None)."""
        say(self.trouble, str(error) if error is not None else "")

    # ---- one run

    def choose(self, job):
        """Shows a run by its id."""
        self._logic.runs.watch(job)
        self.changed()

    def _picked(self, item, before=None):
        key = key_of(item)
        if key:
            self.choose(key)

    def _show(self, job):
        self.details.setVisible(job is not None)
        if job is None or job == self._shown:
            return
        was, self._shown = self._shown, job
        self.title.setText(job.title)
        facts = [job.scan_text, "took " + job.duration_text if job.duration_text else "", job.workflow]
        say(self.facts, " · ".join(fact for fact in facts if fact))
        self.progress.setVisible(not job.has_ended)
        self.progress.setFormat(job.progress_text)
        self.progress.setValue(round(100 * job.fraction))
        say(self.error, job.error)
        notes = list(job.notes) + (["It was cancelled."] if job.state == "cancelled" else [])
        say(self.notes, "\n".join(notes + _files_text(job)))
        self._show_segments(job)
        if was is None or (was.id, was.state) != (job.id, job.state):
            self._show_values(job)
            self._show_record(job)
        self.open_button.setVisible(job.has_segments)
        self.save_button.setVisible(bool(job.outputs))
        self.end_button.setEnabled(True)
        self.end_button.setText("Remove" if job.has_ended else "Cancel")
        if was is None or was.id != job.id or (job.state == "failed" and was.state != job.state):
            self.log_button.setChecked(job.state == "failed")

    def _show_segments(self, job):
        self.segments.setVisible(job.has_segments)
        self.segments.clear()
        for output in job.segmentations if job.has_segments else ():
            for found in output.segments:
                code = terminology.code_text(found.codes)
                meaning = ", ".join(str(one.get("meaning")) for one in found.codes.values() if isinstance(one, dict))
                item = add_row(self.segments, [found.name, code or "–", "%.1f" % found.volume_ml], None, ["", meaning])
                item.setIcon(0, swatch(found.colour))
                item.setData(2, qt.Qt.TextAlignmentRole, RIGHT)
        rows = self.segments.topLevelItemCount
        self.segments.setFixedHeight(LINE * (min(rows, MOST_LINES) + 2))

    def _show_values(self, job):
        """Numbers and tables are read here; long ones are saved and opened elsewhere."""
        self.values.setPlainText("")
        self.values.setVisible(bool(job.values))
        for output in job.values:
            if output.bytes > MAX_TEXT:
                self._add_value(job, output, "It is too long to be shown here.")
                continue
            self._logic.read(job, output, lambda text, one=output: self._add_value(job, one, text),
                             lambda error, one=output: self._add_value(job, one, str(error)))

    def _show_record(self, job):
        """How its results were made, once they are."""
        self.record.setPlainText("")
        self.record_button.setVisible(job.state == "done")
        if job.state != "done":
            self.record_button.setChecked(False)
            return
        self._logic.record(job, lambda record: self._tell_record(job, record_lines(record) or ["Nothing is recorded."]),
                           lambda error: self._tell_record(job, [str(error)]))

    def _tell_record(self, job, lines):
        if self._shown is not None and self._shown.id == job.id:
            self.record.setPlainText("\n".join(lines))

    def _add_value(self, job, output, text):
        if self._shown is not None and self._shown.id == job.id:
            title = output.name + "\n" if len(job.values) > 1 else ""
            self.values.appendPlainText(title + text.strip())

    # ---- what a person does

    def open(self):
        self.open_button.setEnabled(False)
        self._logic.open(self._shown, self._opened, self._failed)

    def _opened(self, nodes):
        self.open_button.setEnabled(True)
        say(self.error, "")
        self._on_opened(nodes)

    def _failed(self, error):
        self.open_button.setEnabled(True)
        say(self.error, str(error))

    def save(self):
        folder = ask_folder(self.root)
        if folder:
            self.save_in(folder)

    def save_in(self, folder):
        """Each file under its own name, in a folder of the run's where there are several."""
        job = self._shown
        for output in job.outputs:
            path = os.path.join(folder, output.name if len(job.outputs) == 1 else output.path.replace("/", "_"))
            self._logic.save(job, output, path, lambda saved: say(self.notes, "Saved in %s." % folder), self._failed)

    def end(self):
        """Cancels it, or asks whether it is to be removed."""
        job = self._shown
        if job.has_ended:
            self.dialog = ask_removal(self.root, job, lambda: self._logic.runs.cancel(job.id, self._failed))
            return
        self.end_button.setEnabled(False)
        self._logic.runs.cancel(job.id, self._failed)


def _files_text(job):
    others = [output for output in job.outputs if output.kind != "segmentation"]
    if job.state == "done" and not job.has_segments and not others:
        return ["It found nothing."]
    return ["It also wrote %s." % ", ".join(output.name for output in others)] if others else []
