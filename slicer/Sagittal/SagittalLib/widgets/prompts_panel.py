"""The tools: what is placed in the views goes to the segment at hand."""
import qt
import slicer

from ..cursors import Cursors
from ..interactive import Interactive
from ..scribbles import EXCLUDE, INCLUDE, ScribblePad
from ..tools import BOX, LASSO, POINT, PlaceTools
from .common import StatusLine, button, hint, row, say

SCRIBBLE = "scribble"
TOOLS = ((POINT, "Point", "P", "Click into the structure"),
         (BOX, "Box", "B", "Drag a box in a slice, or click two of its corners"),
         (SCRIBBLE, "Scribble", "S", "Paint a stroke inside the structure"),
         (LASSO, "Lasso", "L", "Draw around the structure in a slice, or click an outline; a double-click closes it"))
_CHOSEN = "QPushButton:checked { background-color: %s; color: white; }"


class PromptsPanel:
    """Tools, polarity, undo and what goes on."""

    def __init__(self, interactive: Interactive, scene):
        self.interactive = interactive
        self._scene = scene
        self._pad = self._painter = None
        self._stroke_waits = False
        self._shortcuts = []
        self.tools = PlaceTools(scene, self._later, interactive.point, interactive.box, interactive.lasso)
        self.cursors = Cursors(scene, self._later)
        self._clock = qt.QTimer()
        self._clock.setInterval(500)
        self._clock.connect("timeout()", self._show_status)
        self.widget = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.status = StatusLine(interactive.cancel)
        layout.addWidget(self.status.widget)
        layout.addWidget(self._polarity())
        layout.addWidget(self._tool_buttons())
        layout.addWidget(self._steps())
        self.auto_zoom = qt.QCheckBox("Auto-zoom")
        self.auto_zoom.setToolTip("Look at structures that are larger than the model's field of view from afar first. "
                                  "Without it predictions are faster and stay near the prompt")
        self.auto_zoom.connect("toggled(bool)", interactive.set_auto_zoom)
        self.clear = button("Clear marks", "Take the marks of prompts out of the views; the segment stays",
                            interactive.marks.clear)
        layout.addWidget(row(self.auto_zoom, self.clear, stretch=0))
        self.device = hint("")
        layout.addWidget(self.device)
        layout.addWidget(hint("T: include or exclude.   V: show or hide the segment.   Esc: stop."))
        self.refresh()

    # ---- what is shown

    def refresh(self):
        """Shows what is at hand."""
        self._show_status()
        self.clear.setEnabled(not self.interactive.marks.is_empty)
        say(self.device, self.interactive.models.advice())
        self.include.checked = self.interactive.include
        self.exclude.checked = not self.interactive.include
        self.auto_zoom.blockSignals(True)
        self.auto_zoom.checked = self.interactive.settings.get("auto_zoom")
        self.auto_zoom.blockSignals(False)
        self._refresh_tools()

    def _show_status(self):
        """A prediction that takes long says for how long."""
        text, fraction = self.interactive.status()
        is_running = self.interactive.is_running
        self.status.show(text, fraction, is_running)
        if is_running != self._clock.active:
            (self._clock.start if is_running else self._clock.stop)()

    def _refresh_tools(self):
        """Those that the chosen model takes can be chosen."""
        ready = self.interactive.volume is not None
        for name, _, key, tip in TOOLS:
            takes, made = self.interactive.takes(name), self.buttons[name]
            made.setEnabled(ready and takes)
            made.setToolTip("%s [%s]" % (tip, key) if takes else "The chosen model does not take this prompt")
        if self.chosen is not None and not self.interactive.takes(self.chosen):
            self.choose(None)

    def _polarity(self):
        self.include = button("Include", "Prompts say what belongs to the segment [T]", lambda: self._set(True), True)
        self.exclude = button("Exclude", "Prompts say what does not belong to it [T]", lambda: self._set(False), True)
        self.include.setStyleSheet(_CHOSEN % "#2e8b57")
        self.exclude.setStyleSheet(_CHOSEN % "#c0392b")
        return row(self.include, self.exclude)

    def _tool_buttons(self):
        self.buttons = {}
        for name, text, key, tip in TOOLS:
            self.buttons[name] = button("%s (%s)" % (text, key), tip, self._chooser(name), True)
            self.buttons[name].setStyleSheet(_CHOSEN % "#2c6fbb")
        return row(*self.buttons.values())

    def _chooser(self, name):
        return lambda: self.choose(None if not self.buttons[name].checked else name)

    def _steps(self):
        view = self.interactive
        self.undo = button("Undo", "Take back the last prompt [Ctrl+Z]", view.undo)
        self.redo = button("Redo", "Give it again [Ctrl+Y]", view.redo)
        self.reset = button("Start over", "Empty the segment [R]", view.reset)
        self.delete = button("Delete", "Remove the segment; undo brings it back [Del]", view.delete_segment)
        self.next = button("Next segment", "Add a segment and go on with it [E]", view.next_segment)
        return row(self.undo, self.redo, self.reset, self.delete, self.next)

    # ---- tools

    def choose(self, name):
        """The tool with that name, or none."""
        self._stop_painting()
        for other, made in self.buttons.items():
            made.checked = other == name
        self.tools.activate(name if name in (POINT, BOX, LASSO) else None, self.interactive.include)
        if name == SCRIBBLE:
            self._start_painting()
        self.cursors.show(self.interactive.include if name is not None else None)

    def toggle_tool(self, name):
        if self.buttons[name].enabled:
            self.choose(None if self.buttons[name].checked else name)

    @property
    def chosen(self):
        return next((name for name, made in self.buttons.items() if made.checked), None)

    def _set(self, include):
        if include != self.interactive.include:
            self.interactive.toggle()
        self.refresh()
        self.choose(self.chosen)

    # ---- painting

    def _start_painting(self):
        view = self.interactive
        if view.volume is None:
            return
        if self._pad is None or self._pad.volume is not view.volume or self._pad.node.GetScene() is None:
            self._pad = ScribblePad(self._scene, view.volume, self._on_stroke)
        if self._painter is None:
            self._painter = HiddenPainter(self._scene)
        self._painter.start(self._pad.node, view.volume, INCLUDE if view.include else EXCLUDE)

    def _stop_painting(self):
        if self._painter is not None:
            self._painter.stop()

    def _on_stroke(self):
        if not self._stroke_waits:
            self._stroke_waits = True
            self._later(self._take_stroke)

    def _take_stroke(self):
        self._stroke_waits = False
        for prompt in self._pad.take():
            self.interactive.drawn(prompt)

    def _later(self, call):
        qt.QTimer.singleShot(0, call)

    # ---- the module is entered and left

    def install_shortcuts(self, window):
        """Keys work while the module is shown."""
        self.remove_shortcuts()
        view = self.interactive
        keys = {"T": self._toggle, "R": view.reset, "E": view.next_segment, "V": view.toggle_visibility,
                "Esc": view.cancel, "Del": view.delete_segment, "Ctrl+Z": view.undo, "Ctrl+Y": view.redo,
                "Shift+L": self.tools.finish_lasso}
        for name, _, key, _ in TOOLS:
            keys[key] = lambda tool=name: self.toggle_tool(tool)
        keys["O"] = keys["P"]
        for key, call in keys.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.connect("activated()", call)
            self._shortcuts.append(shortcut)

    def remove_shortcuts(self):
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.setParent(None)
        self._shortcuts = []

    def leave(self):
        """Another module is shown."""
        self.choose(None)
        self.remove_shortcuts()

    def close(self):
        """The module goes away."""
        self.leave()
        self._clock.stop()
        self.tools.remove()
        if self._pad is not None and self._pad.node.GetScene() is not None:
            self._pad.remove()
        if self._painter is not None:
            self._painter.close()

    def _toggle(self):
        self._set(not self.interactive.include)


class HiddenPainter:
    """Slicer's own paint brush on a segmentation that no panel shows."""

    def __init__(self, scene):
        self._node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode", "Sagittal painter")
        self._node.SetSaveWithScene(False)
        self._widget = slicer.qMRMLSegmentEditorWidget()
        self._widget.setMRMLSegmentEditorNode(self._node)
        self._widget.setMRMLScene(scene)
        self._widget.setMaximumNumberOfUndoStates(0)

    def start(self, segmentation, volume, segment_id):
        self._widget.setupViewObservations()
        self._widget.setSegmentationNode(segmentation)
        self._widget.setSourceVolumeNode(volume)
        self._widget.setCurrentSegmentID(segment_id)
        self._node.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
        self._widget.setActiveEffectByName("Paint")
        effect = self._widget.activeEffect()
        if effect is not None:
            effect.setCommonParameter("BrushSphere", 0)
            effect.setCommonParameter("BrushDiameterIsRelative", 1)
            effect.setCommonParameter("BrushRelativeDiameter", 1)

    def stop(self):
        self._widget.setActiveEffectByName("")
        self._widget.removeViewObservations()

    def close(self):
        self.stop()
        self._widget.setMRMLScene(None)
