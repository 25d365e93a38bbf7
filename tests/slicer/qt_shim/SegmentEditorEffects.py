"""The base of scripted effects, and what an effect sees of the Segment Editor."""
import qt


class AbstractScriptedSegmentEditorEffect:
    def __init__(self, scriptedEffect):
        self.scriptedEffect = scriptedEffect


class ScriptedEffect:
    """What a qSlicerSegmentEditorScriptedEffect gives its Python."""

    def __init__(self, parameter_node):
        self._node = parameter_node
        self.widget = qt.QWidget()
        qt.QVBoxLayout(self.widget)
        self.saved = 0

    def parameterSetNode(self):
        return self._node

    def addOptionsWidget(self, widget):
        self.widget.layout().addWidget(widget)

    def saveStateForUndo(self):
        self.saved += 1
