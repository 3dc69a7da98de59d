"""Recommendations: close to a known optimum, unsure where they should be, within all limits, the same for a seed."""

from dataclasses import replace

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.search import (
    METHODS,
    Beliefs,
    Group,
    Objective,
    Region,
    Setting,
    distance,
    lowest,
    noisy_expected_improvement,
    pareto_front,
    recommend,
    regmix_mixtures,
    thompson,
)
from recipes.surrogates import SURROGATES

N_CELLS = 5
CELLS = tuple("abcde")
PULL = np.array([0.1, 0.3, 0.5, 0.2, 0.05])
OPTIMUM = PULL**2 / (PULL**2).sum()
PRIOR = np.array([0.4, 0.2, 0.1, 0.2, 0.1])


def truth(weights):
    """Concave in sqrt(w): best at w ~ pull^2."""
    return 3.0 - np.sqrt(np.maximum(weights, 0.0)) @ PULL


def proxies(n, noise=0.002, seed=0):
    rng = np.random.default_rng(seed)
    seen = rng.dirichlet(np.ones(N_CELLS), n)
    return seen, truth(seen) + noise * rng.standard_normal(n)


@pytest.fixture(scope="module")
def setting():
    seen, losses = proxies(60)
    beliefs = Beliefs.fitted(SURROGATES["gaussian_process"](), seen, losses)
    objective = Objective.of(("loss",), beliefs.noise, beliefs.predict(PRIOR[None])[0])
    return Setting(beliefs, Region.simplex(CELLS), objective, PRIOR)


@pytest.fixture(scope="module")
def found(setting):
    return recommend(setting, {"today": PRIOR})


def test_the_optimum_of_a_known_surface_is_found(found):
    assert truth(found.weights) - truth(OPTIMUM) < 0.1 * (truth(PRIOR) - truth(OPTIMUM))
    assert (found.lower <= OPTIMUM + 0.02).all()
    assert (found.upper >= OPTIMUM - 0.02).all()


def test_the_gain_over_today_is_inside_its_interval(found):
    today = found.rivals[0]
    assert today.name == "today"
    assert today.lower <= truth(found.weights) - truth(PRIOR) <= today.upper
    assert today.p_better > 0.95


def test_few_proxies_are_less_sure_of_the_weights(setting, found):
    beliefs = Beliefs.fitted(SURROGATES["gaussian_process"](), *proxies(12))
    few = recommend(replace(setting, beliefs=beliefs), {"today": PRIOR})
    assert (few.upper - few.lower).mean() > (found.upper - found.lower).mean()


def test_the_same_seed_gives_the_same_answer(setting, found):
    again = recommend(setting, {"today": PRIOR})
    assert again.to_dict() == found.to_dict()


def test_limits_are_met_and_priced(setting):
    upper = np.array([1.0, 1.0, 0.2, 1.0, 1.0])
    region = Region(CELLS, np.full(N_CELLS, 0.05), upper, (Group("a and b", np.array([0, 1]), 0.0, 0.4),))
    found = recommend(replace(setting, region=region))
    assert region.holds(found.weights).all()
    assert region.holds(found.equals).all()
    assert found.prices[0].constraint == "c at most 0.2"
    assert found.prices[0].cost > 0


@pytest.mark.parametrize("name", ["descent", "regmix", "olmix"])
def test_every_method_beats_the_prior_within_the_limits(setting, name):
    region = Region(CELLS, np.zeros(N_CELLS), np.full(N_CELLS, 0.5))
    weights = METHODS[name](replace(setting, region=region))
    assert region.holds(weights).all()
    assert truth(weights) < truth(PRIOR)


