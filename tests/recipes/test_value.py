"""Value of data: a difference of optima, larger for more tokens, and with the price of a cap inside it."""

from dataclasses import replace

import numpy as np
import pytest

from infolaw import fit, simulated_runs
from infolaw.errors import RecipeError
from infolaw.points import Points
from recipes import Budget, Cell, Constraints, Corpus, make_plan
from recipes.constraints import Offer
from recipes.pricer import Pricer
from recipes.value import compute_for, data_values, every_cell, marginal_values, values_text, with_offer

TRUTH = {"E": 1.2, "A": 60.0, "alpha": 0.3, "B": 200.0, "beta": 0.25, "theta": 0.5, "s": 0.02, "l": 2.0}
CELLS = ("q0", "q1", "q2")
SIZE = (1e9, 4e10)


@pytest.fixture(scope="module")
def law():
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(1e8, 4e9, 6), 12)
    tokens = n * np.tile([5, 20, 80], 24)
    unique = tokens[:, None] * rng.uniform(0.1, 2.0, (72, 3))
    points = Points.build(n, tokens, weights=rng.dirichlet(np.ones(3), 72), unique=unique)
    return fit("infolaw_e", simulated_runs("infolaw_e", TRUTH, points, cells=CELLS, noise_sd=0.003), bootstrap=100)


@pytest.fixture(scope="module")
def corpus():
    return Corpus((Cell("q0", 1e10), Cell("q1", 4e10), Cell("q2", 1e11)))


def values(law, corpus, offers, rules=None):
    return data_values(Pricer(law, corpus, rules or Constraints()), *SIZE, offers, flops=6 * SIZE[0] * SIZE[1])


def test_the_gain_is_the_fall_of_the_best_loss(law, corpus):
    (found,) = values(law, corpus, [Offer("q0", 5e9)])
    larger = Corpus((Cell("q0", 1.5e10), *corpus.cells[1:]))
    losses = [
        float(law.predict(p.points(*SIZE, p.best_weights(*SIZE)))[0])
        for p in (Pricer(law, corpus, Constraints()), Pricer(law, larger, Constraints()))
    ]
    assert found.gain == pytest.approx(losses[0] - losses[1], abs=1e-12)
    assert 0 < found.kept <= found.gain + 1e-12
    assert found.lower < found.gain < found.upper


def test_scarce_good_data_are_worth_most_and_more_of_them_more(law, corpus):
    found = values(law, corpus, every_cell(corpus, 1e9))
    assert [value.cell for value in found] == ["q0", "q1", "q2"]
    more, less = (values(law, corpus, [Offer("q0", tokens)])[0].gain for tokens in (2e9, 1e9))
    assert more > less > 0


def test_the_price_of_a_cap_is_inside(law, corpus):
    """Read once at most, more data change nothing for the recipe as it is; a new recipe is let by the cap to use them."""
    (capped,) = values(law, corpus, [Offer("q0", 1e9)], Constraints(max_epochs=1.0))
    assert capped.kept == pytest.approx(0.0, abs=1e-9)
    assert capped.gain > 1e-4


def test_a_cell_that_the_corpus_lacks_can_be_offered(law, corpus):
    poor = replace(corpus, cells=corpus.cells[1:])
    (found,) = values(law, poor, [Offer("q0", 1e10)])
    assert found.epochs == 0
    assert found.epochs_after >= 1
    assert found.gain > 0
    assert with_offer(poor, Offer("q0", 1e10)).unique_tokens.sum() == corpus.total_tokens
    with pytest.raises(RecipeError, match="fit none"):
        values(law, corpus, [Offer("web", 1e9)])


def test_the_equivalent_compute_reaches_the_loss(law, corpus):
    pricer = Pricer(law, corpus, Constraints())
    weights = pricer.best_weights(*SIZE)
    loss = float(law.predict(pricer.points(*SIZE, weights))[0])
    times = compute_for(pricer, weights, *SIZE, loss - 1e-5)
    assert 1 < times < 1.01
    alike, larger = ((SIZE[0] * times ** (1 - share), SIZE[1] * times**share) for share in (0.5, 0.0))
    reached = [float(law.predict(pricer.points(*grown, weights))[0]) for grown in (alike, larger)]
    assert min(reached) == pytest.approx(loss - 1e-5, abs=1e-10)
    less = compute_for(pricer, weights, *SIZE, loss + 1e-5)
    assert 0.99 < less < 1
    assert compute_for(pricer, weights, *SIZE, 0.5 * loss) is None


def test_prices_are_told_by_the_gain(law, corpus):
    (found,) = values(law, corpus, [Offer("q0", 1e9, 200.0, "books")])
    assert found.to_dict()["price_per_millinat"] == pytest.approx(200 / (1e3 * found.gain))
    assert "books (q0)" in values_text([found])
    with pytest.raises(RecipeError, match="nothing on offer"):
        values(law, corpus, [])


def test_the_ledger_holds_the_worth_of_one_more_token(law, corpus):
    plan = make_plan(law, corpus, Budget(n_params=SIZE[0], tokens=9e10), constraints=Constraints(fixed_share={"q2": 0.1}))
    pricer = Pricer(law, corpus, Constraints())
    weights = np.array(list(plan.weights.values()))
    base = float(law.predict(pricer.points(SIZE[0], 9e10, weights))[0])
    for row in plan.ledger:
        larger = replace(pricer, corpus=with_offer(corpus, Offer(row.cell, 1e-4 * row.available)))
        fall = base - float(law.predict(larger.points(SIZE[0], 9e10, weights))[0])
        assert row.marginal * 1e-4 * row.available == pytest.approx(fall, rel=0.01, abs=1e-12)
    scarce, plenty = plan.ledger[0], plan.ledger[2]
    assert scarce.marginal > 0
    assert (plenty.epochs, plenty.marginal) == (1.0, 0.0)
    np.testing.assert_allclose(marginal_values(pricer, SIZE[0], 9e10, weights), [row.marginal for row in plan.ledger])
