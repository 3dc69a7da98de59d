"""What more data are worth: one more billion tokens of a cell, or an offer, in nats and in compute.

The best recipe is found anew on the larger corpus, at the plan's size and tokens, and both recipes are priced in the same
drawn worlds: the gain is a difference of optima, so what a cap on epochs costs is inside it. Beside it stands what the data
are worth to the recipe as it is, by fewer repetitions alone: less, but surer, as no claim about mixtures is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from infolaw.errors import RecipeError
from infolaw.points import Points
from infolaw.rendering import amount, table
from infolaw.uncertainty import Interval
from infolaw.units import Array, epochs

from .cell import Cell
from .constraints import Offer
from .corpus import Corpus
from .pricer import Pricer

_DRAWS = 400
_MOST_COMPUTE = 100.0
_STEPS = 200
_ROUNDING = 1e-13
"""Share of a loss below which a difference is that of its last digits."""
_STEP = 1e-3


@dataclass(frozen=True)
class DataValue:
    """What more tokens of one cell are worth at one size.

    Attributes
    ----------
    name, cell : str
        Of the offer, and the cell that it adds to.
    tokens : float
        Added [tokens].
    gain, lower, upper : float
        Fall of the best loss, with its interval over the draws [nats/token]; above 0 it helps.
    p_helps : float
        Share of the draws in which it helps.
    kept, kept_lower, kept_upper : float
        The same where the recipe stays as it is and its cell is repeated less.
    equivalent_compute : float or None
        How many times the budget the recipe of today would need for the same loss; None: out of its reach.
    flops : float or None
        The same as FLOP saved.
    epochs, epochs_after : float
        Passes over the cell without and with it.
    price : float or None
        As offered.
    """

    name: str
    cell: str
    tokens: float
    gain: float
    lower: float
    upper: float
    p_helps: float
    kept: float
    kept_lower: float
    kept_upper: float
    equivalent_compute: float | None
    flops: float | None
    epochs: float
    epochs_after: float
    price: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the price of a millinat and of 1e18 FLOP saved where a price is known."""
        data = asdict(self)
        if self.price is not None and self.gain > 0:
            data["price_per_millinat"] = self.price / (1e3 * self.gain)
            data["flops_per_price"] = None if self.flops is None or self.price == 0 else self.flops / self.price
        return data


def every_cell(corpus: Corpus, tokens: float) -> tuple[Offer, ...]:
    """Return an offer of as many tokens for every cell of a corpus."""
    return tuple(Offer(cell, tokens) for cell in corpus.names)


def data_values(
    pricer: Pricer,
    n_params: float,
    tokens: float,
    offers: Sequence[Offer],
    *,
    flops: float,
    level: float = 0.9,
    seed: int = 0,
) -> tuple[DataValue, ...]:
    """Price offers of data, each alone, the most valuable first.

    Parameters
    ----------
    pricer : Pricer
        Law, corpus of today and constraints.
    n_params, tokens : float
        Size and tokens of the run.
    offers : sequence of Offer
        A cell that the corpus lacks is welcome where the law knows it, or its domain or bucket.
    flops : float
        Training FLOP of the run.
    level, seed
        Of the intervals.

    Raises
    ------
    BudgetError, RecipeError
        If the run cannot be supplied, or an offer fits no cell of the law.
    """
    if not offers:
        raise RecipeError("there is nothing on offer: list offers in the constraints file, or give --more TOKENS.")
    today = pricer.best_weights(n_params, tokens)
    larger = [replace(pricer, corpus=with_offer(pricer.corpus, offer)) for offer in offers]
    recipes = [each.best_weights(n_params, tokens) for each in larger]
    kept = [np.append(today, np.zeros(len(each.corpus.cells) - len(today))) for each in larger]
    points = [pricer.points(n_params, tokens, today)]
    points += [each.points(n_params, tokens, weights) for each, weights in zip(larger, recipes, strict=True)]
    points += [each.points(n_params, tokens, weights) for each, weights in zip(larger, kept, strict=True)]
    places = joined(points)
    best, draws = pricer.predictor.predict(places), pricer.predictor.draws(places, _DRAWS, seed)
    ends = Interval.of(draws[:, :1] - draws, level)
    found = []
    for k, (offer, each, weights) in enumerate(zip(offers, larger, recipes, strict=True), start=1):
        gains, same = draws[:, 0] - draws[:, k], k + len(offers)
        times = compute_for(pricer, today, n_params, tokens, float(best[k]))
        found.append(
            DataValue(
                offer.name or offer.cell,
                offer.cell,
                offer.tokens,
                float(best[0] - best[k]),
                float(ends.lower[k]),
                float(ends.upper[k]),
                float((gains > 0).mean() + 0.5 * (gains == 0).mean()),
                float(best[0] - best[same]),
                float(ends.lower[same]),
                float(ends.upper[same]),
                times,
                None if times is None else (times - 1.0) * flops,
                _passes(pricer.corpus, today, tokens, offer.cell),
                _passes(each.corpus, weights, tokens, offer.cell),
                offer.price,
            )
        )
    return tuple(sorted(found, key=lambda value: -value.gain))


