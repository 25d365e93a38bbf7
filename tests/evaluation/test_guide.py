"""The guide's rules in Python, which are the program's, and training runs that go on."""
import numpy as np
import pytest
from sagittal_guide import answer


def test_a_clear_answer_is_trusted_more_than_a_vague_one():
    clear, vague = np.full((2, 2, 2), -8.0), np.full((2, 2, 2), -0.5)
    clear[0, 0, 0], vague[0, 0, 0] = 8, 0.5
    assert answer.expected_dice(clear) > 0.99
    assert answer.expected_dice(vague) < 0.5


def test_only_the_newest_prompt_changes_what_was_accepted():
    found, previous, newest = np.full((1, 1, 8), -1.0), np.zeros((1, 1, 8)), np.zeros((1, 1, 8), bool)
    previous[0, 0, 7], newest[0, 0, 1] = 1, True
    found[0, 0, [0, 1, 2, 4]], found[0, 0, 5] = 1, 3
    kept = answer.keep_accepted(found, previous, newest) > 0
    assert kept[0, 0].tolist() == [True, True, True, False, False, True, False, True]


def test_the_middle_of_a_prompt_is_obeyed():
    found = answer.obey(np.array([-1.0, -1.0, 5.0]), np.array([0, 1, 2]))
    assert (found > 0).tolist() == [False, True, False]


def test_faces_count_only_where_the_image_goes_on():
    reached = answer.reached_faces(np.ones((8, 8, 8)), (np.array([0, 8, 8]), np.array([8, 16, 16]), None), np.array([40, 40, 16]))
    assert reached.tolist() == [[False, True], [True, True], [True, False]]


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("dynamic_network_architectures")
    from sagittal_guide import train
    torch.set_num_threads(1)

    run = train.Run(tmp_path, None, 3)
    seen = torch.zeros(1, 15, 24, 24, 24)
    seen[:, :, 12] = 1
    for _ in range(2):
        run.network(seen).square().mean().backward()
        run.advance(0.1)
        run.prompts += train.BATCH
    run.rng.random(5)
    run.save()
    other = train.Run(tmp_path, None, 4)
    assert (other.step, other.prompts) == (2, 2 * train.BATCH)
    assert other.rng.random() == run.rng.random()
    for one in (run, other):
        one.network(seen).square().mean().backward()
        one.advance(0.1)
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, other.network.state_dict()[name]), name
        assert torch.equal(run.average[name], other.average[name]), name
