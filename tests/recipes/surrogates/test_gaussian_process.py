"""Gaussian process: exact gradients, exact leave-one-out, runs that went wrong, and the tables it must win."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolaw.errors import RecipeError
from recipes.surrogates import BoostedTrees, GaussianProcess, JointGaussianProcess
from recipes.surrogates.likelihood import Evidence, Posterior
from recipes.surrogates.own_curves import OwnCurves
from recipes.surrogates.warps import PowerWarp, SkewWarp
from recipes.swarm import read_swarm


def swarm(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(4, 0.7), n)
    return weights, 2 + np.exp(-2 * np.sqrt(weights @ [1.0, 0.5, 0.1, 0.0])) + 0.01 * rng.standard_normal(n)


@pytest.mark.parametrize("smoothness", [1.5, 2.5])
@pytest.mark.parametrize("skew", [-0.2, 0.0, 0.2])
def test_the_gradient_of_the_evidence_is_that_of_central_differences(smoothness: float, skew: float) -> None:
    X, y = swarm(30)
    X = np.column_stack([X, np.random.default_rng(1).standard_normal(30)])
    doubt = np.random.default_rng(2).uniform(0.5, 3, 30)
    curves = OwnCurves(PowerWarp.of(X))
    own = curves.covariance(curves.positions(X), curves.positions(X))
    evidence = Evidence(X, y, PowerWarp.of(X), SkewWarp.of(y), smoothness, doubt, curves=curves, own=own)
    theta = np.random.default_rng(3).normal(-1, 0.3, 11)
    theta[-3:] = [-5, -1, skew]
    numeric = [(evidence(theta + step)[0] - evidence(theta - step)[0]) / 2e-5 for step in 1e-5 * np.eye(11)]
    np.testing.assert_allclose(evidence(theta)[1], numeric, rtol=2e-6, atol=2e-6)


def test_left_out_predictions_are_those_of_refits_with_the_same_constants() -> None:
    X, y = swarm(20)
    fitted = GaussianProcess().fit(X, y)
    evidence = replace(fitted._evidence, inputs=PowerWarp.of(X))
    for run in (0, 7):
        rest = np.delete(np.arange(20), run)
        posterior = Posterior.of(evidence.part(rest), fitted._theta)
        g = posterior.mean(posterior.scale(X[[run]]))
        assert fitted.target_.back(g, posterior.constants.skew)[0] == pytest.approx(fitted.left_out_[run], rel=1e-9)


def test_the_gradient_in_the_features_is_that_of_central_differences() -> None:
    X, y = swarm(40)
    fitted = GaussianProcess().fit(X, y)
    points = np.random.default_rng(1).dirichlet(np.full(4, 5.0), 6)
    numeric = np.stack([(fitted.predict(points + h) - fitted.predict(points - h)) / 2e-6 for h in 1e-6 * np.eye(4)], axis=-1)
    np.testing.assert_allclose(fitted.gradient(points), numeric, rtol=1e-4, atol=1e-6)


def test_draws_spread_as_the_noise_free_error_says() -> None:
    X, y = swarm(30)
    fitted = GaussianProcess(skewed=False).fit(X, y)
    draws = fitted.draws(X[:5], 20_000, seed=1)
    std = np.sqrt(np.maximum(fitted.predict(X[:5], return_std=True)[1] ** 2 - fitted.noise_**2, 0))
    np.testing.assert_allclose(draws.std(0), std, rtol=0.03)
    np.testing.assert_allclose(draws.mean(0), fitted.predict(X[:5]), atol=4 * std.max() / np.sqrt(20_000))


def test_a_run_that_went_wrong_is_doubted_and_moves_little() -> None:
    X, y = swarm(60)
    unseen, losses = swarm(100, seed=1)
    y[5] += 1.0
    robust, normal = GaussianProcess().fit(X, y), GaussianProcess(n_doubts=0).fit(X, y)
    assert robust.doubt_.argmax() == 5
    assert np.abs(robust.predict(unseen) - losses).mean() < 0.7 * np.abs(normal.predict(unseen) - losses).mean()


def test_a_search_that_begins_at_another_loss_of_the_runs_ends_where_its_own_does() -> None:
    X, y = swarm(60)
    unseen, other = swarm(20, 1)[0], 3 - y**2
    own = GaussianProcess().fit(X, y).predict(unseen)
    near = GaussianProcess().fit_near(GaussianProcess().fit(X, other), X, y).predict(unseen)
    np.testing.assert_allclose(near, own, atol=0.1 * own.std())


def test_a_feature_that_never_changes_does_not_disturb() -> None:
    X, y = swarm(30)
    alone = GaussianProcess().fit(X, y).predict(X)
    beside = GaussianProcess().fit(np.column_stack([X, np.zeros(30)]), y).predict(np.column_stack([X, np.zeros(30)]))
    np.testing.assert_allclose(beside, alone, atol=0.01)


def test_fewer_runs_than_domains_are_answered_with_wide_intervals() -> None:
    held = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X, unseen, gain = rng.dirichlet(np.ones(12), 8), rng.dirichlet(np.ones(12), 50), rng.standard_normal(12)
        mean, std = GaussianProcess().fit(X, np.sqrt(X) @ gain).predict(unseen, return_std=True)
        held.append(np.mean(np.abs(mean - np.sqrt(unseen) @ gain) < 1.645 * std))
    assert np.mean(held) > 0.6


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-5, 5))
def test_a_unit_of_the_loss_changes_nothing(seed: int, factor: float, shift: float) -> None:
    X, y = swarm(15, seed)
    plain = GaussianProcess(n_doubts=0).fit(X, y).predict(X[:3])
    moved = GaussianProcess(n_doubts=0).fit(X, shift + factor * y).predict(X[:3])
    np.testing.assert_allclose((moved - shift) / factor, plain, atol=2e-3 * np.ptp(y))


def test_missing_targets_are_fitted_on_the_runs_that_have_them() -> None:
    X, y = swarm(30)
    Y = np.column_stack([y, y + X[:, 0], y])
    Y[20:, 1] = np.nan
    joint = JointGaussianProcess().fit(X, Y)
    assert joint.predict(X).shape == (30, 3)
    assert np.abs(joint.predict(X)[20:, 1] - (y + X[:, 0])[20:]).mean() < 0.06


def test_a_power_outside_its_range_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"0\.05 to 1\.2"):
        GaussianProcess(power=2.0).fit(*swarm(10))


def test_more_runs_than_the_limit_all_enter_predictions() -> None:
    X, y = swarm(80)
    fitted = GaussianProcess(max_rows=30).fit(X, y)
    assert len(fitted.posterior_.weights) == 80


def test_with_128_runs_it_beats_boosted_trees_with_256(shared_data: Path) -> None:
    swarm = read_swarm(shared_data / "regmix.csv", where="n_params == 1e6")
    test = swarm.runs.frame["split"].str.startswith("test").to_numpy()
    train, unseen = swarm.select(~test), swarm.select(test)
    error = {}
    for model, n in ((JointGaussianProcess(), 128), (BoostedTrees("regmix"), 256)):
        Y = train.losses("pile_cc", "github")[:n]
        if isinstance(model, JointGaussianProcess):
            found = model.fit(train.weights[:n], Y).predict(unseen.weights)
        else:
            found = np.column_stack([model.fit(train.weights[:n], y).predict(unseen.weights) for y in Y.T])
        error[n] = np.abs(found - unseen.losses("pile_cc", "github")).mean()
    assert error[128] < 0.8 * error[256]


def test_own_curves_follow_shares_that_matter_from_a_threshold_on() -> None:
    rng = np.random.default_rng(0)
    X = rng.dirichlet(np.full(8, 0.5), 400)
    truth = 3 - np.clip((X[:, :4] - [0.05, 0.1, 0.15, 0.2]) / 0.04, 0, 1) @ [0.2, 0.15, 0.2, 0.15]
    y = truth[:100] + 0.01 * rng.standard_normal(100)
    errors = {
        own: np.abs(GaussianProcess(own_curves=own).fit(X[:100], y).predict(X[100:]) - truth[100:]).mean() for own in (0, 1)
    }
    assert errors[1] < 0.9 * errors[0]


def test_own_curves_are_level_beyond_their_range_and_smooth_within() -> None:
    X, _ = swarm(10)
    curves = OwnCurves(PowerWarp.of(X))
    far = curves.positions(np.array([[50.0, 0, 0, 0], [90.0, 0, 0, 0]]))
    assert (far[0] == far[1]).all()
    table = np.random.default_rng(0).standard_normal((4, 28))
    a = curves.positions(X)
    numeric = [(curves.read(table, a + h)[0] - curves.read(table, a - h)[0]) / 2e-6 for h in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(curves.read(table, a)[1], np.stack(numeric, -1), rtol=1e-5, atol=1e-6)
