"""Constraints: what a file asks for holds in the plan, and what excludes each other is named."""

import numpy as np
import pytest

from infolaw import fit, simulated_runs
from infolaw.errors import BudgetError, RecipeError
from infolaw.points import Points
from recipes import Budget, Cell, Constraints, Corpus, make_plan
from recipes.constraints import Offer, ShareGroup
from recipes.grouped import CellGroup, check_groups, fill
from recipes.search.region import Region
from recipes.waterfill import value, waterfill

CORPUS = Corpus(
    tuple(Cell(f"{domain}/q{k}", 1e9 * (k + 1)) for domain in ("web", "code") for k in range(3)) + (Cell("books", 5e9),)
)


def test_a_file_holds_every_field(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(
        "schema_version: 1\nmax_epochs: 4\nfixed_share: {books: 0.1}\nexclude: [q2]\n"
        "groups: {code: {cells: [code], min_share: 0.2}, web: {cells: [web/q0, web/q1], fixed_share: 0.5}}\n"
        "unique_tokens: {web/q0: 2.0e9}\noffers: [{cell: code/q0, tokens: 1.0e9, price: 100}]\n"
    )
    rules = Constraints.read(path)
    assert rules.groups["web"] == ShareGroup(("web/q0", "web/q1"), 0.5, 0.5)
    assert rules.offers == (Offer("code/q0", 1e9, 100.0),)
    assert Constraints.from_dict(rules.to_dict()) == rules
    assert rules.supplied(CORPUS).unique_tokens[0] == 2e9
    floors, caps = rules.limits(rules.supplied(CORPUS), 1e10)
    assert caps[CORPUS.names.index("web/q2")] == caps[CORPUS.names.index("code/q2")] == 0
    assert floors[-1] == caps[-1] == pytest.approx(1e9)


@pytest.mark.parametrize("seed", range(8))
def test_groups_hold_and_no_random_recipe_within_them_is_worth_more(seed):
    rng = np.random.default_rng(seed)
    supply, fresh = rng.uniform(1, 10, 6), rng.uniform(-0.1, 1, 6)
    groups = (CellGroup("a", (0, 3), 6.0, 9.0), CellGroup("b", (1, 4), 0.0, 2.0))
    bounds = {"max_tokens": 4 * supply, "min_tokens": np.zeros(6)}
    drawn = fill(fresh, 0.8, 0.3, supply, 25.0, groups=groups, **bounds)
    assert drawn.sum() == pytest.approx(25.0)
    for group in groups:
        assert group.floor - 1e-8 <= drawn[list(group.cells)].sum() <= group.cap + 1e-8
    sums = rng.uniform([6.0, 0.0], [9.0, 2.0], (3000, 2))
    halves, rest = rng.uniform(size=(3000, 2)), rng.dirichlet(np.ones(2), 3000)
    others = np.zeros((3000, 6))
    others[:, [0, 3]] = sums[:, :1] * np.stack([halves[:, 0], 1 - halves[:, 0]], 1)
    others[:, [1, 4]] = sums[:, 1:] * np.stack([halves[:, 1], 1 - halves[:, 1]], 1)
    others[:, [2, 5]] = (25.0 - sums.sum(1, keepdims=True)) * rest
    allowed = others[(others <= 4 * supply).all(1)]
    assert len(allowed) > 100
    best = max(value(row, fresh, 0.8, 0.3, supply) for row in allowed)
    assert value(drawn, fresh, 0.8, 0.3, supply) >= best - 1e-9


def test_groups_that_do_not_bind_change_nothing():
    supply, fresh = np.array([3.0, 2.0, 5.0]), np.array([1.0, 0.8, 0.2])
    bounds = {"max_tokens": 5 * supply, "min_tokens": np.zeros(3)}
    free = waterfill(fresh, 0.9, 0.2, supply, 12.0, **bounds)
    np.testing.assert_allclose(fill(fresh, 0.9, 0.2, supply, 12.0, groups=(CellGroup("a", (0, 1), 0, 12),), **bounds), free)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"min_share": {"books": 0.5}, "max_share": {"books": 0.4}}, "min_share of books .* max_share of books"),
        ({"fixed_share": {"books": 0.5}, "min_share": {"books": 0.4}}, "fixed_share of books .* min_share of books"),
        ({"fixed_share": {"books": 0.6}, "min_share": {"web/q0": 0.6}}, "sum to 1.2.*web/q0 0.6, books 0.6"),
        ({"groups": {"a": ShareGroup(("web",), 0.5, 0.2)}}, "min_share of group a .*max_share of group a"),
        ({"max_share": {"books": 1.5}}, "share 1.5 of 'books'"),
        ({"max_epochs": 0.0}, "max_epochs: 0 epochs"),
    ],
)
def test_shares_that_exclude_each_other_are_named(rules, said):
    with pytest.raises(RecipeError, match=said):
        Constraints(**rules)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"min_share": {"web/q0": 0.5}, "max_epochs": 2.0}, r"min_share of web/q0 .* max_epochs \(2\) .* 5 times.* 0.2"),
        ({"fixed_share": {"web/q0": 0.5}, "cell_max_epochs": {"web/q0": 3.0}}, "fixed_share of web/q0.*cell_max_epochs of"),
        ({"min_share": {"web/q0": 0.5}, "exclude": ("web",)}, "min_share of web/q0 .* the exclusion of web/q0"),
    ],
)
def test_a_floor_above_a_cap_names_both(rules, said):
    with pytest.raises(BudgetError, match=said):
        Constraints(**rules).limits(CORPUS, 1e10)


