"""The training-free baselines find what is plain to see."""
import numpy as np
import pytest

from sagittal_eval import baselines, protocol


def scene():
    """A bright, noisy ball in the dark, far from the middle of a scan with few slices."""
    grid = np.indices((24, 90, 90))
    wanted = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, (12, 30, 60), (7, 14, 14))) <= 1
    noise = np.random.default_rng(0).normal(0, 0.1, wanted.shape)
    return (wanted + noise).astype(np.float32), wanted


@pytest.mark.parametrize("kind", protocol.KINDS)
def test_geodesic_finds_a_bright_ball_from_one_prompt(kind):
    image, wanted = scene()
    assert protocol.session(baselines.Geodesic(), image, wanted, kind, prompts=1)[0][0] > 0.85


@pytest.mark.parametrize("kind", protocol.KINDS)
def test_the_random_walker_finds_a_bright_ball_from_one_prompt(kind):
    pytest.importorskip("skimage", reason="the random walker needs scikit-image and pyamg")
    image, wanted = scene()
    assert protocol.session(baselines.RandomWalker(), image, wanted, kind, prompts=1)[0][0] > 0.85


def test_a_negative_point_takes_a_second_ball_away():
    image, wanted = scene()
    other = np.roll(wanted, -40, 2)
    bridge = np.zeros_like(wanted)
    bridge[11:13, 29:31, 20:60] = True
    image = np.where(other | bridge, 1, image).astype(np.float32)
    driver = baselines.Geodesic()
    driver.start(image)
    both = driver.add("point", [12, 30, 60], True)
    one = driver.add("point", [12, 30, 20], False)
    assert both[12, 30, 20] and not one[12, 30, 20] and one[12, 30, 60]
