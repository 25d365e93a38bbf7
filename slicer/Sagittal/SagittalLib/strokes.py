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
    """One drag, in the slice that the view showed where it began; a light box shows several."""

    def __init__(self, view, shape, colour):
        self.view = view
        self.has_begun = False
        self._shape = shape
        self._pane = _Pane(view)
        self._places = [self._pane.place()]
        node = view.mrmlSliceNode()
        self._to_world, self._normal = _matrix(node.GetXYToRAS()), _matrix(node.GetSliceToRAS())[:3, 2]
        self._line = _Line(view, self._pane.renderer, colour)

    def extend(self):
        """The mouse is somewhere else."""
        place = self._pane.place()
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
        flat = np.array([(x, y, self._pane.number, 1.0) for x, y in self._corners()])
        return (flat @ self._to_world.T)[:, :3], self._normal / np.linalg.norm(self._normal)

    def _corners(self):
        if self._shape == OUTLINE:
            return self._places
        (x0, y0), (x1, y1) = self._places[0], self._places[-1]
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


class _Pane:
    """What shows one slice: a view, or the field of a light box (Slicer up to 5.10) under the mouse."""

    def __init__(self, view):
        self._interactor, node = view.interactor(), view.mrmlSliceNode()
        window, (x, y) = self._interactor.GetRenderWindow(), self._interactor.GetEventPosition()
        rows, columns = node.GetLayoutGridRows(), node.GetLayoutGridColumns()
        (width, height), self._size = window.GetSize(), node.GetDimensions()[:2]
        if rows * columns > 1:
            self.number = int((height - 1 - y) * rows / height) * columns + int(x * columns / width)
            self.renderer = self._interactor.FindPokedRenderer(x, y)
        else:
            self.number, self.renderer = 0, window.GetRenderers().GetFirstRenderer()

    def place(self):
        """Where the mouse is, in pixels of the pane, which is not left."""
        places = zip(self._interactor.GetEventPosition(), self.renderer.GetOrigin(), self._size)
        return tuple(min(max(place - first, 0), size - 1) for place, first, size in places)


class _Line:
    """A closed line over a pane."""

    def __init__(self, view, renderer, colour):
        self._view, self._renderer = view, renderer
        self._is_shown = False
        self._shape = vtk.vtkPolyData()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self._shape)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetColor(colour)
        self._actor.GetProperty().SetLineWidth(2)

    def show(self, places):
        points, cells = vtk.vtkPoints(), vtk.vtkCellArray()
        for x, y in places:
            points.InsertNextPoint(x, y, 0)
        cells.InsertNextCell(len(places) + 1)
        for n in list(range(len(places))) + [0]:
            cells.InsertCellPoint(n)
        self._shape.SetPoints(points)
        self._shape.SetLines(cells)
        if not self._is_shown:
            self._renderer.AddViewProp(self._actor)
            self._is_shown = True
        self._view.scheduleRender()

    def hide(self):
        if self._is_shown:
            self._renderer.RemoveViewProp(self._actor)
            self._is_shown = False
            self._view.scheduleRender()


def _is_plain(view):
    """Left button alone."""
    interactor = view.interactor()
    return not (interactor.GetShiftKey() or interactor.GetControlKey() or interactor.GetAltKey())


def _matrix(matrix):
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
