"""The widgets of CTK that the extension uses, over PySide6."""
from PySide6 import QtCore, QtWidgets

import qt


class _CollapsibleButton(QtWidgets.QGroupBox):
    """A group that is opened and closed by its title."""

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setCheckable(True)
        self.toggled.connect(self._show)

    def _show(self, shown):
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
            child.setVisible(shown)
        self.contentsCollapsed.emit(not shown)


class ctkCollapsibleButton(qt.as_python_qt(_CollapsibleButton)):
    connect, disconnect = qt._connect, qt._disconnect
    text = property(lambda self: self.title, lambda self, value: self.setTitle(value))
    collapsed = property(lambda self: not self.checked, lambda self, value: self.setChecked(not value))


class _PathLineEdit(QtWidgets.QLineEdit):
    currentPathChanged = QtCore.Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.editingFinished.connect(lambda: self.currentPathChanged.emit(QtWidgets.QLineEdit.text(self)))


class ctkPathLineEdit(qt.as_python_qt(_PathLineEdit)):
    connect, disconnect = qt._connect, qt._disconnect
    Files, Executable, Readable = 1, 2, 4
    filters = 1
    nameFilters = ()
    settingKey = ""
    currentPath = property(lambda self: self.text, lambda self, value: self._take(value))

    def _take(self, value):
        if value != self.text:
            self.setText(value)
            self.currentPathChanged.emit(value)


class _SliderWidget(QtWidgets.QDoubleSpinBox):
    pass


class ctkSliderWidget(qt.as_python_qt(_SliderWidget)):
    connect, disconnect = qt._connect, qt._disconnect
