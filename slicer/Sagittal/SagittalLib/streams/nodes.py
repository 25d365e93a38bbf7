"""Messages that came, as nodes of the scene. Main thread. An array is made anew only where its size changes."""
import json

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

DEVICE = "Sagittal.StreamDevice"
SHOWN_AS = "Sagittal.StreamShownAs"
AS_IMAGE, AS_LABELS, AS_SEGMENTATION = "image", "labels", "segmentation"
METADATA = "OpenIGTLink."
NAMES = "Labels"
MAX_METADATA = 32
MAX_TEXT = 500
MAX_LABELS = 64
SAMPLES = 20000
VTK_TYPES = {"i1": vtk.VTK_SIGNED_CHAR, "u1": vtk.VTK_UNSIGNED_CHAR, "i2": vtk.VTK_SHORT, "u2": vtk.VTK_UNSIGNED_SHORT,
             "i4": vtk.VTK_INT, "u4": vtk.VTK_UNSIGNED_INT, "f4": vtk.VTK_FLOAT, "f8": vtk.VTK_DOUBLE}


class StreamNodes:
    """Finds or makes the node of each device, and keeps it up to date."""

    def __init__(self, scene):
        self.scene = scene
        self._shown_as = {}
        self._nodes = {}
        self._searched = {}  # voxels whose labels are known, by device

    def show_as(self, device, what):
        """AS_IMAGE, AS_LABELS or AS_SEGMENTATION for the images of a device, from the next one on."""
        self._shown_as[device] = what

    def guess(self, device, what):
        """As `show_as`, where nobody has chosen."""
        self._shown_as.setdefault(device, what)

    def shown_as(self, device):
        return self._shown_as.get(device, AS_IMAGE)

    def nodes(self):
        """{(type, device): node} of what came and still is in the scene."""
        return {key: node for key, node in self._nodes.items() if self._is_there(node)}

    def node_of(self, device):
        """The image of a device, in whatever form; None: there is none."""
        return next((node for (kind, name), node in self.nodes().items() if name == device and kind == "IMAGE"), None)

    def take(self, arrival):
        """The node that an Arrival changed; None for what is no matter of the scene."""
        fill = {"IMAGE": self._image, "TRANSFORM": self._transform, "TDATA": self._tracking, "STRING": self._text,
                "POINT": self._points, "POLYDATA": self._lines}.get(arrival.kind)
        node = fill(arrival) if fill is not None else None
        if node is not None:
            self._nodes[arrival.kind, arrival.device] = node
            _set_metadata(node, arrival.metadata)
        return node

    def prepare(self, arrival):
        """What can be done for a message before the main thread has it; any thread."""
        image = arrival.value
        if arrival.kind != "IMAGE":
            return
        if image.is_large and not image.voxels.flags.aligned:
            image.voxels = image.voxels.copy()
        if self.shown_as(arrival.device) == AS_SEGMENTATION and image.voxels.dtype.kind in "iu":
            seen = image.changed is not None and self._searched.get(arrival.device) is image.voxels
            boxes = image.changed if seen else [...]
            self._searched[arrival.device] = image.voxels
            image.labels = sorted(set().union(*(labels_in(image.voxels[box]) for box in boxes)))[:MAX_LABELS]

    # ---- each type

    def _image(self, arrival):
        if NAMES in arrival.metadata:
            self.guess(arrival.device, AS_LABELS)
        what = self.shown_as(arrival.device)
        image = arrival.value
        if what != AS_IMAGE and (image.components != 1 or image.voxels.dtype.kind not in "iu"):
            what = AS_IMAGE
        if what == AS_SEGMENTATION:
            node = self._node("vtkMRMLSegmentationNode", arrival.device, what)
            if fill_segmentation(node, image, names_in(arrival.metadata)):
                arrival.buffer = None
            return node
        colours = image.components > 1
        name = "vtkMRMLLabelMapVolumeNode" if what == AS_LABELS else (
            "vtkMRMLVectorVolumeNode" if colours else "vtkMRMLScalarVolumeNode")
        node = self._node(name, arrival.device, what)
        first = node.GetImageData() is None
        if fill_volume(node, image):
            arrival.buffer = None
        if first:
            _show(node, image, what)
        return node

    def _transform(self, arrival):
        node = self._node("vtkMRMLLinearTransformNode", arrival.device)
        if arrival.metadata.get("TransformStatus", "OK") == "OK":
            set_matrix(node, arrival.value)
        return node

    def _tracking(self, arrival):
        node = None
        for name, matrix in arrival.value:
            node = self._node("vtkMRMLLinearTransformNode", name or arrival.device)
            set_matrix(node, matrix)
        return node

    def _text(self, arrival):
        node = self._node("vtkMRMLTextNode", arrival.device)
        if node.GetText() != arrival.value:
            node.SetText(arrival.value)
        return node

    def _points(self, arrival):
        node = self._node("vtkMRMLMarkupsFiducialNode", arrival.device)
        state = node.StartModify()
        if [node.GetNthControlPointLabel(n) for n in range(node.GetNumberOfControlPoints())] != [
                name for name, _ in arrival.value]:
            node.RemoveAllControlPoints()
            for name, position in arrival.value:
                node.AddControlPointWorld(vtk.vtkVector3d(position), name)
        for n, (_, position) in enumerate(arrival.value):
            node.SetNthControlPointPositionWorld(n, *position)
        node.EndModify(state)
        return node

    def _lines(self, arrival):
        positions, lines = arrival.value
        node = self._node("vtkMRMLModelNode", arrival.device)
        points = vtk.vtkPoints()
        points.SetData(numpy_support.numpy_to_vtk(np.ascontiguousarray(positions), deep=True))
        cells = vtk.vtkCellArray()
        for line in lines:
            cells.InsertNextCell(len(line))
            for index in line:
                cells.InsertCellPoint(index)
        surface = vtk.vtkPolyData()
        surface.SetPoints(points)
        surface.SetLines(cells)
        node.SetAndObservePolyData(surface)
        if node.GetDisplayNode() is None:
            node.CreateDefaultDisplayNodes()
        return node

    # ---- nodes

    def _node(self, class_name, device, what=AS_IMAGE):
        found = self._nodes.get((class_name, device))
        if not self._is_there(found):
            found = next((node for node in slicer.util.getNodesByClass(class_name, self.scene)
                          if node.GetClassName() == class_name and node.GetAttribute(DEVICE) == device), None)
        if found is None:
            found = self.scene.AddNewNodeByClass(class_name, self.scene.GenerateUniqueName(device or "Stream"))
            found.SetAttribute(DEVICE, device)
            found.SetAttribute(SHOWN_AS, what)
        self._nodes[class_name, device] = found
        return found

    def _is_there(self, node):
        return node is not None and self.scene.IsNodePresent(node)


