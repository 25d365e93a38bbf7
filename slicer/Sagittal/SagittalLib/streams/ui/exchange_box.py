"""What the scene sends into a pipeline, and recordings of what comes."""
import os
import time

import qt
import slicer

from ...client.errors import SagittalError
from ...widgets.common import button, label, problem, row, say, section
from ..outgoing import NODE_TYPES


class ExchangeBox:
    """Sends nodes over the connection of a StreamsLogic, and records a device; chosen(): its (type, name)."""

    def __init__(self, layout, logic, chosen):
        self._logic = logic
        self._chosen = chosen
        inner = section("Send into the pipeline", layout)
        self.node = slicer.qMRMLNodeComboBox()
        self.node.nodeTypes = list(NODE_TYPES)
        self.node.noneEnabled = True
        self.node.addEnabled = self.node.removeEnabled = self.node.renameEnabled = False
        self.node.setMRMLScene(logic.scene)
        self.node.setToolTip("A volume, transform or text of the scene")
        self.node.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: self.update())
        self.send_button = button("Send once", "Send it as it is now; what becomes of it comes back", self.send)
        self.watch_box = qt.QCheckBox("whenever it changes")
        self.watch_box.setToolTip("Send it now and after each change")
        self.watch_box.connect("toggled(bool)", self.watch)
        inner.addWidget(row(self.node, self.send_button, self.watch_box, stretch=0))
        self.trouble = problem()
        inner.addWidget(self.trouble)

        inner = section("Record", layout)
        self.folder = qt.QLineEdit(os.path.expanduser("~"))
        self.folder.setToolTip("Folder of recordings (.igs.mha), as Plus and `sagittal stream` read them")
        self.record_button = button("Record", "Every frame of the device that is chosen above, until pressed again",
                                    self.record, checkable=True)
        inner.addWidget(row(qt.QLabel("Folder:"), self.folder, self.record_button, stretch=1))
        self.recorded = label()
        inner.addWidget(self.recorded)
        self.record_trouble = problem()
        inner.addWidget(self.record_trouble)
        self.update()

    def send(self):
        self._try(self.trouble, lambda: self._logic.send(self.node.currentNode()))

    def watch(self, on):
        node = self.node.currentNode()
        if on:
            self._try(self.trouble, lambda: self._logic.watch(node))
        elif node is not None:
            self._logic.watch(None, node.GetID())
        self.update()

    def record(self):
        if self._logic.recorder is not None:
            self._logic.stop_recording()
            return
        _, name = self._chosen()
        plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in name or "stream")
        path = os.path.join(self.folder.text.strip(), "%s_%s.igs.mha" % (plain, time.strftime("%Y%m%d_%H%M%S")))
        self._try(self.record_trouble, lambda: self._logic.start_recording(path, name))
        self.update()

    def update(self):
        logic, node = self._logic, self.node.currentNode()
        self.send_button.setEnabled(logic.has_connection and node is not None)
        self.watch_box.setEnabled(logic.has_connection and node is not None)
        self.watch_box.blockSignals(True)
        self.watch_box.setChecked(logic.is_watched(node))
        self.watch_box.blockSignals(False)
        recorder = logic.recorder
        kind, name = self._chosen()
        self.record_button.setEnabled(recorder is not None or (kind == "IMAGE" and logic.link is not None))
        self.record_button.setChecked(recorder is not None)
        self.record_button.setText("Stop recording" if recorder is not None else "Record")
        self.folder.setEnabled(recorder is None)
        if recorder is not None:
            say(self.recorded, "%d frames of %s" % (recorder.frames, recorder.device))
        else:
            say(self.recorded, logic.note or ("%s will be recorded." % name if kind == "IMAGE" else ""))
        if logic.error is not None:
            say(self.record_trouble, str(logic.error))

    def _try(self, where, call):
        self._logic.error = None
        try:
            call()
        except SagittalError as error:
            say(where, str(error))
        else:
            say(where, "")
