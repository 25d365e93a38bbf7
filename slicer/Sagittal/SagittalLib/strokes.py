"""Outlines and boxes that are drawn by dragging in a slice view, while Slicer's markups take what is clicked."""
import math

import numpy as np
import slicer
import vtk

OUTLINE, RECTANGLE = "outline", "rectangle"
CLICK_PIXELS = 5  # what moves less is a click
STEP_PIXELS = 2  # between the points of an outline
_ABOVE_THE_VIEWS = 10.0  # priority of observers: the view's own have 0
_EVENTS = ("LeftButtonPressEvent", "MouseMoveEvent", "LeftButtonReleaseEvent")


def slice_views():
    """The qMRMLSliceViews of the layout."""
    manager = slicer.app.layoutManager()
    return [manager.sliceWidget(name).sliceView() for name in manager.sliceViewNames()] if manager is not None else []


class Strokes:
    """Watches the slice views while it is active. A drag is taken from what else listens there, clicks are not."""

    def __init__(self, on_begin, on_stroke, views=slice_views):
        """on_begin(): a drag is a stroke from here on. on_stroke(points [n, 3] of the world, normal of the slice): the
        outline, or the corners of the rectangle. `views`: a call that lists views as of `slice_views`."""
        self._on_begin, self._on_stroke, self._views = on_begin, on_stroke, views
        self._watched = []
        self._stroke = None
        self._shape, self._colour = OUTLINE, (1.0, 1.0, 1.0)

    def activate(self, shape, colour):
        """From here on drags draw OUTLINE or RECTANGLE."""
        self.deactivate()
        self._shape, self._colour = shape, colour
        self._watched = [_Watch(view, self._heard) for view in self._views()]

    def deactivate(self):
        self._end()
        for watch in self._watched:
            watch.stop()
        self._watched = []

    def _heard(self, view, event):
        """Whether the event is ours alone."""
        if event == "LeftButtonPressEvent":
            self._end()
            self._stroke = _Stroke(view, self._shape, self._colour) if _is_plain(view) else None
            return False
        stroke = self._stroke
        if stroke is None or stroke.view is not view:
            return False
        if event == "MouseMoveEvent":
            return self._move(stroke)
        self._end()
        if not stroke.has_begun:
            return False
        self._on_stroke(*stroke.placed())
        return True

    def _move(self, stroke):
        had_begun = stroke.has_begun
        stroke.extend()
        if stroke.has_begun and not had_begun:
            self._on_begin()
        return stroke.has_begun

    def _end(self):
        if self._stroke is not None:
            self._stroke.hide()
        self._stroke = None


class _Watch:
    """Hears of a view's mouse before the view does."""

    def __init__(self, view, heard):
        self._interactor = view.interactor()
        self._tags = {}
        for event in _EVENTS:
            self._tags[event] = self._interactor.AddObserver(event, self._told, _ABOVE_THE_VIEWS)
        self._view, self._heard = view, heard

    def stop(self):
        for tag in self._tags.values():
            self._interactor.RemoveObserver(tag)

    def _told(self, interactor, event):
        if self._heard(self._view, event):
            interactor.GetCommand(self._tags[event]).SetAbortFlag(1)


class _Stroke:
    """One drag, in the plane that the view showed when it began."""

    def __init__(self, view, shape, colour):
        self.view = view
        self.has_begun = False
        self._shape = shape
        self._places = [_place(view)]
        node = view.mrmlSliceNode()
        self._to_world, self._normal = _matrix(node.GetXYToRAS()), _matrix(node.GetSliceToRAS())[:3, 2]
        self._line = _Line(view, colour)

    def extend(self):
        """The mouse is somewhere else."""
        place = _place(self.view)
        if math.dist(place, self._places[-1]) < (STEP_PIXELS if self.has_begun else CLICK_PIXELS):
            return
        self.has_begun = True
        if self._shape == RECTANGLE:
            del self._places[1:]
        self._places.append(place)
        self._line.show(self._corners())

    def hide(self):
        self._line.hide()

    def placed(self):
        """(points [n, 3] of the world, normal)."""
        flat = np.array([(x, y, 0.0, 1.0) for x, y in self._corners()])
        return (flat @ self._to_world.T)[:, :3], self._normal / np.linalg.norm(self._normal)

    def _corners(self):
        if self._shape == OUTLINE:
            return self._places
        (x0, y0), (x1, y1) = self._places[0], self._places[-1]
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


class _Line:
    """A closed line over a view."""

    def __init__(self, view, colour):
        self._view = view
        self._shape = vtk.vtkPolyData()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self._shape)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetColor(colour)
        self._actor.GetProperty().SetLineWidth(2)
        self._renderer = None

    def show(self, places):
        points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
        for x, y in places:
            points.InsertNextPoint(x, y, 0)
        cells.InsertNextCell(len(places) + 1)
        for n in list(range(len(places))) + [0]:
            cells.InsertCellPoint(n)
        self._shape.SetPoints(points)
        self._shape.SetLines(cells)
        if self._renderer is None:
            self._renderer = self._view.interactor().GetRenderWindow().GetRenderers().GetFirstRenderer()
            self._renderer.AddViewProp(self._actor)
        self._view.scheduleRender()

    def hide(self):
        if self._renderer is not None:
            self._renderer.RemoveViewProp(self._actor)
            self._renderer = None
            self._view.scheduleRender()


def _is_plain(view):
    """Left button alone, and one slice in the view, not a light box of several."""
    interactor = view.interactor()
    keys = interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey()
    return not keys and view.mrmlSliceNode().GetDimensions()[2] == 1


def _place(view):
    return view.interactor().GetEventPosition()


def _matrix(matrix):
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