def fill_volume(node, image):
    """Copies what is new of voxels and place into a volume's node, into the array that is there where it fits. True: a
    large image's voxels were not copied, the node keeps their memory."""
    state = node.StartModify()
    _set_place(node, image)
    adopted = False
    if not _refill(node.GetImageData(), image):
        adopted = _set_voxels(vtk.vtkImageData(), image, node.SetAndObserveImageData)
    else:
        node.GetImageData().GetPointData().GetScalars().Modified()
        node.GetImageData().Modified()
    node.EndModify(state)
    return adopted


def names_in(metadata):
    """{label: name} of the metadata of labels."""
    try:
        table = json.loads(metadata.get(NAMES, "{}"))
        return {int(label): str(name)[:200] for label, name in table.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}


def fill_segmentation(node, image, names=None):
    """One segment of each label above 0; all share one label map that is filled, or kept, as a volume is."""
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    segmentation = node.GetSegmentation()
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    shared = segments[0].GetRepresentation(name) if segments else None
    adopted = False
    if not _refill(shared, image):
        shared = slicer.vtkOrientedImageData()
        adopted = _set_voxels(shared, image)
    shared.SetImageToWorldMatrix(vtk_matrix(image.ijk_to_ras))
    shared.GetPointData().GetScalars().Modified()
    shared.Modified()
    for segment in segments:
        if segment.GetRepresentation(name) is not shared:
            segment.AddRepresentation(name, shared)
    known = {segment.GetLabelValue() for segment in segments}
    for label in labels_in(image.voxels) if image.labels is None else image.labels:
        if label not in known and len(known) < MAX_LABELS:
            known.add(label)
            segment = slicer.vtkSegment()
            segment.SetName((names or {}).get(label) or "label %d" % label)
            segment.SetLabelValue(label)
            segment.AddRepresentation(name, shared)
            segmentation.AddSegment(segment, "Label%d" % label)
    node.Modified()
    return adopted


