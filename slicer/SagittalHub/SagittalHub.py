"""Sagittal Hub: finds published models, runs them on volumes of the scene, and brings back what they find."""
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from SagittalLib import module_frame
from SagittalLib.hub.logic import HubLogic


class SagittalHub(module_frame.Module):
    TITLE, CATEGORY = "Sagittal Hub", "Segmentation"
    HELP = """Search models for whole organs and lesions, see what each finds and what its licence allows, and run it
on a volume with a Sagittal server, on this computer or another one. What it finds comes as a segmentation with names,
colours and terminology."""
    ACKNOWLEDGEMENT = "MHub's models are listed with the licences and citations of their makers."


class SagittalHubWidget(module_frame.Widget):
    def make_panel(self, scene, settings):
        from SagittalLib.hub.ui.hub_panel import HubPanel
        return HubPanel(scene, settings, file_of_instance)


class SagittalHubLogic(ScriptedLoadableModuleLogic):
    """For scripts: `SagittalHubLogic().hub(workers, connection)` searches and runs models without the panel."""

    def hub(self, workers, connection, **told):
        """A HubLogic over Slicer's scene and DICOM database."""
        return HubLogic(slicer.mrmlScene, workers, connection, file_of_instance, **told)


class SagittalHubTest(module_frame.Test):
    """Runs Testing/Python/SagittalHubSelfTest.py, which needs a server."""


def file_of_instance(uid):
    """The file of a DICOM instance in Slicer's database; empty where it is not there."""
    database = getattr(slicer, "dicomDatabase", None)
    return database.fileForInstance(uid) if database is not None and database.isOpen else ""
