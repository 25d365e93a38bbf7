"""A model on volumes of the scene: what it reads, what runs it, and the way to the server."""
import qt
import slicer

from ...widgets.common import RED, button, field_name, label, problem, row, say
from ..logic import Order
from ..needs import DICOM, Choice, obstacle
from .dialogs import ask_licence

BACKENDS = {"native": "Built in", "podman": "Podman", "docker": "Docker", "apptainer": "Apptainer",
            "bubblewrap": "Sandbox (bubblewrap)", "runc": "runc", "environment": "Environment"}
BUILT_IN = "Runs with this server itself: it reads the model's numbers and executes nothing of it."
PROMPTED = "This model answers prompts: use it in the module Sagittal."


class RunPanel:
    """Of one model at a time. on_started(Job)."""

    def __init__(self, scene, on_started):
        self.root = qt.QWidget()
        self._scene, self._on_started = scene, on_started
        self._logic = self._card = self._needs = self._task = self._asking = None
        self._backends = None
        self._rows = []
        self._licence = None
        self._missing = ""
        self.dialog = None
        self._build()

    def _build(self):
        layout = qt.QVBoxLayout(self.root)
        layout.setContentsMargins(0, 0, 0, 0)
        self._form = qt.QFormLayout()
        self._form.setFieldGrowthPolicy(qt.QFormLayout.AllNonFixedFieldsGrow)
        layout.addLayout(self._form)
        self.workflow = qt.QComboBox()
        self.workflow.connect("currentIndexChanged(int)", lambda index: self._read_needs())
        self.backend = qt.QComboBox()
        self._form.addRow(field_name("Workflow:"), self.workflow)
        self._inputs = qt.QWidget()
        self._inputs_form = qt.QFormLayout(self._inputs)
        self._inputs_form.setContentsMargins(0, 0, 0, 0)
        self._inputs_form.setFieldGrowthPolicy(qt.QFormLayout.AllNonFixedFieldsGrow)
        layout.addWidget(self._inputs)
        self.send_dicom = qt.QCheckBox("Send the DICOM series, so that the result is DICOM too")
        self.send_dicom.setChecked(True)
        self.send_dicom.connect("toggled(bool)", lambda on: self.look())
        layout.addWidget(self.send_dicom)
        self._backend_form = qt.QFormLayout()
        self._backend_form.setFieldGrowthPolicy(qt.QFormLayout.AllNonFixedFieldsGrow)
        self._backend_form.addRow(field_name("Runs with:"), self.backend)
        layout.addLayout(self._backend_form)
        self.about = label()
        self.trouble = problem()
        self.progress = qt.QProgressBar()
        self.progress.setRange(0, 100)
        self.run_button = button("Run", "", self.run)
        self.cancel_button = button("Stop", "", self.cancel)
        for widget in (self.about, self.trouble, self.progress, row(self.run_button, self.cancel_button, stretch=0)):
            layout.addWidget(widget)

    def use(self, logic):
        """Runs on the server of this logic from now on; the choice of a model is over."""
        self.cancel()
        self._logic, self._backends = logic, None
        self.show(None)
        logic.backends(self._backends_came, lambda error: say(self.about, str(error)))

    def show(self, card):
        """A card of the API, or None."""
        self._forget_question()
        self._card, self._needs = card, None
        self.root.setVisible(card is not None)
        if card is None:
            self._clear_rows()
            self.look()
            return
        names = [one for one in card.get("workflows") or [] if isinstance(one, dict) and one.get("name")]
        self.workflow.blockSignals(True)
        self.workflow.clear()
        for one in names:
            self.workflow.addItem(str(one["name"]), str(one.get("description") or ""))
        self.workflow.blockSignals(False)
        self._show_row(self._form, self.workflow, len(names) > 1)
        self._show_backends()
        self._read_needs()

    # ---- what it reads

    def _read_needs(self):
        self._needs = None
        self._clear_rows()
        self.workflow.setToolTip(self.workflow.itemData(self.workflow.currentIndex) or "")
        if self._card.get("kind") == "interactive":
            self._fail(PROMPTED)
            return
        self.look()
        say(self.about, "Asking what it reads …")
        self._forget_question()
        self._asking = self._logic.needs(self._card["name"], self._card.get("source"), self._workflow, self._needs_came,
                                         lambda error: self._fail(str(error)))

    @property
    def _workflow(self):
        return self.workflow.currentText if self.workflow.count > 1 else ""

    def _needs_came(self, needs):
        self._needs, self._licence = needs, needs.licence
        for need in needs.inputs:
            self._rows.append(_InputRow(need, self._scene, self._inputs_form, self.look))
        for one, volume in zip(self._rows, _proposed(self._scene, len(self._rows))):
            one.choose(volume)
        self._show_backends()
        self.look()

    def _fail(self, text):
        self._clear_rows()
        say(self.about, "")
        say(self.trouble, text)
        self.look()

    def _clear_rows(self):
        for one in self._rows:
            one.remove(self._inputs_form)
        self._rows = []
        say(self.trouble, "")

    def _forget_question(self):
        if self._asking is not None:
            self._asking.cancel()
        self._asking = None

    # ---- what runs it

    def _backends_came(self, answer):
        self._backends = answer
        if self._card is not None:
            self._show_backends()
            self.look()

    def _show_backends(self):
        is_local = self._card.get("source") == "local"
        known = [one for one in (self._backends or {}).get("backends", [])
                 if isinstance(one, dict) and one.get("name") not in ("native", "environment")]
        able = [str(one["name"]) for one in known if one.get("available") is True]
        best = (self._backends or {}).get("best")
        able.sort(key=lambda name: name != best)
        self.backend.clear()
        for name in able:
            self.backend.addItem(BACKENDS.get(name, name) + (", the best here" if name == best else ""), name)
        self._show_row(self._backend_form, self.backend, not is_local and bool(able))
        self._missing = "" if is_local or able or self._backends is None else _mends(known)
        say(self.about, BUILT_IN if is_local and self._needs is not None else self._missing)

    # ---- whether it can be run as it is chosen

    def look(self):
        """Says what stands in the way, and lets the button be pressed where nothing does."""
        ready = self._needs is not None and self._logic is not None and bool(self._rows)
        if ready:
            self._look_at_rows()
        busy = self._task is not None
        refused = any(one.is_refused for one in self._rows)
        self.run_button.setEnabled(ready and not busy and not refused and not self._missing)
        self.run_button.setText("Run on these volumes" if len(self._rows) > 1 else "Run on this volume")
        self.run_button.setVisible(self._card is not None and self._card.get("kind") != "interactive")
        self.cancel_button.setVisible(busy)
        self.progress.setVisible(busy)
        self._inputs.setEnabled(not busy)

    def _look_at_rows(self):
        can_dicom = [self._can_send_dicom(one) for one in self._rows]
        self.send_dicom.setVisible(any(can_dicom))
        for one, can in zip(self._rows, can_dicom):
            one.as_dicom = can and self.send_dicom.checked
            one.look(self._needs, self._rows)

    def _can_send_dicom(self, one):
        volume = one.volume
        return DICOM in one.need.accepts and volume is not None and self._logic.scans.has_dicom(volume)

    # ---- running

    def run(self, accept_licence=False):
        """Asks for a licence where there is one, sends the volumes, starts."""
        if self._licence is not None and not accept_licence:
            self._ask(self._licence)
            return
        say(self.trouble, "")
        inputs = [(one.need.role, one.volume, one.as_dicom) for one in self._rows]
        backend = "" if self._card.get("source") == "local" else self.backend.itemData(self.backend.currentIndex)
        order = Order(self._card["name"], self._card.get("source"), inputs, self._workflow, backend, accept_licence)
        self._task = self._logic.run(order, self._started, self._not_started, self._tell, self._ask)
        self.look()

    def cancel(self):
        """Stops sending; nothing was started."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.look()

    def _ask(self, licence):
        self._task = None
        self.look()
        title = str(self._card.get("title") or self._card["name"])
        self.dialog = ask_licence(self.root, title, licence, lambda: self.run(accept_licence=True), lambda: None)

    def _tell(self, text, fraction):
        self.progress.setFormat(text)
        self.progress.setValue(round(100 * fraction))

    def _started(self, job):
        self._task = self._licence = None
        self.look()
        self._on_started(job)

    def _not_started(self, error):
        self._task = None
        say(self.trouble, str(error))
        self.look()

    @staticmethod
    def _show_row(form, field, shown):
        field.setVisible(shown)
        form.labelForField(field).setVisible(shown)


class _InputRow:
    """A role, the volume that is chosen for it, and what is to be said of that."""

    def __init__(self, need, scene, form, on_change):
        self.need = need
        self.as_dicom = self.is_refused = False
        self._scene = scene
        self.choice = slicer.qMRMLNodeComboBox()
        self.choice.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        self.choice.addEnabled = self.choice.removeEnabled = self.choice.renameEnabled = False
        self.choice.noneEnabled = False
        self.choice.setMRMLScene(scene)
        self.choice.setToolTip(need.description)
        self.note = problem()
        self._name = field_name(need.label + ":")
        form.addRow(self._name, self.choice)
        form.addRow(self.note)
        self.choice.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: on_change())

    @property
    def volume(self):
        return self.choice.currentNode()

    def choose(self, volume):
        if volume is not None:
            self.choice.setCurrentNode(volume)

    def look(self, needs, rows):
        text, self.is_refused = obstacle(needs, self.need, self._as_choice())
        twin = next((one for one in rows[:rows.index(self)] if one.volume is self.volume), None)
        if not text and twin is not None:
            text = "The same volume is chosen as %s." % twin.need.label
        if self.volume is None:
            text = "Load a volume first: there is none in this scene."
        if any(text == one.note.text for one in rows[:rows.index(self)]):
            text = ""  # said already
        self.note.setStyleSheet(RED if self.is_refused else "")
        say(self.note, text)

    def remove(self, form):
        form.removeRow(self.note)
        form.removeRow(self.choice)

    def _as_choice(self):
        volume = self.volume
        return None if volume is None else Choice(volume.GetName(), modality_of(self._scene, volume), self.as_dicom)


def modality_of(scene, volume):
    """As Slicer's DICOM module noted it; empty for other volumes."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = tree.GetItemByDataNode(volume) if tree is not None else 0
    return tree.GetItemAttribute(item, "DICOM.Modality") if item else ""


def _proposed(scene, count):
    """Different volumes for different inputs, the one that Slicer shows first."""
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode")
             for n in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))]
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    active = selection.GetActiveVolumeID() if selection is not None else None
    nodes.sort(key=lambda node: node.GetID() != active)
    return (nodes + nodes[:1] * count)[:count]


def _mends(backends):
    """What the people of a server can do so that it runs models of others."""
    lines = ["Nothing on this server can run a model of others safely yet. What its people can do:"]
    for one in backends:
        told = "; ".join(str(one[key]) for key in ("reason", "mend") if one.get(key))
        lines.append("%s: %s" % (BACKENDS.get(one.get("name"), str(one.get("name"))), told))
    return "\n".join(lines)
