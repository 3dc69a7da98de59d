"""Repetition is priced where proxies did not see it, and the lowest of many predictions is not taken at its word."""

import numpy as np

from recipes.search import Beliefs, Objective, Region, Repetition, Setting, recommend
from recipes.surrogates import GaussianProcess

CELLS = ("good", "large", "other")


def setting_of(**changes):
    seen = np.random.default_rng(0).dirichlet(np.ones(3), 40)
    losses = 3 - 0.1 * seen[:, 0] + 0.003 * np.random.default_rng(1).standard_normal(40)
    beliefs = Beliefs.fitted(GaussianProcess(), seen, losses)
    prior = np.full(3, 1 / 3)
    objective = Objective.of(("loss",), beliefs.noise, beliefs.predict(prior[None])[0])
    return Setting(beliefs, Region.simplex(CELLS), objective, prior, **changes)


def test_a_first_pass_is_free_and_later_ones_cost_more_and_more():
    cost = Repetition(np.array([0.1, 1.0, 1.0])).cost(np.array([[s, 1 - s, 0] for s in (0.1, 0.3, 0.6, 0.9)]))
    assert cost[0] == 0
    assert (np.diff(cost) > 0).all()
    assert (np.diff(cost, 2) > 0).all()


def test_the_gradient_is_that_of_the_cost():
    repetition, w = Repetition(np.array([0.05, 0.2, 1.0])), np.array([[0.3, 0.3, 0.4]])
    steps = [(repetition.cost(w + 1e-6 * row) - repetition.cost(w - 1e-6 * row))[0] / 2e-6 for row in np.eye(3)]
    np.testing.assert_allclose(repetition.gradient(w)[0], steps, rtol=1e-5)


def test_scarce_data_are_recommended_less_where_repeating_them_has_a_price():
    free = recommend(setting_of(), prices=False)
    priced = recommend(setting_of(repetition=Repetition(np.array([0.05, 1.0, 1.0]))), prices=False)
    assert priced.weights[0] < 0.8 * free.weights[0]


def test_caution_keeps_to_what_the_proxies_tell():
    bold, cautious = (setting_of(caution=caution) for caution in (0.0, 2.0))
    ends = [setting.optimum(setting.candidates()) for setting in (bold, cautious)]
    spread = bold.beliefs.spread(np.array(ends))[:, 0]
    assert spread[1] < spread[0]
    assert bold.values(ends[0][None]) <= bold.values(ends[1][None])
