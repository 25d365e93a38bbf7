"""What modules that are one panel have in common. Slicer finds a module's classes by the name of its file, so each
module derives them from these under its own names."""
import importlib
import os
import sys

import slicer
from slicer.ScriptedLoadableModule import (ScriptedLoadableModule, ScriptedLoadableModuleTest,
                                           ScriptedLoadableModuleWidget)

from .settings import Settings


class Module(ScriptedLoadableModule):
    """What Slicer lists."""

    TITLE = CATEGORY = HELP = ACKNOWLEDGEMENT = ""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = self.TITLE
        parent.categories = [self.CATEGORY]
        parent.dependencies = []
        parent.contributors = ["The Sagittal authors"]
        parent.helpText = self.HELP
        parent.acknowledgementText = self.ACKNOWLEDGEMENT


class Widget(ScriptedLoadableModuleWidget):
    """A panel with `root`, enter(), exit() and close(). Nothing is asked of a server before the module is entered."""

    def make_panel(self, scene, settings):
        """The panel; what it needs is imported here, for Slicer starts without it."""
        raise NotImplementedError

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.panel = self.make_panel(slicer.mrmlScene, Settings(slicer.app.settings()))
        self.layout.addWidget(self.panel.root)

    def enter(self):
        self.panel.enter()

    def exit(self):
        self.panel.exit()

    def cleanup(self):
        self.panel.close()


class Test(ScriptedLoadableModuleTest):
    """Slicer's Reload and Test: runs the script of the module's own folder Testing/Python."""

    __test__ = False  # for pytest

    def runTest(self):
        name = type(self).__name__[:-len("Test")]
        beside = sys.modules[type(self).__module__].__file__
        folder = os.path.join(os.path.dirname(os.path.abspath(beside)), "Testing", "Python")
        if folder not in sys.path:
            sys.path.append(folder)
        importlib.import_module(name + "SelfTest").run(self.delayDisplay)
