"""Best weights under a law that is not concave in them: many feasible starts, each improved by sequential programming."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from infolaw.units import Array

from .gradient_search import descend
from .grouped import CellGroup, fill

Losses = Callable[[Array], Array]
"""Weights (n_points, n_cells) -> losses (n_points,)."""
Slopes = Callable[[Array], Array]
"""Weights (n_points, n_cells) -> derivatives of the losses (n_points, n_cells)."""

_STEP = 1e-6
MOST_STEPS, WITHIN = 200, 1e-10
WIDE, WIDE_STEPS = 60, 40
"""Beyond so many cells one start is improved, by gradients alone; under rules beside bounds, in so many steps."""
_STEEPNESS = (0.3, 1.0, 3.0)
_N_RANDOM = 3
_NOTHING = 1e-7
"""A share below this is none."""
N_IMPROVED = 3
"""Starts that are improved."""


@dataclass(frozen=True, eq=False)
class Limits:
    """What recipes of `total` tokens must respect.

    Attributes
    ----------
    supply, floors, caps : ndarray, (n_cells,)
        Distinct tokens, least and most tokens of each cell [tokens].
    total : float
        Tokens to hand out [tokens].
    chains : sequence of sequences of int
        Along each, weights may not rise.
    groups : sequence of CellGroup
        Bounds on sums of cells.
    """

    supply: Array
    total: float
    floors: Array
    caps: Array
    chains: Sequence[Sequence[int]] = ()
    groups: Sequence[CellGroup] = ()

    @property
    def metric(self) -> Array:
        """Scale of every share, (n_cells,): the root of its cell's in the supply; a thousandth of the mean at least."""
        share = np.where(np.isfinite(self.supply), self.supply, self.total)
        return np.asarray(np.sqrt(np.maximum(share / share.sum(), 1e-3 / len(share))))

    @property
    def low(self) -> Array:
        """Least share of every cell, (n_cells,)."""
        return self.floors / self.total

    @property
    def high(self) -> Array:
        """Largest share of every cell, (n_cells,)."""
        return np.minimum(self.caps / self.total, 1.0)

    @cached_property
    def rules(self) -> tuple[Array, Array]:
        """Matrix (n_rules, n_cells) and bounds (n_rules,) of what weights must keep: matrix @ w >= bound."""
        n, rows, bounds = len(self.supply), list[Array](), list[float]()
        for i, j in [(i, j) for chain in self.chains for i, j in zip(chain, chain[1:], strict=False)]:
            rows.append(np.eye(n)[i] - np.eye(n)[j])
            bounds.append(0.0)
        for group in self.groups:
            inside = np.isin(np.arange(n), group.cells).astype(float)
            rows += [inside, -inside]
            bounds += [group.floor / self.total, -group.cap / self.total]
        return np.array(rows).reshape(-1, n), np.array(bounds)

    def filled(self, worth: Array, drop: float = 1.0, decay: float = 0.3) -> Array:
        """Weights (n_cells,) that spend the tokens on cells of this worth; see `waterfill`."""
        limits: dict[str, Any] = {"max_tokens": self.caps, "min_tokens": self.floors}
        tokens = fill(worth, drop, decay, self.supply, self.total, chains=self.chains, groups=self.groups, **limits)
        return np.asarray(tokens / tokens.sum())

    def starts(self, quality: Array, seed: int = 0) -> Array:
        """Weights (n_starts, n_cells) that meet the limits: from the natural mix to the best `quality` (0 = best) alone."""
        rng = np.random.default_rng(seed)
        worths = [np.ones(len(self.supply)), *(np.exp(-k * quality) for k in _STEEPNESS)]
        worths += [rng.dirichlet(np.ones(len(self.supply))) for _ in range(_N_RANDOM)]
        return np.array([self.filled(worth) for worth in worths])

    def tidied(self, weights: Array, otherwise: Array) -> Array:
        """Weights (n_cells,) without shares that are none, within the bounds; `otherwise` if they miss the limits."""
        inside = np.clip(np.where(weights < _NOTHING, 0.0, weights), self.low, self.high)
        inside = np.asarray(inside / inside.sum())
        return inside if self.met(inside) else otherwise

    def met(self, weights: Array) -> bool:
        """Whether weights (n_cells,) meet the limits, up to rounding."""
        inside = (weights >= self.low - 1e-9).all() and (weights <= self.high + 1e-9).all()
        matrix, bounds = self.rules
        return bool(np.isfinite(weights).all() and inside and (matrix @ weights >= bounds - 1e-9).all())


