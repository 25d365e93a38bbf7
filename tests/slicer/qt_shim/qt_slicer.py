"""What a running Slicer adds to its libraries, as far as the extension's widgets use it: `install()` puts it into
`slicer`."""
import sys
import types

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

import qt

_application = None


def application():
    """The one QApplication of the tests."""
    global _application
    _application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["slicer"])
    return _application


def install(scene):
    """Gives `slicer` its widgets, an application, and a scene."""
    application()
    slicer.mrmlScene = scene
    for widget in (qMRMLNodeComboBox, qMRMLSegmentEditorWidget, qMRMLSegmentsTableView, qSlicerMarkupsPlaceWidget):
        setattr(slicer, widget.__name__, widget)
    slicer.app = _App()
    slicer.modules = types.SimpleNamespace()
    module = types.ModuleType("slicer.ScriptedLoadableModule")
    for name in ("ScriptedLoadableModule", "ScriptedLoadableModuleWidget", "ScriptedLoadableModuleLogic",
                 "ScriptedLoadableModuleTest"):
        setattr(module, name, globals()[name])
    sys.modules["slicer.ScriptedLoadableModule"] = module
    slicer.util.mainWindow = main_window
    return slicer


_window = []


def main_window(verbose=True):
    if not _window:
        _window.append(QtWidgets.QMainWindow())
    return _window[0]


class _App:
    """slicer.app"""

    commandOptions = types.SimpleNamespace(noMainWindow=False)

    def __init__(self):
        self.views = []

    def layoutManager(self):
        return _LayoutManager(self.views)

    def processEvents(self):
        application().processEvents()

    def applicationLogic(self):
        return None

    def settings(self):
        return qt.QSettings()


class _LayoutManager:
    threeDViewCount = 0

    def __init__(self, views):
        self._views = views

    def sliceViewNames(self):
        return [view.node.GetLayoutName() for view in self._views]

    def sliceWidget(self, name):
        view, = [view for view in self._views if view.node.GetLayoutName() == name]
        return types.SimpleNamespace(sliceView=lambda: view)


class _NodeComboBox(QtWidgets.QComboBox):
    currentNodeChanged = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.currentIndexChanged.connect(lambda index: self.currentNodeChanged.emit(self.currentNode()))

    def setMRMLScene(self, scene):
        self._scene = scene
        for event in (slicer.vtkMRMLScene.NodeAddedEvent, slicer.vtkMRMLScene.NodeRemovedEvent):
            scene.AddObserver(event, lambda *ignored: self._fill())
        self._fill()

    def currentNode(self):
        return self._scene.GetNodeByID(self.itemData(self.currentIndex)) if self.currentIndex >= 0 else None

    def setCurrentNode(self, node):
        self.setCurrentIndex(-1 if node is None else self.findData(node.GetID()))

    def _fill(self):
        wanted = [node for name in self.nodeTypes for node in slicer.util.getNodesByClass(name, self._scene)]
        shown = [self.itemData(n) for n in range(self.count)]
        for n in reversed(range(len(shown))):
            if shown[n] not in [node.GetID() for node in wanted]:
                self.removeItem(n)
        for node in wanted:
            if node.GetID() not in shown:
                self.addItem(node.GetName(), node.GetID())


class qMRMLNodeComboBox(qt.as_python_qt(_NodeComboBox)):
    connect, disconnect = qt._connect, qt._disconnect
    nodeTypes = ()
    noneEnabled = addEnabled = removeEnabled = renameEnabled = showChildNodeTypes = selectNodeUponCreation = False


class _SegmentsTable(QtWidgets.QTableWidget):
    selectionChanged_ = QtCore.Signal()


class qMRMLSegmentsTableView(qt.as_python_qt(_SegmentsTable)):
    """Names of the segments of a segmentation."""

    connect, disconnect = qt._connect, qt._disconnect

    _node = None

    def setSegmentationNode(self, node):
        self._node = node
        self.setHorizontalHeaderLabels(["Segments"])
        ids = list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []
        self.setColumnCount(1)
        self.setRowCount(len(ids))
        for n, name in enumerate(ids):
            self.setItem(n, 0, QtWidgets.QTableWidgetItem(node.GetSegmentation().GetSegment(name).GetName()))


