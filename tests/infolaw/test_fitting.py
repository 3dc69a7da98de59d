"""Fits: they find the optimum, say how they ended, and warn of what the runs cannot tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from infolaw import FitStatus, RunTable, fit, simulated_runs
from infolaw.errors import FitError, LawError, NonFiniteFitError
from infolaw.objectives import huber
from infolaw.points import Points
from infolaw.simulate import HOFFMANN
from infolaw.solver import minimise


def table(**columns):
    import pandas as pd

    return RunTable.from_frame(pd.DataFrame(columns))


def test_noiseless_chinchilla_comes_back_to_six_digits():
    params = fit("chinchilla", simulated_runs(noise_sd=0.0)).params
    np.testing.assert_allclose([params[name] for name in HOFFMANN], list(HOFFMANN.values()), rtol=1e-6)


def test_noisy_constants_lie_inside_their_intervals():
    result = fit("chinchilla", simulated_runs(noise_sd=0.005, seed=4))
    intervals = result.param_interval(0.99)
    assert all(intervals[name][0] < truth < intervals[name][1] for name, truth in HOFFMANN.items())


def test_huber_fit_agrees_with_scipy_from_its_own_optimum():
    result = fit("chinchilla", simulated_runs(noise_sd=0.02, seed=1), huber_delta=0.01, heldout=None)
    problem = result.problem
    rival = least_squares(
        lambda t: problem.residuals(t[None])[0],
        result.theta,
        jac=lambda t: problem.log_jacobian(t[None])[0].T,
        loss="huber",
        f_scale=0.01,
        x_scale="jac",
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
    )
    assert result.objective <= rival.cost * (1 + 1e-9)
    np.testing.assert_allclose(
        np.exp(problem.residuals(rival.x[None])), np.exp(problem.residuals(result.theta[None])), rtol=1e-5
    )


def test_epoch_chinchilla_reaches_the_published_objective_from_every_seed(shared_data):
    from infolaw import read_runs

    runs = read_runs(shared_data / "epoch_chinchilla.csv")
    kept = "outlier_dropped_by_epoch == 0"
    objectives = [
        fit("chinchilla", runs, where=kept, huber_delta=1e-3, heldout=None, seed=seed).objective for seed in range(20)
    ]
    assert sum(value <= 0.0010185 for value in objectives) >= 19


def test_groups_share_exponents_and_keep_their_levels():
    parts = [simulated_runs(constants={**HOFFMANN, "E": level}, noise_sd=0.0).to_frame() for level in (1.5, 2.5)]
    frame = parts[0].assign(group="a"), parts[1].assign(group="b")
    import pandas as pd

    runs = RunTable.from_frame(pd.concat(frame, ignore_index=True).drop(columns="run_id"))
    params = fit("chinchilla", runs, group="group", heldout=None).params
    np.testing.assert_allclose([params["E[a]"], params["E[b]"], params["alpha"]], [1.5, 2.5, 0.34], rtol=1e-5)


def test_tied_sizes_and_tokens_are_warned_of():
    points = Points.build(np.geomspace(1e8, 1e10, 12), 20 * np.geomspace(1e8, 1e10, 12))
    warnings = fit("chinchilla", simulated_runs(points=points), heldout=None).warnings
    assert any("tokens / n_params is 20 in every run" in text and "Add runs" in text for text in warnings)
    assert any("cannot be told apart" in text for text in warnings)


def test_a_constant_on_its_bound_is_a_status_and_a_warning():
    floor = fit("chinchilla", simulated_runs(constants={**HOFFMANN, "E": 0.0}, noise_sd=0.03, seed=5), heldout=None)
    assert floor.status is not FitStatus.CONVERGED
    assert any("E (" in text and "bound 0" in text for text in floor.warnings)


def test_all_starts_are_reported_best_first():
    starts = fit("chinchilla", simulated_runs(), heldout=None).starts
    assert starts.n_drawn == 64
    assert list(starts.objectives) == sorted(starts.objectives)
    assert 1 <= starts.n_at_best <= len(starts.objectives)


def test_fewer_rows_than_constants_is_one_sentence():
    with pytest.raises(FitError, match="5 values to fit .* only 3 rows: add runs"):
        fit("chinchilla", table(n_params=[1e8, 2e8, 4e8], tokens=[2e9, 4e9, 8e9], loss=[4.0, 3.8, 3.6]))


def test_an_unknown_law_lists_those_there_are():
    with pytest.raises(LawError, match="no law 'chincilla': did you mean 'chinchilla'.*data_constrained"):
        fit("chincilla", simulated_runs())


def test_an_unknown_setting_lists_those_there_are():
    with pytest.raises(LawError, match="no setting colour.*growth"):
        fit("infolaw_e:colour=red", simulated_runs())


def test_a_law_over_buckets_refuses_domains():
    weights = {"weight:web": np.full(20, 0.5), "weight:code": np.full(20, 0.5)}
    runs = table(
        n_params=np.geomspace(1e7, 1e9, 20), tokens=np.geomspace(1e9, 1e10, 20), loss=np.linspace(4, 3, 20), **weights
    )
    with pytest.raises(LawError, match="needs a quality bucket in every cell.*web, code"):
        fit("infolaw", runs)


def test_strict_raises_what_would_be_a_status():
    with pytest.raises(FitError, match="bound_hit|ill_conditioned"):
        fit("chinchilla", simulated_runs(constants={**HOFFMANN, "E": 0.0}, noise_sd=0.03, seed=5), heldout=None, strict=True)


def test_no_finite_start_raises():
    from infolaw.laws import Law, Parameter

    class Broken(Law):
        name = "broken"
        parameters = (Parameter("c", (1.0, 2.0)),)

        def predict(self, p, x):
            return p["c"] * np.nan + x.n_params

    with pytest.raises(NonFiniteFitError, match="no start of law 'broken'"):
        fit(Broken(), simulated_runs(), heldout=None)


def test_published_check_value_of_the_data_constrained_law():
    from infolaw import law_named
    from infolaw.points import Schema

    constants = {"E": np.exp(0.6254804), "A": np.exp(6.255414), "B": np.exp(7.3049974), "alpha": 0.3526596}
    constants |= {"beta": 0.3526596, "R_D": 15.387756, "R_N": 5.309743}
    law = law_named("data_constrained").bind(Schema())
    loss = law.predict(law.encode(constants)[None], Points.build(6.34e9, 242e9, unique=[25e9]))[0, 0]
    assert round(float(loss), 5) == 2.22564


def test_data_constrained_is_chinchilla_where_nothing_repeats_and_models_are_small():
    from infolaw import law_named
    from infolaw.points import Schema

    points = Points.build([1e7, 1e8], [1e11, 1e12], unique=[[2e11], [2e12]])
    constrained, plain = (law_named(name).bind(Schema()) for name in ("data_constrained", "chinchilla"))
    given = {**HOFFMANN, "R_D": 15.0, "R_N": 5.0}
    losses = [law.predict(law.encode(given)[None], points) for law in (constrained, plain)]
    np.testing.assert_allclose(*losses, rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_row_order_does_not_matter(seed):
    runs = simulated_runs(noise_sd=0.01)
    order = np.random.default_rng(seed).permutation(len(runs))
    shuffled = RunTable.from_frame(runs.to_frame().iloc[order].reset_index(drop=True))
    first, second = (fit("chinchilla", r, heldout=None).params for r in (runs, shuffled))
    np.testing.assert_allclose(list(first.values()), list(second.values()), rtol=1e-4)


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_the_unit_of_tokens_does_not_change_chinchillas_predictions(scale):
    runs = simulated_runs(noise_sd=0.01)
    frame = runs.to_frame()
    other = RunTable.from_frame(frame.assign(tokens=frame["tokens"] * scale))
    first, second = fit("chinchilla", runs, heldout=None), fit("chinchilla", other, heldout=None)
    np.testing.assert_allclose(first.predict(first.problem.points), second.predict(second.problem.points), rtol=1e-5)


def test_huber_is_quadratic_then_linear():
    np.testing.assert_allclose(huber(np.array([0.1, -0.1, 5.0]), 1.0), [0.005, 0.005, 4.5])


def test_solver_holds_values_on_their_bounds():
    solved = minimise(
        lambda t, i: t - np.array([2.0, 0.3]),
        lambda t, i, r: np.tile(np.eye(2), (len(t), 1, 1)),
        np.zeros((1, 2)),
        np.array([-1.0, -1.0]),
        np.array([1.0, 1.0]),
    )
    np.testing.assert_allclose(solved.theta, [[1.0, 0.3]], atol=1e-8)


def test_parametric_and_residual_bootstraps_agree_on_normal_noise():
    from infolaw.uncertainty import bootstrap

    result = fit("chinchilla", simulated_runs(noise_sd=0.01), objective="squared", heldout=None)
    spreads = [bootstrap(result.problem, result.theta, 400, 0, kind).std(0) for kind in ("parametric", "residual")]
    np.testing.assert_allclose(*spreads, rtol=0.25)


def test_steps_bend_with_a_curved_valley():
    # Rosenbrock's valley as residuals (10 (y - x^2), 1 - x), from its far end
    def residuals(t, i):
        return np.stack([10 * (t[:, 1] - t[:, 0] ** 2), 1 - t[:, 0]], 1)

    def jacobian(t, i, r):
        zero = np.zeros(len(t))
        return np.stack([np.stack([-20 * t[:, 0], zero - 1], 1), np.stack([zero + 10, zero], 1)], 1)

    solved = minimise(residuals, jacobian, np.array([[-20.0, 400.0]]), np.full(2, -1e3), np.full(2, 1e3))
    np.testing.assert_allclose(solved.theta, [[1.0, 1.0]], rtol=1e-6)
