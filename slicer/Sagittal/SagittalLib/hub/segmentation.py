"""Results as segmentation nodes, each once. Main thread."""
import slicer

from ..geometry import to_matrix
from . import record
from .terminology import entry_of

JOB, OUTPUT = "Sagittal.Job", "Sagittal.Output"
LABELMAP = "Binary labelmap"
MAIN = "vtkMRMLSegmentationNode"


def find(scene, job, path):
    """The segmentation that a result was opened as, or None."""
    for n in range(scene.GetNumberOfNodesByClass(MAIN)):
        node = scene.GetNthNodeByClass(n, MAIN)
        if node.GetAttribute(JOB) == job and node.GetAttribute(OUTPUT) == path:
            return node
    return None


def add(scene, result, title, volume):
    """A new node of a Result, on the volume's geometry and under its transform; without it, where the server says."""
    node = scene.AddNewNodeByClass(MAIN, scene.GenerateUniqueName(_name(title, volume)))
    node.SetAttribute(JOB, result.job)
    node.SetAttribute(OUTPUT, result.path)
    record.keep(node, result.record)
    node.CreateDefaultDisplayNodes()
    _place(node, result, volume)
    was = node.StartModify()
    for placed in result.segments:
        _add_segment(node, placed, result.layers[placed.layer], title)
    node.EndModify(was)
    _put_beside(scene, node, volume)
    return node


def show(node):
    """Visible again, whatever was hidden."""
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetVisibility(True)
    node.GetDisplayNode().SetAllSegmentsVisibility(True)


def _name(title, volume):
    return "%s: %s" % (volume.GetName(), title) if volume is not None else title


def _place(node, result, volume):
    if volume is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        return
    extent = [end for n in result.shape for end in (0, n - 1)]
    text = slicer.vtkSegmentationConverter.SerializeImageGeometry(to_matrix(result.ijk_to_ras), extent)
    node.GetSegmentation().SetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(), text)


def _add_segment(node, placed, image, title):
    found = placed.segment
    segment = slicer.vtkSegment()
    segment.SetName(found.name)
    segment.SetColor(*[part / 255.0 for part in found.colour])
    segment.AddRepresentation(LABELMAP, image)
    segment.SetLabelValue(placed.label)
    entry = entry_of(found.codes)
    if entry:
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry)
    segment.SetTag("DICOM.SegmentAlgorithmType", "AUTOMATIC")
    segment.SetTag("DICOM.SegmentAlgorithmName", title)
    segmentation = node.GetSegmentation()
    segmentation.AddSegment(segment, segmentation.GenerateUniqueSegmentID(found.name))


def _put_beside(scene, node, volume):
    """In the tree of the data, under the study that the volume belongs to."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = tree.GetItemByDataNode(volume) if tree is not None and volume is not None else 0
    if not item:
        return
    parent = tree.GetItemParent(item)
    own = tree.GetItemByDataNode(node)
    if own:
        tree.SetItemParent(own, parent)
    else:
        tree.CreateItem(parent, node)
