"""Which runs to do next: those that settle what is undecided, within the budget; and a word when none would."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from infolaw import fit, simulated_runs
from infolaw.errors import BudgetError, RecipeError
from infolaw.points import Points
from infolaw.readers import read_runs
from recipes import Budget, Cell, Constraints, Corpus, Plan, Recipe, make_plan
from recipes.cli import app
from recipes.design import make_design
from recipes.design.beliefs import Beliefs
from recipes.design.candidates import candidates
from recipes.design.decisions import Tried, decisions, losses_of, other_sizes
from recipes.design.linear import directions
from recipes.design.picking import expected_regret, pick, value_of
from recipes.pricer import Pricer

TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
CELLS = ("q0", "q1", "q2")
BUDGET = 1e21
TARGET = Budget(n_params=4e9, tokens=4e11)


def law_of(n, noise=0.005, law="infolaw_e", heldout=None):
    rng = np.random.default_rng(0)
    sizes = np.repeat(np.geomspace(1e8, 4e9, 6), n // 6)
    tokens = sizes * np.resize([5, 20, 80], n)
    weights = rng.dirichlet(np.ones(3), n)
    points = Points.build(sizes, tokens, weights=weights, unique=tokens[:, None] * rng.uniform(0.1, 2.0, (n, 3)))
    runs = simulated_runs("infolaw_e", TRUTH, points, cells=CELLS, noise_sd=noise)
    return fit(law, runs, bootstrap=100, heldout=heldout, n_starts=16)


@pytest.fixture(scope="module")
def law():
    return law_of(18, noise=0.015, heldout="largest-flops:0.3")


@pytest.fixture(scope="module")
def corpus():
    return Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)))


@pytest.fixture(scope="module")
def design(law, corpus):
    return make_design(law, corpus, BUDGET, target=TARGET, baseline=Recipe({"q0": 0.1, "q1": 0.2, "q2": 0.7}))


def beliefs_of(gap, sd, noise, tells):
    """Two decisions `gap` apart, their difference uncertain by `sd`; candidate k tells a share `tells[k]` of it."""
    tells = np.array(tells)
    spread = np.array([[0.0, 0.0], [0.0, sd**2]])
    shared = np.stack([np.zeros(len(tells)), sd**2 * tells])
    outcomes, noises = sd**2 * np.outer(tells, tells), np.full(len(tells), noise**2)
    return Beliefs(
        np.array([0.0, gap]), spread, shared, outcomes, noises, Tried(np.ones((2, 1)), np.ones(1)), np.ones((len(tells), 1))
    )


def test_the_batch_stays_within_budget_and_reach(design, law):
    assert 1 <= len(design.runs) <= 8
    assert design.flops <= BUDGET * (1 + 1e-9)
    for run in design.runs:
        assert sum(run.weights.values()) == pytest.approx(1.0)
        assert run.n_params <= 4 * law.support.n_params[1]
        assert run.flops == pytest.approx(6 * run.n_params * run.tokens)
        assert run.pool <= 1.0


def test_what_runs_buy_adds_up_and_regret_falls(design):
    assert 0 <= design.regret_after < design.regret
    assert design.regret - design.regret_after == pytest.approx(sum(run.buys for run in design.runs), rel=1e-9)
    assert f"these {len(design.runs)} runs" in design.sentence
    assert str(design).startswith("the plan's expected regret is ")


def test_the_same_seed_gives_the_same_bytes(law, corpus, design):
    again = make_design(law, corpus, BUDGET, target=TARGET, baseline=Recipe({"q0": 0.1, "q1": 0.2, "q2": 0.7}))
    assert again.to_csv() == design.to_csv()
    assert json.dumps(again.to_dict()) == json.dumps(design.to_dict())


def test_a_plan_says_whether_runs_would_change_it(law, corpus):
    plan = make_plan(law, corpus, TARGET, baseline=Recipe({"q0": 0.1, "q1": 0.2, "q2": 0.7}), design_flops=BUDGET)
    assert plan.next_runs["n_runs"] >= 1
    assert plan.next_runs["regret_after"] < plan.next_runs["regret"]
    assert plan.next_runs["sentence"] in str(plan)
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))).next_runs == plan.next_runs


def test_it_says_stop_when_nothing_is_undecided(corpus):
    found = make_design(law_of(72, noise=1e-5), corpus, BUDGET, target=Budget(n_params=2e9, tokens=8e10))
    assert found.runs == ()
    assert found.sentence.startswith("stop: more runs")
    assert "won't change the decision" in found.sentence
    assert found.regret_after == found.regret


def test_a_tolerance_of_the_users_own_stops_it(law, corpus, design):
    found = make_design(law, corpus, BUDGET, target=TARGET, tolerance=2 * design.regret)
    assert found.stop


def test_regret_of_two_decisions_is_the_textbook_value():
    """E max(0, -d) for d ~ N(gap, sd): sd (phi(z) - z (1 - Phi(z)))."""
    from scipy.stats import norm

    gap, sd = 0.01, 0.02
    z = gap / sd
    exact = sd * (norm.pdf(z) - z * norm.sf(z))
    assert expected_regret(beliefs_of(gap, sd, 0.01, [1.0]), 65536) == pytest.approx(exact, rel=0.03)


def test_a_run_that_tells_all_without_noise_takes_all_the_regret():
    beliefs = beliefs_of(0.01, 0.02, 1e-9, [1.0])
    assert sum(value_of(beliefs, [0])) == pytest.approx(expected_regret(beliefs), rel=0.1)


def test_the_run_that_tells_of_the_decision_is_chosen_and_not_the_one_that_tells_of_the_constants():
    beliefs = beliefs_of(0.01, 0.02, 0.01, [1.0, 0.1])
    outcomes = beliefs.outcomes.copy()
    outcomes[1, 1] += 100.0  # says a great deal, of what the decision does not depend on
    other = replace(beliefs, outcomes=outcomes)
    flops = np.ones(2)
    assert pick(other, flops, 1.0, most=1).index == (0,)
    assert pick(other, flops, 1.0, most=1, method="d_optimal").index == (1,)


def test_one_run_that_cannot_change_the_decision_is_done_when_four_can():
    beliefs = beliefs_of(0.02, 0.02, 0.06, [1.0])
    picked = pick(beliefs, np.ones(1), 8.0, most=8)
    assert picked.index == (0,) * 8
    assert picked.buys[0] < 0.1 * picked.total


def test_a_run_opens_the_shares_that_it_tries():
    beliefs = replace(beliefs_of(-0.02, 1e-6, 0.01, [1.0, 1.0]), tried=Tried(np.array([[0.3], [0.9]]), np.array([0.5])))
    beliefs = replace(beliefs, runs=np.array([[0.4], [0.9]]))
    picked = pick(beliefs, np.ones(2), 1.0, most=1)
    assert picked.index == (1,)
    assert picked.total == pytest.approx(0.02, abs=1e-3)


def test_a_run_dearer_than_what_it_buys_is_not_done():
    beliefs = beliefs_of(0.01, 0.02, 0.01, [1.0])
    assert pick(beliefs, np.ones(1), 8.0, most=8, worth=lambda flops: 1.0 * flops).index == ()


def test_every_decision_meets_the_constraints_and_some_world_prefers_it(law, corpus):
    rules = Constraints(max_epochs=6, min_share={"q2": 0.05})
    pricer = Pricer(law, corpus, rules)
    best = pricer.best_weights(4e9, 4e11)
    found = decisions(pricer, 4e9, 4e11, best, {}, other_sizes(Budget(flops=9.6e21), 4e9))
    for k in range(len(found)):
        floors, caps = rules.limits(corpus, found.tokens[k])
        drawn = found.weights[k] * found.tokens[k]
        assert (drawn <= caps * (1 + 1e-6)).all()
        assert (drawn >= floors * (1 - 1e-6)).all()
    losses = losses_of(pricer, found, 0)
    assert len(set(losses.argmin(1).tolist())) > len(found) // 2


def test_a_pool_cut_smaller_repeats_as_often_as_the_plan(law, corpus):
    pricer = Pricer(law, corpus, Constraints())
    best = pricer.best_weights(4e9, 4e11)
    found = decisions(pricer, 4e9, 4e11, best, {})
    tried = candidates(pricer, found, BUDGET)
    passes = tried.points(pricer).cell_epochs.max(1)
    same = (np.abs(tried.weights - best).max(1) < 1e-9) & np.isclose(tried.pool, tried.tokens / 4e11)
    assert same.any()
    assert passes[same] == pytest.approx(float(found.points(pricer).cell_epochs[0].max()))


def test_the_run_table_can_be_filled_in_and_read(design, tmp_path):
    design.write(tmp_path / "next.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "next.csv").read_text())))
    for row in rows:
        row["loss"] = "2.5"
    with open(tmp_path / "done.csv", "w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    table = read_runs(tmp_path / "done.csv")
    assert len(table) == len(design.runs)
    assert table.cells == list(CELLS)
    assert {f"unique:{cell}" for cell in CELLS} <= set(table.frame.columns)


def test_an_average_of_laws_and_a_sum_of_targets_will_do(law, corpus):
    from infolaw.ensemble import Ensemble
    from infolaw.weighted import WeightedFit

    other = law_of(18, law="repetition")
    together = Ensemble((law, other), (0.5, 0.5), (0.5, 0.5))
    for predictor in (together, WeightedFit((law, law), (0.5, 0.5))):
        assert make_design(predictor, corpus, BUDGET, target=TARGET).regret > 0


@pytest.mark.parametrize("given", [0.0, -1.0, float("inf"), float("nan")])
def test_no_budget_is_refused(law, corpus, given):
    with pytest.raises(BudgetError, match="buys no run"):
        make_design(law, corpus, given, target=TARGET)


def test_a_budget_below_the_cheapest_run_is_refused_with_its_price(law, corpus):
    with pytest.raises(BudgetError, match="less than the cheapest run"):
        make_design(law, corpus, 1e10, target=TARGET)


def test_a_fit_without_replicates_is_refused(law, corpus):
    bare = replace(law, stored=np.zeros((0, len(law.theta))), heldout=None)
    with pytest.raises(BudgetError, match="no bootstrap replicates"):
        make_design(bare, corpus, BUDGET, target=TARGET)


def test_cells_that_the_law_does_not_know_are_refused(law):
    with pytest.raises(RecipeError, match="fit none"):
        make_design(law, Corpus((Cell("books", 1e10),)), BUDGET, target=TARGET)


def test_the_command_answers_and_refuses(law, corpus, tmp_path):
    from typer.testing import CliRunner

    law.write(tmp_path / "fit.json")
    corpus.write(tmp_path / "corpus.yaml")
    files = [str(tmp_path / "fit.json"), str(tmp_path / "corpus.yaml")]
    out = tmp_path / "next.csv"
    asked = ["--budget-flops", "1e21", "--n-params", "4e9", "--tokens", "4e11", "--json", "--out", str(out)]
    done = CliRunner().invoke(app, ["design", *files, *asked])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["kind"] == "design"
    assert len(out.read_text().splitlines()) == 1 + len(answer["runs"])
    rate = ["--flops-per-second", "1e15"]
    hours = ["--budget-gpu-hours", str(1e21 / 3.6e18), *rate, *asked[2:-2]]
    again = CliRunner().invoke(app, ["design", *files, *hours])
    assert [run["n_params"] for run in json.loads(again.stdout)["runs"]] == [run["n_params"] for run in answer["runs"]]
    stray = ["--budget-flops", "1e20", *rate]
    for bad in ([], stray, ["--budget-flops", "1"], ["--budget-flops", "1e20", "--method", "guess"]):
        refused = CliRunner().invoke(app, ["design", *files, *bad, "--n-params", "4e9", "--tokens", "4e11"])
        assert refused.exit_code == 2
        assert refused.stderr.startswith("error: ")
        assert "Traceback" not in refused.output


def test_the_linear_spread_of_well_told_constants_is_the_delta_methods():
    well = law_of(72, noise=0.005)
    points = well.points(2e9, 8e10, weights=np.eye(3), unique=1e11)
    moved = directions(well, points, well.noise_sd)
    np.testing.assert_allclose(np.sqrt((moved**2).sum(0)), well.log_sd(points), rtol=0.15)


def test_what_no_run_decides_is_as_open_as_the_law_allows():
    fresh = fit("data_constrained", simulated_runs(noise_sd=0.005), bootstrap=50, heldout=None)
    points = fresh.points(1e9, 4e11, weights=[1.0], unique=np.array([[1e13], [1e10]]))
    once, often = np.sqrt((directions(fresh, points, 0.005) ** 2).sum(0))
    drawn = np.log(fresh.draws(points, 50, model_error=False)).std(0)
    assert often > 5 * once
    assert often > 3 * drawn[1]


def test_laws_of_an_average_and_targets_of_a_sum_stand_side_by_side(law):
    from infolaw.ensemble import Ensemble
    from infolaw.weighted import WeightedFit

    points = law.points(4e9, 4e11, weights=np.eye(3), unique=1e11)
    own = directions(law, points, 0.01)
    twin = directions(WeightedFit((law, law), (0.5, 0.5)), points, 0.01)
    np.testing.assert_allclose((twin**2).sum(0), (own**2).sum(0) / 2)
    other = law_of(18, law="repetition")
    both = directions(Ensemble((law, other), (0.5, 0.5), (0.5, 0.5)), points, 0.01)
    apart = np.log(law.predict(points) / other.predict(points)) / 2
    parts = [(directions(one, points, 0.01) ** 2).sum(0) for one in (law, other)]
    np.testing.assert_allclose((both**2).sum(0), (parts[0] + parts[1]) / 2 + apart**2)
    assert directions(object(), points, 0.01) is None
