"""Regions: what is allowed is met exactly, what cannot be is told with the cells that bind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolaw.errors import BudgetError, RecipeError
from recipes import Cell, Constraints, Corpus
from recipes.search import Group, Region

CORPUS = Corpus((Cell("web", 6e9), Cell("code", 3e9), Cell("books", 1e9)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_projection_is_allowed_and_the_nearest(seed):
    rng = np.random.default_rng(seed)
    upper = rng.uniform(0.3, 1.0, 5)
    lower = rng.uniform(0.0, 0.1, 5)
    region = Region(tuple("abcde"), lower, upper)
    weights = rng.normal(0.2, 0.5, (20, 5))
    found = region.project(weights)
    assert region.holds(found).all()
    others = region.project(rng.dirichlet(np.ones(5), 50))
    apart = np.linalg.norm(weights - found, axis=1)
    assert (apart[:, None] <= np.linalg.norm(weights[:, None] - others[None], axis=2) + 1e-6).all()


def test_an_allowed_mixture_stays_as_it_is():
    weights = np.random.default_rng(0).dirichlet(np.ones(3), 10)
    np.testing.assert_allclose(Region.simplex("abc").project(weights), weights, atol=1e-9)


def test_groups_are_met():
    region = Region(tuple("abcd"), np.zeros(4), np.full(4, 0.6), (Group("ab", np.array([0, 1]), 0.2, 0.3),))
    found = region.project(np.random.default_rng(0).dirichlet(np.ones(4), 50))
    assert region.holds(found).all()
    assert (found[:, :2].sum(1) <= 0.3 + 1e-6).all()


def test_caps_on_epochs_are_caps_on_shares_at_the_target_size():
    region = Region.of(CORPUS, 2e10, Constraints(max_epochs=4))
    np.testing.assert_allclose(region.upper, [1.0, 0.6, 0.2])


def test_caps_that_leave_no_mixture_name_their_cells():
    with pytest.raises(BudgetError, match=r"allow 0\.5 of the tokens, tightest books"):
        Region.of(CORPUS, 2e10, Constraints(max_epochs=1))


def test_a_floor_above_its_cap_names_its_cell():
    with pytest.raises(BudgetError, match=r"min_share of books \(0\.5 .* and max_epochs \(4\) exclude each other"):
        Region.of(CORPUS, 2e10, Constraints(max_epochs=4, min_share={"books": 0.5}))


def test_groups_that_cannot_be_met_are_told():
    with pytest.raises(BudgetError, match="limits of the groups scarce"):
        Region.of(CORPUS, 2e10, Constraints(max_epochs=4), {"scarce": (["books"], 0.5, 0.9)})
    with pytest.raises(RecipeError, match="'poems'"):
        Region.of(CORPUS, 2e10, None, {"poems": (["verse"], 0.1, 0.2)})
