"""The marks that prompts leave in the views: green includes, red excludes."""
import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from . import geometry
from .client import masks

INCLUDE_COLOUR, EXCLUDE_COLOUR = (0.2, 0.75, 0.3), (0.88, 0.25, 0.2)
_HELPER = "Sagittal.Helper"
_DRAWN = "drawn"


def colour_of(include):
    return INCLUDE_COLOUR if include else EXCLUDE_COLOUR


class Mark:
    """Of one prompt. Its place is known at once; `image`, what was drawn, when the prompt has been made."""

    def __init__(self, include, world=None, volume=None):
        self.include, self.world, self.volume = include, world, volume
        self.is_scribble, self.image = False, None


class Marks:
    """Of the segment at hand: each point, and the drawing that was given last, as it was drawn."""

    def __init__(self, scene, on_change=lambda: None):
        """on_change(): there are marks now, or none any more."""
        self._scene = scene
        self._on_change = on_change
        self._nodes = {}
        self._drawn = None
        self._given = []

    @property
    def is_empty(self):
        return not self._given

    def add_point(self, world, include):
        """A Mark, to be handed to `remove`."""
        return self._add(Mark(include, world=tuple(float(c) for c in world)))

    def add_drawing(self, volume, include):
        """A Mark that is seen as soon as `draw` is told what was drawn."""
        return self._add(Mark(include, volume=volume))

    def draw(self, mark, prompt):
        """Shows the voxels of a box, lasso or scribble of the API until another drawing is given."""
        mark.image, mark.is_scribble = image_of(mark.volume, prompt), prompt["type"] == "scribble"
        self._show()

    def remove(self, mark):
        if mark in self._given:
            self._given.remove(mark)
            self._changed()

    def remove_last(self):
        """An earlier drawing is seen again."""
        if self._given:
            self.remove(self._given[-1])

    def clear(self):
        if self._given:
            self._given = []
            self._changed()

    def remove_nodes(self):
        """Takes the marks out of the scene."""
        for node in [*self._nodes.values(), self._drawn]:
            remove_helper(self._scene, node)
        self._nodes, self._drawn, self._given = {}, None, []

    def _add(self, mark):
        self._given.append(mark)
        self._changed()
        return mark

    def _changed(self):
        self._show()
        self._on_change()

    def _show(self):
        for include in (True, False):
            places = [mark.world for mark in self._given if mark.world is not None and mark.include == include]
            if places or include in self._nodes:
                _place(self._points(include), places)
        drawings = [mark for mark in self._given if mark.image is not None]
        if drawings or self._drawn is not None:
            self._show_drawing(drawings[-1] if drawings else None)

    def _show_drawing(self, mark):
        if self._drawn is None or self._drawn.GetScene() is None:
            self._drawn = _helper(self._scene, "vtkMRMLSegmentationNode", "Drawn")
        segmentation = self._drawn.GetSegmentation()
        segmentation.RemoveAllSegments()
        if mark is None:
            return
        segment = slicer.vtkSegment()
        segment.SetName("Included" if mark.include else "Excluded")
        segment.SetColor(*colour_of(mark.include))
        segment.AddRepresentation("Binary labelmap", mark.image)
        self._drawn.SetAndObserveTransformNodeID(mark.volume.GetTransformNodeID())
        segmentation.AddSegment(segment, _DRAWN)
        display = self._drawn.GetDisplayNode()
        display.SetSegmentVisibility2DFill(_DRAWN, mark.is_scribble)
        display.SetSegmentOpacity2DFill(_DRAWN, 0.5)

    def _points(self, include):
        node = self._nodes.get(include)
        if node is None or node.GetScene() is None:
            node = markups_helper(self._scene, "vtkMRMLMarkupsFiducialNode", "Included" if include else "Excluded")
            node.GetDisplayNode().SetSelectedColor(*colour_of(include))
            node.SetLocked(True)
            self._nodes[include] = node
        return node


def _place(node, places):
    """A markups node has control points at those places of the world alone."""
    shown = [tuple(node.GetNthControlPointPositionWorld(n)) for n in range(node.GetNumberOfControlPoints())]
    if places[:len(shown)] != shown:
        node.RemoveAllControlPoints()
        shown = []
    for world in places[len(shown):]:
        node.AddControlPointWorld(vtk.vtkVector3d(*world))


def image_of(volume, prompt):
    """The voxels of a box, lasso or scribble of the API as a labelmap in the coordinates of a volume node; a box is one
    voxel of its size."""
    image, grid = slicer.vtkOrientedImageData(), geometry.ijk_to_ras(volume)
    if prompt["type"] == "box":
        low, high = np.array(prompt["ijk0"], float), np.array(prompt["ijk1"], float)
        whole = np.diag([*(high - low), 1.0])
        whole[:3, 3] = 0.5 * (low + high - 1)
        grid, bounds, voxels = grid @ whole, ((0, 1),) * 3, np.ones(1, np.uint8)
    else:
        bounds = prompt["bounds"]
        count = int(np.prod([high - low for low, high in bounds]))
        voxels = np.unpackbits(np.frombuffer(masks.decode(prompt["mask"]), np.uint8))[:count]
    image.SetExtent(*[n for low, high in bounds for n in (low, high - 1)])
    scalars = numpy_to_vtk(voxels, deep=True)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    image.SetGeometryFromImageToWorldMatrix(geometry.to_matrix(grid))
    return image


def _helper(scene, class_name, name):
    """A node that is not saved with the scene and not listed."""
    node = scene.AddNewNodeByClass(class_name, name)
    node.SetSaveWithScene(False)
    node.SetHideFromEditors(True)
    node.SetAttribute(_HELPER, "1")
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetSaveWithScene(False)
    return node


def remove_helper(scene, node):
    """Takes one out of the scene, and how it is shown with it; None, or one that is gone: nothing."""
    if node is not None and node.GetScene() is not None:
        scene.RemoveNode(node.GetDisplayNode())
        scene.RemoveNode(node)


def markups_helper(scene, class_name, name):
    """A markups node without words, not saved with the scene and not listed."""
    node = _helper(scene, class_name, name)
    node.GetDisplayNode().SetPointLabelsVisibility(False)
    node.GetDisplayNode().SetPropertiesLabelVisibility(False)
    return node
