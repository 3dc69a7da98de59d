"""The best plan of a planted world at each of its budgets: size and mixture together, searched twice by unlike methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from infolaw.units import Array, tokens_for

from .planned_worlds import PlannedWorld
from .planted_designs import capped, dirichlet
from .planted_making import descended, exchanged

RATIOS = np.geomspace(2.0, 600.0, 9)
"""Tokens a parameter that the first search starts from."""
PATIENCE, GAINED = 30, 1e-5


def searched(world: PlannedWorld, rng: np.random.Generator) -> PlannedWorld:
    """World with its best plans: a grid of sizes with gradient searches, refined, then kicks until they gain nothing."""
    plans = [kicked(world, budget, *refined(world, budget, rng), rng) for budget in world.budgets]
    return replace(world, best_n_params=np.array([n for n, _ in plans]), best=np.stack([w for _, w in plans]))


def caps_at(world: PlannedWorld, tokens: float) -> Array:
    """Largest share of every cell in a run of `tokens`, ``(n_cells,)``."""
    return np.minimum(1.0, world.max_epochs * world.unique_tokens / tokens)


def loss_at(world: PlannedWorld, flops: float, n_params: float) -> Callable[[Array], Array]:
    """Loss of weights ``(n, n_cells)`` at one size."""
    return lambda w: world.loss(n_params, tokens_for(flops, n_params), np.maximum(w, 0.0))


def best_weights(world: PlannedWorld, flops: float, n_params: float, starts: list[Array]) -> tuple[float, Array]:
    """Lowest loss and its weights at one size, by gradient searches from the starts."""
    caps = caps_at(world, float(tokens_for(flops, n_params)))
    if caps.sum() < 1.0:
        return np.inf, starts[0]
    loss = loss_at(world, flops, n_params)
    begin = [capped(np.maximum(start, 1e-9), caps) for start in starts]
    ends = np.array([*(descended(loss, start, caps) for start in begin), *begin])
    values = loss(ends)
    return float(values.min()), ends[int(values.argmin())]


def refined(world: PlannedWorld, flops: float, rng: np.random.Generator) -> tuple[float, Array]:
    """Size and weights of the lowest loss: a grid of sizes, then a bounded search between the neighbours of the best."""
    from scipy.optimize import minimize_scalar

    leaning = world.natural * np.exp(-0.5 * world.bucket)
    starts = [world.natural, world.today, leaning / leaning.sum(), *dirichlet(np.tile(8.0 * world.natural, (3, 1)), rng)]
    grid = np.sqrt(flops / 6.0 / RATIOS)
    found = [best_weights(world, flops, float(n), starts) for n in grid]
    k = int(np.argmin([value for value, _ in found]))
    weights = found[k][1]
    inner = np.log(grid[[min(k + 1, len(grid) - 1), max(k - 1, 0)]])
    value = partial(best_weights, world, flops, starts=[weights])
    options: Any = {"bounds": tuple(inner.tolist()), "method": "bounded", "options": {"xatol": 1e-3}}
    end = minimize_scalar(lambda u: value(float(np.exp(u)))[0], **options)
    n_params = float(np.exp(end.x))
    return n_params, best_weights(world, flops, n_params, [weights, *starts])[1]


def kicked(
    world: PlannedWorld, flops: float, n_params: float, weights: Array, rng: np.random.Generator, patience: int = PATIENCE
) -> tuple[float, Array]:
    """Plan that `patience` kicks of size and mixture in a row, each followed by exchanges between cells, did not better."""
    value, failed = float(loss_at(world, flops, n_params)(weights[None])[0]), 0
    while failed < patience:
        size = n_params * float(np.exp(rng.choice([0.02, 0.3]) * rng.standard_normal()))
        caps = caps_at(world, float(tokens_for(flops, size)))
        mixed = 0.8 * weights + 0.2 * rng.dirichlet(np.full(len(weights), 0.3))
        spread = np.exp(rng.choice([0.0, 0.3, 1.0]) * rng.standard_normal(len(weights)))
        failed += 1
        if caps.sum() < 1.0:
            continue
        loss = loss_at(world, flops, size)
        end = exchanged(loss, capped(np.maximum(mixed * spread, 1e-12), caps), caps, first=0.1)
        found = float(loss(end)[0])
        failed = 0 if found < value - GAINED else failed
        if found < value:
            n_params, weights, value = size, end, found
    return n_params, weights
