"""Placing points, boxes and lassos in the views with Slicer's markups. No widgets."""
import numpy as np
import slicer

from .marks import colour_of, markups_helper, remove_helper
from .strokes import OUTLINE, RECTANGLE, Strokes, slice_views

POINT, BOX, LASSO = "point", "box", "lasso"
_CLASSES = {POINT: "vtkMRMLMarkupsFiducialNode", BOX: "vtkMRMLMarkupsROINode", LASSO: "vtkMRMLMarkupsClosedCurveNode"}
_NAMES = {POINT: "Sagittal point", BOX: "Sagittal box", LASSO: "Sagittal lasso"}


class PlaceTools:
    """One tool at a time is active; what a person has placed is told, and the tool is ready for the next one."""

    def __init__(self, scene, later, on_point, on_box, on_lasso, views=slice_views):
        """later(call): calls it when the views are done with the event. on_point(world), on_box(corners [4, 3], normal
        or None), on_lasso(points [n, 3]). views: lists those in which boxes and lassos may be dragged."""
        self._scene = scene
        self._later = later
        self._told = {POINT: on_point, BOX: on_box, LASSO: on_lasso}
        self._strokes = Strokes(self._on_drag, self._on_stroke, views)
        self._nodes = {}
        self._observed = []
        self._first = None
        self.active = None

    def activate(self, tool, include=True):
        """Begins to place with POINT, BOX or LASSO; None ends it."""
        self.deactivate()
        if tool is None:
            return
        node = self._node(tool)
        node.RemoveAllControlPoints()
        node.GetDisplayNode().SetSelectedColor(*colour_of(include))
        self.active, self._first = tool, None
        events = slicer.vtkMRMLMarkupsNode
        self._observe(node, events.PointPositionDefinedEvent, self._on_defined)
        selection, interaction = self._selection(), self._interaction()
        selection.SetReferenceActivePlaceNodeClassName(_CLASSES[tool])
        selection.SetActivePlaceNodeID(node.GetID())
        interaction.SetPlaceModePersistence(1)
        interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
        if tool == LASSO:
            self._observe(interaction, interaction.InteractionModeChangedEvent, self._on_mode)
        if tool != POINT:
            self._watch_drags(tool, include)

    def deactivate(self):
        """Nothing is placed any more."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed = []
        self._strokes.deactivate()
        if self.active is not None:
            self._node(self.active).RemoveAllControlPoints()
            self._interaction().SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)
        self.active = None

    def finish_lasso(self):
        """Takes the outline as it is."""
        if self.active != LASSO:
            return
        node = self._node(LASSO)
        is_outline = node.GetNumberOfDefinedControlPoints() >= 3
        outline = curve_points(node)
        node.RemoveAllControlPoints()
        if is_outline:
            self._later(lambda: self._told[LASSO](outline))

    def remove(self):
        """Takes the helpers out of the scene."""
        self.deactivate()
        for node in self._nodes.values():
            remove_helper(self._scene, node)
        self._nodes = {}

    def _on_defined(self, node, event):
        if self.active == POINT:
            world = node.GetNthControlPointPositionWorld(node.GetNumberOfControlPoints() - 1)
            self._take(POINT, node, tuple(world))
        elif self.active == BOX:
            self._on_corner(node)

    def _on_corner(self, node):
        if self._first is None:
            self._first = np.array(node.GetNthControlPointPositionWorld(0))
            return
        centre = np.zeros(3)
        node.GetCenterWorld(centre)
        corners, normal = rectangle(self._scene, self._first, 2 * centre - self._first)
        self._first = None
        self._take(BOX, node, corners, normal)

    def _take(self, tool, node, *placed):
        def tell():
            if self.active == tool:
                node.RemoveAllControlPoints()
            self._told[tool](*placed)

        self._later(tell)

    def _watch_drags(self, tool, include):
        """In the views of the layout, also when it becomes another."""
        def watch():
            if self.active == tool:
                self._strokes.activate(RECTANGLE if tool == BOX else OUTLINE, colour_of(include))

        watch()
        layout = self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        if layout is not None:
            self._observe(layout, "ModifiedEvent", lambda *_: self._later(watch))

    def _on_drag(self):
        """What is dragged takes the place of what was clicked."""
        self._first = None
        self._node(self.active).RemoveAllControlPoints()

    def _on_stroke(self, points, normal):
        placed = (points, normal) if self.active == BOX else (points,)
        told = self._told[self.active]
        if self.active == BOX or len(points) >= 3:
            self._later(lambda: told(*placed))

    def _on_mode(self, interaction, event):
        """A double-click ends the outline and place mode; the tool stays."""
        if interaction.GetCurrentInteractionMode() != slicer.vtkMRMLInteractionNode.Place and self.active == LASSO:
            self.finish_lasso()
            self._later(self._place_again)

    def _place_again(self):
        if self.active == LASSO:
            self._interaction().SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)

    def _node(self, tool):
        node = self._nodes.get(tool)
        if node is None or node.GetScene() is None:
            node = markups_helper(self._scene, _CLASSES[tool], _NAMES[tool])
            self._nodes[tool] = node
        return node

    def _observe(self, node, event, call):
        self._observed.append((node, node.AddObserver(event, call)))

    def _selection(self):
        return self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")

    def _interaction(self):
        return self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")


def curve_points(node):
    """The points [n, 3] of the world along a curve node, as it is drawn."""
    points = node.GetCurvePointsWorld()
    if points is None or points.GetNumberOfPoints() < 3:
        count = node.GetNumberOfDefinedControlPoints()
        return np.array([node.GetNthControlPointPositionWorld(n) for n in range(count)], float).reshape(-1, 3)
    return np.array([points.GetPoint(n) for n in range(points.GetNumberOfPoints())])


def rectangle(scene, one, other):
    """(corners [4, 3], normal) of a rectangle with that diagonal in the slice view that both lie in; (the two points,
    None) where no slice shows both."""
    axes = slice_axes(scene, [one, other])
    if axes is None:
        return np.array([one, other]), None
    x, y, normal = axes
    across, up = x * np.dot(other - one, x), y * np.dot(other - one, y)
    return np.array([one, one + across, one + up, one + across + up]), normal


def slice_axes(scene, points):
    """Unit vectors (right, up, normal) of the slice view in whose plane the points lie; None where there is none."""
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene):
        matrix = node.GetSliceToRAS()
        axes = np.array([[matrix.GetElement(r, c) for r in range(3)] for c in range(4)])
        right, up, normal = (axis / np.linalg.norm(axis) for axis in axes[:3])
        if all(abs(np.dot(np.asarray(point) - axes[3], normal)) < 0.01 for point in points):
            return right, up, normal
    return None
