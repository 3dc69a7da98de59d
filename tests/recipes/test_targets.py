"""Several targets: their weights decide, the guard holds for each of them, and what it cannot hold is told."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from infolaw import simulated_runs
from infolaw.errors import BudgetError, RecipeError
from infolaw.points import Points
from infolaw.weighted import fit_weighted
from recipes import Budget, Cell, Constraints, Corpus, Plan, Recipe, make_plan
from recipes.cli import app
from recipes.pricer import Pricer
from recipes.targets import Wished, Wishes, reweighed

CELLS = ("q0", "q1", "q2")
TRUTH = {"A": 60.0, "alpha": 0.3, "B": 300.0, "beta": 0.25, "R": 6.0, "P": 0.3, "kappa": 0.2, "mu": 0.1, "theta": 0.3}
FLOORS = {"web": (1.0, 1.1, 1.4), "code": (1.35, 1.1, 1.05)}
CORPUS = Corpus((Cell("q0", 4e10), Cell("q1", 6e10), Cell("q2", 1e11)))
TODAY = Recipe({"q0": 0.3, "q1": 0.5, "q2": 0.2})
SIZE = Budget(n_params=1e9, tokens=4e10)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(1)
    n = np.repeat(np.geomspace(1e8, 4e9, 5), 8)
    tokens = n * np.tile([5, 20, 40, 80], 10)
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 40), unique=tokens[:, None] * np.ones(3))
    tables = {}
    for name, floors in FLOORS.items():
        truth = TRUTH | {f"E[{cell}]": floor for cell, floor in zip(CELLS, floors, strict=True)}
        tables[name] = simulated_runs("repetition", truth, points, cells=CELLS, noise_sd=0.001, seed=len(name))
    frame = tables["web"].to_frame().rename(columns={"loss": "loss:web"})
    frame["loss:code"] = tables["code"].to_frame()["loss"].to_numpy()
    from infolaw import RunTable

    return fit_weighted("repetition", RunTable.from_frame(frame), {"web": 0.5, "code": 0.5}, bootstrap=40, heldout=None)


def planned(fitted, wishes, **options):
    return make_plan(reweighed(fitted, wishes), CORPUS, SIZE, baseline=TODAY, wishes=wishes, **options)


@pytest.fixture(scope="module")
def leaning(fitted):
    return planned(fitted, Wishes({"web": 0.85, "code": 0.15}))


@pytest.fixture(scope="module")
def guarded(fitted):
    return planned(fitted, Wishes({"web": 0.85, "code": 0.15}, guard=True))


def test_the_weights_decide(fitted, leaning):
    other = planned(fitted, Wishes({"web": 0.15, "code": 0.85}), details=False)
    assert leaning.weights["q0"] > other.weights["q0"] + 0.2
    assert [one.target for one in leaning.targets] == ["loss:web", "loss:code"]
    assert [one.weight for one in leaning.targets] == pytest.approx([0.85, 0.15])
    sum_of_changes = sum(one.weight * one.difference for one in leaning.targets)
    assert sum_of_changes == pytest.approx(leaning.versus[0].difference)


def test_the_guard_keeps_every_target_and_says_what_it_costs(leaning, guarded):
    assert max(one.difference for one in leaning.targets) > 0.01
    assert max(one.difference for one in guarded.targets) <= 0
    assert guarded.versus[0].difference < 0
    cost = {price.constraint: price.cost for price in guarded.prices}["no target worse than under today's mixture"]
    assert cost == pytest.approx(guarded.loss.value - leaning.loss.value, abs=2e-3)


def test_no_random_recipe_that_keeps_the_guard_does_better(fitted, guarded):
    whole = reweighed(fitted, Wishes({"web": 0.85, "code": 0.15}))
    pricer = Pricer(whole, CORPUS, Constraints())
    random = np.random.default_rng(0).dirichlet(np.ones(3), 20_000)
    points, today = (pricer.points(1e9, 4e10, weights) for weights in (random, TODAY.array(CELLS)))
    kept = np.all([part.predict(points) <= part.predict(today) for part in whole.parts], axis=0)
    inside = (random <= [high for _, high in whole.support.weights]).all(1)
    assert (kept & inside).sum() > 100
    assert guarded.loss.value <= whole.predict(points)[kept & inside].min() + 5e-4  # chosen over worlds, not the point


def test_recipes_as_good_keep_the_guard_too(fitted, guarded):
    whole = reweighed(fitted, Wishes({"web": 1, "code": 1}))
    pricer = Pricer(whole, CORPUS, Constraints())
    for weights in guarded.equals:
        both = np.vstack([list(weights.values()), TODAY.array(CELLS)])
        for part in whole.parts:
            loss = part.predict(pricer.points(1e9, 4e10, both))
            assert loss[0] <= loss[1] + 1e-5


def test_a_guard_that_constraints_forbid_is_one_sentence(fitted):
    with pytest.raises(BudgetError, match=r"at best loss:code is .* worse; ease the constraints"):
        planned(fitted, Wishes({"web": 1, "code": 1}, guard=True), constraints=Constraints(min_share={"q0": 0.8}))


def test_the_worst_target_fares_better_than_under_the_sum(fitted, leaning):
    even = planned(fitted, Wishes({"web": 0.85, "code": 0.15}, kind="worst"), details=False)
    relative = [max(one.difference / (one.loss - one.difference) for one in plan.targets) for plan in (even, leaning)]
    assert relative[0] < relative[1]


def test_a_plan_of_several_targets_survives_its_file_and_shows_them(guarded, tmp_path):
    guarded.write(tmp_path / "plan.yaml")
    assert Plan.read(tmp_path / "plan.yaml") == guarded
    assert "loss:code" in str(guarded)
    assert guarded.provenance["objective"] == {"weights": {"web": 0.85, "code": 0.15}, "kind": "sum", "guard": True}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"math": 1}, "weighs math, and the fit has loss:web, loss:code"),
        ({"web": 0}, "weighs no target"),
        ({"web": -1}, "-1"),
    ],
)
def test_wishes_that_the_fit_cannot_grant_are_refused(fitted, weights, said):
    with pytest.raises(RecipeError, match=said):
        reweighed(fitted, Wishes(weights))


def test_a_line_that_an_objective_file_lacks_is_named_with_what_to_write(tmp_path):
    (tmp_path / "objective.yaml").write_text("weights: {web: 1}\n")
    with pytest.raises(RecipeError, match="schema_version is missing beside .'weights'.: add the line `schema_version: 1`"):
        Wishes.read(tmp_path / "objective.yaml")


def test_the_command_takes_an_objective_file(fitted, tmp_path):
    fitted.write(tmp_path / "fit.json")
    CORPUS.write(tmp_path / "corpus.yaml")
    TODAY.write(tmp_path / "today.yaml")
    (tmp_path / "good.yaml").write_text("schema_version: 1\nweights: {web: 3, code: 1}\nguard: true\n")
    (tmp_path / "bad.yaml").write_text("schema_version: 1\nweights: {web: 3, code: 1}\nhigher_is_better: [code]\n")
    words = [
        "plan",
        *(str(tmp_path / name) for name in ("fit.json", "corpus.yaml")),
        "--n-params",
        "1e9",
        "--tokens",
        "4e10",
    ]
    words += ["--baseline", str(tmp_path / "today.yaml"), "--json", "--objective"]
    done = CliRunner().invoke(app, [*words, str(tmp_path / "good.yaml")])
    assert done.exit_code in (0, 3), done.output
    assert [one["weight"] for one in json.loads(done.stdout)["targets"]] == [0.75, 0.25]
    refused = CliRunner().invoke(app, [*words, str(tmp_path / "bad.yaml")])
    assert refused.exit_code == 2
    assert "fit the target '1 - code'" in refused.stderr


@pytest.mark.parametrize("kind", ["sum", "worst"])
@pytest.mark.parametrize("guard", [False, True])
def test_slopes_of_what_is_wished_for_are_those_of_differences(fitted, kind, guard):
    wishes = Wishes({"web": 0.7, "code": 0.3}, kind, guard)
    wished = replace(Wished.of(fitted, np.array([0.3, 0.5, 0.2]), wishes), pressure=np.array([0.3, 0.0]))
    weights = np.random.default_rng(3).dirichlet(5 * np.ones(3), 6)
    points = Points.build(1e9, 4e10, weights=weights, unique=CORPUS.unique_tokens)
    moved = points.cell_tokens + 1e-6 * points.tokens[:, None] * np.concatenate([np.eye(3), -np.eye(3)])[:, None]
    ends = np.stack([wished.predict(replace(points, cell_tokens=tokens)) for tokens in moved], -1)
    np.testing.assert_allclose(wished.by_share(points), (ends[:, :3] - ends[:, 3:]) / 2e-6, rtol=1e-4, atol=1e-5)