def marginal_values(pricer: Pricer, n_params: float, tokens: float, weights: Array) -> Array:
    """Fall of the loss by one more distinct token of each corpus cell, the recipe as it is, (n_cells,) [nats/token a token].

    Data that are not read to their end gain nothing by being more.
    """
    own = pricer.points(n_params, tokens, weights)
    n = own.cell_unique.shape[1]
    finite = np.isfinite(own.cell_unique[0])
    steps = np.where(finite, own.cell_unique[0] * _STEP, 0.0)
    more = replace(own.take(np.zeros(n, int)), cell_unique=own.cell_unique + np.diag(steps))
    expected = pricer.predictor.predict(own)
    falls = expected - pricer.predictor.predict(more)
    falls = np.where(np.abs(falls) > _ROUNDING * expected, falls, 0.0)
    return np.asarray(np.divide(falls, steps, out=np.zeros(n), where=steps > 0)[pricer.cells])


def with_offer(corpus: Corpus, offer: Offer) -> Corpus:
    """Return the corpus with the tokens of an offer; a cell that it lacks is added."""
    if offer.cell not in corpus.names:
        return replace(corpus, cells=(*corpus.cells, Cell(offer.cell, offer.tokens)))
    cells = [
        cell if cell.name != offer.cell else replace(cell, unique_tokens=cell.unique_tokens + offer.tokens)
        for cell in corpus.cells
    ]
    return replace(corpus, cells=tuple(cells))


def joined(points: Sequence[Points]) -> Points:
    """Put points of one schema behind each other."""
    names = ("n_params", "tokens", "cell_tokens", "cell_unique", "group")
    return Points(*(np.concatenate([getattr(one, name) for one in points]) for name in names))


def compute_for(pricer: Pricer, weights: Array, n_params: float, tokens: float, loss: float) -> float | None:
    """How many times the compute a recipe needs to reach `loss`; None beyond 100 times.

    The compute goes into size and tokens alike, or into size alone where that needs less: more passes over scarce data may
    do harm. Unlike a grid this resolves differences of a millionth of the loss.
    """

    def gap(log_m: Array, share: float) -> Array:
        sizes, spent = n_params * np.exp((1.0 - share) * log_m), tokens * np.exp(share * log_m)
        return np.asarray(pricer.predictor.predict(pricer.points(sizes, spent, weights)) - loss)

    found = [_crossing(partial(gap, share=share)) for share in (0.5, 0.0)]
    reached = [float(np.exp(log_m)) for log_m in found if log_m is not None]
    return min(reached, key=lambda times: abs(np.log(times))) if reached else None


def _crossing(gap: Callable[[Array], Array]) -> float | None:
    """Logarithm of the compute nearest to 0 at which a gap changes its sign, on the side where it should."""
    from scipy.optimize import brentq

    now = float(gap(np.zeros(1))[0])
    steps = np.linspace(0.0, np.log(_MOST_COMPUTE) * np.sign(now), _STEPS)
    crossed = np.flatnonzero(np.sign(gap(steps)) != np.sign(now))
    if now == 0 or not len(crossed):
        return 0.0 if now == 0 else None
    low, high = sorted((float(steps[crossed[0] - 1]), float(steps[crossed[0]])))

    def at(log_m: float) -> float:
        return float(gap(np.array([log_m]))[0])

    return float(brentq(at, low, high, xtol=1e-12))


def values_text(values: Sequence[DataValue]) -> str:
    """Return a table of values, the most valuable first."""
    header = ["offer", "tokens", "gain nats", "90 %", "P(helps)", "recipe kept", "90 %", "compute", "FLOP saved", "epochs"]
    rows = [
        [
            value.name if value.name == value.cell else f"{value.name} ({value.cell})",
            amount(value.tokens),
            f"{value.gain:+.2e}",
            f"{value.lower:+.0e} to {value.upper:+.0e}",
            f"{value.p_helps:.2f}",
            f"{value.kept:+.2e}",
            f"{value.kept_lower:+.0e} to {value.kept_upper:+.0e}",
            "> 100x" if value.equivalent_compute is None else f"{value.equivalent_compute:.4f}x",
            "-" if value.flops is None else f"{value.flops:.3g}",
            f"{value.epochs:.2f} -> {value.epochs_after:.2f}",
        ]
        for value in values
    ]
    priced = [
        f"{value.name}: {value.price / (1e3 * value.gain):.4g} a millinat"
        + ("" if not value.flops or value.price == 0 else f", {value.flops / value.price:.3g} FLOP for each unit of price")
        for value in values
        if value.price is not None and value.gain > 0
    ]
    return "\n".join([table(header, rows), *([""] if priced else []), *priced])


def _passes(corpus: Corpus, weights: Array, tokens: float, cell: str) -> float:
    if cell not in corpus.names:
        return 0.0
    k = corpus.names.index(cell)
    return float(epochs(weights[k] * tokens, corpus.unique_tokens[k]))