def labels_in(voxels):
    """Labels above 0, at most so many as are shown."""
    flat = voxels.reshape(-1)
    found = set()
    for begin in range(0, len(flat), 1 << 20):  # in pieces, between which other threads run
        piece = flat[begin:begin + (1 << 20)]
        some = np.nonzero(np.bincount(piece))[0] if piece.dtype == np.uint8 else np.unique(piece)
        found.update(some.tolist())
    return sorted(label for label in found if 0 < label < 65536)[:MAX_LABELS]


def set_matrix(node, matrix):
    node.SetMatrixTransformToParent(vtk_matrix(matrix))


def vtk_matrix(matrix):
    """A vtkMatrix4x4 of a matrix of numpy."""
    made = vtk.vtkMatrix4x4()
    made.DeepCopy(np.asarray(matrix, float).ravel().tolist())
    return made


def numpy_matrix(matrix):
    """Of a vtkMatrix4x4."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _refill(data, image):
    """Copies what is new into the array of an image data; of a large image nothing, whose memory it shows already or
    gets. Whether it fits and is done."""
    array = _array_of(data, image)
    if array is None:
        return False
    if np.may_share_memory(array, image.voxels):
        return True  # written where it came
    if image.is_large:
        return False
    for box in [...] if image.changed is None else image.changed:
        array[box] = image.voxels[box]
    return True


def _array_of(data, image):
    """The array of an image data that `image` can be copied into, shaped alike; None: it does not fit."""
    scalars = data.GetPointData().GetScalars() if data is not None else None
    if scalars is None or scalars.GetDataType() != VTK_TYPES[image.voxels.dtype.str[1:]]:
        return None
    if tuple(reversed(data.GetDimensions())) != image.voxels.shape[:3]:
        return None
    if scalars.GetNumberOfComponents() != image.components:
        return None
    return numpy_support.vtk_to_numpy(scalars).reshape(image.voxels.shape)


def _set_voxels(data, image, give=lambda data: None):
    """Voxels for a new image data, copied, or kept as they are where they are large: then True."""
    data.SetDimensions(*reversed(image.voxels.shape[:3]))
    adopted = image.is_large
    if adopted:
        flat = image.voxels.reshape((-1, image.components) if image.components > 1 else -1)
        data.GetPointData().SetScalars(numpy_support.numpy_to_vtk(flat, deep=False))
    else:
        data.AllocateScalars(VTK_TYPES[image.voxels.dtype.str[1:]], image.components)
        array = numpy_support.vtk_to_numpy(data.GetPointData().GetScalars())
        np.copyto(array.reshape(image.voxels.shape), image.voxels)
    give(data)
    return adopted


def _set_place(node, image):
    known = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(known)
    if not np.allclose(numpy_matrix(known), image.ijk_to_ras, rtol=0, atol=1e-6):
        node.SetIJKToRASMatrix(vtk_matrix(image.ijk_to_ras))


def _show(node, image, what):
    """Brightness of the first frame, and kept: computing it for each costs more than the frame."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if what == AS_LABELS or display is None or not hasattr(display, "SetAutoWindowLevel"):
        return
    display.SetAutoWindowLevel(0)
    if image.voxels.dtype == np.uint8:
        display.SetWindowLevelMinMax(0, 255)
        return
    sample = image.voxels.reshape(-1)[::max(1, image.voxels.size // SAMPLES)]
    sample = sample[np.isfinite(sample)]
    low, high = (float(sample.min()), float(sample.max())) if sample.size else (0.0, 1.0)
    display.SetWindowLevelMinMax(low, high if high > low else low + 1)


def _set_metadata(node, metadata):
    state = node.StartModify()
    for key in list(metadata)[:MAX_METADATA]:
        node.SetAttribute(METADATA + key[:100], metadata[key][:MAX_TEXT])
    node.EndModify(state)

