"""The protocol: sessions, clicks to a Dice, and what is summed up."""
import math

import numpy as np
import pytest

from sagittal_eval import protocol

SHAPE = (20, 24, 28)


def cube():
    wanted = np.zeros(SHAPE, bool)
    wanted[5:15, 6:16, 7:17] = True
    return wanted


class Growing:
    """Answers every prompt with one more slab of the truth."""

    def __init__(self, wanted, step):
        self.wanted, self.step = wanted, step

    def start(self, image):
        self.prompts, self.image = [], image

    def add(self, kind, what, include):
        self.prompts.append((kind, what, include))
        found = self.wanted.copy()
        found[5 + self.step * len(self.prompts):] = False
        return found


def row(dice, **more):
    base = dict(method="m", split="test", case="c", modality="CT", structure="s", first="point", millilitres=2.0,
                seconds=[0.5] * len(dice))
    return protocol.Row(dice=dice, **(base | more))


def test_dice_of_two_masks():
    a, b = cube(), cube()
    b[5:10] = False
    assert protocol.dice(a, a) == 1 and protocol.dice(a, ~a) == 0
    assert protocol.dice(a, b) == pytest.approx(2 * 500 / 1500)
    assert protocol.dice(a & ~a, a & ~a) == 1


def test_clicks_to_a_goal_count_the_first_prompt_that_reaches_it():
    scores = [0.5, 0.84, 0.79, 0.91] + [0.91] * 6
    assert protocol.clicks_to(scores, 0.80) == (2, True)
    assert protocol.clicks_to(scores, 0.85) == (4, True)
    assert protocol.clicks_to(scores, 0.95) == (10, False)


def test_a_session_prompts_on_the_largest_error_until_the_mask_is_right():
    driver = Growing(cube(), 2)
    scores, seconds = protocol.session(driver, np.zeros(SHAPE), cube(), "box")
    assert len(scores) == protocol.PROMPTS and scores[4:] == [1.0] * 6 and scores[0] < scores[1] < scores[2]
    assert len(seconds) == 5
    kinds, drawn, include = zip(*driver.prompts)
    assert kinds == ("box", "point", "point", "point", "point") and all(include)
    for number, point in enumerate(drawn[1:], 1):
        assert cube()[tuple(point)] and point[0] >= 5 + 2 * number


def test_too_much_is_answered_by_a_negative_point_outside():
    class Everything(Growing):
        def add(self, kind, what, include):
            super().add(kind, what, include)
            return np.ones(SHAPE, bool)

    driver = Everything(cube(), 1)
    protocol.session(driver, np.zeros(SHAPE), cube(), "point", prompts=3)
    assert [include for _, _, include in driver.prompts] == [True, False, False]
    assert not any(cube()[tuple(what)] for _, what, _ in driver.prompts[1:])


@pytest.mark.parametrize("kind", protocol.KINDS)
def test_the_same_seed_draws_the_same_first_prompt(kind):
    first = [protocol.prompt_on(np.random.default_rng(3), cube(), kind) for _ in range(2)]
    assert np.array_equal(first[0], first[1])


def test_a_box_is_one_slice_thick_and_masks_fill_one_slice():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        bounds = np.array(protocol.prompt_on(rng, cube(), "box"))
        assert sorted(bounds[:, 1] - bounds[:, 0])[0] == 1
        for kind in ("lasso", "scribble"):
            mask = protocol.prompt_on(rng, cube(), kind)
            assert mask.shape == SHAPE and min(len(np.unique(h)) for h in np.nonzero(mask)) <= 2


def test_the_summary_caps_clicks_and_says_how_many_reached_the_goal():
    rows = [row([0.5, 0.7, 0.82] + [0.86] * 7), row([0.2] * 10, seconds=[2.0] * 10)]
    s = protocol.summary(rows)
    assert s["dice@1"] == pytest.approx(0.35) and s["dice@3"] == pytest.approx(0.51)
    assert s["clicks@0.80"] == pytest.approx((3 + 10) / 2) and s["reached@0.80"] == 0.5
    assert s["clicks@0.90"] == 10 and s["reached@0.90"] == 0
    assert s["median"] == pytest.approx(1.25) and s["p95"] == pytest.approx(2.0)


def test_a_figure_that_not_every_row_has_is_not_given():
    assert math.isnan(protocol.summary([row([0.5] * 5), row([0.5] * 10)])["dice@10"])


def test_the_worst_step_is_the_largest_fall_of_the_mean():
    assert protocol.worst_step([row([0.5, 0.6, 0.55]), row([0.5, 0.6, 0.57])]) == pytest.approx(0.04)
    assert protocol.worst_step([row([0.5, 0.6, 0.7])]) == 0
