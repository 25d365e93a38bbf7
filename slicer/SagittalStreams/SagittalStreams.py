"""Sagittal Streams: live pipelines of a server, their images in slice views, and nodes that are sent through them."""
import os
import sys

import slicer
from slicer.ScriptedLoadableModule import (ScriptedLoadableModule, ScriptedLoadableModuleLogic,
                                           ScriptedLoadableModuleTest, ScriptedLoadableModuleWidget)

from SagittalLib.settings import Settings
from SagittalLib.streams.logic import StreamsLogic

HELP = """Starts live pipelines of a Sagittal server and watches them, shows the images that they send in slice views
with their labels and their place, sends volumes and transforms of the scene through them, and records what comes.
Speaks OpenIGTLink by itself; SlicerOpenIGTLink is used where it is installed and chosen."""
ACKNOWLEDGEMENT = "OpenIGTLink is an open protocol of the image-guided therapy community."


class SagittalStreams(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "Sagittal Streams"
        self.parent.categories = ["IGT"]
        self.parent.dependencies = []
        self.parent.contributors = ["The Sagittal authors"]
        self.parent.helpText = HELP
        self.parent.acknowledgementText = ACKNOWLEDGEMENT


class SagittalStreamsWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        """Builds the panel; nothing is asked of a server before the module is entered."""
        from SagittalLib.streams.ui.streams_panel import StreamsPanel
        ScriptedLoadableModuleWidget.setup(self)
        self.panel = StreamsPanel(slicer.mrmlScene, Settings(slicer.app.settings()))
        self.layout.addWidget(self.panel.root)

    def enter(self):
        self.panel.enter()

    def exit(self):
        self.panel.exit()

    def cleanup(self):
        self.panel.close()


class SagittalStreamsLogic(ScriptedLoadableModuleLogic):
    """For scripts: `SagittalStreamsLogic().streams(settings)` connects and starts pipelines without the panel."""

    def streams(self, settings, **told):
        """A StreamsLogic over Slicer's scene; call its `tick` and its workers' `pump` from a timer."""
        return StreamsLogic(slicer.mrmlScene, settings, **told)


class SagittalStreamsTest(ScriptedLoadableModuleTest):
    def runTest(self):
        """Runs Testing/Python/SagittalStreamsSelfTest.py."""
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Testing", "Python")
        if folder not in sys.path:
            sys.path.append(folder)
        import SagittalStreamsSelfTest
        SagittalStreamsSelfTest.run(self.delayDisplay)
