"""Mouse pointers over the views that say whether the tool includes or excludes."""
import qt
import slicer

from .marks import colour_of
from .strokes import slice_views

SIZE, GAP = 25, 4  # pixels; of the whole cross, and of the hole in its middle


def views():
    """The views of the layout that prompts can be given in, of slices and in 3D."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return []
    return slice_views() + [manager.threeDWidget(n).threeDView() for n in range(manager.threeDViewCount)]


class Cursors:
    """A cross in the colour of the prompt over all views, for as long as a tool is active."""

    def __init__(self, scene, later):
        """later(call): calls it when a new layout has been built."""
        self._scene, self._later = scene, later
        self._include = None
        self._layout = None

    def show(self, include):
        """Green to include, red to exclude; None: what Slicer shows by itself."""
        self._include = include
        for view in views():
            if include is None:
                view.unsetViewCursor()
            else:
                view.setViewCursor(cross(include))
        self._watch_layout(include is not None)

    def _watch_layout(self, on):
        if self._layout is not None:
            node, tag = self._layout
            node.RemoveObserver(tag)
            self._layout = None
        node = self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if on and node is not None:
            self._layout = (node, node.AddObserver("ModifiedEvent", lambda *_: self._later(self._again)))

    def _again(self):
        if self._include is not None:
            self.show(self._include)


def cross(include):
    """A QCursor whose middle can be seen through; readable on black and on white."""
    pixels = qt.QPixmap(SIZE, SIZE)
    pixels.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixels)
    middle, end = SIZE // 2, SIZE - 1
    colour = qt.QColor(*[int(255 * part) for part in colour_of(include)])
    for pen, width in ((qt.QColor(0, 0, 0), 5), (colour, 3)):
        painter.setPen(qt.QPen(qt.QBrush(pen), width))
        for near, far in ((1, middle - GAP), (middle + GAP, end - 1)):
            painter.drawLine(near, middle, far, middle)
            painter.drawLine(middle, near, middle, far)
    painter.end()
    return qt.QCursor(pixels, middle, middle)