class _SegmentEditor(QtWidgets.QFrame):
    currentSegmentIDChanged = QtCore.Signal(str)


class qMRMLSegmentEditorWidget(qt.as_python_qt(_SegmentEditor)):
    """Keeps what it was given; draws a list of segments."""

    connect, disconnect = qt._connect, qt._disconnect

    def __init__(self, parent=None):
        super().__init__(parent)
        self._layout = QtWidgets.QVBoxLayout(self)
        self.table = qMRMLSegmentsTableView(self)
        self._layout.addWidget(self.table)
        self._node = self._parameters = self._volume = None
        self._effect = ""
        self._undo = None

    def setMRMLScene(self, scene):
        self._scene = scene

    def setMRMLSegmentEditorNode(self, node):
        self._parameters = node

    def setSegmentationNode(self, node):
        self._node = node
        self.table.setSegmentationNode(node)

    def segmentationNode(self):
        return self._node

    def setSourceVolumeNode(self, node):
        self._volume = node

    def sourceVolumeNode(self):
        return self._volume

    def setCurrentSegmentID(self, name):
        self.table.setSegmentationNode(self._parameters.GetSegmentationNode())
        if self._parameters is not None:
            self._parameters.SetSelectedSegmentID(name)
        self.currentSegmentIDChanged.emit(name)

    def currentSegmentID(self):
        return self._parameters.GetSelectedSegmentID() if self._parameters is not None else ""

    def setActiveEffectByName(self, name):
        self._effect = name

    def activeEffect(self):
        return None

    def setMaximumNumberOfUndoStates(self, count):
        self._undo_states = count

    def saveStateForUndo(self):
        self._history().SaveState()

    def undo(self):
        if self._history().IsRestorePreviousStateAvailable():
            self._history().RestorePreviousState()

    def redo(self):
        if self._history().IsRestoreNextStateAvailable():
            self._history().RestoreNextState()

    def _history(self):
        if self._undo is None:
            self._undo = slicer.vtkSegmentationHistory()
        segmentation = self._parameters.GetSegmentationNode().GetSegmentation()
        if self._undo.GetSegmentation() is not segmentation:
            self._undo.SetSegmentation(segmentation)
        return self._undo

    def installKeyboardShortcuts(self):
        pass

    def uninstallKeyboardShortcuts(self):
        pass

    def setupViewObservations(self):
        pass

    def removeViewObservations(self):
        pass


class qSlicerMarkupsPlaceWidget(qt.as_python_qt(QtWidgets.QWidget)):
    connect, disconnect = qt._connect, qt._disconnect


class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """A module's panel, `self.parent` with `self.layout`."""

    def __init__(self, parent=None):
        self.parent = parent if parent is not None else qt.QWidget()
        if self.parent.layout() is None:
            qt.QVBoxLayout(self.parent)
        self.layout = self.parent.layout()
        self.developerMode = False

    def setup(self):
        pass

    def resourcePath(self, name):
        from pathlib import Path
        return str(Path(sys.modules[type(self).__module__].__file__).parent / "Resources" / name)


class ScriptedLoadableModuleLogic:
    def __init__(self, parent=None):
        pass


class ScriptedLoadableModuleTest:
    def delayDisplay(self, message, *ignored):
        print(message)


def screenshot(widget, path, width=420, height=0):
    """Draws a widget into a PNG; the QImage."""
    application()
    widget.resize(width, height or max(widget.sizeHint().height(), 100))
    widget.show()
    application().processEvents()
    picture = QtGui.QImage(widget.size if isinstance(widget.size, QtCore.QSize) else widget.size(), QtGui.QImage.Format_RGB32)
    picture.fill(QtCore.Qt.white)
    widget.render(picture)
    picture.save(str(path))
    return picture
