"""Registers the effect Sagittal with Slicer's Segment Editor."""
import os

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class SegmentEditorSagittal(ScriptedLoadableModule):
    """Hidden: it is found in the Segment Editor."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Segment Editor: Sagittal"
        parent.categories = ["Segmentation"]
        parent.dependencies = ["Segmentations", "Sagittal"]
        parent.contributors = ["The Sagittal authors"]
        parent.hidden = True
        parent.helpText = "The tools of the module Sagittal as an effect of the Segment Editor."
        slicer.app.connect("startupCompleted()", self.register)

    def register(self):
        """Once Slicer has started."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        effect = effects.qSlicerSegmentEditorScriptedEffect(None)
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "SegmentEditorSagittalLib")
        effect.setPythonSource(os.path.join(folder, "SegmentEditorEffect.py").replace("\\", "/"))
        effect.self().register()
