"""Choose a recipe over drawn worlds, not by the one that is most likely.

Half of the worlds choose, the other half prices: a recipe that was lucky in the worlds that chose it does not also set
its own price. Candidates are what is best by the point prediction, today's recipe and those between;
the best of them are improved under several worlds at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from infolaw.errors import BudgetError
from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.units import Array

from .budget import Budget
from .pricer import Pricer
from .size_search import best_size_and_recipe, recipes_at
from .weight_search import Limits, improved

N_DRAWS = 400
"""Worlds that judge candidates and price the plan, half of them each."""
N_TOGETHER = 16
"""Worlds that candidates are improved under."""
CHOOSING, PRICING = slice(0, None, 2), slice(1, None, 2)
"""Which worlds choose, and which price."""
N_IMPROVED = 2
MOST_STEPS, WITHIN = 100, 1e-8
"""Of an improvement: a quantile of worlds has kinks, at which a search for less would only turn about."""
STEPS = np.linspace(-0.9, 0.9, 7)
"""Sizes about the best by the point prediction, in logarithms."""


@dataclass(frozen=True)
class Risk:
    """What is minimised over worlds.

    Parameters
    ----------
    quantile : float, optional
        Quantile of the loss relative to the reference recipe; None takes its mean. Above one half a recipe has to be good
        in most worlds, not in the best of them.

    Raises
    ------
    BudgetError
        If the quantile is not between 0 and 1.
    """

    quantile: float | None = 0.6

    def __post_init__(self) -> None:
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise BudgetError(f"the quantile {self.quantile:g} is not between 0 and 1: give one such as 0.8.")

    def __call__(self, losses: Array, reference: Array) -> Array:
        """One number a recipe, (n_points,), from losses (n_worlds, n_points) and the reference's (n_worlds,)."""
        gaps = losses - reference[:, None]
        return np.asarray(gaps.mean(0) if self.quantile is None else np.quantile(gaps, self.quantile, axis=0))

    def level(self, losses: Array) -> float:
        """One number of the losses of one recipe, (n_worlds,): their mean, or the quantile."""
        return float(losses.mean() if self.quantile is None else np.quantile(losses, self.quantile))


@dataclass(frozen=True, eq=False)
class Worlds:
    """Draws of a predictor at one model size and token count.

    Attributes
    ----------
    predictor : Predictor
    place : callable
        Weights (n_points, n_cells) -> Points.
    reference : ndarray, (n_cells,)
        Recipe that others are compared with: today's.
    risk : Risk
    seed : int
    """

    predictor: Predictor
    place: Callable[[Array], Points]
    reference: Array
    risk: Risk
    seed: int = 0

    def losses(self, weights: Array, n: int) -> Array:
        """Losses (n / 2, n_points) in the worlds that choose: every second of n."""
        wrong = self.risk.quantile is not None  # errors that all recipes share do not move a mean
        return self.predictor.draws(self.place(weights), n, self.seed, model_error=wrong, worlds=CHOOSING)

    def values(self, weights: Array, n: int = N_DRAWS) -> Array:
        """What is minimised, (n_points,)."""
        losses = self.losses(np.vstack([self.reference, weights]), n)
        return self.risk(losses[:, 1:], losses[:, 0])


def chosen_weights(worlds: Worlds, limits: Limits, first: Sequence[Array]) -> tuple[Array, Array]:
    """Recipe that is best over the worlds that choose, (n_cells,), and all candidates, best first.

    Parameters
    ----------
    worlds : Worlds
    limits : Limits
    first : sequence of ndarray, (n_cells,)
        Candidates to begin with: the best by the point prediction first.
    """
    candidates = [weights for weights in first if limits.met(weights)] or [first[0]]
    candidates.append(np.mean(candidates, axis=0))  # within the limits, which are convex
    order = np.argsort(worlds.values(np.array(candidates)), kind="stable")[:N_IMPROVED]
    for k in order:
        candidates.append(improved(lambda w: worlds.values(w, 2 * N_TOGETHER), candidates[k], limits, MOST_STEPS, WITHIN))
    table = np.array(candidates)
    table = table[np.argsort(worlds.values(table), kind="stable")]
    return np.asarray(table[0]), table


def best_size_over(pricer: Pricer, budget: Budget, reference: Array, risk: Risk, seed: int) -> tuple[float, float]:
    """Model size and tokens of the lowest expected loss at a budget, each size with the recipe that is best by the point.

    Raises
    ------
    BudgetError
        See `best_size_and_recipe`.
    """
    n_params, tokens, weights = best_size_and_recipe(pricer, budget)
    if budget.overtraining is not None:
        return n_params, tokens
    sizes = n_params * np.exp(STEPS)
    losses, recipes = recipes_at(pricer, budget, sizes, weights)
    found = []
    for k in np.flatnonzero(np.isfinite(losses)):
        size, spent = float(sizes[k]), budget.tokens_at(float(sizes[k]))
        worlds = Worlds(pricer.predictor, partial(pricer.points, size, spent), reference, risk, seed)
        found.append((risk.level(worlds.losses(recipes[[k]], N_DRAWS)[:, 0]), size, spent))
    return min(found)[1:] if found else (n_params, tokens)
