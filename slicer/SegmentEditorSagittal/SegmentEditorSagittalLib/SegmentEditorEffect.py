"""The tools of the module Sagittal in Slicer's Segment Editor."""
import os

import qt
import slicer
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect

from SagittalLib.application import shared, tell
from SagittalLib.history import SavedStates
from SagittalLib.interactive import Interactive
from SagittalLib.widgets.common import hint
from SagittalLib.widgets.prompts_panel import PromptsPanel


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """One button of the Segment Editor."""

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "Sagittal"
        scriptedEffect.title = "Sagittal"
        scriptedEffect.perSegment = True
        scriptedEffect.requireSegments = False
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.interactive = self.prompts = None

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        cloned = effects.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(__file__.replace("\\", "/"))
        return cloned

    def icon(self):
        path = os.path.join(os.path.dirname(__file__), "SegmentEditorEffect.png")
        return qt.QIcon(path) if os.path.exists(path) else qt.QIcon()

    def helpText(self):
        return "Points, boxes, scribbles and lassos, segmented by a Sagittal server, which the module Sagittal names."

    def setupOptionsFrame(self):
        application = shared()
        self.interactive = Interactive(slicer.mrmlScene, application.workers, application.settings, self._refresh, tell)
        self.interactive.editor_history = SavedStates(self.scriptedEffect.saveStateForUndo)
        self.interactive.select_segment = lambda name: self.scriptedEffect.parameterSetNode().SetSelectedSegmentID(name)
        self.prompts = PromptsPanel(self.interactive, slicer.mrmlScene)
        self.scriptedEffect.addOptionsWidget(self.prompts.widget)
        self.scriptedEffect.addOptionsWidget(hint("The server is set in the module Sagittal."))

    def activate(self):
        self.interactive.models.ask()
        self._choose()
        self.prompts.install_shortcuts(slicer.util.mainWindow())

    def deactivate(self):
        self.prompts.leave()

    def sourceVolumeNodeChanged(self):
        self._choose()

    def updateGUIFromMRML(self):
        self._choose()

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget):
        return False

    def _choose(self):
        node = self.scriptedEffect.parameterSetNode()
        if node is not None and self.interactive is not None:
            self.interactive.choose(node.GetSourceVolumeNode(), node.GetSegmentationNode(), node.GetSelectedSegmentID())

    def _refresh(self):
        if self.prompts is not None:
            self.prompts.refresh()
