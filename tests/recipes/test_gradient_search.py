"""Projected gradients: the nearest recipe within bounds, and the lowest of many problems at once."""

import numpy as np
import pytest

from recipes.gradient_search import descend, project


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def bounds(rng, n_problems, n_cells):
    low = rng.uniform(0.0, 0.5 / n_cells, (n_problems, n_cells))
    return low, low + rng.uniform(1.0, 3.0, (n_problems, n_cells)) / n_cells


def test_the_projection_is_the_nearest_point_that_meets_the_bounds(rng):
    low, high = bounds(rng, 20, 6)
    metric, far = rng.uniform(0.05, 1.0, (20, 6)), rng.normal(size=(20, 6))
    near = project(far, low, high, metric)
    np.testing.assert_allclose(near.sum(1), 1.0, atol=1e-12)
    assert (near >= low - 1e-12).all()
    assert (near <= high + 1e-12).all()
    others = project(near + 0.1 * rng.normal(size=(20, 6)), low, high, np.ones((20, 6)))
    towards = ((far - near) / metric * (others - near)).sum(1)
    assert (towards <= 1e-10).all()  # no other recipe within the bounds leads nearer


def test_many_problems_end_where_each_would_alone(rng):
    low, high = bounds(rng, 5, 8)
    bend, centre = rng.uniform(0.5, 20.0, (5, 8)), rng.dirichlet(np.ones(8), 5)
    metric = np.full(8, 0.1)

    def values(w, index):
        return (bend[index] * (w - centre[index]) ** 2).sum(1)

    def slopes(w, index):
        return 2 * bend[index] * (w - centre[index])

    start = np.full((5, 8), 1 / 8)
    together, lowest = descend(values, slopes, start, low, high, metric, 500, 1e-14)
    np.testing.assert_allclose(together, project(centre, low, high, 1 / bend), atol=1e-5)
    np.testing.assert_allclose(lowest, values(together, np.arange(5)))
    for k in range(5):
        own = {"values": lambda w, _, k=k: values(w, [k]), "slopes": lambda w, _, k=k: slopes(w, [k])}
        alone, _ = descend(**own, start=start[[k]], low=low[[k]], high=high[[k]], metric=metric, most=500, within=1e-14)
        np.testing.assert_allclose(alone[0], together[k], atol=1e-12)


def test_a_kink_on_the_way_does_not_make_the_end_worse_than_the_start(rng):
    low, high, metric = np.zeros((1, 4)), np.ones((1, 4)), np.full(4, 0.25)
    kinked = np.array([0.4, 0.3, 0.2, 0.1])
    start = rng.dirichlet(np.ones(4))[None]
    _, lowest = descend(
        lambda w, _: np.abs(w - kinked).sum(1), lambda w, _: np.sign(w - kinked), start, low, high, metric, 200, 1e-12
    )
    assert lowest[0] < 0.1 * np.abs(start - kinked).sum()
