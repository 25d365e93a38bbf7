"""Sagittal Hub: finds published models, runs them on volumes of the scene, and brings back what they find."""
import os
import sys

import slicer
from slicer.ScriptedLoadableModule import (ScriptedLoadableModule, ScriptedLoadableModuleLogic,
                                           ScriptedLoadableModuleTest, ScriptedLoadableModuleWidget)

from SagittalLib.hub.logic import HubLogic
from SagittalLib.settings import Settings

HELP = """Search models for whole organs and lesions, see what each finds and what its licence allows, and run it on a
volume with a Sagittal server, on this computer or another one. What it finds comes as a segmentation with names,
colours and terminology."""
ACKNOWLEDGEMENT = "MHub's models are listed with the licences and citations of their makers."


class SagittalHub(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "Sagittal Hub"
        self.parent.categories = ["Segmentation"]
        self.parent.dependencies = []
        self.parent.contributors = ["The Sagittal authors"]
        self.parent.helpText = HELP
        self.parent.acknowledgementText = ACKNOWLEDGEMENT


class SagittalHubWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        """Builds the panel; nothing is asked of a server before the module is entered."""
        from SagittalLib.hub.ui.hub_panel import HubPanel
        ScriptedLoadableModuleWidget.setup(self)
        self.panel = HubPanel(slicer.mrmlScene, Settings(slicer.app.settings()), file_of_instance)
        self.layout.addWidget(self.panel.root)

    def enter(self):
        self.panel.enter()

    def exit(self):
        self.panel.exit()

    def cleanup(self):
        self.panel.close()


class SagittalHubLogic(ScriptedLoadableModuleLogic):
    """For scripts: `SagittalHubLogic().hub(workers, connection)` searches and runs models without the panel."""

    def hub(self, workers, connection, **told):
        """A HubLogic over Slicer's scene and DICOM database."""
        return HubLogic(slicer.mrmlScene, workers, connection, file_of_instance, **told)


class SagittalHubTest(ScriptedLoadableModuleTest):
    def runTest(self):
        """Runs Testing/Python/SagittalHubSelfTest.py, which needs a server."""
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Testing", "Python")
        if folder not in sys.path:
            sys.path.append(folder)
        import SagittalHubSelfTest
        SagittalHubSelfTest.run(self.delayDisplay)


def file_of_instance(uid):
    """The file of a DICOM instance in Slicer's database; empty where it is not there."""
    database = getattr(slicer, "dicomDatabase", None)
    return database.fileForInstance(uid) if database is not None and database.isOpen else ""
