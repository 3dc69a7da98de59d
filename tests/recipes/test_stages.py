"""Stages: totals stay the plan's, what is consumed is carried on, and order matters only as much as the user says."""

import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from infolaw import fit, simulated_runs
from infolaw.errors import BudgetError, RecipeError
from infolaw.points import Points
from recipes import Budget, Cell, Constraints, Corpus, Plan, make_plan
from recipes.cli import app
from recipes.consumed_file import read_consumed
from recipes.exporters.stages import export_plan
from recipes.pricer import Pricer
from recipes.stages import Schedule, make_schedule, parse_stages, weighed

TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
CELLS = ("q0", "q1", "q2")
CORPUS = Corpus(
    tuple(Cell(name, size, 1000, (f"data/{name}",)) for name, size in zip(CELLS, (1e10, 4e10, 1e11), strict=True))
)
SIZE = (1e9, 3e11)


@pytest.fixture(scope="module")
def law():
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    return fit("infolaw_e", simulated_runs("infolaw_e", TRUTH, points, cells=CELLS, noise_sd=0.003), bootstrap=30)


def schedule(law, weights, shares, decay_weight=1.0, **rules):
    return make_schedule(Pricer(law, CORPUS, Constraints(**rules)), *SIZE, np.array(weights), shares, decay_weight)


WHOLE = (0.3, 0.5, 0.2)


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.5, 0.3, 0.2), (1.0,)])
@pytest.mark.parametrize("decay_weight", [1.0, 2.5])
def test_stages_add_up_to_the_plan_and_follow_each_other(law, shares, decay_weight):
    found = schedule(law, WHOLE, shares, decay_weight)
    read = np.array([[cell.trained for cell in stage.cells] for stage in found.stages])
    np.testing.assert_allclose(read.sum(0), np.array(WHOLE) * SIZE[1])
    np.testing.assert_allclose(read.sum(1), np.array(shares) * SIZE[1])
    assert [stage.start for stage in found.stages[1:]] == pytest.approx([stage.end for stage in found.stages[:-1]])
    for before, after in zip(found.stages, found.stages[1:], strict=False):
        assert [cell.unread_after for cell in before.cells] == pytest.approx([cell.unread_before for cell in after.cells])
    ends = [cell.epochs_after for cell in found.stages[-1].cells]
    np.testing.assert_allclose(ends, np.array(WHOLE) * SIZE[1] / CORPUS.unique_tokens)
    assert Schedule.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_without_a_weight_every_stage_has_the_plans_recipe(law):
    found = schedule(law, WHOLE, (0.8, 0.2))
    assert found.gain == 0
    for stage in found.stages:
        np.testing.assert_allclose(list(stage.weights.values()), WHOLE)


def test_the_last_stage_leans_to_quality_the_more_the_end_counts_within_its_bounds(law):
    best, gains = [], []
    for weight in (1.0, 1.5, 3.0):
        found = schedule(law, WHOLE, (0.8, 0.2), weight)
        best.append(found.stages[-1].weights["q0"])
        gains.append(found.gain)
        for stage in found.stages:
            ratio = np.array(list(stage.weights.values())) / WHOLE
            assert ratio.max() <= weight + 1e-6
            assert ratio.min() >= 1 / weight - 1e-6
    assert best == sorted(best)
    assert best[-1] > best[0] + 0.1
    assert gains == sorted(gains)


def test_no_random_last_stage_within_the_bounds_does_better(law):
    pricer, late = Pricer(law, CORPUS, Constraints()), 0.2 * SIZE[1]
    found = schedule(law, WHOLE, (0.8, 0.2), 2.0)
    total = np.array(WHOLE) * SIZE[1]
    random = np.random.default_rng(1).dirichlet(np.ones(3), 4000)
    ratio = random / WHOLE
    random = random[(ratio <= 2.0).all(1) & (ratio >= 0.5).all(1)]
    assert len(random) > 100
    own = np.array(list(found.stages[-1].weights.values()))
    losses = law.predict(weighed(pricer, SIZE[0], total, np.vstack([own, random]) * late, 2.0))
    assert losses[0] <= losses.min() + 1e-7


def test_an_even_order_is_priced_as_the_plan_itself(law):
    pricer, total = Pricer(law, CORPUS, Constraints()), np.array(WHOLE) * SIZE[1]
    even = law.predict(weighed(pricer, SIZE[0], total, 0.2 * total, 5.0))
    np.testing.assert_allclose(even, law.predict(pricer.points(*SIZE, np.array(WHOLE))))


