"""The connection to a pipeline, what comes over it, and the slice view that shows it live."""
import qt
import slicer

from ...client.errors import SagittalError
from ...widgets.common import button, combo, fill_combo, label, problem, row, say, section
from ...widgets.table import fill_table, table
from .. import connector
from ..igtl import DEFAULT_PORT
from ..nodes import AS_IMAGE, AS_LABELS, AS_SEGMENTATION
from ..pipelines import is_out_of_reach, time_text

OWN, SLICERS = "own", "slicer"
LABELS_ALONE = 10
KINDS = {"IMAGE": "image", "TRANSFORM": "transform", "TDATA": "tools", "STRING": "text", "POINT": "points",
         "POLYDATA": "lines", "COMMAND": "command"}
WHAT = {AS_IMAGE: "image", AS_LABELS: "labels", AS_SEGMENTATION: "segmentation"}
FORMS = [("as an image", AS_IMAGE), ("as labels", AS_LABELS), ("as a segmentation", AS_SEGMENTATION)]


class ConnectionBox:
    """Shows and changes the connection of a StreamsLogic."""

    def __init__(self, layout, logic):
        self._logic = logic
        self._wanted = False
        self._told = None
        inner = section("Connection", layout)
        self.kind = combo("Who speaks OpenIGTLink with the pipeline")
        self.host = qt.QLineEdit("localhost")
        self.host.setToolTip("Computer where the pipeline, or any other OpenIGTLink server, listens")
        self.port = qt.QSpinBox()
        self.port.setRange(0, 65535)
        self.port.setValue(DEFAULT_PORT)
        self.port.setToolTip("Port of OpenIGTLink; known by itself for pipelines that are started here")
        self.connect_button = button("Connect", "Connect, and again whenever the connection is lost", self.toggle)
        inner.addWidget(row(self.kind, self.host, self.port, self.connect_button, stretch=1))
        self.state, self.trouble = label(), problem()
        inner.addWidget(self.state)
        inner.addWidget(self.trouble)
        self.unread = label()
        inner.addWidget(self.unread)
        self.devices = table(["Received", "Rate", "Age", "Pipeline"],
                             ["Names of what comes; choose one to see it live, to record it or to change its form",
                              "Messages in a second, of late",
                              "Time from acquisition until it is in the scene, where clocks agree",
                              "Time that the pipeline says it took"])
        self.devices.connect("itemSelectionChanged()", self.update)
        inner.addWidget(self.devices)
        self.form = combo("What becomes of the images of the chosen device")
        fill_combo(self.form, FORMS)
        self.form.connect("currentIndexChanged(int)", self._form_chosen)
        self.view = combo("A slice view that goes with the images of the chosen device")
        self.view.connect("currentIndexChanged(int)", self._view_chosen)
        self.form_row = (qt.QLabel("Show"), self.form, qt.QLabel("live in"), self.view)
        inner.addWidget(row(*self.form_row, stretch=1))
        self.update()

    # ---- what a person does

    def toggle(self):
        if self._logic.has_connection:
            self._logic.disconnect()
            self._told = None
            self.update()
        else:
            self.connect_to(self.host.text.strip() or "localhost", int(self.port.value))

    def want(self):
        """Connects as soon as the pipeline that was started says where."""
        self._wanted = True
        self._logic.disconnect()
        self.follow_pipeline()

    def follow_pipeline(self):
        """Where something is wanted: connects to the stream's port."""
        addresses = self._logic.pipelines.addresses()
        if self._wanted and addresses:
            self._wanted = False
            host, port, listens = addresses[0]
            self.host.setText(host)
            self.port.setValue(port)
            self.connect_to(host, port, listens)

    def connect_to(self, host, port, listens=False):
        self._told = None
        try:
            if self.kind.itemData(self.kind.currentIndex) == SLICERS:
                self._logic.connect_slicer(host, port, listens)
            else:
                self._logic.connect(host, port, listens)
        except SagittalError as error:
            self._told = error
        self.update()

    def chosen(self):
        """(type, name) of the device that is selected; (None, None): none is."""
        index = self.devices.currentRow()
        devices = self._logic.devices()
        return (devices[index].kind, devices[index].name) if 0 <= index < len(devices) else (None, None)

    # ---- what is shown

    def update(self):
        logic = self._logic
        kinds = [("Own", OWN)] + ([("OpenIGTLinkIF", SLICERS)] if connector.is_installed() else [])
        fill_combo(self.kind, kinds)
        self.kind.setVisible(len(kinds) > 1)
        for widget in (self.kind, self.host, self.port):
            widget.setEnabled(not logic.has_connection)
        self.connect_button.setText("Disconnect" if logic.has_connection else "Connect")
        say(self.state, self._state_text())
        say(self.trouble, self._trouble_text())
        say(self.unread, logic.not_shown())
        devices = logic.devices()
        self.devices.setVisible(bool(devices))
        fill_table(self.devices, [self._texts(one) for one in devices], [_tip(one) for one in devices])
        if devices and not self.devices.selectedItems():
            images = [n for n, one in enumerate(devices) if one.kind == "IMAGE"]
            self.devices.selectRow(images[0] if images else 0)
        self._update_form()

    def show_first_image(self):
        """Without a choice of anybody, the first image is shown in the red slice."""
        if self._logic.live:
            return
        images = [one for one in self._logic.devices() if one.kind == "IMAGE" and one.node_name]
        plain = [one for one in images if self._logic.nodes.shown_as(one.name) == AS_IMAGE]
        chosen = plain or [one for one in images if one.received > LABELS_ALONE]
        views = slicer.util.getNodesByClass("vtkMRMLSliceNode", self._logic.scene)
        if chosen and views:
            self._logic.show_live(chosen[0].name, views[0])
            names = [(one.kind, one.name) for one in self._logic.devices()]
            self.devices.selectRow(names.index(("IMAGE", chosen[0].name)))

    def _update_form(self):
        kind, name = self.chosen()
        for widget in self.form_row:
            widget.setVisible(kind == "IMAGE")
        if kind != "IMAGE":
            return
        fill_combo(self.form, FORMS, self._logic.nodes.shown_as(name))
        views = slicer.util.getNodesByClass("vtkMRMLSliceNode", self._logic.scene)
        live = next((view.GetID() for view in views if self._logic.live_device(view) == name), "")
        fill_combo(self.view, [("no view", "")] + [(view.GetName(), view.GetID()) for view in views], live)

    def _form_chosen(self, index):
        _, name = self.chosen()
        if name is not None:
            self._logic.nodes.show_as(name, self.form.itemData(index))

    def _view_chosen(self, index):
        _, name = self.chosen()
        chosen = self.view.itemData(index)
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode", self._logic.scene):
            if view.GetID() == chosen:
                self._logic.show_live(name, view)
            elif self._logic.live_device(view) == name:
                self._logic.show_live(None, view)

    def _texts(self, one):
        kind = KINDS.get(one.kind, one.kind)
        if one.kind == "IMAGE":
            kind = WHAT[self._logic.nodes.shown_as(one.name)]
        age, took = ("–" if ms is None else time_text(ms) for ms in (one.latency_ms, one.pipeline_ms))
        rate = "%.0f/s" % one.rate if one.rate >= 10 else "%.1f/s" % one.rate if one.rate else "–"
        return ["%s (%s)" % (one.name or "without name", kind), rate, age, took]

    def _state_text(self):
        logic = self._logic
        if not logic.has_connection:
            return ""
        if logic.slicer_connector is not None:
            return "Connected by OpenIGTLinkIF." if logic.is_connected else "OpenIGTLinkIF is connecting …"
        if logic.is_connected:
            return "Connected with %s." % logic.link.peer
        return "Waiting for a peer at %s …" % logic.link.address if logic.link.listens else (
            "Connecting to %s …" % logic.link.address)

    def _trouble_text(self):
        logic = self._logic
        error = self._told or (logic.link.error if logic.link is not None else None)
        stream = logic.pipelines.stream
        if error is None or logic.link is None:
            return str(error or "")
        server = logic.server_host()
        if not logic.is_connected and stream is not None and is_out_of_reach(stream, logic.link.port, server):
            return ("%s The pipeline listens on the server's own computer only: write host: 0.0.0.0 in its file."
                    % error)
        if not logic.is_connected:
            return str(error)
        return "%s %d of its messages were left out." % (error, logic.link.bad_messages)


def _tip(one):
    tip = "%d came" % one.received
    if one.replaced:
        tip += ", %d gave way to newer ones before the screen was ready" % one.replaced
    return tip + ("; node %s" % one.node_name if one.node_name else "")
