from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recipes.sampling.order_keys import HALF, order_keys, scores_of

SCORES = st.floats(allow_nan=False)


@given(st.lists(SCORES, min_size=2))
def test_keys_keep_the_order_of_any_scores(scores: list[float]) -> None:
    keys = order_keys(np.sort(np.array(scores)))
    assert np.all(keys[1:] >= keys[:-1])


def test_keys_keep_the_order_across_the_joints_to_the_last_bit() -> None:
    joints = np.array([0.0, 2.0**-40, 0.5, 1.0, 2.0])
    near = np.concatenate([np.nextafter(joints, -np.inf), joints, np.nextafter(joints, np.inf)])
    both = np.sort(np.concatenate([near, -near]))
    keys = order_keys(both)
    assert np.all(keys[1:] >= keys[:-1])
    assert order_keys(np.array([0.5, 1.0, -1.0])).tolist() == [HALF, 2 * HALF, -2 * HALF]


@given(SCORES)
def test_a_score_comes_back_from_its_key(score: float) -> None:
    back = float(scores_of(order_keys(np.array([score])))[0])
    assert back == score or abs(back - score) <= 2.0**-50 * max(abs(score), 2.0**-40)


def test_probabilities_near_one_are_as_fine_as_those_near_zero() -> None:
    small = np.geomspace(1e-9, 0.4, 200)
    low, high = order_keys(small), 2 * HALF - order_keys(1 - small)
    assert np.all(np.abs(low - high) <= np.maximum(low, 1) * 1e-6)
