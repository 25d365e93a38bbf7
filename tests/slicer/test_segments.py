"""Masks in a segmentation: the region that changes, and nothing else."""
import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

import scans
from running_server import SHAPE, scan
from SagittalLib.client import masks
from SagittalLib.segments import Mask, SceneSegment, fingerprint


@pytest.fixture
def volume(scene):
    return scans.oblique_volume(scene)


def random_bounds(random):
    found = []
    for size in SHAPE[::-1]:
        low, high = sorted(random.integers(0, size + 1, 2).tolist())
        found.append((low, high))
    return tuple(found)


def put(whole, bounds, crop):
    whole[tuple(slice(*b) for b in bounds[::-1])] = crop


def test_whatever_is_written_is_there_and_the_others_stay(scene, volume):
    random = np.random.default_rng(3)
    node = scans.segmentation_of(scene, volume, "a", "b", "c")
    expected = {name: np.zeros(SHAPE, np.uint8) for name in "abc"}
    followed = {name: Mask() for name in "abc"}
    for step in range(40):
        name, bounds = "abc"[step % 3], random_bounds(random)
        crop = (random.random([high - low for low, high in bounds[::-1]]) < random.choice([0.0, 0.5, 1.0])).astype(np.uint8)
        put(expected[name], bounds, crop)
        SceneSegment(node, name, volume).write(bounds, crop)
        followed[name].paste(bounds, crop)
        for other in "abc":
            assert np.array_equal(scans.exported_mask(node, other, volume), expected[other]), step
            assert np.array_equal(followed[other].read(tuple((0, n) for n in SHAPE[::-1])), expected[other])
            read = np.zeros(SHAPE, np.uint8)
            box, part = SceneSegment(node, other, volume).read()
            put(read, box, part)
            assert np.array_equal(read, expected[other])
            assert fingerprint(box, part) == followed[other].fingerprint()


def test_only_what_changed_is_written(scene, volume):
    node = scans.segmentation_of(scene, volume, "a")
    segment = SceneSegment(node, "a", volume)
    segment.write(((2, 30), (2, 26), (2, 22)), np.ones((20, 24, 28), np.uint8))
    array = segment.labelmap.GetPointData().GetScalars()
    vtk_to_numpy(array)[:] = 7  # a mark that only writing takes away
    segment.write(((4, 6), (4, 6), (4, 6)), np.ones((2, 2, 2), np.uint8))
    assert segment.labelmap.GetPointData().GetScalars() is array
    marked = vtk_to_numpy(segment.labelmap.GetPointData().GetScalars())
    assert (marked == 7).sum() in (20 * 24 * 28 - 8, 20 * 24 * 28)


def test_a_mask_drawn_on_another_grid_is_brought_onto_the_volumes(scene, volume):
    coarse = scans.volume_of(scene, np.zeros((12, 14, 16), np.int16), scans.oblique_matrix() @ np.diag([2, 2, 2, 1.0]), "Coarse")
    coarse.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    node = scans.segmentation_of(scene, coarse, "a", "b")
    SceneSegment(node, "a", coarse).write(((2, 6), (2, 6), (2, 6)), np.ones((4, 4, 4), np.uint8))
    SceneSegment(node, "b", coarse).write(((8, 9), (8, 9), (8, 9)), np.ones((1, 1, 1), np.uint8))
    before = scans.exported_mask(node, "b", coarse)
    bounds, crop = SceneSegment(node, "a", volume).read()
    assert 300 < crop.sum() < 700  # 4 x 4 x 4 voxels of twice the size
    SceneSegment(node, "a", volume).write(((0, 1), (0, 1), (0, 1)), np.ones((1, 1, 1), np.uint8))
    after = scans.exported_mask(node, "a", volume)
    assert after.sum() == crop.sum() + 1 and after[0, 0, 0]
    assert np.array_equal(scans.exported_mask(node, "b", coarse), before)


def test_a_surface_follows(scene, volume):
    node = scans.segmentation_of(scene, volume, "a", "b")
    segment = SceneSegment(node, "a", volume)
    segment.write(((4, 12), (4, 12), (4, 12)), np.ones((8, 8, 8), np.uint8))
    node.CreateClosedSurfaceRepresentation()

    def width():
        surface = node.GetSegmentation().GetSegment("a").GetRepresentation("Closed surface")
        return np.ptp(surface.GetBounds()[:2])

    before = width()
    segment.write(((4, 24), (4, 12), (4, 12)), np.ones((8, 8, 20), np.uint8))
    assert width() > 1.2 * before


def test_what_is_gone_is_left_alone(scene, volume):
    node = scans.segmentation_of(scene, volume, "a")
    segment = SceneSegment(node, "a", volume)
    node.GetSegmentation().RemoveSegment("a")
    segment.write(((0, 1),) * 3, np.ones((1, 1, 1), np.uint8))
    assert segment.segment is None and segment.stamp() == () and segment.read()[0] == masks.EMPTY


def test_slicers_own_undo_brings_masks_back(scene, volume):
    node = scans.segmentation_of(scene, volume, "a")
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(node.GetSegmentation())
    segment = SceneSegment(node, "a", volume)
    segment.write(((4, 6),) * 3, np.ones((2, 2, 2), np.uint8))
    before, stamp = segment.read(), segment.stamp()
    history.SaveState()
    segment.write(((4, 20),) * 3, np.ones((16, 16, 16), np.uint8))
    assert segment.stamp() != stamp
    history.RestorePreviousState()
    assert fingerprint(*segment.read()) == fingerprint(*before)
    assert vtk.vtkVersion.GetVTKMajorVersion() >= 9 and scan().shape == SHAPE
