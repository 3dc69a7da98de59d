"""Targets that hold each other back: the worst one counts, or none may be worse than today."""

from dataclasses import replace

import numpy as np
import pytest

from recipes.search import Beliefs, Group, Objective, Region, Repetition, Setting
from recipes.surrogates import SURROGATES

CELLS = ("a", "b", "c", "d")
TODAY = np.array([0.4, 0.3, 0.2, 0.1])
PULLS = np.array([[0.6, 0.1, 0.1, 0.2], [0.1, 0.6, 0.1, 0.2]])
SCALE = np.array([0.01, 0.02])


@pytest.fixture(scope="module")
def beliefs():
    rng = np.random.default_rng(0)
    seen = rng.dirichlet(np.ones(4), 60)
    losses = 3.0 - seen @ PULLS.T + 0.002 * rng.standard_normal((60, 2))  # each wants a cell for itself
    return Beliefs.fitted(SURROGATES["log_linear"](), seen, losses, ("first", "second"))


def setting(beliefs, **changes):
    objective = Objective.of(beliefs.targets, SCALE, beliefs.predict(TODAY[None])[0], {"first": 0.9, "second": 0.1})
    return Setting(beliefs, Region.simplex(CELLS), replace(objective, **changes), TODAY)


def grid():
    """All mixtures in steps of a fiftieth, (n_points, 4)."""
    counts = np.stack(np.meshgrid(*[np.arange(51)] * 3, indexing="ij"), -1).reshape(-1, 3)
    counts = counts[counts.sum(1) <= 50]
    return np.column_stack([counts, 50 - counts.sum(1)]) / 50


@pytest.mark.parametrize("changes", [{"kind": "worst"}, {"guard": True}, {"kind": "worst", "guard": True}])
def test_no_mixture_of_a_fine_grid_is_better(beliefs, changes):
    one = setting(beliefs, **changes)
    best = one.optimum(one.candidates())
    assert one.values(best[None])[0] <= one.values(grid()).min() + 1e-6


def test_under_the_guard_no_target_is_worse_than_today(beliefs):
    free, guarded = setting(beliefs), setting(beliefs, guard=True)
    today = beliefs.predict(TODAY[None])[0]
    assert beliefs.predict(free.optimum(free.candidates())[None])[0, 1] > today[1] + 0.02
    best = beliefs.predict(guarded.optimum(guarded.candidates())[None])[0]
    assert (best <= today + 1e-6).all()
    assert best[0] < today[0] - 0.01


def test_the_worst_target_is_as_good_as_the_other(beliefs):
    one = setting(beliefs, kind="worst")
    changes = one.objective.changes(beliefs.predict(one.optimum(one.candidates())[None])[0])
    assert changes[0] == pytest.approx(changes[1], abs=1e-4)


def test_groups_and_repetition_hold_there_too(beliefs):
    region = Region(CELLS, np.zeros(4), np.ones(4), (Group("web", np.array([0, 1]), 0.2, 0.5),))
    repetition = Repetition(np.array([0.1, 0.3, 0.5, 0.5]))
    one = replace(setting(beliefs, kind="worst"), region=region, repetition=repetition)
    allowed = grid()[region.holds(grid())]
    best = one.optimum(one.candidates())
    assert region.holds(best[None]).all()
    assert one.values(best[None])[0] <= one.values(allowed).min() + 1e-6
