"""Strokes that are painted with Slicer's own brush, into a hidden segmentation, and given as prompts."""
import numpy as np
import slicer

from . import prompts
from .marks import EXCLUDE_COLOUR, INCLUDE_COLOUR
from .segments import SceneSegment

INCLUDE, EXCLUDE = "include", "exclude"


class ScribblePad:
    """A segmentation on the voxels of a volume that is painted on and wiped. Main thread."""

    def __init__(self, scene, volume, on_stroke):
        """on_stroke(): something was painted; called while it is, so leave what is slow for later."""
        self._scene = scene
        self.volume = volume
        self._on_stroke = on_stroke
        self._is_wiping = False
        self.node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Sagittal scribbles")
        self.node.SetHideFromEditors(True)
        self.node.SetSaveWithScene(False)
        self.node.CreateDefaultDisplayNodes()
        self.node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        self.node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        segmentation = self.node.GetSegmentation()
        segmentation.AddEmptySegment(INCLUDE, INCLUDE, INCLUDE_COLOUR)
        segmentation.AddEmptySegment(EXCLUDE, EXCLUDE, EXCLUDE_COLOUR)
        self._tag = segmentation.AddObserver(slicer.vtkSegmentation.SourceRepresentationModified, self._modified)

    def take(self):
        """The prompts that were painted since the last time, wiped away now."""
        taken = []
        self._is_wiping = True
        try:
            for name, include in ((INCLUDE, True), (EXCLUDE, False)):
                segment = SceneSegment(self.node, name, self.volume)
                bounds, crop = segment.read()
                if crop.any():
                    taken.append(prompts.drawing("scribble", bounds, crop, include))
                    segment.write(bounds, np.zeros_like(crop))
        finally:
            self._is_wiping = False
        return taken

    def remove(self):
        self.node.GetSegmentation().RemoveObserver(self._tag)
        self._scene.RemoveNode(self.node)

    def _modified(self, segmentation, event):
        if not self._is_wiping:
            self._on_stroke()
