"""The panel of the module on the look-alike of Slicer's Qt, and a person before it."""
import os
import time

import qt_slicer
import scans
from running_server import SHAPE
from SagittalLib import geometry

CENTRE = [n // 2 for n in SHAPE][::-1]
PICTURES = os.environ.get("SAGITTAL_PICTURES")


def until(condition, seconds=60, errors=()):
    """Lets the panel work until condition(); fails with the first of `errors`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end and not errors, errors
        qt_slicer.application().processEvents()
        time.sleep(0.005)


class Window:
    """The module's panel, and a person before it."""

    def __init__(self, application, scene):
        from Sagittal import SagittalWidget
        self.application, self.scene = application, scene
        self.widget = SagittalWidget()
        self.told = []
        self.widget._tell = self.told.append
        self.widget.setup()

    def until(self, condition, seconds=20):
        until(condition, seconds, self.told)

    def press(self, key):
        """A shortcut."""
        shortcut, = [s for s in self.widget.prompts._shortcuts if s.key.toString() == key]
        self.application.workers.pauses.timed(shortcut.activated.emit)

    def place(self, *points):
        node = self.scene.GetNodeByID(self.scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID())
        for point in points:
            self.application.workers.pauses.timed(node.AddControlPointWorld, point)

    def mask(self, segment=0):
        view = self.widget.interactive
        return scans.exported_mask(view.segmentation, view.segmentation.GetSegmentation().GetNthSegmentID(segment), view.volume)

    @property
    def is_idle(self):
        session = self.widget.interactive.session()
        return not session.is_busy and not session.is_preparing


def picture(widget, name, folder, **size):
    """A screenshot; kept where SAGITTAL_PICTURES names a folder."""
    path = os.path.join(PICTURES or str(folder), name)
    taken = qt_slicer.screenshot(widget, path, **size)
    colours = {taken.pixel(x, y) for x in range(0, taken.width(), 5) for y in range(0, taken.height(), 5)}
    assert len(colours) > 5, f"{name} shows nothing"


def world_of(window, ijk):
    return geometry.ijk_to_world(window.widget.interactive.volume, [ijk])[0]
