"""Every law in the family keeps the same contract; a new law is tested on the day its file is written."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from infolaw import LAWS, FitResult, fit, law_named
from infolaw.laws import Law, Parameter
from infolaw.objectives import ExtraRows
from infolaw.points import Points, Schema
from infolaw.problem import Problem
from infolaw.simulate import simulated_runs

VARIANTS = [
    *LAWS,
    "repetition:harm=ratio",
    "repetition:harm=size",
    "infolaw_e:growth=log",
    "concave_mixing:data=fading",
    "domain_terms:harm=bounded,passes=sooner",
    "infolaw:log_base=10,param_unit=1e6,token_unit=1e3",
]
CELLS = ("q0", "q1", "q2")
GROUPS = ("comma", "dclm")


def some_points(n=40, seed=0):
    rng = np.random.default_rng(seed)
    n_params = np.exp(rng.uniform(17, 21, n))
    tokens = n_params * np.exp(rng.uniform(1, 5, n))
    weights = rng.dirichlet(np.ones(3), n)
    unique = tokens[:, None] * weights * rng.uniform(0.02, 1.5, (n, 3))
    return Points.build(n_params, tokens, weights=weights, unique=unique, group=np.arange(n) % 2)


def bound(spec, points, groups=GROUPS):
    schema = Schema(CELLS, groups, "loss", points.log_n_params.mean(), points.log_tokens.mean())
    return law_named(spec).bind(schema)


def some_vectors(law, n=3, seed=1):
    rng = np.random.default_rng(seed)
    limits = [owner.start or (0.5, 2.0) for owner in law.owners]
    middle = np.array([rng.uniform(a + 0.05 * (b - a), b, n) for a, b in limits]).T
    logs = np.array([owner.log for owner in law.owners])
    return np.where(logs, np.log(np.where(logs, middle, 1.0)), middle)


@pytest.mark.parametrize("spec", VARIANTS)
def test_analytic_gradient_is_the_differenced_one(spec):
    points = some_points()
    law = bound(spec, points)
    theta = some_vectors(law)
    differenced = law._differences(theta, points)
    np.testing.assert_allclose(law.jacobian(theta, points), differenced, rtol=1e-5, atol=1e-7 * np.abs(differenced).max())


@pytest.mark.parametrize("cells", [CELLS, ("web/q0", "web/q1", "code/q0")])
@pytest.mark.parametrize("spec", [spec for spec in VARIANTS if type(law_named(spec)).by_share is not Law.by_share])
def test_analytic_slopes_by_share_are_the_differenced_ones(spec, cells):
    points = some_points()
    schema = Schema(cells, ("all",), "loss", points.log_n_params.mean(), points.log_tokens.mean())
    law, one_group = law_named(spec).bind(schema), replace(points, group=np.zeros(len(points), np.intp))
    theta, h = some_vectors(law), 1e-6
    steps = one_group.tokens[:, None] * np.array([h, -h])[:, None, None, None] * np.eye(3)[:, None]
    moved = one_group.cell_tokens + steps
    ends = [[law.predict(theta, replace(one_group, cell_tokens=tokens)) for tokens in each] for each in moved]
    differenced = (np.stack(ends[0], -1) - np.stack(ends[1], -1)) / (2 * h)
    np.testing.assert_allclose(law.by_share(theta, one_group), differenced, rtol=1e-5, atol=1e-5 * np.abs(differenced).max())


@pytest.mark.parametrize("spec", ["domain_terms", "domain_terms:harm=bounded,passes=sooner"])
def test_a_law_with_terms_by_domain_has_them_for_every_group_and_the_gradient_holds(spec):
    points = some_points()
    schema = Schema(("web/q0", "web/q1", "code/q0"), GROUPS, "loss", points.log_n_params.mean(), points.log_tokens.mean())
    law = law_named(spec).bind(schema)
    assert {"B[comma,web]", "B[dclm,code]", "theta"} <= set(law.names)
    theta = some_vectors(law)
    differenced = law._differences(theta, points)
    np.testing.assert_allclose(law.jacobian(theta, points), differenced, rtol=1e-5, atol=1e-7 * np.abs(differenced).max())


@pytest.mark.parametrize("spec", VARIANTS)
def test_published_constants_and_vector_are_two_names_of_one_thing(spec):
    law = bound(spec, some_points())
    theta = some_vectors(law)[0]
    np.testing.assert_allclose(law.encode(law.report(theta)), theta, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spec", VARIANTS)
def test_jacobian_of_the_published_constants_is_the_differenced_one(spec):
    law = bound(spec, some_points())
    theta = some_vectors(law)[0]
    steps = 1e-6 * np.eye(len(theta))
    rise = [list(law.report(theta + s).values()) - np.array(list(law.report(theta - s).values())) for s in steps]
    differenced = np.array(rise).T / 2e-6
    np.testing.assert_allclose(law.report_jacobian(theta), differenced, rtol=1e-5, atol=1e-6 * np.abs(differenced).max())


@pytest.mark.parametrize("spec", VARIANTS)
def test_one_vector_and_one_point_at_a_time_give_what_a_batch_gives(spec):
    points = some_points()
    law = bound(spec, points)
    theta = some_vectors(law)
    looped = [[law.predict(t[None], points.take([k]))[0, 0] for k in range(len(points))] for t in theta]
    np.testing.assert_allclose(law.predict(theta, points), looped, rtol=1e-12)


@pytest.mark.parametrize("spec", VARIANTS)
def test_names_are_unique_documented_and_bounded(spec):
    law = bound(spec, some_points())
    assert len(set(law.names)) == len(law.names)
    assert all(owner.meaning and owner.bounds[0] < owner.bounds[1] for owner in law.owners)
    assert law.law.formula
    assert law.law.reference
    assert law.law.needs


@pytest.mark.parametrize("spec", VARIANTS)
def test_a_law_pickles_and_its_label_names_it(spec):
    law = law_named(spec)
    assert pickle.loads(pickle.dumps(law)) == law
    assert law_named(law.label) == law


@pytest.mark.parametrize("spec", VARIANTS)
def test_loss_falls_with_fresh_tokens(spec):
    points = Points.build(1e9, np.geomspace(1e9, 1e12, 8), weights=np.full(3, 1 / 3))
    law = bound(spec, points, ("all",))
    assert (np.diff(law.predict(some_vectors(law), points), axis=1) < 0).all()


@pytest.mark.parametrize("spec", [*LAWS])
def test_noiseless_runs_give_back_the_law_that_made_them(spec):
    points = some_points(60, seed=3)
    law = bound(spec, points, ("all",))
    truth = law.report(some_vectors(law, seed=7)[0])
    runs = simulated_runs(spec, truth, points, cells=CELLS, noise_sd=0.0)
    result = fit(spec, runs, heldout=None, objective="squared")
    np.testing.assert_allclose(result.predict(result.problem.points), result.observations.losses, rtol=1e-5)


@pytest.mark.parametrize("spec", [*LAWS])
def test_the_same_seed_gives_the_same_bytes(spec):
    runs = simulated_runs(noise_sd=0.01)
    first, second = (fit(spec, runs, bootstrap=20).to_dict() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("spec", [*LAWS])
def test_a_fit_survives_its_file(spec, tmp_path):
    result = fit(spec, simulated_runs(), bootstrap=20)
    result.write(tmp_path / "fit.json")
    again = FitResult.read(tmp_path / "fit.json")
    points = result.points([1e9, 1e10], [1e11, 1e11])
    np.testing.assert_array_equal(again.predict(points), result.predict(points))
    np.testing.assert_array_equal(again.draws(points, 20), result.draws(points, 20))
    assert again.to_dict() == result.to_dict()


@pytest.mark.parametrize("spec", [*LAWS])
def test_a_fit_does_not_depend_on_its_batch_neighbours(spec):
    points = some_points()
    law = bound(spec, points, ("all",))
    theta = some_vectors(law, 6)
    log_losses = np.log(law.predict(theta[:1], points)[0])
    problem = Problem(law, points, log_losses, ExtraRows.none(len(theta[0])), 0.01)
    alone = [problem.solve(t[None], max_steps=15).theta[0] for t in theta]
    np.testing.assert_array_equal(alone, problem.solve(theta, max_steps=15).theta)


def test_a_new_law_takes_ten_lines_and_gets_fit_intervals_and_summary():
    class Kaplan(Law):
        """L = (N_c / N)^alpha (Kaplan et al. 2020)."""

        name = "kaplan"
        formula = "L = A / N^alpha"
        parameters = (Parameter("A", (1e-3, 1e6), log=True, start=(1, 100)), Parameter("alpha", (0.0, 1.0)))

        def predict(self, p, x):
            return p["A"] * np.exp(-p["alpha"] * x.log_n_params)

    truth = {"A": 20.0, "alpha": 0.1}
    result = fit(Kaplan(), simulated_runs(Kaplan(), truth, noise_sd=0.01), seed=0)
    low, high = result.param_interval()["alpha"]
    assert low < 0.1 < high
    assert list(result.summary().index) == ["A", "alpha"]
    assert result.interval(result.points(1e10, 1e12)).lower < 20 * 1e10**-0.1
