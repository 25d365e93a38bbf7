"""Sagittal Streams: live pipelines of a server, their images in slice views, and nodes that are sent through them."""
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from SagittalLib import module_frame
from SagittalLib.streams.logic import StreamsLogic


class SagittalStreams(module_frame.Module):
    TITLE, CATEGORY = "Sagittal Streams", "IGT"
    HELP = """Starts live pipelines of a Sagittal server and watches them, shows the images that they send in slice
views with their labels and their place, sends volumes and transforms of the scene through them, and records what comes.
Speaks OpenIGTLink by itself; SlicerOpenIGTLink is used where it is installed and chosen."""
    ACKNOWLEDGEMENT = "OpenIGTLink is an open protocol of the image-guided therapy community."


class SagittalStreamsWidget(module_frame.Widget):
    def make_panel(self, scene, settings):
        from SagittalLib.streams.ui.streams_panel import StreamsPanel
        return StreamsPanel(scene, settings)


class SagittalStreamsLogic(ScriptedLoadableModuleLogic):
    """For scripts: `SagittalStreamsLogic().streams(settings)` connects and starts pipelines without the panel."""

    def streams(self, settings, **told):
        """A StreamsLogic over Slicer's scene; call its `tick` and its workers' `pump` from a timer."""
        return StreamsLogic(slicer.mrmlScene, settings, **told)


class SagittalStreamsTest(module_frame.Test):
    """Runs Testing/Python/SagittalStreamsSelfTest.py."""
