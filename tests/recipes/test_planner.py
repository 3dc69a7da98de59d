"""Plans: the recipe is the law's best, the comparison is honest, and what cannot be met is refused by name."""

import numpy as np
import pytest

from infolaw import fit, simulated_runs
from infolaw.errors import BudgetError, RecipeError
from infolaw.laws import law_named
from infolaw.points import Points, Schema
from recipes import Budget, Cell, Constraints, Corpus, Plan, Recipe, make_plan
from recipes.comparison import equivalent_compute
from recipes.plan_text import difference_line
from recipes.pricer import Pricer
from recipes.ratio_bound import BEYOND
from recipes.size_search import recipes_at

TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
CELLS = ("q0", "q1", "q2")


def design(seed=0):
    rng = np.random.default_rng(seed)
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    weights = rng.dirichlet(np.ones(3), 72)
    return Points.build(n, tokens, weights=weights, unique=tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3)))


@pytest.fixture(scope="module")
def law():
    return fit("infolaw_e", simulated_runs("infolaw_e", TRUTH, design(), cells=CELLS, noise_sd=0.003), bootstrap=200)


@pytest.fixture(scope="module")
def corpus():
    return Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)))


def test_no_random_recipe_beats_the_plan(law, corpus):
    pricer = Pricer(law, corpus, Constraints())
    best = pricer.best_weights(1e9, 4e10)
    random = np.random.default_rng(0).dirichlet(np.ones(3), 500)
    losses = law.predict(pricer.points(1e9, 4e10, np.vstack([best, random])))
    assert losses[0] <= losses.min() + 1e-12


def test_no_other_size_of_a_ratio_that_runs_have_weighed_beats_the_plan(law, corpus):
    plan = make_plan(law, corpus, Budget(flops=1e21))
    pricer, budget = Pricer(law, corpus, Constraints()), Budget(flops=1e21)
    sizes = [budget.at_ratio(ratio)[0] for ratio in np.geomspace(5 / BEYOND, 80 * BEYOND, 61)]
    losses = recipes_at(pricer, budget, np.array(sizes), corpus.natural)[0]
    assert plan.loss.value <= min(losses) + 1e-5  # chosen over drawn worlds, which are not the point
    np.testing.assert_allclose(6 * plan.n_params * plan.tokens, 1e21, rtol=1e-9)


def test_a_size_whose_ratio_no_run_has_weighed_is_held_and_told(law, corpus):
    plan = make_plan(law, corpus, Budget(flops=1e21))
    assert plan.tokens / plan.n_params == pytest.approx(80 * BEYOND)
    told = [text for text in plan.warnings if "the optimum is held at 160 a parameter" in text]
    assert len(told) == 1
    wanted = make_plan(law, corpus, Budget(flops=1e21, tokens_per_param=300))
    assert wanted.tokens / wanted.n_params == pytest.approx(300)
    assert not any("is held" in text for text in wanted.warnings)


def test_todays_mixture_comes_first_and_the_plan_beats_it(law, corpus):
    plan = make_plan(law, corpus, Budget(flops=1e21), baseline=Recipe({"q0": 0.1, "q1": 0.1, "q2": 0.8}))
    assert [rival.name for rival in plan.versus] == ["baseline", "natural", "best_bucket"]
    assert str(plan).startswith("Against your mix of today, at ")
    today = plan.versus[0]
    assert today.difference < 0
    assert today.lower < today.difference < today.upper
    assert today.p_better > 0.8
    assert today.equivalent_compute > 1


def test_a_plan_against_its_own_recipe_is_a_draw(law, corpus):
    first = make_plan(law, corpus, Budget(n_params=1e9, tokens=4e10))
    again = make_plan(law, corpus, Budget(n_params=1e9, tokens=4e10), baseline=Recipe(first.weights))
    today = again.versus[0]
    assert (today.difference, today.p_better) == (pytest.approx(0, abs=1e-12), pytest.approx(0.5, abs=0.1))
    assert today.equivalent_compute == pytest.approx(1.0, abs=0.01)


def test_equivalent_compute_is_spent_as_serves_the_rival_best(law, corpus):
    pricer = Pricer(law, corpus, Constraints())
    natural, size = corpus.natural, (1e9, 4e10)
    better = float(law.predict(pricer.points(2e9, 6e10, natural))[0])
    times = equivalent_compute(pricer, natural, *size, better)
    assert 1 < times <= 3.0 + 1e-6  # 2 x 1.5 is one way to spend it
    ways = np.linspace(0, 1, 101)
    reached = law.predict(pricer.points(1e9 * times**ways, 4e10 * times ** (1 - ways), natural)).min()
    assert reached == pytest.approx(better, abs=1e-5)


