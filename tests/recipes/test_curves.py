"""Curves over budgets: every point is the best there, scarce quality gives way to diversity, pictures show what they say."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from infolaw import fit, simulated_runs
from infolaw.errors import BudgetError
from infolaw.points import Points
from recipes import Budget, Cell, Constraints, Corpus
from recipes.cli import app
from recipes.curves import BudgetPoint, RecipeCurve, grouped_shares, isoflop_recipes, recipe_curve
from recipes.plan_plots import isoflop_with_recipes, loss_frontier, recipe_by_budget, value_of_data
from recipes.pricer import Pricer
from recipes.size_search import best_size
from recipes.value import data_values, every_cell

TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
CELLS = ("q0", "q1", "q2")
CORPUS = Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)))


@pytest.fixture(scope="module")
def pricer():
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    law = fit("infolaw_e", simulated_runs("infolaw_e", TRUTH, points, cells=CELLS, noise_sd=0.003), bootstrap=40)
    return Pricer(law, CORPUS, Constraints())


@pytest.fixture(scope="module")
def curve(pricer):
    return recipe_curve(pricer, Budget(flops=1.0), np.geomspace(1e19, 1e23, 5), baseline=CORPUS.natural)


def test_every_point_is_the_best_size_and_recipe_of_its_budget(pricer, curve):
    for point in curve.points:
        size = best_size(pricer, Budget(flops=point.flops))
        assert (point.n_params, point.tokens) == pytest.approx(size)
        assert point.weights == pytest.approx(pricer.best_weights(*size))
        assert point.lower < point.loss < point.upper
        assert point.gain >= 0


def test_the_best_bucket_falls_and_the_lower_ones_enter_as_the_budget_grows(curve):
    shares = curve.shares
    assert shares[0, 0] > 0.95
    assert (np.diff(shares[:, 0]) <= 1e-9).all()
    assert shares[0, 2] < 0.01 < shares[-1, 2]
    entering = curve.entering()
    assert entering["q0"] <= entering["q1"] <= entering["q2"]
    assert curve.flops[0] < curve.overtaken(["q0"]) < curve.flops[-1]


def test_the_crossing_is_interpolated_between_budgets():
    def at(flops, share):
        return BudgetPoint(flops, 1.0, 1.0, (share, 1 - share), 1.0, 1.0, 1.0, True)

    known = RecipeCurve(("q0", "q1"), (at(1e20, 0.75), at(1e22, 0.25)))
    assert known.overtaken(["q0"]) == pytest.approx(1e21)
    assert known.overtaken(["q1"]) is None
    assert known.entering() == {"q0": 1e20, "q1": 1e20}


def test_budgets_without_an_answer_are_noted_and_none_at_all_is_refused(pricer):
    capped = Pricer(pricer.predictor, CORPUS, Constraints(max_epochs=2))
    found = recipe_curve(capped, Budget(flops=1.0), [1e20, 1e26])
    assert [point.flops for point in found.points] == [1e20]
    assert found.notes[0].startswith("1e+26 FLOP: ")
    with pytest.raises(BudgetError):
        recipe_curve(capped, Budget(flops=1.0), [1e26])


def test_isoflop_curves_bottom_out_at_the_best_size(pricer):
    (found,) = isoflop_recipes(pricer, Budget(flops=1.0), [1e21])
    best = best_size(pricer, Budget(flops=1e21))
    assert found.n_params[found.best] == pytest.approx(best[0], rel=1e-6)
    np.testing.assert_allclose(6 * found.n_params * found.tokens, 1e21)
    assert (np.diff(found.weights[:, 0]) >= -1e-9).all(), "larger models read fewer tokens, so more of the best"


def test_many_cells_are_summed_to_buckets_or_to_the_largest_domains():
    cells = [Cell(f"d{k}/q{j}", 1e9 * (k + 1)) for k in range(6) for j in range(2)]
    shares = np.random.default_rng(0).dirichlet(np.ones(12), 3)
    names, summed = grouped_shares(Corpus(tuple(cells)), shares, 8)
    assert names == ["q0", "q1"]
    np.testing.assert_allclose(summed, np.column_stack([shares[:, ::2].sum(1), shares[:, 1::2].sum(1)]))
    names, summed = grouped_shares(Corpus(tuple(Cell(f"d{k}", 1e9) for k in range(12))), shares, 8)
    assert len(names) == 8
    assert names[-1] == "others"
    np.testing.assert_allclose(summed.sum(1), 1.0)


def test_pictures_show_what_the_curves_say(pricer, curve):
    recipe = recipe_by_budget(curve, CORPUS)
    said = " ".join(text.get_text() for text in recipe.axes[0].texts)
    assert "diversity overtakes quality" in said
    assert "q0 " in said
    frontier = loss_frontier(curve)
    line = frontier.axes[0].get_lines()[0].get_ydata()
    np.testing.assert_allclose(line, [point.loss for point in curve.points])
    values = data_values(pricer, 1e9, 4e10, every_cell(CORPUS, 1e9), flops=2.4e20)
    bars = value_of_data(values).axes[0].patches
    assert max(bar.get_width() for bar in bars) == pytest.approx(1e3 * max(value.gain for value in values))
    curves = isoflop_recipes(pricer, Budget(flops=1.0), [1e20, 1e21], 5)
    assert len(isoflop_with_recipes(curves, CORPUS).axes) == 2


def test_plot_draws_curves_from_files(pricer, tmp_path):
    pricer.predictor.write(tmp_path / "fit.json")
    CORPUS.write(tmp_path / "corpus.yaml")
    arguments = ["plot", "recipe-by-budget", str(tmp_path / "fit.json"), "--out", str(tmp_path / "a.png")]
    lacking = CliRunner().invoke(app, arguments)
    assert lacking.exit_code == 2
    assert "needs the corpus" in lacking.stderr
    arguments += ["--corpus", str(tmp_path / "corpus.yaml"), "--flops", "1e20:1e22:3", "--json"]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    assert (tmp_path / "a.png").stat().st_size > 5000
    assert [point["flops"] for point in json.loads(found.stdout)["points"]] == [1e20, 1e21, 1e22]
