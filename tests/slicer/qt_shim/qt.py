"""`qt` as Slicer's Python has it (PythonQt), over PySide6: Qt's properties are attributes, and objects have
connect("signal(types)", call)."""
from PySide6 import QtCore, QtGui, QtWidgets

# Virtual functions that are properties too: Qt calls them itself. QTimer.singleShot is a function first.
_KEPT = {"sizeHint", "minimumSizeHint", "hasHeightForWidth", "singleShot"}
_made = {}


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    for module in (QtWidgets, QtGui, QtCore):
        found = getattr(module, name, None)
        if found is not None:
            is_object = isinstance(found, type) and issubclass(found, QtCore.QObject)
            return as_python_qt(found) if is_object else found
    raise AttributeError(f"module 'qt' has no attribute {name!r}")


def as_python_qt(base):
    """A subclass that is used as PythonQt's wrapper of `base` is used."""
    if base not in _made:
        names = {base.staticMetaObject.property(n).name() for n in range(base.staticMetaObject.propertyCount())} - _KEPT
        body = {name: _property(base, name) for name in names if not issubclass(base, QtWidgets.QLayout)}
        body |= _SIGNALS | {"__init_subclass__": _keep_signals}
        _made[base] = type(base.__name__, (base,), body)
    return _made[base]


def _property(base, name):
    def get(self):
        return QtCore.QObject.property(self, name)

    def set_(self, value):
        if not QtCore.QObject.setProperty(self, name, value):
            raise TypeError(f"{base.__name__}.{name} does not take {value!r}")

    return property(get, set_)


@classmethod
def _keep_signals(cls):
    """PySide looks for these two in an object's own class alone."""
    for name, call in _SIGNALS.items():
        setattr(cls, name, call)


def _signal(self, signature):
    name, _, types = signature.rstrip(")").partition("(")
    signal = getattr(self, name)
    return signal, types


def _connect(self, signature, call):
    signal, types = _signal(self, signature)
    wrapped = call if types else (lambda *ignored: call())
    self.__dict__.setdefault("_connected", []).append((signature, call, wrapped))
    return bool(signal.connect(wrapped))


def _disconnect(self, signature, call):
    signal, _ = _signal(self, signature)
    for entry in [e for e in self.__dict__.get("_connected", []) if e[:2] == (signature, call)]:
        self._connected.remove(entry)
        signal.disconnect(entry[2])


_SIGNALS = {"connect": _connect, "disconnect": _disconnect}
