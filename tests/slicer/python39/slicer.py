"""Slicer's names without Slicer, for a Python that its libraries do not come for: what modules ask for when they are
imported is there, and does nothing."""
import importlib.abc
import importlib.machinery
import sys
import types


class _Anything:
    """A class, function or number of Slicer."""

    def __init__(self, *arguments, **named):
        pass

    def __getattr__(self, name):
        return _Anything()

    def __call__(self, *arguments, **named):
        return _Anything()


def _make(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (_Anything,), {})


class _Modules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """qt, vtk and what else Slicer's Python has."""

    NAMES = {"qt", "ctk", "vtk", "vtk.util", "vtk.util.numpy_support", "SegmentEditorEffects",
             "slicer.ScriptedLoadableModule"}

    def find_spec(self, name, path, target=None):
        is_package = any(other.startswith(name + ".") for other in self.NAMES)
        return importlib.machinery.ModuleSpec(name, self, is_package=is_package) if name in self.NAMES else None

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        module.__getattr__ = _make


__path__ = []
__getattr__ = _make
sys.meta_path.append(_Modules())
