"""The runs that a user has in a planted world: law runs that repeat data, and a swarm of one-pass proxies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from infolaw import RunTable
from infolaw.points import Points
from infolaw.units import Array, train_flops

from .planned_worlds import PlannedWorld
from .planted_designs import dirichlet, proxies
from .planted_worlds import Setting

TOKENS_PER_PARAM = (5.0, 20.0, 80.0)
PASSES = (0.0, 0.0, 2.0, 8.0)
"""Tokens over the pool, of natural composition, that a run draws from; 0: the whole corpus, of which it reads a little."""
MOST_EPOCHS = 40.0
PROXY_TOKENS_PER_PARAM = 20.0
N_DRAWN, CONCENTRATION, TILT = 5, 12.0, 0.5
LARGEST = 4
"""Runs of the largest size that every table has."""


def law_runs(world: PlannedWorld, rng: np.random.Generator) -> RunTable:
    """Draw the table of law runs: sizes x tokens a parameter x recipes x passes, a part of the full grid, with noise."""
    n, d, weights, unique = _grid(world, rng)
    large = np.flatnonzero(n == world.sizes.max())[:LARGEST]
    rest = np.setdiff1d(np.arange(len(n)), large)
    chosen = np.concatenate([large, rng.permutation(rest)[: world.n_runs - len(large)]])
    points = Points.build(n[chosen], d[chosen], weights=weights[chosen], unique=unique[chosen])
    return measured(world, points, world.noise_runs, rng, "law runs")


def proxy_runs(world: PlannedWorld, rng: np.random.Generator) -> RunTable:
    """Draw the swarm: RegMix's design about the natural mixture, one size, every token read once, with noise."""
    weights = proxies(setting_of(world, 1.0, 1.0), world.n_proxies, rng)
    n = float(world.sizes[0])
    points = world.points(n, PROXY_TOKENS_PER_PARAM * n, weights)
    return measured(world, points, world.noise_proxies, rng, "proxies")


def measured(world: PlannedWorld, points: Points, noise: float, rng: np.random.Generator, source: str) -> RunTable:
    """Run table of points, losses with lognormal noise."""
    losses = world.losses(points) * np.exp(noise * rng.standard_normal(len(points)))
    columns = {"n_params": points.n_params, "tokens": points.tokens, "loss": losses}
    columns |= {f"weight:{cell}": points.weights[:, k] for k, cell in enumerate(world.cells)}
    columns |= {f"unique:{cell}": points.cell_unique[:, k] for k, cell in enumerate(world.cells)}
    note = f"simulated: {source} of planted world {world.name}, noise {noise:g} of log loss"
    return RunTable.from_frame(pd.DataFrame(columns), source="simulated", notes=(note,))


def setting_of(world: PlannedWorld, tokens: float, max_epochs: float) -> Setting:
    """Return what a mixture searcher is told of a target of `tokens` where cells may be read `max_epochs` times."""
    return Setting(
        prior=world.natural,
        supply=world.unique_tokens / tokens,
        max_epochs=max_epochs,
        importance=np.ones(1),
        simulated=False,
    )


def _grid(world: PlannedWorld, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Every run of the full grid that compute and passes allow, in random order: sizes, tokens, weights, supplies."""
    rows = [
        (n, ratio * n, recipe, passes)
        for n in world.sizes
        for ratio in TOKENS_PER_PARAM
        for recipe in _recipes(world, rng)
        for passes in PASSES
        if train_flops(n, ratio * n) <= world.max_flops * (1 + 1e-9)
        and (passes * recipe / world.natural).max() <= MOST_EPOCHS
    ]
    order = rng.permutation(len(rows))
    n, d = np.array([rows[k][:2] for k in order], float).T
    weights = np.array([rows[k][2] for k in order])
    passes = np.array([rows[k][3] for k in order])[:, None]
    pool = np.divide(d[:, None], passes, out=np.full((len(d), 1), np.inf), where=passes > 0)
    return n, d, weights, np.minimum(pool * world.natural, world.unique_tokens)


def _recipes(world: PlannedWorld, rng: np.random.Generator) -> list[Array]:
    """Natural, today's, leaning to better and to worse buckets, and some drawn about the natural mixture."""
    leaning = [world.natural * np.exp(sign * TILT * world.bucket) for sign in (-1.0, 1.0)] if world.bucket.any() else []
    drawn = dirichlet(np.tile(CONCENTRATION * world.natural, (N_DRAWN, 1)), rng)
    return [one / one.sum() for one in (world.natural, world.today, *leaning, *drawn)]
