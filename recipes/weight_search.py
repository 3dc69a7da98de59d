"""Best weights under a law that is not concave in them: many feasible starts, each improved by sequential programming."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from infolaw.units import Array

from .grouped import CellGroup, fill

Losses = Callable[[Array], Array]
"""Weights (n_points, n_cells) -> losses (n_points,)."""

_STEP = 1e-6
_STEEPNESS = (0.3, 1.0, 3.0)
_N_RANDOM = 3
_NOTHING = 1e-7
"""A share below this is none."""


def best_weights(
    losses: Losses,
    supply: Array,
    total: float,
    floors: Array,
    caps: Array,
    chains: Sequence[Sequence[int]],
    quality: Array,
    seed: int = 0,
    groups: Sequence[CellGroup] = (),
) -> Array:
    """Weights (n_cells,) of the lowest loss that floors, caps and chains allow.

    Parameters
    ----------
    losses : callable
        See `Losses`.
    supply : ndarray, (n_cells,)
        Distinct tokens [tokens].
    total : float
        Tokens to hand out [tokens].
    floors, caps : ndarray, (n_cells,)
        [tokens].
    chains : sequence of sequences of int
        Along each, weights may not rise.
    quality : ndarray, (n_cells,)
        Bucket of every cell, 0 = best: starts lean to the best by several degrees.
    seed : int
        Of the random starts.
    groups : sequence of CellGroup
        Bounds on sums of cells.

    Returns
    -------
    ndarray, (n_cells,)
        A local optimum, the best found; never worse than any start.

    Notes
    -----
    Every start is a water-filling solution, so it meets the constraints exactly; so does what is returned, up to the
    rounding of the programme (1e-9 of the weights).
    """
    rng = np.random.default_rng(seed)
    worths = [np.ones(len(supply)), *(np.exp(-k * quality) for k in _STEEPNESS)]
    worths += [rng.dirichlet(np.ones(len(supply))) for _ in range(_N_RANDOM)]
    filled = [
        fill(worth, 1.0, 0.3, supply, total, max_tokens=caps, min_tokens=floors, chains=chains, groups=groups)
        for worth in worths
    ]
    starts = np.array(filled) / total
    found = losses(starts)
    order = np.argsort(found, kind="stable")[:3]
    rules = _rules(len(supply), total, chains, groups)
    improved = [_improve(losses, starts[k], floors / total, np.minimum(caps / total, 1.0), rules) for k in order]
    candidates = np.array([*starts[order], *improved])
    return np.asarray(candidates[int(np.argmin(losses(candidates)))])


def _rules(n: int, total: float, chains: Sequence[Sequence[int]], groups: Sequence[CellGroup]) -> tuple[Array, Array]:
    """Matrix (n_rules, n) and bounds (n_rules,) of what weights must keep: matrix @ w >= bound."""
    rows, bounds = [], []
    for i, j in [(i, j) for chain in chains for i, j in zip(chain, chain[1:], strict=False)]:
        rows.append(np.eye(n)[i] - np.eye(n)[j])
        bounds.append(0.0)
    for group in groups:
        inside = np.isin(np.arange(n), group.cells).astype(float)
        rows += [inside, -inside]
        bounds += [group.floor / total, -group.cap / total]
    return np.array(rows).reshape(-1, n), np.array(bounds)


def _improve(losses: Losses, start: Array, low: Array, high: Array, kept: tuple[Array, Array]) -> Array:
    """One run of SLSQP with differences taken in one batch; the start where it ends outside the constraints."""
    from scipy.optimize import minimize

    n, (matrix, bounds) = len(start), kept
    rules: list[Any] = [{"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(n)}]
    if len(matrix):
        rules.append({"type": "ineq", "fun": lambda w: matrix @ w - bounds, "jac": lambda w: matrix})

    def value_and_slope(w: Array) -> tuple[float, Array]:
        steps = np.where(w + _STEP <= 1.0, _STEP, -_STEP)
        batch = np.vstack([w, w + np.diag(steps)])
        found = losses(np.clip(batch, 0.0, None))
        return float(found[0]), np.asarray((found[1:] - found[0]) / steps)

    result = minimize(
        value_and_slope,
        start,
        jac=True,
        method="SLSQP",
        bounds=list(zip(low, high, strict=True)),
        constraints=rules,
        options={"maxiter": 200, "ftol": 1e-10},
    )
    w = np.clip(np.where(result.x < _NOTHING, 0.0, result.x), low, high)
    w = w / w.sum()
    inside = np.isfinite(w).all() and (w >= low - 1e-9).all() and (w <= high + 1e-9).all()
    return np.asarray(w) if inside and (matrix @ w >= bounds - 1e-9).all() else start
