"""Mismatch: a cell that the target repeats as no run did is named, and matched pools repeat as the target does."""

import numpy as np
import pytest

from infolaw.points import Points
from infolaw.units import epochs
from recipes import Cell, Corpus
from recipes.mismatch import find_mismatch

CELLS = ("q0", "q1")
CORPUS = Corpus((Cell("web/q0", 4e9), Cell("code/q0", 6e9), Cell("web/q1", 9e10)))
WEIGHTS = np.array([0.3, 0.3, 0.4])


def runs(unique):
    weights = np.array([[0.1, 0.9], [0.5, 0.5], [0.0, 1.0]])
    return Points.build(1e8, 2e9, weights=weights, unique=np.array(unique))


def test_a_cell_that_no_run_repeated_so_often_is_named_with_both_counts():
    found = find_mismatch(runs([1e12, 1e12]), CELLS, CORPUS, WEIGHTS, 1e11)
    assert not found.is_matched
    assert "q0 is read 6 times at the target and at most 1 times in the runs" in found.warning()
    assert "q1" not in found.warning()


def test_a_cell_that_every_run_repeated_more_is_named():
    found = find_mismatch(runs([1e8, 1e8]), CELLS, CORPUS, np.array([0.05, 0.05, 0.9]), 1e10)
    assert "q0 is read 1 times at the target and at least 2 times in the runs" in found.warning()


def test_runs_that_repeat_alike_leave_nothing_to_warn_of():
    found = find_mismatch(runs([0.16e9, 2e9]), CELLS, CORPUS, WEIGHTS, 1e11)
    assert found.is_matched
    assert found.warning() is None


@pytest.mark.parametrize("seed", range(3))
def test_any_recipe_repeats_in_the_matched_pools_as_at_the_target(seed):
    weights, tokens, proxy = np.random.default_rng(seed).dirichlet(np.ones(3)), 3e11, 5e8
    found = find_mismatch(runs([1e12, 1e12]), CELLS, CORPUS, weights, tokens, proxy)
    pools = np.array(list(found.pools.values()))
    np.testing.assert_allclose(epochs(weights * proxy, pools), epochs(weights * tokens, CORPUS.unique_tokens))
