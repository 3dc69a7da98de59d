"""Best weights of many problems at once: projected gradients with spectral steps, each problem at its own pace.

A recipe is best for one size; the size of a plan is found by comparing many, each with its own best recipe. Problems
share every call of the law, so that thirty sizes cost little more than one.

References
----------
.. [1] Birgin, Martinez and Raydan (2000), "Nonmonotone spectral projected gradient methods on convex sets", SIAM J.
   Optim. 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from infolaw.units import Array

Values = Callable[[Array, Any], Array]
"""Weights (n_active, n_cells), index of their problems -> values (n_active,), or slopes (n_active, n_cells)."""

_MEMORY = 5
"""Values that a new one must be below the largest of."""
_LEAST, _MOST = 1e-8, 1e8
"""Bounds of a spectral step."""
_ENOUGH = 1e-4
_HALVINGS = 12


def project(weights: Array, low: Array, high: Array, metric: Array) -> Array:
    """Nearest weights that sum to 1 within bounds, each direction measured over `metric`; all (n_problems, n_cells).

    The multiplier of the sum is exact: the sum is linear between the sorted places where a weight meets a bound.

    Examples
    --------
    >>> project(np.array([[0.9, 0.5]]), np.zeros((1, 2)), np.ones((1, 2)), np.ones((1, 2))).tolist()
    [[0.7, 0.3]]
    """
    ends = np.concatenate([(low - weights) / metric, (high - weights) / metric], 1)
    order = np.argsort(ends, axis=1)
    places = np.take_along_axis(ends, order, 1)
    rate = np.cumsum(np.take_along_axis(np.concatenate([metric, -metric], 1), order, 1), axis=1)
    sums = low.sum(1, keepdims=True) + np.concatenate(
        [np.zeros((len(weights), 1)), np.cumsum(rate[:, :-1] * np.diff(places, axis=1), axis=1)], 1
    )
    at = np.clip((sums < 1.0).sum(1) - 1, 0, places.shape[1] - 2)[:, None]
    place, rise, below = (np.take_along_axis(one, at, 1) for one in (places, rate, sums))
    move = place + np.divide(1.0 - below, rise, out=np.zeros_like(rise), where=rise > 0)
    return np.asarray(np.clip(weights + move * metric, low, high))


def descend(
    values: Values,
    slopes: Values,
    start: Array,
    low: Array,
    high: Array,
    metric: Array,
    most: int = 100,
    within: float = 1e-9,
) -> tuple[Array, Array]:
    """Weights of low value, and those values; never worse than the start.

    Parameters
    ----------
    values, slopes : callable
        See `Values`.
    start : ndarray, (n_problems, n_cells)
        Projected first.
    low, high : ndarray, (n_problems, n_cells)
        Bounds that leave room for a sum of 1.
    metric : ndarray, (n_cells,)
        Scale of every weight, such as the share of its cell in the supply.
    most : int
        Steps of each problem.
    within : float
        A problem has ended when its projected gradient step promises less.

    Returns
    -------
    ndarray, (n_problems, n_cells), and ndarray, (n_problems,)
    """
    scale = np.broadcast_to(metric, start.shape)
    w, active = project(start, low, high, scale), np.arange(len(start))
    value, slope = values(w, active), slopes(w, active)
    best, lowest = w.copy(), value.copy()
    steep = np.abs(slope - (slope * scale).sum(1, keepdims=True) / scale.sum(1, keepdims=True)).max(1)
    step = 0.1 / np.maximum(steep, 1e-12)
    memory = np.tile(value[:, None], (1, _MEMORY))
    for k in range(most):
        aim = w[active] - step[active, None] * scale[active] * slope[active]
        move = project(aim, low[active], high[active], scale[active]) - w[active]
        promise = -(slope[active] * move).sum(1)
        going = (promise > within) & np.isfinite(promise)
        active, move, promise = active[going], move[going], promise[going]
        if not len(active):
            break
        t, ahead, reached = _along(values, w[active], move, promise, memory[active].max(1), active)
        gone, before = t[:, None] * move, slope[active]
        slope[active] = slopes(ahead, active)
        bend = (gone * (slope[active] - before)).sum(1)
        length = (gone**2 / scale[active]).sum(1)
        step[active] = np.clip(np.divide(length, bend, out=np.full(len(t), _MOST), where=bend > 0), _LEAST, _MOST)
        w[active] = ahead
        memory[active, k % _MEMORY] = reached
        better = reached < lowest[active]
        best[active[better]], lowest[active[better]] = ahead[better], reached[better]
    return best, lowest


def _along(values: Values, w: Array, move: Array, promise: Array, limit: Array, index: Any) -> tuple[Array, Array, Array]:
    """Share of the move that is taken, weights and values there: halved until values fall enough."""
    t = np.ones(len(w))
    ahead = w + move
    reached = values(ahead, index)
    for _ in range(_HALVINGS):
        short = ~(reached <= limit - _ENOUGH * t * promise)
        if not short.any():
            break
        t[short] *= 0.5
        ahead[short] = w[short] + t[short, None] * move[short]
        reached[short] = values(ahead[short], index[short])
    return t, ahead, reached
