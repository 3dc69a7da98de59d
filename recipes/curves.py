"""The best recipe and its loss as functions of the budget, and along the sizes of one budget.

Recipes are best by the point prediction at every budget (`Pricer`), losses have intervals from draws. `RecipeCurve` says
when diversity overtakes quality: where the best bucket no longer holds half of the tokens, and where each cell enters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from infolaw.errors import BudgetError
from infolaw.uncertainty import Interval
from infolaw.units import Array

from .budget import Budget
from .corpus import Corpus
from .pricer import Pricer
from .size_search import best_size

ENTERS = 0.01
"""Share of the tokens from which a cell counts as drawn from."""
_DRAWS = 400
_WIDTH = 1.6
"""How far sizes go from the best on an isoFLOP curve [natural logarithms]."""


@dataclass(frozen=True)
class BudgetPoint:
    """The best size and recipe at one budget.

    Attributes
    ----------
    flops, n_params, tokens : float
        [FLOP], [parameters], [tokens].
    weights : tuple of float
        Shares of the corpus cells.
    loss, lower, upper : float
        [nats/token].
    supported : bool
        Whether the runs support it.
    gain, gain_lower, gain_upper : float or None
        By how much it beats the baseline's recipe at this size, with its interval [nats/token].
    """

    flops: float
    n_params: float
    tokens: float
    weights: tuple[float, ...]
    loss: float
    lower: float
    upper: float
    supported: bool
    gain: float | None = None
    gain_lower: float | None = None
    gain_upper: float | None = None


@dataclass(frozen=True)
class RecipeCurve:
    """Best recipes over budgets, smallest first.

    Attributes
    ----------
    cells : tuple of str
        Order of the weights.
    points : tuple of BudgetPoint
    notes : tuple of str
        Budgets that have no answer, with the reason.
    """

    cells: tuple[str, ...]
    points: tuple[BudgetPoint, ...]
    notes: tuple[str, ...] = ()

    @property
    def shares(self) -> Array:
        """Weights, (n_points, n_cells)."""
        return np.array([point.weights for point in self.points])

    @property
    def flops(self) -> Array:
        """Budgets (n_points,) [FLOP]."""
        return np.array([point.flops for point in self.points])

    def entering(self) -> dict[str, float]:
        """Budget from which each cell gets `ENTERS` of the tokens and keeps it [FLOP]; cells that never do are left out."""
        found = {}
        for k, cell in enumerate(self.cells):
            drawn = self.shares[:, k] >= ENTERS
            if drawn[-1]:
                found[cell] = float(self.flops[int(len(drawn) - np.argmin(drawn[::-1])) if not drawn.all() else 0])
        return found

    def overtaken(self, cells: Sequence[str]) -> float | None:
        """Budget at which some cells together fall to half of the tokens, by interpolation; None if they do not."""
        held = self.shares[:, [self.cells.index(cell) for cell in cells]].sum(1)
        for k in range(1, len(held)):
            if held[k - 1] >= 0.5 > held[k]:
                share = (held[k - 1] - 0.5) / (held[k - 1] - held[k])
                return float(np.exp(np.interp(share, [0, 1], np.log(self.flops[k - 1 : k + 1]))))
        return None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "entering": self.entering()}


@dataclass(frozen=True)
class IsoflopRecipes:
    """Losses and recipes along the sizes of one budget.

    Attributes
    ----------
    flops : float
    n_params, tokens, losses : ndarray, (n_sizes,)
    weights : ndarray, (n_sizes, n_cells)
        Best recipe of every size.
    best : int
        Index of the best size.
    """

    flops: float
    n_params: Array
    tokens: Array
    losses: Array
    weights: Array
    best: int


def recipe_curve(
    pricer: Pricer,
    budget: Budget,
    flops: Sequence[float],
    *,
    baseline: Array | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> RecipeCurve:
    """Best size and recipe at every budget.

    Parameters
    ----------
    pricer : Pricer
    budget : Budget
        How budgets are spent: its `flops` are replaced by each of `flops`.
    flops : sequence of float
        Rising [FLOP].
    baseline : ndarray, (n_cells,), optional
        Recipe to compare with.
    level, seed
        Of the intervals.

    Raises
    ------
    BudgetError
        If no budget has an answer: the reason of the last one.
    """
    found, notes, reason = [], [], BudgetError("there is no budget to plan for.")
    for amount in flops:
        try:
            found.append(_point(pricer, replace(budget, flops=float(amount)), baseline, level, seed))
        except BudgetError as error:
            reason = error
            notes.append(f"{amount:.3g} FLOP: {error}")
    if not found:
        raise reason
    return RecipeCurve(pricer.corpus.names, tuple(found), tuple(notes))


def isoflop_recipes(pricer: Pricer, budget: Budget, flops: Sequence[float], n_sizes: int = 13) -> list[IsoflopRecipes]:
    """Losses along the sizes of every budget, each size with its own best recipe.

    Raises
    ------
    BudgetError
        If a budget has no best size, or no size meets the constraints.
    """
    found = []
    for amount in flops:
        spent = replace(budget, flops=float(amount))
        centre = (spent.size or best_size(pricer, spent))[0]
        weights, rows = None, []
        for size in centre * np.exp(np.linspace(-_WIDTH, _WIDTH, n_sizes)):
            tokens = spent.tokens_at(float(size))
            try:
                weights = pricer.best_weights(float(size), tokens, weights)
            except BudgetError:
                continue
            loss = float(pricer.predictor.predict(pricer.points(float(size), tokens, weights))[0])
            rows.append((float(size), tokens, loss, weights))
        if not rows:
            raise BudgetError(f"no size meets the constraints at {amount:g} FLOP: widen them.")
        n, d, losses = (np.array([row[k] for row in rows]) for k in range(3))
        found.append(IsoflopRecipes(float(amount), n, d, losses, np.array([row[3] for row in rows]), int(losses.argmin())))
    return found


def grouped_shares(corpus: Corpus, shares: Array, most: int) -> tuple[list[str], Array]:
    """Shares (n, n_cells) in at most `most` lines: cells, else buckets, else the largest domains and the rest.

    Returns
    -------
    names : list of str
    shares : ndarray, (n, n_names)
    """
    if len(corpus.names) <= most:
        return list(corpus.names), shares
    if len(corpus.buckets) > 1 and all(cell.bucket for cell in corpus.cells):
        owner = [cell.bucket or "" for cell in corpus.cells]
        names = list(corpus.buckets)
    else:
        owner = [cell.domain or cell.name for cell in corpus.cells]
        names = list(dict.fromkeys(owner))
    summed = shares @ np.array([[float(one == name) for name in names] for one in owner])
    if len(names) <= most:
        return names, summed
    order = np.argsort(-summed.mean(0), kind="stable")
    kept, rest = sorted(order[: most - 1]), order[most - 1 :]
    return [*(names[k] for k in kept), "others"], np.column_stack([summed[:, kept], summed[:, rest].sum(1)])


def _point(pricer: Pricer, budget: Budget, baseline: Array | None, level: float, seed: int) -> BudgetPoint:
    n_params, tokens = budget.size or best_size(pricer, budget)
    weights = pricer.best_weights(n_params, tokens)
    both = pricer.points(n_params, tokens, weights if baseline is None else np.vstack([weights, baseline]))
    losses, own = pricer.predictor.predict(both), both.take([0])
    draws = pricer.predictor.draws(both, _DRAWS, seed)
    ends, gain = Interval.of(draws[:, :1], level), tuple[float, ...]()
    if baseline is not None:
        apart = Interval.of(draws[:, 1:] - draws[:, :1], level)
        gain = (float(losses[1] - losses[0]), float(apart.lower[0]), float(apart.upper[0]))
    return BudgetPoint(
        float(budget.flops or 0.0),
        n_params,
        tokens,
        tuple(weights.tolist()),
        float(losses[0]),
        float(ends.lower[0]),
        float(ends.upper[0]),
        not pricer.predictor.support.complaints(own, pricer.predictor.schema.cells),
        *gain,
    )
