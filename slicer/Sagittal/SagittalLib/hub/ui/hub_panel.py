"""All of the module's panel: the server, models, runs."""
import traceback

import qt
import slicer

from ...client import SagittalError
from ...widgets.common import button, heading, label, problem, row, say
from ...work import Workers, start_pump
from .. import card_page
from ..logic import HubLogic
from .find_panel import FindPanel
from .jobs_panel import JobsPanel
from .run_panel import RunPanel

REFRESH_MS = 4000
HINT = "Choose a model to see what it finds, on which images, and on what terms."


class HubPanel:
    """Over a scene and settings; connects when it is entered."""

    def __init__(self, scene, settings, file_of_instance, make_workers=Workers):
        self.root = qt.QWidget()
        self._scene, self._settings, self._file_of_instance = scene, settings, file_of_instance
        self.workers = make_workers(on_error=self._went_wrong)
        self._pump = start_pump(self.workers, qt)
        self.logic = None
        self._connected_to = None
        self._asking = None
        self._build()

    def _build(self):
        layout = qt.QVBoxLayout(self.root)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._server_box())
        self.trouble = problem()
        layout.addWidget(self.trouble)
        self.tabs = qt.QTabWidget()
        self.find = FindPanel(self.choose)
        self.run = RunPanel(self._scene, self._started)
        self.jobs = JobsPanel(self._show_nodes)
        self.show_results = qt.QCheckBox("Show results as soon as a run is done")
        self.show_results.setChecked(self._settings.get("show_results"))
        self.show_results.connect("toggled(bool)", lambda on: self._settings.set("show_results", on))
        self.jobs.root.layout().insertWidget(0, self.show_results)
        self.tabs.addTab(self._models_tab(), "Models")
        self.tabs.addTab(self.jobs.root, "Runs")
        layout.addWidget(self.tabs, 1)
        self._timer = qt.QTimer()
        self._timer.setInterval(REFRESH_MS)
        self._timer.connect("timeout()", self._look_again)

    def _went_wrong(self, error):
        """A fault of our own, or an answer that breaks the rules: said here, and in Slicer's console."""
        say(self.trouble, str(error) or type(error).__name__)
        traceback.print_exception(type(error), error, error.__traceback__)

    def _server_box(self):
        self.server = qt.QLineEdit(self._settings.get("server"))
        self.server.setToolTip("Address of a Sagittal server, such as http://localhost:1527. Its key is set in the "
                               "module Sagittal, under Configuration.")
        self.server.connect("editingFinished()", self._address_typed)
        self.connect_button = button("Connect", "Ask the server again", self.connect)
        return row(label("Server:", wraps=False), self.server, self.connect_button, stretch=1)

    def _models_tab(self):
        tab = qt.QWidget()
        layout = qt.QVBoxLayout(tab)
        layout.addWidget(self.find.root)
        self.hint = label(HINT)
        self.model_title = heading("")
        self.card = qt.QTextBrowser()
        self.card.setOpenExternalLinks(True)
        self.card.setMinimumHeight(220)
        for widget, stretch in ((self.hint, 0), (self.model_title, 0), (self.run.root, 0), (self.card, 1)):
            layout.addWidget(widget, stretch)
        layout.addStretch(0)
        self._show_card(None)
        return tab

    # ---- the module's life

    def enter(self):
        """The module is shown."""
        if self.server.text != self._settings.get("server"):
            self.server.setText(self._settings.get("server"))  # set in another module meanwhile
        if self.logic is None or self._connected_to != self._identity():
            self.connect()
        else:
            self.logic.runs.refresh()
        self._timer.start()

    def exit(self):
        """Another module is shown; runs that were started here are still followed."""
        self._timer.stop()

    def close(self):
        """The module goes."""
        self._timer.stop()
        self._pump.stop()
        if self.logic is not None:
            self.logic.close()
        self.workers.close()

    # ---- the server

    def connect(self):
        """Asks the server that is set; its runs and models take the place of the others'."""
        say(self.trouble, "")
        try:
            connection = self._settings.connection()
        except SagittalError as error:
            say(self.trouble, str(error))
            return
        if self.logic is not None:
            self.logic.close()
        self._connected_to = self._identity()
        self.logic = HubLogic(self._scene, self.workers, connection, self._file_of_instance, self.jobs.changed,
                              self.jobs.log_changed, self._ended, self.jobs.list_failed)
        self._show_card(None)
        self.run.use(self.logic)
        self.jobs.use(self.logic)
        self.find.use(self.logic)
        self.logic.runs.refresh()

    def _identity(self):
        return tuple(self._settings.get(name) for name in ("server", "key", "ca_file"))

    def _address_typed(self):
        if self.server.text.strip() != self._settings.get("server"):
            self._settings.set("server", self.server.text.strip())
            self.connect()

    def _look_again(self):
        """Runs of other programs, and those that went on while nobody listened."""
        self.logic.runs.refresh()
        if self.find.trouble.text:
            self.find.search()

    # ---- models

    def choose(self, name, source):
        """Shows a model."""
        if self._asking is not None:
            self._asking.cancel()
        self._asking = self.logic.card(name, source, self._show_card, lambda error: say(self.trouble, str(error)))

    def _show_card(self, card):
        self.hint.setVisible(card is None)
        self.model_title.setVisible(card is not None)
        self.card.setVisible(card is not None)
        if card is not None:
            say(self.trouble, "")
            self.model_title.setText(str(card.get("title") or card.get("name")))
            self.card.setHtml(card_page.page(card))
        self.run.show(card)

    # ---- runs

    def _started(self, job):
        self.tabs.setCurrentIndex(1)
        self.jobs.choose(job.id)

    def _ended(self, job):
        if job.has_segments and self.show_results.checked:
            self.logic.open(job, self._show_nodes, lambda error: say(self.trouble, str(error)))

    def _show_nodes(self, nodes):
        """In the views: the volume that a segmentation lies on comes to the front where none is shown."""
        selection = self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        application = slicer.app.applicationLogic()
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        volume = nodes[0].GetNodeReference(role) if nodes else None
        if volume is None or selection is None or application is None or selection.GetActiveVolumeID():
            return
        selection.SetActiveVolumeID(volume.GetID())
        application.PropagateVolumeSelection()
