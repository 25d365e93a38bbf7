"""Segments by clicking: points, boxes, scribbles and lassos become masks, predicted by a Sagittal server."""
import qt
import slicer
from slicer.ScriptedLoadableModule import (ScriptedLoadableModule, ScriptedLoadableModuleTest,
                                           ScriptedLoadableModuleWidget)

from SagittalLib.application import shared, tell
from SagittalLib.history import EditorHistory
from SagittalLib.interactive import Interactive
from SagittalLib.widgets.configuration import ConfigurationPanel
from SagittalLib.widgets.prompts_panel import PromptsPanel

EDITOR_NODE = "SagittalSegmentEditor"


class Sagittal(ScriptedLoadableModule):
    """What Slicer lists."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Sagittal"
        parent.categories = ["Segmentation"]
        parent.dependencies = ["Segmentations", "SegmentEditor", "Markups"]
        parent.contributors = ["The Sagittal authors"]
        parent.helpText = "Click into a structure, and a Sagittal server segments it. Choose a volume, then a tool; " \
                          "the server's address is set under Server."
        parent.acknowledgementText = "Sagittal is free software under the Apache License 2.0."


class SagittalWidget(ScriptedLoadableModuleWidget):
    """The panel."""

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self._application = shared()
        self._observed = []
        self._dialogs = []
        self.interactive = Interactive(slicer.mrmlScene, self._application.workers, self._application.settings,
                                       self.refresh, self._tell)
        self.editor = slicer.qMRMLSegmentEditorWidget()
        self.editor.setMaximumNumberOfUndoStates(20)
        self.prompts = PromptsPanel(self.interactive, slicer.mrmlScene)
        self.configuration = ConfigurationPanel(self._application.settings, self.interactive,
                                                self._application.local_server, self._application.workers,
                                                self.interactive.reconnect)
        group = qt.QGroupBox("Prompts")
        qt.QVBoxLayout(group).addWidget(self.prompts.widget)
        for widget in (group, self.editor, self.configuration.widget):
            self.layout.addWidget(widget)
        self.layout.addStretch(1)
        self.interactive.editor_history = EditorHistory(self.editor)
        self.interactive.select_segment = self.editor.setCurrentSegmentID
        scene = slicer.vtkMRMLScene
        self._observe(slicer.mrmlScene, scene.EndCloseEvent, self._on_scene_closed)
        self._observe(slicer.mrmlScene, scene.EndImportEvent, lambda *_: self._take_editor_node())
        self._take_editor_node()

    def enter(self):
        """The module is shown: keys and the brush work."""
        self._take_editor_node()
        self.editor.setupViewObservations()
        self.prompts.install_shortcuts(slicer.util.mainWindow())
        self.interactive.models.ask()
        self._begin_where_possible()

    def exit(self):
        """Another module is shown."""
        self.prompts.leave()
        self.editor.setActiveEffectByName("")
        self.editor.removeViewObservations()

    def cleanup(self):
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed = []
        self.prompts.close()
        self.interactive.close()

    def refresh(self):
        """Called whenever something else is to be shown."""
        if hasattr(self, "configuration"):
            self.prompts.refresh()
            self.configuration.refresh()

    def _begin_where_possible(self):
        """With a volume in the scene, the first click needs no preparation by hand."""
        if self._node.GetSourceVolumeNode() is None:
            volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if volume is not None:
                self.editor.setSourceVolumeNode(volume)
                self._node.SetAndObserveSourceVolumeNode(volume)
        volume = self._node.GetSourceVolumeNode()
        if volume is not None and self._node.GetSegmentationNode() is None:
            segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
            segmentation.CreateDefaultDisplayNodes()
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
            segmentation.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
            self._node.SetAndObserveSegmentationNode(segmentation)
            self.editor.setSegmentationNode(segmentation)

    def _take_editor_node(self):
        node = slicer.mrmlScene.GetSingletonNode(EDITOR_NODE, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(EDITOR_NODE)
            node = slicer.mrmlScene.AddNode(node)
        self._node = node
        self.editor.setMRMLSegmentEditorNode(node)
        self.editor.setMRMLScene(slicer.mrmlScene)
        if not any(observed is node for observed, _ in self._observed):
            self._observe(node, "ModifiedEvent", lambda *_: self._choose())
        self._choose()

    def _choose(self):
        self.interactive.choose(self._node.GetSourceVolumeNode(), self._node.GetSegmentationNode(),
                                self._node.GetSelectedSegmentID())

    def _on_scene_closed(self, *_):
        self.prompts.choose(None)
        self.interactive.close()
        self._take_editor_node()

    def _observe(self, node, event, call):
        self._observed.append((node, node.AddObserver(event, call)))

    def _tell(self, text):
        self._dialogs = [box for box in self._dialogs if box.visible] + [tell(text)]


class SagittalTest(ScriptedLoadableModuleTest):
    """Slicer's Reload and Test; the same as the script in Testing."""

    def runTest(self):
        from SagittalLib.self_test import run_interactive

        for line in run_interactive(slicer.mrmlScene):
            self.delayDisplay(line, 50)