def test_a_loss_below_what_a_mixture_can_reach_has_no_equivalent_compute(law, corpus):
    pricer = Pricer(law, corpus, Constraints())
    worst = np.array([0.0, 0.0, 1.0])
    limit = float(law.predict(pricer.points(1e30, 1e30, worst))[0])
    assert equivalent_compute(pricer, worst, 1e9, 4e10, limit - 1e-3) is None
    plan = make_plan(law, corpus, Budget(n_params=1e9, tokens=4e10)).to_dict()
    rival = {**plan["versus"][0], "equivalent_compute": None}
    assert "a loss that it reaches at no compute" in difference_line(rival, plan)
    assert "more than 100x compute" in difference_line({**rival, "equivalent_compute": 3e4}, plan)


def test_both_parts_of_the_interval_are_printed(law, corpus):
    plan = make_plan(law, corpus, Budget(flops=1e21))
    assert plan.loss.lower < plan.loss.bootstrap_lower < plan.loss.bootstrap_upper < plan.loss.upper
    assert "bootstrap" in str(plan)
    assert f"{law.heldout.error_pct:.3g} % mean error" in str(plan)


def test_a_law_that_is_not_concave_is_searched_and_no_random_recipe_beats_it(corpus):
    points = design(4)
    truth = {"E[q0]": 1.0, "E[q1]": 1.1, "E[q2]": 1.4, "A": 60.0, "alpha": 0.3, "B": 300.0, "beta": 0.25}
    truth |= {"R": 6.0, "P": 0.3, "kappa": 0.2, "mu": 0.1, "theta": 0.3}
    runs = simulated_runs("repetition", truth, points, cells=CELLS, noise_sd=0.001)
    result = fit("repetition", runs, bootstrap=20)
    rules = Constraints(max_epochs=4, min_share={"q2": 0.05})
    pricer = Pricer(result, corpus, rules)
    best = pricer.best_weights(1e9, 6e10)
    floors, caps = rules.limits(corpus, 6e10)
    assert (best * 6e10 <= caps * (1 + 1e-8)).all()
    assert (best * 6e10 >= floors * (1 - 1e-8)).all()
    random = np.random.default_rng(0).dirichlet(np.ones(3), 2000)
    random = random[((random * 6e10 <= caps) & (random * 6e10 >= floors)).all(1)]
    losses = result.predict(pricer.points(1e9, 6e10, np.vstack([best, random])))
    assert losses[0] <= losses.min() + 1e-6


def test_caps_and_floors_hold(law, corpus):
    rules = Constraints(max_epochs=1.5, min_share={"q2": 0.3})
    plan = make_plan(law, corpus, Budget(n_params=1e9, tokens=6e10), constraints=rules)
    assert max(plan.epochs.values()) <= 1.5 + 1e-9
    assert plan.weights["q2"] >= 0.3 - 1e-9


def test_monotone_recipes_do_not_rise_with_the_bucket(law, corpus):
    plan = make_plan(law, corpus, Budget(n_params=1e9, tokens=1e11), constraints=Constraints(monotone=True))
    weights = list(plan.weights.values())
    assert weights == sorted(weights, reverse=True)


def test_the_ledger_adds_up(law, corpus):
    plan = make_plan(law, corpus, Budget(flops=1e21))
    np.testing.assert_allclose(sum(row.trained for row in plan.ledger), plan.tokens)
    for row in plan.ledger:
        np.testing.assert_allclose(row.unique * max(row.epochs, 0), row.trained, atol=1)


def test_the_published_optima_come_out_of_the_planner():
    shares = np.array([0.05, 0.15, 0.2, 0.2, 0.2, 0.2])
    cells = tuple(f"q{k}" for k in range(6))
    corpus = Corpus(tuple(Cell(name, 311e9 * share) for name, share in zip(cells, shares, strict=True)))
    constants = {"theta": 0.922, "a": 0.140, "b": 0.018, "alpha": 3.7373, "beta": 0.0441}
    bound = law_named("infolaw").bind(Schema(cells))

    class Published:
        schema, support, heldout, no_optimum, sees_recipe = bound.schema, None, None, bound.law.no_optimum, True

        def cell_value(self, n_params, tokens):
            theta = bound.encode(constants)[None]
            return bound.law.cell_value(bound.spread(theta, Points.build(n_params, tokens)), n_params, tokens)

    found = [Pricer(Published(), corpus, Constraints(monotone=True)).best_weights(7e9, d) for d in (300e9, 1000e9)]
    reported = np.array([found[0][0], found[0][1], found[1][0], found[1][2]])
    assert np.linalg.norm(reported - [0.548, 0.444, 0.395, 0.214]) < 0.02