def check(rules, corpus, tokens):
    floors, caps = rules.limits(corpus, tokens)
    groups = rules.cell_groups(corpus, tokens)
    check_groups(corpus.names, corpus.unique_tokens, tokens, caps, floors, rules.chains(corpus), groups)


@pytest.mark.parametrize(
    ("rules", "error", "said"),
    [
        ({"groups": {"a": ShareGroup(("books",), 0.6)}, "max_epochs": 1.0}, BudgetError, "group a must get .*max_epochs"),
        ({"groups": {"a": ShareGroup(("web",), 0.0, 0.1)}, "min_share": {"web/q0": 0.2}}, BudgetError, "group a may get"),
        ({"groups": {"a": ShareGroup(("web",)), "b": ShareGroup(("q0",))}}, RecipeError, "web/q0' stands in .* a and b"),
        ({"groups": {"a": ShareGroup(("q0",), 0.5)}, "monotone": True}, RecipeError, "group a cuts through|have none"),
        ({"groups": {"a": ShareGroup(CORPUS.names, 0.0, 0.5)}}, BudgetError, "the groups a .* take between"),
    ],
)
def test_groups_that_cannot_be_met_are_named(rules, error, said):
    rules, corpus = Constraints(**rules), Corpus(CORPUS.cells[:6]) if "monotone" in rules else CORPUS
    with pytest.raises(error, match=said):
        check(rules, corpus, 1e10)


def test_an_unknown_name_is_refused_wherever_it_stands():
    for rules in ({"exclude": ("wiki",)}, {"groups": {"a": ShareGroup(("wiki",))}}, {"fixed_share": {"wiki": 0.1}}):
        with pytest.raises(RecipeError, match="name wiki; the cells are"):
            Constraints(**rules).limits(CORPUS, 1e10)


def test_the_search_keeps_the_same_groups_and_supplies():
    rules = Constraints(max_epochs=1.0, unique_tokens={"books": 1e9}, groups={"code": ShareGroup(("code",), 0.3, 0.4)})
    region = Region.of(CORPUS, 1e10, rules)
    assert region.upper[-1] == pytest.approx(0.1)
    assert region.groups[0].low == pytest.approx(0.3)
    assert region.groups[0].high == pytest.approx(0.4)


def test_a_law_that_is_not_concave_keeps_groups_and_fixed_shares():
    rng, cells = np.random.default_rng(4), ("q0", "q1", "q2")
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    truth = {"E[q0]": 1.0, "E[q1]": 1.1, "E[q2]": 1.4, "A": 60.0, "alpha": 0.3, "B": 300.0, "beta": 0.25}
    truth |= {"R": 6.0, "P": 0.3, "kappa": 0.2, "mu": 0.1, "theta": 0.3}
    law = fit("repetition", simulated_runs("repetition", truth, points, cells=cells, noise_sd=0.001), bootstrap=20)
    corpus = Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)))
    assert law.cell_value(1e9, 6e10) is None
    for rules in (
        Constraints(groups={"good": ShareGroup(("q0", "q1"), 0.0, 0.4)}),
        Constraints(groups={"poor": ShareGroup(("q1", "q2"), 0.85, 1.0)}, max_epochs=4),
        Constraints(fixed_share={"q1": 0.25}),
    ):
        plan = make_plan(law, corpus, Budget(n_params=1e9, tokens=6e10), constraints=rules)
        w = plan.weights
        assert w["q0"] + w["q1"] <= rules.groups.get("good", ShareGroup((), 0, 1)).max_share + 1e-6
        assert w["q1"] + w["q2"] >= rules.groups.get("poor", ShareGroup((), 0, 1)).min_share - 1e-6
        assert w["q1"] == pytest.approx(rules.fixed_share.get("q1", w["q1"]), abs=1e-6)


def test_every_constraint_that_binds_has_a_price():
    rng, cells = np.random.default_rng(4), ("q0", "q1", "q2")
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    truth = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
    law = fit("infolaw_e", simulated_runs("infolaw_e", truth, points, cells=cells, noise_sd=0.003), bootstrap=20)
    corpus = Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)))
    poor = {"poor": ShareGroup(("q2",), 0.3, 1.0)}
    for rules in (Constraints(exclude=("q0",)), Constraints(groups=poor), Constraints(fixed_share={"q2": 0.4})):
        plan = make_plan(law, corpus, Budget(n_params=1e9, tokens=4e10), constraints=rules)
        (price,) = plan.prices
        assert price.cost > 0
        assert any(word in price.constraint for word in ("q0: excluded", "group poor", "q2: exactly 0.4"))