def test_what_was_consumed_is_a_floor_and_the_rest_is_planned(law):
    consumed = {"q0": 2e10, "q2": 1e11}
    plan = make_plan(
        law, CORPUS, Budget(n_params=SIZE[0], tokens=SIZE[1]), constraints=Constraints(consumed=consumed), stages=(1.0,)
    )
    total = {row.cell: row.trained for row in plan.ledger}
    assert all(total[cell] >= read * (1 - 1e-9) for cell, read in consumed.items())
    (rest,) = plan.schedule["stages"]
    assert rest["start"] == pytest.approx(1.2e11)
    for cell in rest["cells"]:
        assert cell["trained"] == pytest.approx(total[cell["cell"]] - consumed.get(cell["cell"], 0.0), abs=1e3)


@pytest.mark.parametrize(
    ("rules", "budget", "said"),
    [
        ({"consumed": {"q0": 3e10}, "max_epochs": 2}, {"n_params": 1e9, "tokens": 3e11}, "of q0 were consumed already"),
        ({"consumed": {"q2": 4e11}}, {"n_params": 1e9, "tokens": 3e11}, "the whole run has 3e\\+11"),
        ({"consumed": {"q2": 1e10}}, {"flops": 1e21}, "fix it with --n-params"),
    ],
)
def test_what_was_consumed_and_cannot_be_is_told(law, rules, budget, said):
    with pytest.raises(BudgetError, match=said):
        make_plan(law, CORPUS, Budget(**budget), constraints=Constraints(**rules))


@pytest.mark.parametrize("text", ["0.8,0.3", "a,b", "1.2,-0.2", ""])
def test_stages_that_are_none_are_refused(text):
    with pytest.raises(RecipeError, match="0.8,0.2"):
        parse_stages(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cell,weight\nq0,1\n", "starts with 'cell,tokens'"),
        ("cell,tokens\nq0,many\n", "row 1: 'q0,many' is not a cell and a number"),
        ("cell,tokens\nq0,1\nq0,2\n", "row 2: cell 'q0' stands twice"),
        ("cell,tokens\nq0,-1\n", "q0 = -1 is no count of tokens"),
    ],
)
def test_a_ledger_of_what_was_consumed_that_is_none_is_refused_by_row(tmp_path, text, said):
    (tmp_path / "read.csv").write_text(text)
    with pytest.raises(RecipeError, match=f"read.csv: .*{said}"):
        read_consumed(tmp_path / "read.csv")


def test_a_weight_below_one_and_an_unknown_stage_are_refused(law):
    with pytest.raises(RecipeError, match="--decay-weight 0.5 must be 1"):
        schedule(law, WHOLE, (0.8, 0.2), 0.5)
    plan = make_plan(law, CORPUS, Budget(n_params=1e9, tokens=1e11))
    with pytest.raises(RecipeError, match="the plan has 0 stages"):
        export_plan(plan, CORPUS, "megatron", 1)


def test_plan_and_export_write_a_file_a_stage_and_their_schedule(law, tmp_path):
    law.write(tmp_path / "fit.json")
    CORPUS.write(tmp_path / "corpus.yaml")
    (tmp_path / "read.csv").write_text("cell,tokens\nq1,5e10\n")
    files = [str(tmp_path / name) for name in ("fit.json", "corpus.yaml")]
    asked = ["--n-params", "1e9", "--tokens", "3e11", "--stages", "0.7,0.3", "--decay-weight", "2"]
    asked += ["--consumed", str(tmp_path / "read.csv"), "--out", str(tmp_path / "plan.yaml")]
    planned = CliRunner().invoke(app, ["plan", *files, *asked])
    assert planned.exit_code in (0, 3), planned.output
    assert "the law itself sees no order" in planned.stdout
    plan = Plan.read(tmp_path / "plan.yaml")
    export = ["export", str(tmp_path / "plan.yaml"), "--corpus", files[1], "--to", "megatron"]
    assert CliRunner().invoke(app, [*export, "--out", str(tmp_path / "blend.txt")]).exit_code == 0
    known = yaml.safe_load((tmp_path / "blend.schedule.yaml").read_text())
    assert [stage["file"] for stage in known["stages"]] == ["blend.stage1.txt", "blend.stage2.txt"]
    for stage, planned_stage in zip(known["stages"], plan.schedule["stages"], strict=True):
        words = (tmp_path / stage["file"]).read_text().split()
        blend = dict(zip(words[1::2], map(float, words[::2]), strict=True))
        wanted = {f"data/{cell['cell']}": cell["weight"] for cell in planned_stage["cells"] if cell["weight"] > 0}
        assert blend == pytest.approx(wanted)
    single = CliRunner().invoke(app, [*export, "--stage", "2"])
    assert single.stdout.split() == (tmp_path / "blend.stage2.txt").read_text().split()