def test_finer_corpora_are_summed_up_and_share_by_supply(law):
    fine = Corpus((Cell("web/q0", 4e9), Cell("code/q0", 6e9), Cell("web/q1", 4e10), Cell("web/q2", 1e11)))
    coarse = Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)))
    first, second = (make_plan(law, c, Budget(n_params=1e9, tokens=4e10)) for c in (fine, coarse))
    np.testing.assert_allclose(first.weights["web/q0"] + first.weights["code/q0"], second.weights["q0"])
    np.testing.assert_allclose(first.weights["web/q0"] / first.weights["code/q0"], 4 / 6)
    assert first.loss.value == pytest.approx(second.loss.value)


def test_a_blind_law_plans_the_natural_mix_and_says_so(corpus):
    plan = make_plan(fit("chinchilla", simulated_runs(), bootstrap=50), corpus, Budget(flops=1e21))
    np.testing.assert_allclose(list(plan.weights.values()), corpus.natural)
    assert any("sees neither quality nor repetition" in text for text in plan.warnings)


def test_impossible_caps_name_cells_and_a_budget_that_fits(law, corpus):
    with pytest.raises(BudgetError, match=r"q0.*q1.*q2|epochs|FLOP"):
        make_plan(law, corpus, Budget(n_params=1e9, tokens=1e12), constraints=Constraints(max_epochs=2))


def test_plain_infolaw_needs_a_fixed_size(corpus):
    truth = {"theta": 0.5, "a": 0.14, "b": 0.1, "alpha": 10.0, "beta": 0.06}
    result = fit("infolaw", simulated_runs("infolaw", truth, design(), cells=CELLS), bootstrap=50)
    with pytest.raises(BudgetError, match="no compute-optimal size"):
        make_plan(result, corpus, Budget(flops=1e21))
    assert make_plan(result, corpus, Budget(flops=1e21, n_params=1e9)).tokens == pytest.approx(1e21 / 6e9)


def test_far_beyond_the_runs_is_not_supported(law, corpus):
    plan = make_plan(law, corpus, Budget(flops=1e27))
    assert not plan.supported
    assert plan.extrapolation["n_params"] > 10


def test_a_plan_without_an_audit_says_that_its_interval_is_too_narrow(law, corpus):
    plan = make_plan(law.with_heldout(None), corpus, Budget(flops=1e21))
    assert any("no held-out error was measured" in text for text in plan.warnings)


@pytest.mark.parametrize("name", ["plan.yaml", "plan.json"])
def test_a_plan_survives_its_file(law, corpus, tmp_path, name):
    plan = make_plan(law, corpus, Budget(flops=1e21), baseline=Recipe.natural(corpus))
    plan.write(tmp_path / name)
    assert Plan.read(tmp_path / name) == plan


@pytest.mark.parametrize(
    "budget", [{}, {"flops": 0.0}, {"flops": float("inf")}, {"n_params": 1e9}, {"tokens": -1.0, "n_params": 1e9}]
)
def test_an_unusable_budget_is_refused(budget):
    with pytest.raises(BudgetError):
        Budget(**budget)


def test_constraints_on_unknown_cells_name_both_sets(law, corpus):
    with pytest.raises(RecipeError, match="name web; the cells are q0, q1, q2"):
        make_plan(law, corpus, Budget(flops=1e21), constraints=Constraints(min_share={"web": 0.1}))


def test_a_corpus_that_fits_no_law_cell_is_refused(law):
    with pytest.raises(RecipeError, match="q0, q1, q2.*web"):
        make_plan(law, Corpus((Cell("web", 1e10),)), Budget(flops=1e21))


def test_the_same_seed_gives_the_same_plan(law, corpus):
    plans = [make_plan(law, corpus, Budget(flops=1e21), seed=3).to_dict() for _ in range(2)]
    assert plans[0] == plans[1]
