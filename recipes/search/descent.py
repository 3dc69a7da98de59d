"""The mixture of the lowest objective inside a region: many starts from a pool, the best of them improved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from infolaw.units import Array

from .region import Region

Values = Callable[[Array], Array]
"""Mixtures (n_points, n_cells) -> objective (n_points,)."""

_STEP = 1e-5
_SMALL = 1e-7


def improved(values: Values, region: Region, starts: Array, slopes: Values | None = None, max_steps: int = 100) -> Array:
    """Improve every start by sequential quadratic programming; never worse than it, always inside the region.

    Parameters
    ----------
    values : callable
        See `Values`.
    region : Region
    starts : ndarray, (n_starts, n_cells)
    slopes : callable, optional
        Mixtures (n_points, n_cells) -> derivatives of the values (n_points, n_cells); by default differences are taken,
        in one batch.
    max_steps : int

    Returns
    -------
    ndarray, (n_starts, n_cells)
    """
    from scipy.optimize import minimize

    n_cells = starts.shape[1]
    rules: Any = [
        {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(n_cells)},
        *group_rules(region, n_cells),
    ]

    def value_and_slope(w: Any) -> Any:
        if slopes is not None:
            here = np.clip(w, 0.0, None)[None]
            return float(values(here)[0]), slopes(here)[0]
        steps = np.where(w + _STEP <= region.upper, _STEP, -_STEP)
        found = values(np.clip(np.vstack([w, w + np.diag(steps)]), 0.0, None))
        return float(found[0]), np.asarray((found[1:] - found[0]) / steps)

    ends = []
    for start in starts:
        bounds = list(zip(region.lower, region.upper, strict=True))
        found: Any = minimize(
            value_and_slope,
            start,
            jac=True,
            method="SLSQP",
            bounds=bounds,
            constraints=rules,
            options={"maxiter": max_steps, "ftol": 1e-10},
        )
        ends.append(np.where(np.isfinite(found.x), found.x, start))
    return settled(values, region, starts, np.array(ends))


def settled(values: Values, region: Region, starts: Array, ends: Array) -> Array:
    """Return the ends (n_starts, n_cells) brought inside the region, or the start where that is no better."""
    moved = region.project(ends)
    moved = region.project(np.where(moved < _SMALL, 0.0, moved))
    return np.where((values(moved) < values(starts))[:, None], moved, starts)


def group_rules(region: Region, n_unknowns: int) -> list[Any]:
    """Return the limits of the groups as scipy takes them, of unknowns that begin with the shares."""
    rules = []
    for group in region.groups:
        row = np.zeros(n_unknowns)
        row[group.members] = 1.0
        for sign, limit in ((1.0, group.low), (-1.0, group.high)):
            rules.append(
                {
                    "type": "ineq",
                    "fun": lambda w, row=row, sign=sign, limit=limit: sign * (row @ w - limit),
                    "jac": lambda w, row=row, sign=sign: sign * row,
                }
            )
    return rules


def lowest(values: Values, region: Region, pool: Array, n_starts: int = 5, slopes: Values | None = None) -> Array:
    """Return the mixture (n_cells,) of the lowest value: the best of `pool`, and of what its best lead to."""
    found = values(pool)
    starts = pool[np.argsort(found, kind="stable")[:n_starts]]
    ends = improved(values, region, starts, slopes)
    return np.asarray(ends[int(np.argmin(values(ends)))])


def mean_of_best(values: Values, candidates: Array, k: int) -> Array:
    """Mean of the `k` candidates (n_candidates, n_cells) of the lowest value: RegMix's and QuaDMix's way.

    RegMix: 128 of 100,000 (its paper: 100 of 1,000,000); QuaDMix: 10 of 100,000.
    """
    found = values(candidates)
    best = np.argpartition(found, min(k, len(found)) - 1)[:k]
    return np.asarray(candidates[best].mean(0))
