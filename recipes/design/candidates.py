"""Runs that could be done next: sizes, tokens, recipes and pools cut smaller; law runs and mixture proxies in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infolaw.errors import BudgetError
from infolaw.points import Points
from infolaw.units import Array, train_flops

from ..pricer import Pricer
from .decisions import Decisions

MOST = 400
"""Candidates looked at; of more, some are drawn."""
REACH = 4.0
"""How many times outside the box of the runs a candidate may lie, in size, tokens, compute and passes."""
_SIZES, _TOKENS, _RATIO = 5, 5, 16.0
_PASSES = (0.25, 1.0, 4.0)
"""Passes over the pool in units of the plan's, beside drawing from the whole corpus."""
_FROM_PLAN, _DRAWN = 6, 6
_SPREAD = 4.0
"""Concentration of the mixtures drawn about the natural one, as of a swarm of proxies."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Runs that could be done.

    Attributes
    ----------
    n_params, tokens : ndarray, (n_candidates,)
    weights : ndarray, (n_candidates, n_cells)
        In the corpus' cells.
    pool : ndarray, (n_candidates,)
        Share of the corpus, alike in every cell, that the run may draw from.
    """

    n_params: Array
    tokens: Array
    weights: Array
    pool: Array

    def __len__(self) -> int:
        return len(self.n_params)

    @property
    def flops(self) -> Array:
        """Training compute, 6 N D (n_candidates,) [FLOP]."""
        return train_flops(self.n_params, self.tokens)

    def take(self, index: Any) -> Candidates:
        """Return some of them."""
        chosen = np.asarray(index)
        return Candidates(self.n_params[chosen], self.tokens[chosen], self.weights[chosen], self.pool[chosen])

    def points(self, pricer: Pricer) -> Points:
        """Points in the law's cells, each with its own pool."""
        whole = pricer.points(self.n_params, self.tokens, self.weights)
        return Points(whole.n_params, whole.tokens, whole.cell_tokens, whole.cell_unique * self.pool[:, None], whole.group)


def candidates(
    pricer: Pricer, found: Decisions, budget_flops: float, *, sizes: Sequence[float] = (), seed: int = 0
) -> Candidates:
    """List the runs within a budget and within reach of those already done.

    Parameters
    ----------
    pricer : Pricer
    found : Decisions
        The plan first; recipes are taken from them, so that a candidate can settle what is between them.
    budget_flops : float
        Most compute of one run [FLOP].
    sizes : sequence of float
        Model sizes that can be trained [parameters]; a grid about the box of the runs by default.

    Raises
    ------
    BudgetError
        If not one run fits; the message names the cheapest.
    """
    rng, box = np.random.default_rng([seed, 4]), pricer.predictor.support
    n = np.array(sizes) if len(sizes) else _grid(box.n_params, float(found.n_params[0]), _SIZES)
    d = _grid(box.tokens, float(found.tokens[0]), _TOKENS)
    recipes = _recipes(pricer, found, rng)
    index = np.stack(np.meshgrid(*(np.arange(len(a)) for a in (n, d, recipes)), indexing="ij"), -1).reshape(-1, 3)
    n_params, tokens, weights = n[index[:, 0]], d[index[:, 1]], recipes[index[:, 2]]
    matched = tokens / found.tokens[0]  # the pool over which a recipe repeats as often as in the plan
    pools = np.stack([np.ones_like(matched), *(np.minimum(1.0, matched / passes) for passes in _PASSES)])
    is_new = np.array([(np.abs(pools[:k] / pools[k] - 1) > 1e-9).all(0) for k in range(len(pools))])
    which, run = np.nonzero(is_new)
    every = Candidates(n_params[run], tokens[run], weights[run], pools[which, run])
    every = every.take(np.flatnonzero(_near(every, pricer, found)))
    if not len(every):
        raise BudgetError("no run lies within reach of those already done: name model sizes that can be trained (--size).")
    affordable = np.flatnonzero(every.flops <= budget_flops * (1 + 1e-9))
    if not len(affordable):
        k = int(every.flops.argmin())
        raise BudgetError(
            f"{budget_flops:.3g} FLOP are less than the cheapest run that would tell anything ({every.flops[k]:.3g} FLOP: "
            f"{every.n_params[k]:.3g} parameters on {every.tokens[k]:.3g} tokens): raise --budget-flops."
        )
    if len(affordable) > MOST:
        affordable = np.sort(rng.choice(affordable, MOST, replace=False))
    return every.take(affordable)


def _grid(box: tuple[float, float], target: float, n: int) -> Array:
    """From the least of the box to `REACH` times its most, but not beyond the target."""
    return np.geomspace(box[0], max(box[1], min(REACH * box[1], target)), n)


def _near(every: Candidates, pricer: Pricer, found: Decisions) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether tokens a parameter, compute and passes are near those of the runs or of the plan."""
    box, points = pricer.predictor.support, every.points(pricer)
    ratio = every.tokens / every.n_params / (found.tokens[0] / found.n_params[0])
    planned = float(found.take([0]).points(pricer).cell_epochs.max())
    passes = REACH * max(box.epochs[1], planned)
    compute = (every.flops >= box.flops[0] / REACH) & (every.flops <= box.flops[1] * REACH)
    return np.asarray(compute & (np.abs(np.log(ratio)) <= np.log(_RATIO)) & (points.cell_epochs.max(1) <= passes))


def _recipes(pricer: Pricer, found: Decisions, rng: np.random.Generator) -> Array:
    """Recipes to try: the plan's, today's, some that are best in other worlds, and a few proxies about the natural mix."""
    natural = pricer.corpus.natural
    drawn = rng.dirichlet(np.maximum(_SPREAD * natural * len(natural), 0.05), _DRAWN)
    every = np.vstack([found.weights[: 2 * _FROM_PLAN], natural[None], drawn])
    _, first = np.unique(every.round(3), axis=0, return_index=True)
    return every[np.sort(first)]
