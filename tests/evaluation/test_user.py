"""Where the simulated user puts prompts."""
import numpy as np
import pytest

from sagittal_train import user


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def ball(shape, centre, radius):
    grid = np.indices(shape)
    return sum((g - c) ** 2 for g, c in zip(grid, centre)) <= radius**2


def test_largest_part_is_the_larger_of_two_balls():
    large, small = ball((30, 40, 50), (15, 12, 14), 8), ball((30, 40, 50), (15, 30, 40), 4)
    assert (user.largest_part(large | small) == large).all()


def test_parts_that_touch_at_an_edge_only_are_two():
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = mask[1, 1, 0] = mask[1, 1, 1] = True
    assert user.largest_part(mask).sum() == 2


def test_a_point_lies_deep_in_the_structure(rng):
    mask = ball((40, 40, 40), (18, 20, 22), 10)
    for _ in range(20):
        point = user.interior_voxel(rng, mask, 0.6)
        assert np.linalg.norm(point - [18, 20, 22]) <= 5


def test_a_point_on_a_structure_at_the_image_border_lies_on_it(rng):
    mask = np.zeros((12, 12, 3), bool)
    mask[:4] = True
    for _ in range(20):
        assert mask[tuple(user.interior_voxel(rng, mask, 0.6))]


def test_a_section_shows_the_larger_part_of_its_slice(rng):
    mask = ball((40, 40, 40), (20, 20, 12), 8) | ball((40, 40, 40), (20, 20, 32), 3)
    for _ in range(20):
        axis, index, flat = user.section(rng, mask)
        assert flat.any() and not (flat & ~mask.take(index, axis)).any()


def test_a_stroke_never_leaves_the_structure(rng):
    flat = ball((1, 40, 40), (0, 20, 20), 9)[0]
    flat[20:, 18:22] = False
    for _ in range(20):
        line = user.stroke(rng, flat)
        assert line.any() and not (line & ~flat).any()


def test_a_loop_covers_most_of_the_structure_and_little_else(rng):
    flat = ball((1, 60, 60), (0, 30, 30), 14)[0]
    for _ in range(20):
        loop = user.outline(rng, flat)
        assert (loop & flat).sum() > 0.9 * flat.sum() and loop.sum() < 1.35 * flat.sum()


def test_a_box_is_never_empty_and_stays_in_the_image(rng):
    for side in (1, 2, 5, 30):
        flat = np.zeros((30, 30), bool)
        flat[:side, -side:] = True
        for _ in range(30):
            low, high = user.box_around(rng, flat)
            assert (low >= 0).all() and (high <= 30).all() and (high > low).all()
