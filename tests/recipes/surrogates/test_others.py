"""Log-linear law, corrected law, trees and levels: what each is for."""

from __future__ import annotations

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.surrogates import BoostedTrees, LawCorrected, LogLinear, MultiFidelity


def log_linear_truth(n: int, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.dirichlet(np.ones(5), n)
    return X, 2.1 + np.exp(X @ [0.5, -1.0, 0.0, -0.3, 0.8]) + noise * rng.standard_normal(n)


def test_the_log_linear_law_comes_back_from_its_own_losses() -> None:
    X, y = log_linear_truth(200)
    fitted = LogLinear(ridge=1e-9).fit(X, y)
    assert fitted.floor_ == pytest.approx(2.1, abs=1e-3)
    np.testing.assert_allclose(fitted.slopes_, [0.5, -1.0, 0.0, -0.3, 0.8], atol=2e-3)


def test_log_linear_intervals_cover_new_runs() -> None:
    X, y = log_linear_truth(400, noise=0.05)
    mean, std = LogLinear().fit(X[:60], y[:60]).predict(X[60:], return_std=True)
    assert 0.82 < np.mean(np.abs(mean - y[60:]) < 1.645 * std) < 0.97


def test_log_linear_predictions_are_convex_in_the_weights() -> None:
    X, y = log_linear_truth(30, noise=0.05)
    fitted, (a, b) = LogLinear().fit(X, y), np.eye(5)[:2]
    assert fitted.predict((a + b)[None] / 2)[0] <= fitted.predict(np.stack([a, b])).mean()


def test_fewer_runs_than_domains_are_refused_by_the_log_linear_law() -> None:
    X, y = log_linear_truth(5)
    with pytest.raises(RecipeError, match="6 constants and got 5 runs"):
        LogLinear().fit(X, y)


def test_a_correction_mends_what_the_law_misses() -> None:
    rng = np.random.default_rng(0)
    X = rng.dirichlet(np.ones(3), 120)
    y = 2 + np.exp(-X[:, 0]) + 0.3 * np.sin(6 * X[:, 1])
    law, corrected = LogLinear().fit(X[:60], y[:60]), LawCorrected().fit(X[:60], y[:60])
    error = [np.abs(model.predict(X[60:]) - y[60:]).mean() for model in (law, corrected)]
    assert error[1] < 0.3 * error[0]


def test_trees_with_the_published_settings_say_nothing_below_forty_runs_and_ours_do() -> None:
    X, y = log_linear_truth(30)
    assert np.ptp(BoostedTrees("regmix").fit(X, y).predict(X)) == 0
    assert np.corrcoef(BoostedTrees("small").fit(X[:24], y[:24]).predict(X[24:]), y[24:])[0, 1] > 0.3


def test_unknown_tree_settings_are_refused_by_name() -> None:
    with pytest.raises(RecipeError, match="small, regmix, quadmix"):
        BoostedTrees("best").fit(*log_linear_truth(30))


def levels(n_dear: int, stretch: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sixty cheap runs, a few dear ones, and forty unseen dear ones."""
    X, y = log_linear_truth(100 + n_dear)
    dear = 0.5 + stretch * y
    fitted = np.vstack([np.column_stack([X[:60], np.zeros(60)]), np.column_stack([X[100:], np.ones(n_dear)])])
    return fitted, np.concatenate([y[:60], dear[100:]]), np.column_stack([X[60:100], np.ones(40)]), dear[60:100]


@pytest.mark.parametrize("n_dear", [1, 3, 6])
def test_few_dear_runs_lift_the_cheap_surface(n_dear: int) -> None:
    X, y, unseen, losses = levels(n_dear)
    fitted = MultiFidelity().fit(X, y)
    mean, std = fitted.predict(unseen, return_std=True)
    assert np.abs(mean - losses).mean() < 0.3 * losses.std()
    assert fitted.levels_.ravel().tolist() == [0, 1]
    assert (std > 0).all()


def test_levels_are_ordered_by_size_whatever_their_columns() -> None:
    X, y, _, _ = levels(4)
    swapped = np.column_stack([X[:, -1], X[:, :-1]])
    np.testing.assert_allclose(
        MultiFidelity((0,)).fit(swapped, y).predict(swapped), MultiFidelity().fit(X, y).predict(X), rtol=1e-12
    )


def test_a_level_never_run_is_refused() -> None:
    X, y, unseen, _ = levels(4)
    unseen[:, -1] = 2
    with pytest.raises(RecipeError, match=r"no run was fitted at fidelity \[2\.0\]"):
        MultiFidelity().fit(X, y).predict(unseen)
