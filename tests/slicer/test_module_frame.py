"""The frames of the modules that are one panel, as Slicer's loader meets them."""
import importlib
import types

import pytest

import qt_slicer
from SagittalLib.settings import MemoryStore


@pytest.fixture(params=["SagittalHub", "SagittalStreams"])
def module(request, scene, monkeypatch):
    slicer = qt_slicer.install(scene)
    monkeypatch.setattr(slicer.app, "settings", MemoryStore, raising=False)
    return importlib.import_module(request.param)


def test_slicer_is_told_what_the_module_is(module):
    parent = types.SimpleNamespace()
    getattr(module, module.__name__)(parent)
    assert parent.title == module.__name__.replace("Sagittal", "Sagittal ") and parent.categories[0]
    assert len(parent.helpText) > 100 and parent.acknowledgementText and parent.contributors


def test_the_panel_lives_as_long_as_the_widget(module):
    widget = getattr(module, module.__name__ + "Widget")()
    widget.setup()
    told = []
    for name in ("enter", "exit", "close"):
        setattr(widget.panel, name, lambda name=name, was=getattr(widget.panel, name): (told.append(name), was())[1])
    widget.exit()
    widget.cleanup()
    assert told == ["exit", "close"] and widget.panel.root.parent() is not None


def test_reload_and_test_runs_the_script_beside_the_module(module, monkeypatch):
    script = types.ModuleType(module.__name__ + "SelfTest")
    script.run = lambda tell: tell("ran " + script.__name__)
    monkeypatch.setitem(importlib.sys.modules, script.__name__, script)
    test, told = getattr(module, module.__name__ + "Test")(), []
    test.delayDisplay = told.append
    test.runTest()
    assert told == ["ran " + script.__name__]
