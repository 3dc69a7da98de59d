"""Parts of the runs fitted in one batch: the fits that each would get for itself."""

import numpy as np
import pytest

from infolaw import simulated_runs
from infolaw.fitting import fit_law
from infolaw.laws import law_named
from infolaw.observations import observe
from infolaw.points import Points
from infolaw.refitting import refit

TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 1500.0, "beta": 0.34, "R_D": 12.0, "R_N": 6.0}


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(5e7, 2e9, 5), 12)
    tokens = n * np.exp(rng.uniform(np.log(3), np.log(100), len(n)))
    points = Points.build(n, tokens, unique=tokens[:, None] * rng.uniform(0.05, 1.2, (len(n), 1)))
    return observe(simulated_runs("data_constrained", TRUTH, points, noise_sd=0.002, seed=1))


@pytest.fixture(scope="module")
def whole(seen):
    return fit_law(law_named("data_constrained"), seen)


@pytest.fixture(scope="module")
def parts(seen):
    fold = np.random.default_rng(2).permutation(len(seen)) % 3
    return [fold != k for k in range(3)]


def test_a_part_is_fitted_as_it_would_be_alone(seen, whole, parts):
    width = whole.problem.delta
    for part, found in zip(parts, refit(whole, parts), strict=True):
        alone = fit_law(whole.bound.law, seen.take(part), huber_delta=width)
        assert found.objective == pytest.approx(alone.objective, rel=1e-5)
        assert len(found.observations) == len(found.problem.points) == part.sum()
        rest = seen.points.take(~part)
        np.testing.assert_allclose(found.predict(rest), alone.predict(rest), rtol=1e-4)


def test_parts_do_not_depend_on_their_neighbours(whole, parts):
    together = refit(whole, parts)
    for part, found in zip(parts, together, strict=True):
        np.testing.assert_allclose(refit(whole, [part])[0].theta, found.theta, rtol=1e-10)


def test_runs_held_out_leave_no_trace_in_what_a_part_cannot_tell(seen, whole):
    fresh = seen.points.cell_epochs[:, 0] <= 1
    found = refit(whole, [fresh])[0]
    assert abs(np.log(found.params["R_D"] / whole.params["R_D"])) > 1e-3


def test_a_part_of_too_few_runs_has_no_fit(seen, whole):
    assert refit(whole, [np.arange(len(seen)) < 5]) == [None]
