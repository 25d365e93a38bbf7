"""From places of the world to voxels."""
import base64

import numpy as np
import pytest

import scans
from running_server import SHAPE
from SagittalLib import geometry, prompts
from SagittalLib.client import SagittalError


@pytest.fixture(params=[True, False], ids=["moved", "bent"])
def volume(request, scene):
    return scans.oblique_volume(scene, linear=request.param)


def mask_of(prompt):
    """The whole mask [k, j, i] of a drawing."""
    (i0, i1), (j0, j1), (k0, k1) = prompt["bounds"]
    sides = (k1 - k0, j1 - j0, i1 - i0)
    bits = np.unpackbits(np.frombuffer(base64.b64decode(prompt["mask"]), np.uint8))[:np.prod(sides)]
    mask = np.zeros(SHAPE, np.uint8)
    mask[k0:k1, j0:j1, i0:i1] = bits.reshape(sides)
    return mask


def world(volume, *ijk):
    return geometry.ijk_to_world(volume, ijk)


def test_a_point_is_the_voxel_that_was_clicked(volume):
    for ijk in ([0, 0, 0], [31, 27, 23], [5, 6, 7]):
        prompt = prompts.point(volume, world(volume, ijk)[0], False)
        assert prompt == {"type": "point", "ijk": ijk, "include": False}


def test_a_point_outside_is_not_sent(volume):
    for ijk in ([-1, 0, 0], [32, 0, 0], [5, 5, 24]):
        with pytest.raises(SagittalError, match="outside the volume"):
            prompts.point(volume, world(volume, ijk)[0])
    with pytest.raises(SagittalError):
        prompts.point(volume, [np.nan, 0, 0])


def test_a_box_is_flat_along_the_view(volume):
    corners = world(volume, [3, 4, 10], [12, 4, 10], [3, 9, 10], [12, 9, 10])
    normal = world(volume, [5, 5, 11])[0] - world(volume, [5, 5, 10])[0]
    flat = prompts.box(volume, corners, normal=normal)
    assert flat == {"type": "box", "ijk0": [3, 4, 10], "ijk1": [13, 10, 11], "include": True}
    assert prompts.box(volume, corners) == flat
    side = prompts.box(volume, world(volume, [3, 4, 10], [12, 4, 18]), include=False)
    assert side["ijk0"] == [3, 4, 10] and side["ijk1"] == [13, 5, 19] and side["include"] is False


def test_a_box_may_be_thick_and_is_cut_at_the_edge(volume):
    thick = prompts.box(volume, world(volume, [-5, 4, 10], [3, 90, 14]), flat=False)
    assert thick["ijk0"] == [0, 4, 10] and thick["ijk1"] == [4, 28, 15]
    with pytest.raises(SagittalError, match="outside"):
        prompts.box(volume, world(volume, [-5, -5, -5], [-2, -2, -2]), flat=False)


def test_a_lasso_fills_its_slice(volume):
    outline = [[4, 4, 9], [14, 4, 9], [14, 12, 9], [9, 8, 9], [4, 12, 9]]
    mask = mask_of(prompts.lasso(volume, world(volume, *outline)))
    assert mask[9].sum() == mask.sum() and mask[9, 5, 5] and mask[9, 5, 13] and not mask[9, 11, 9]
    assert 45 < mask.sum() < 75  # the polygon's area is 60 voxels
    for axis in range(3):
        square = np.array([[4, 4, 4], [4, 4, 4], [10, 10, 10], [10, 10, 10]], float)
        square[[1, 2], (axis + 1) % 3], square[[0, 3], (axis + 1) % 3] = 10, 4
        square[:, axis] = 6
        filled = mask_of(prompts.lasso(volume, world(volume, *square)))
        assert filled.sum() == filled.take(6, axis=2 - axis).sum() and 25 <= filled.sum() <= 49


def test_a_lasso_across_the_voxels_is_a_thin_sheet(scene):
    volume = scans.oblique_volume(scene)
    ring = [[14 + 6 * np.cos(t), 14 + 6 * np.sin(t), 11 + 4 * np.cos(t)] for t in np.linspace(0, 6, 30)]
    mask = mask_of(prompts.lasso(volume, world(volume, *ring)))
    assert mask.any(axis=(1, 2)).sum() >= 7 and mask[11, 14, 14]
    assert 90 < mask.sum() < 300  # about a disc of radius 6 to 7, one or two voxels thick


def test_a_stroke_is_as_thick_as_its_brush(scene):
    volume = scans.oblique_volume(scene)
    mask = mask_of(prompts.scribble(volume, world(volume, [6, 10, 12], [16, 10, 12]), 4.0))
    assert mask[12, 10, 6:17].all()
    k, j, i = np.nonzero(mask)
    millimetres = np.stack([(i - 10) * 0, (j - 10) * 1.0, (k - 12) * 1.5], 1)
    assert (np.linalg.norm(millimetres, axis=1) <= 2.01).all() and mask[12, 9, 10] and not mask[12, 7, 10]
    dot = mask_of(prompts.scribble(volume, world(volume, [6, 10, 12]), 0.2))
    assert dot.sum() == 1 and dot[12, 10, 6]


def test_drawings_without_a_voxel_are_not_sent(volume):
    far = world(volume, [100, 100, 5], [110, 100, 5], [110, 110, 5])
    for call in (lambda: prompts.lasso(volume, far), lambda: prompts.scribble(volume, far, 3.0),
                 lambda: prompts.lasso(volume, far[:2]), lambda: prompts.initial(((0, 2),) * 3, np.zeros((2, 2, 2))),
                 lambda: prompts.box(volume, []), lambda: prompts.scribble(volume, [], 3.0)):
        with pytest.raises(SagittalError):
            call()
