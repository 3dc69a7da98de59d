"""What the plan could have been: the best recipe and size in each of many worlds, beside the plan and today's mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from infolaw.errors import BudgetError
from infolaw.laws import CellValue
from infolaw.points import Points, Schema, Support
from infolaw.predictor import Predictor
from infolaw.units import Array

from ..budget import Budget
from ..pricer import Pricer

N_WORLDS = 300
MOST = 40
"""Decisions kept: each is the best that is left for some worlds."""
SIZES = (0.35, 0.5, 0.7, 1.4, 2.0, 2.8)
"""Model sizes in units of the plan's, where the budget leaves the size open."""
_RECIPES, _ROUNDS, _PAIRS = 24, 3, 60
_WORTHLESS = 1e-3
"""A decision that takes less than this share of the regret is left out."""
_BLOCK = 4_000_000
_SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class Decisions:
    """Runs at the target that could be planned.

    Attributes
    ----------
    n_params, tokens : ndarray, (n_decisions,)
    weights : ndarray, (n_decisions, n_cells)
        In the corpus' cells. The first decision is the plan.
    """

    n_params: Array
    tokens: Array
    weights: Array

    def __len__(self) -> int:
        return len(self.n_params)

    def points(self, pricer: Pricer) -> Points:
        """Points in the law's cells."""
        return pricer.points(self.n_params, self.tokens, self.weights)

    def take(self, index: Any) -> Decisions:
        """Return some of them."""
        chosen = np.asarray(index, np.intp)
        return Decisions(self.n_params[chosen], self.tokens[chosen], self.weights[chosen])

    def joined(self, other: Decisions) -> Decisions:
        """Return these and others."""
        pairs = ((self.n_params, other.n_params), (self.tokens, other.tokens), (self.weights, other.weights))
        return Decisions(*(np.concatenate(pair) for pair in pairs))


def other_sizes(budget: Budget, n_params: float) -> tuple[tuple[float, float], ...]:
    """Sizes about `n_params` and the tokens that the same budget pays for; none where the budget fixes the size."""
    fixed = (budget.n_params, budget.tokens, budget.tokens_per_param, budget.overtraining)
    if any(value is not None for value in fixed):
        return ()
    found = []
    for size in n_params * np.array(SIZES):
        try:
            found.append((float(size), budget.tokens_at(float(size))))
        except BudgetError:
            break  # larger models are too dear to serve
    return tuple(found)


def decisions(
    pricer: Pricer,
    n_params: float,
    tokens: float,
    weights: Array,
    rivals: Mapping[str, Array],
    elsewhere: Sequence[tuple[float, float]] = (),
    seed: int = 0,
) -> Decisions:
    """Find the decisions that are best in some world.

    Parameters
    ----------
    pricer : Pricer
    n_params, tokens, weights
        The plan.
    rivals : mapping of str to ndarray, (n_cells,)
        Recipes that stay in the set whatever they are worth, such as today's.
    elsewhere : sequence of (float, float)
        Other sizes and tokens that may be planned in its place.
    seed : int

    Returns
    -------
    Decisions
        The plan first, then the rivals; all others meet the constraints of the pricer.

    Notes
    -----
    Worlds come from `Predictor.draws` alone, so any predictor will do. Recipes start as water-filling solutions for random
    worths of the cells; means of those that are best in some world are feasible too, and refine them.
    """
    rng = np.random.default_rng([seed, 3])
    own = np.vstack([weights, *rivals.values()])
    found, n_kept = _at(n_params, tokens, own), len(own)
    found = found.joined(_at(n_params, tokens, _recipes(pricer, n_params, tokens, weights, rng)))
    for size, paid in elsewhere:
        try:
            best = pricer.best_weights(size, paid)
        except BudgetError:
            continue  # nothing is feasible at this size
        found = found.joined(_at(size, paid, _recipes(pricer, size, paid, best, rng)))
    losses = losses_of(pricer, found, seed)
    tried = Tried.of(pricer, found)
    for _ in range(_ROUNDS):
        more = _between(found, _cover(losses, n_kept, tried.open), rng)
        if not len(more):
            break
        losses = np.concatenate([losses, losses_of(pricer, more, seed)], axis=1)
        found = found.joined(more)
        tried = tried.joined(more.points(pricer).weights)
    return found.take(_cover(losses, n_kept, tried.open))


def losses_of(pricer: Pricer, found: Decisions, seed: int) -> Array:
    """Losses (n_worlds, n_decisions) [nats/token], model error among them."""
    return draws_in_blocks(pricer.predictor, found.points(pricer), N_WORLDS, seed, model_error=True)