def best_weights(
    losses: Losses,
    limits: Limits,
    starts: Array,
    n_improved: int = N_IMPROVED,
    most: int = MOST_STEPS,
    within: float = WITHIN,
    slopes: Slopes | None = None,
) -> Array:
    """Weights (n_cells,) of the lowest loss within the limits.

    Parameters
    ----------
    losses : callable
        See `Losses`.
    limits : Limits
    starts : ndarray, (n_starts, n_cells)
        Within the limits.
    n_improved : int
        How many of the best starts are improved.
    most, within
        See `improved`.
    slopes : callable, optional
        See `Slopes`: over many cells all starts are improved by them at once, where bounds are the only rules.

    Returns
    -------
    ndarray, (n_cells,)
        A local optimum, the best found; never worse than any start.
    """
    is_wide = starts.shape[1] > WIDE
    by_gradients = slopes is not None and is_wide and not len(limits.rules[1])
    first = starts[np.argsort(losses(starts), kind="stable")[: 1 if is_wide and not by_gradients else n_improved]]
    if slopes is not None and by_gradients:
        ends = list(_descended(losses, slopes, first, limits, min(most, WIDE_STEPS), within))
    else:
        ends = [improved(losses, start, limits, most, within) for start in first]
    candidates = np.array([*first, *ends])
    return np.asarray(candidates[int(np.argmin(losses(candidates)))])


def _descended(losses: Losses, slopes: Slopes, starts: Array, limits: Limits, most: int, within: float) -> Array:
    """Improve recipes (n_starts, n_cells) by projected gradients, all at once."""
    low, high = (np.broadcast_to(bound, starts.shape) for bound in (limits.low, limits.high))
    ends = descend(lambda w, _: losses(w), lambda w, _: slopes(w), starts, low, high, limits.metric, most, within)[0]
    return np.array([limits.tidied(end, start) for end, start in zip(ends, starts, strict=True)])


def improved(losses: Losses, start: Array, limits: Limits, most: int = MOST_STEPS, within: float = WITHIN) -> Array:
    """Improve one recipe by differences, all in one batch.

    By SLSQP, or over many cells by projected gradients, unless rules beside bounds forbid it. It ends after `most` steps, or
    where a step gains less than `within` [nats/token].
    """

    def value_and_slope(w: Array) -> tuple[float, Array]:
        steps = np.where(w + _STEP <= 1.0, _STEP, -_STEP)
        found = losses(np.clip(np.vstack([w, w + np.diag(steps)]), 0.0, None))
        return float(found[0]), np.asarray((found[1:] - found[0]) / steps)

    most = most if len(start) <= WIDE else min(most, WIDE_STEPS)
    if len(start) > WIDE and not len(limits.rules[1]):
        return np.asarray(_descended(losses, lambda w: value_and_slope(w[0])[1][None], start[None], limits, most, within)[0])
    return limits.tidied(_stepped(value_and_slope, start, limits, most, within), start)


def _stepped(value_and_slope: Any, start: Array, limits: Limits, most: int, within: float) -> Array:
    """One run of SLSQP."""
    from scipy.optimize import minimize

    n, (matrix, bounds) = len(start), limits.rules
    rules: list[Any] = [{"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(n)}]
    if len(matrix):
        rules.append({"type": "ineq", "fun": lambda w: matrix @ w - bounds, "jac": lambda w: matrix})
    result = minimize(
        value_and_slope,
        start,
        jac=True,
        method="SLSQP",
        bounds=list(zip(limits.low, limits.high, strict=True)),
        constraints=rules,
        options={"maxiter": most, "ftol": within},
    )
    return np.asarray(result.x)
