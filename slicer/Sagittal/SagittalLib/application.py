"""What all modules of a running Slicer share: worker threads, settings, and a server of our own."""
import atexit
import logging

import qt
import slicer

from .local_server import LocalServer
from .settings import Settings
from .work import Workers, start_pump


class Application:
    """One for all; `shared()` gives it."""

    def __init__(self):
        self.workers = Workers(on_error=_report)
        self.settings = Settings(qt.QSettings())
        self.local_server = LocalServer()
        self._timer = start_pump(self.workers, qt)
        atexit.register(self.local_server.stop)


_shared = []


def shared():
    """The Application of this Slicer."""
    if not _shared:
        _shared.append(Application())
    return _shared[0]


def tell(text):
    """An error for a person, in a dialog that does not hold up what runs."""
    logging.error(text)
    slicer.util.showStatusMessage(text, 8000)
    box = qt.QMessageBox(qt.QMessageBox.Warning, "Sagittal", text, qt.QMessageBox.Ok, slicer.util.mainWindow())
    box.setModal(False)
    box.show()
    return box


def _report(error):
    logging.error("Sagittal: %s", error, exc_info=error)
