"""Where the server is, and whether it answers."""
import ctk
import qt

from ..local_server import find_program
from .common import button, hint, row
from .model_choice import ModelChoice


class ConfigurationPanel:
    """Edits the settings. on_changed(): another server from here on."""

    def __init__(self, settings, interactive, local_server, workers, on_changed):
        self._settings = settings
        self._interactive = interactive
        self._local = local_server
        self._workers = workers
        self._on_changed = on_changed
        self._starting = None
        self.widget = ctk.ctkCollapsibleButton()
        self.widget.text = "Server"
        layout = qt.QFormLayout(self.widget)
        self.address = self._line("server", "http://gpu-box:1527 or https://sagittal.example.org", layout, "Address:")
        self.key = self._line("key", "only where the server wants one", layout, "Key:")
        self.key.setEchoMode(qt.QLineEdit.Password)
        self.ca_file = self._path("ca_file", "A file with the certificate of a server that this computer does not know",
                                  layout, "Certificate:")
        self.test = button("Test connection", "Ask the server what it is", self.test_connection)
        self.start = button("Start a server here", "Runs Sagittal on this computer until Slicer ends",
                            self.toggle_local)
        layout.addRow(row(self.test, self.start))
        self.result = hint("")
        layout.addRow(self.result)
        self.model = ModelChoice(interactive)
        layout.addRow("Model:", self.model.box)
        layout.addRow("Licence:", self.model.licence)
        self.program = self._path("program", "The program sagittal, where it is not found by itself", layout,
                                  "Program:")
        self.early = self._check("send_early", "Send a volume as soon as it is chosen", layout)
        self._show_local()

    def refresh(self):
        self.model.refresh()

    def test_connection(self):
        """Says whether the server answers, in its own words where it does not want to."""
        self.result.setText("Asking %s ..." % self._settings.get("server"))
        self._interactive.test_connection(self._tell)

    def toggle_local(self):
        if self._local.is_running:
            self._workers.run(lambda stop: self._local.stop(), lambda _: self._show_local())
            return
        program = find_program(self._settings.get("program"))
        self.result.setText("Starting a server ...")
        self.start.setEnabled(False)
        self._starting = self._workers.run(lambda stop: self._local.start(program, stop), self._started, self._failed)

    def _started(self, url):
        self.address.setText(url)
        self._change("server", url)
        self._show_local()
        self.test_connection()

    def _failed(self, error):
        self._tell(str(error), False)
        self._show_local()

    def _show_local(self):
        self.start.setEnabled(True)
        self.start.setText("Stop the server here" if self._local.is_running else "Start a server here")

    def _tell(self, text, works):
        self.result.setText(text)
        self.result.setStyleSheet("color: %s;" % ("#2e8b57" if works else "#c0392b"))

    def _change(self, name, value):
        if self._settings.get(name) != value:
            self._settings.set(name, value)
            self._on_changed()

    def _line(self, name, placeholder, layout, label):
        edit = qt.QLineEdit(self._settings.get(name))
        edit.setPlaceholderText(placeholder)
        edit.connect("editingFinished()", lambda: self._change(name, edit.text.strip()))
        layout.addRow(label, edit)
        return edit

    def _path(self, name, tip, layout, label):
        edit = ctk.ctkPathLineEdit()
        edit.filters = ctk.ctkPathLineEdit.Files
        edit.setToolTip(tip)
        edit.currentPath = self._settings.get(name)
        edit.connect("currentPathChanged(QString)", lambda path: self._change(name, path))
        layout.addRow(label, edit)
        return edit

    def _check(self, name, text, layout):
        box = qt.QCheckBox(text)
        box.checked = self._settings.get(name)
        box.connect("toggled(bool)", lambda on: self._settings.set(name, bool(on)))
        layout.addRow(box)
        return box
