"""The guide's rules in Python, as src/interact/guide.cpp and guide_answer.cpp have them: views, and what becomes of an answer."""
import numpy as np
from scipy import ndimage

SURE, OBEYED, BARELY = 2.0, 2.0, 0.3


def chances(answer: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(answer, -30, 30)))


def expected_dice(answer: np.ndarray) -> float:
    """The Dice that the mask would have if the answer's chances were right."""
    chance, found = chances(answer), answer > 0
    return 2 * float(chance[found].sum()) / (float(chance.sum()) + int(found.sum()) + 1e-9)


def reached_faces(answer: np.ndarray, view: tuple, shape: np.ndarray) -> np.ndarray:
    """[axis, low or high side]: the answer reaches a face beyond which the image goes on."""
    low, high, _ = view
    found = answer > 0
    few = max(3, 0.004 * found.sum())
    hits = [[found.take(end, axis).sum() for end in (0, -1)] for axis in range(3)]
    return (np.array(hits) > few) & np.stack([low > 0, high < shape], 1)


def obey(answer: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The middle of points, and scribbles, are what the user said they are."""
    answer = np.where(core == 1, np.maximum(answer, OBEYED), answer)
    return np.where(core == 2, np.minimum(answer, -OBEYED), answer).astype(np.float32)


def keep_accepted(answer: np.ndarray, previous: np.ndarray, newest: np.ndarray) -> np.ndarray:
    """Where what changes does not reach as far as the newest prompt it must be sure; else the previous mask stays."""
    was = previous > 0.5
    changes = (answer > 0) != was
    parts, _ = ndimage.label(changes | newest)
    asked = np.isin(parts, np.unique(parts[newest]))
    kept = changes & ~asked & (np.abs(answer) < SURE)
    return np.where(kept, np.where(was, BARELY, -BARELY), answer).astype(np.float32)
