"""Joint prediction: a law carries the size, a residual the mixture, and held-out runs say which of them to trust."""

from dataclasses import replace

import numpy as np
import pytest

from infolaw import fit, simulated_runs
from infolaw.errors import RecipeError
from infolaw.observations import observe
from infolaw.points import Points
from infolaw.runs import RunTable
from recipes import Budget, Cell, Constraints, Corpus, Recipe, make_plan
from recipes.design import make_design
from recipes.joint import Evidence, fit_joint
from recipes.joint.cells import pouring

CELLS = ("web", "code", "books")
TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 1500.0, "beta": 0.34, "R_D": 12.0, "R_N": 6.0}
CORPUS = Corpus(tuple(Cell(name, tokens) for name, tokens in zip(CELLS, (6e10, 2e10, 4e9), strict=True)))


def value_of(weights):
    """What the mixture does to log loss, beyond any law of size and repetition."""
    return -0.08 * np.sqrt(weights) @ np.array([0.2, 0.5, 1.0])


def measured(points, seed):
    table = simulated_runs("data_constrained", TRUTH, points, cells=CELLS, noise_sd=0.002, seed=seed)
    frame = table.frame.assign(loss=table.frame["loss"] * np.exp(value_of(points.weights)))
    return RunTable(frame, table.notes, f"table {seed}", str(seed))


@pytest.fixture(scope="module")
def law_runs():
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(5e7, 2e9, 5), 8)
    tokens = n * np.tile([10, 20, 40, 80], 10)
    weights = np.array([[0.7, 0.2, 0.1], [0.4, 0.3, 0.3], [0.8, 0.1, 0.1]])[rng.integers(0, 3, 40)]
    return measured(Points.build(n, tokens, weights=weights, unique=tokens[:, None] * rng.uniform(0.05, 1.5, (40, 3))), 1)


@pytest.fixture(scope="module")
def proxies():
    weights = np.random.default_rng(2).dirichlet(np.ones(3), 48)
    return measured(Points.build(2e7, 1e9, weights=weights), 3)


@pytest.fixture(scope="module")
def joint(law_runs, proxies):
    laws = ("chinchilla", "data_constrained")
    return fit_joint(observe(law_runs), proxies, CORPUS, laws=laws, n_bootstrap=60)


def target(weights):
    return Points.build(8e9, 2e11, weights=weights, unique=CORPUS.unique_tokens)


def test_hold_outs_choose_the_law_of_the_truth_with_a_residual(joint):
    assert joint.law.startswith("data_constrained + residual")
    assert max(joint.weights) > 0.9
    assert "data_constrained + residual" in joint.reason


def test_unseen_mixtures_at_the_target_are_predicted_within_the_interval(joint):
    weights = np.random.default_rng(5).dirichlet(2 * np.ones(3), 40)
    points = target(weights)
    truth = simulated_runs("data_constrained", TRUTH, points, cells=CELLS, noise_sd=0.0).frame["loss"].to_numpy()
    truth = truth * np.exp(value_of(weights))
    ends = joint.interval(points, 0.9, n=400)
    assert np.abs(np.log(joint.predict(points) / truth)).mean() < 0.01
    assert ((ends.lower <= truth) & (truth <= ends.upper)).mean() >= 0.8


def test_a_drawn_world_is_the_same_in_every_call(joint):
    points = target(np.random.default_rng(6).dirichlet(np.ones(3), 7))
    drawn = joint.draws(points, 40, 3)
    np.testing.assert_allclose(joint.draws(points.take([2, 5]), 40, 3), drawn[:, [2, 5]], rtol=1e-10)


def test_the_plan_of_a_joint_prediction_beats_that_of_the_law_alone_in_truth(joint, law_runs):
    def true_loss(plan):
        points = target(np.array([[plan.weights[cell] for cell in CELLS]]))
        table = simulated_runs("data_constrained", TRUTH, points, cells=CELLS, noise_sd=0.0)
        return float(table.frame["loss"].iloc[0] * np.exp(value_of(points.weights))[0])

    alone = fit("data_constrained", law_runs, bootstrap=60)
    budget = Budget(n_params=8e9, tokens=2e11)
    assert true_loss(make_plan(joint, CORPUS, budget)) < true_loss(make_plan(alone, CORPUS, budget)) - 0.005