def draws_in_blocks(predictor: Predictor, points: Points, n: int, seed: int, *, model_error: bool) -> Array:
    """Draws (n, n_points) of a predictor, of so many points at a time that memory stays flat.

    Raises
    ------
    BudgetError
        If the predictor has no replicates to draw from.
    """
    block = max(1, _BLOCK // (n * points.weights.shape[1]))
    try:
        with np.errstate(divide="ignore"):
            parts = [
                predictor.draws(points.take(slice(k, k + block)), n, seed, model_error=model_error)
                for k in range(0, len(points), block)
            ]
    except IndexError:
        raise BudgetError(
            "the fit holds no bootstrap replicates, so nothing says what is uncertain: fit again with --bootstrap 1000."
        ) from None
    return np.concatenate(parts, axis=1)


def _at(n_params: float, tokens: float, weights: Array) -> Decisions:
    return Decisions(np.full(len(weights), n_params), np.full(len(weights), tokens), weights)


def _recipes(pricer: Pricer, n_params: float, tokens: float, best: Array, rng: np.random.Generator) -> Array:
    """The law's best recipe at a size, and the best for random worths of the cells."""
    predictor, cells = pricer.predictor, pricer.predictor.schema.cells
    quality = np.array([bucket or 0 for bucket in predictor.schema.buckets], float)
    quality = quality / max(1.0, quality.max())
    found = [best]
    for _ in range(_RECIPES if predictor.sees_recipe else 0):
        worth = np.exp(-rng.uniform(0, 4) * quality + rng.uniform(0, 1.5) * rng.standard_normal(len(cells)))
        imagined = cast(Predictor, _Worths(predictor.schema, CellValue(worth, 1.0, rng.uniform(0.03, 1.0))))
        found.append(replace(pricer, predictor=imagined).best_weights(n_params, tokens))
    every = np.array(found)
    return np.concatenate([_held(every, best, pricer, beyond) for beyond in (0.0, Support.REACH_WEIGHT)])


@dataclass(frozen=True, eq=False)
class Tried:
    """Which decisions are open: a plan keeps to the shares that runs have tried, so a run can open others.

    Attributes
    ----------
    shares : ndarray, (n_decisions, n_law_cells)
    highest : ndarray, (n_law_cells,)
        Largest share of each cell in a run so far, in the plan, or in a recipe in use.
    """

    shares: Array
    highest: Array

    @classmethod
    def of(cls, pricer: Pricer, found: Decisions, n_kept: int = 1) -> Tried:
        """Shares of decisions, of which the first `n_kept` are open whatever runs have tried."""
        shares = found.points(pricer).weights
        tried = np.array([high for _, high in pricer.predictor.support.weights])
        return cls(shares, np.maximum(tried, shares[:n_kept].max(0)))

    @property
    def open(self) -> Any:
        """Which decisions are open, (n_decisions,)."""
        return self.with_runs(self.highest[None])[:, 0]

    def with_runs(self, shares: Array) -> Any:
        """Which decisions would be open after a run of each of `shares` (n_runs, n_law_cells): (n_decisions, n_runs)."""
        highest = np.maximum(self.highest, shares)
        return (self.shares[:, None, :] <= highest + _SLACK).all(2)

    def after(self, shares: Array) -> Tried:
        """Return what is open once a run of these shares is done."""
        return replace(self, highest=np.maximum(self.highest, shares))

    def joined(self, shares: Array) -> Tried:
        """Return the same with more decisions."""
        return replace(self, shares=np.concatenate([self.shares, shares]))


@dataclass(frozen=True)
class _Worths:
    """As much of a predictor as a `Pricer` needs to fill cells of known worth, whatever the constraints are."""

    schema: Schema
    value: CellValue
    sees_recipe: bool = True

    def cell_value(self, n_params: float, tokens: float) -> CellValue:
        """Worth of the cells."""
        return self.value


def _held(recipes: Array, best: Array, pricer: Pricer, beyond: float) -> Array:
    """Recipes drawn towards `best` until no law cell's share is more than `beyond` above what runs have tried."""
    up = np.eye(len(pricer.predictor.schema.cells))[pricer.cells]
    tried = np.array([high for _, high in pricer.predictor.support.weights]) + beyond
    shares, own = recipes @ up, best @ up
    room = (np.maximum(tried, own) - own) / np.maximum(shares - own, 1e-300)
    part = np.clip(room, 0.0, 1.0).min(1, keepdims=True)
    return np.asarray(best + part * (recipes - best))


def _cover(losses: Array, n_kept: int, is_open: Array) -> list[int]:
    """The first `n_kept`, and then, in turn of those open now and of all, what takes most of the regret that is left."""
    chosen = list(range(n_kept))
    first = max(float((losses.mean(0).min() - losses.min(1)).mean()), 1e-12)
    pools = [np.where(is_open, losses, np.inf), losses]
    best = [pool[:, :n_kept].min(1) for pool in pools]
    for turn in range(2 * MOST):
        pool = turn % 2
        gain = np.maximum(best[pool][:, None] - pools[pool], 0.0).mean(0)
        if gain.max() > _WORTHLESS * first and int(gain.argmax()) not in chosen:
            chosen.append(int(gain.argmax()))
            best = [np.minimum(now, pools[k][:, chosen[-1]]) for k, now in enumerate(best)]
        if len(chosen) >= MOST + n_kept:
            break
    return chosen


def _between(found: Decisions, chosen: list[int], rng: np.random.Generator) -> Decisions:
    """Means of recipes of one size, two by two: within the same floors and caps as both."""
    pairs = [(i, j) for i in chosen for j in chosen if i < j and found.n_params[i] == found.n_params[j]]
    if not pairs:
        return found.take([])
    some = rng.choice(len(pairs), min(_PAIRS, len(pairs)), replace=False)
    left, right = np.array(pairs)[some].T
    part = rng.uniform(0.2, 0.8, (len(left), 1))
    mixed = part * found.weights[left] + (1 - part) * found.weights[right]
    return Decisions(found.n_params[left], found.tokens[left], mixed)