def test_a_surrogate_without_surfaces_is_refitted_to_resampled_runs():
    class Mean:
        def __init__(self):
            pass

        def get_params(self, deep=True):
            return {}

        def fit(self, X, y):
            self.mean = y.mean()
            return self

        def predict(self, X):
            return np.full(len(X), self.mean)

    seen, losses = proxies(40, noise=0.1)
    surfaces = Beliefs.fitted(Mean(), seen, losses).draws(seen[:3], 200, 0)[..., 0]
    assert np.allclose(surfaces[:, :1], surfaces)
    assert surfaces.std() == pytest.approx(losses.std() / np.sqrt(40), rel=0.4)


def test_proposed_batches_are_distinct_and_allowed(setting):
    for propose in (thompson, noisy_expected_improvement):
        batch = propose(setting, 6)
        assert len(np.unique(batch.round(9), axis=0)) == 6
        assert setting.region.holds(batch).all()


def test_a_mixture_far_from_the_proxies_is_warned_of(setting):
    seen = np.random.default_rng(0).dirichlet(500 * PRIOR, 40)
    beliefs = Beliefs.fitted(SURROGATES["gaussian_process"](), seen, truth(seen))
    found = recommend(replace(setting, beliefs=beliefs), prices=False)
    assert found.distance > 2
    assert "leaves what was tried" in found.warnings[0]


def test_distance_of_a_seen_mixture_is_nothing():
    seen = proxies(20)[0]
    np.testing.assert_allclose(distance(seen, seen), 0.0, atol=1e-5)


def test_several_targets_add_up_and_the_guard_keeps_all_of_them():
    objective = Objective.of(
        ("loss", "accuracy"), np.array([0.01, 1.0]), np.array([3.0, 50.0]), higher_is_better=["accuracy"]
    )
    assert objective(np.array([2.99, 51.0])) == pytest.approx(-1.0)
    guarded = replace(objective, guard=True)
    assert guarded(np.array([2.9, 49.0])) > 0 > objective(np.array([2.9, 49.0]))
    worst = replace(objective, kind="worst")
    assert worst(np.array([2.99, 49.5])) == pytest.approx(0.5)
    with pytest.raises(RecipeError, match="the targets are loss, accuracy"):
        Objective.of(("loss", "accuracy"), np.ones(2), np.ones(2), {"los": 1.0})


def test_pareto_front_holds_what_nothing_beats():
    assert pareto_front(np.array([[1, 3], [2, 2], [3, 1], [3, 3], [2, 2.5]])).tolist() == [0, 1, 2]


def test_regmix_mixtures_keep_its_limits():
    mixtures = regmix_mixtures(PRIOR, 2000, np.random.default_rng(0))
    np.testing.assert_allclose(mixtures.sum(1), 1.0)
    assert (mixtures[mixtures > 0] >= 2e-4).all()


def test_lowest_is_never_worse_than_its_pool():
    pool = np.random.default_rng(0).dirichlet(np.ones(N_CELLS), 30)
    best = lowest(truth, Region.simplex(CELLS), pool)
    np.testing.assert_allclose(best, OPTIMUM, atol=1e-3)


def test_surfaces_widen_where_the_best_runs_surprise():
    rng = np.random.default_rng(0)
    seen = rng.dirichlet(np.ones(N_CELLS), 60)
    kinked = truth(seen)
    kinked -= 5 * np.maximum(np.quantile(kinked, 0.15) - kinked, 0.0)  # a gain that only the best runs show
    calm = Beliefs.fitted(SURROGATES["gaussian_process"](), seen, truth(seen) + 0.002 * rng.standard_normal(60)).calibrated()
    surprised = Beliefs.fitted(SURROGATES["gaussian_process"](), seen, kinked + 0.002 * rng.standard_normal(60)).calibrated()
    assert 1 <= calm.scale[0] < surprised.scale[0]
    narrow = replace(surprised, scale=None).draws(seen[:5], 200, 0)[..., 0].std(0)
    np.testing.assert_allclose(surprised.draws(seen[:5], 200, 0)[..., 0].std(0), surprised.scale[0] * narrow, rtol=1e-6)