def test_what_nobody_repeated_is_priced_by_the_literature_and_said(proxies):
    n = np.repeat(np.geomspace(5e7, 2e9, 5), 6)
    points = Points.build(n, n * np.tile([10, 20, 40], 10), weights=[0.7, 0.2, 0.1])
    found = fit_joint(observe(measured(points, 8)), proxies, CORPUS, n_bootstrap=60)
    assert "literature" in found.reason
    assert all(5 < member.law.params["R_D"] < 50 for member in found.members if "R_D" in member.law.params)


def test_cells_of_runs_and_proxies_meet_in_the_corpus(law_runs, proxies):
    corpus = Corpus(tuple(Cell(f"{name}/q{k}", 1e9 * (k + 1)) for name in CELLS for k in range(2)))
    frame = law_runs.frame.drop(columns=[c for c in law_runs.frame if ":" in c])
    frame = frame.assign(**{"weight:q0": 0.25, "weight:q1": 0.75})
    evidence = Evidence.of(observe(RunTable(frame, (), "runs", "")), proxies, corpus)
    assert evidence.views.cells == corpus.names
    np.testing.assert_allclose(evidence.shares[-1], proxies.frame[[f"weight:{c}" for c in CELLS]].to_numpy()[-1])
    np.testing.assert_allclose(evidence.law_rows().points.weights[0], [0.25, 0.75])


def test_proxies_without_weights_and_cells_that_the_corpus_lacks_are_refused(law_runs, proxies):
    bare = RunTable(proxies.frame.drop(columns=[c for c in proxies.frame if c.startswith("weight:")]), (), "bare.csv", "")
    with pytest.raises(RecipeError, match=r"bare\.csv have no weight: columns"):
        Evidence.of(observe(law_runs), bare, CORPUS)
    with pytest.raises(RecipeError, match="holds nothing of the runs' cells books"):
        pouring(CELLS, ("web", "code"), Corpus((Cell("web", 1e9), Cell("code", 1e9))))


def test_a_plan_says_what_binds_what_is_as_good_and_what_would_change_it(joint):
    rules = Constraints(max_share={"books": 0.15})
    today = Recipe({"web": 0.8, "code": 0.1, "books": 0.1})
    plan = make_plan(joint, CORPUS, Budget(n_params=8e9, tokens=4e10), baseline=today, constraints=rules)
    assert plan.prices[0].constraint == "books: at most 0.15"
    assert plan.prices[0].cost > 0.001
    assert set(plan.loss.parts) == {"run_noise", "parameters", "model_error", "extrapolation"}
    assert type(plan).from_dict(plan.to_dict()) == plan


def test_slopes_by_share_are_those_of_differences(joint):
    points = target(np.random.default_rng(9).dirichlet(5 * np.ones(3), 6))
    moved = points.cell_tokens + 1e-6 * points.tokens[:, None] * np.concatenate([np.eye(3), -np.eye(3)])[:, None]
    ends = np.stack([joint.predict(replace(points, cell_tokens=tokens)) for tokens in moved], -1)
    np.testing.assert_allclose(joint.by_share(points), (ends[:, :3] - ends[:, 3:]) / 2e-6, rtol=1e-4, atol=1e-6)


def test_a_design_takes_a_joint_prediction(joint):
    target_run = Budget(n_params=8e9, tokens=2e11)
    found = make_design(joint, CORPUS, 1e20, target=target_run, baseline=Recipe.natural(CORPUS), tolerance=0.0, most_runs=2)
    assert found.regret > 0
    assert 0 <= found.regret_after <= found.regret
    assert found.stop or all(set(run.weights) == set(CELLS) for run in found.runs)
