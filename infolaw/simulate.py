"""Runs drawn from a known law: a tool for tests and coverage studies, never a demonstration.

Every table it makes says in its notes that it was simulated, and from what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .cells import WHOLE
from .laws import Law, law_named
from .points import Points, Schema
from .units import Array

if TYPE_CHECKING:
    from .runs import RunTable

HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
"""Chinchilla's published constants (Hoffmann et al. 2022, arXiv:2203.15556, eq. 10)."""


def simulated_losses(
    law: str | Law,
    constants: Mapping[str, float],
    points: Points,
    *,
    noise_sd: float = 0.0,
    seed: int = 0,
    schema: Schema | None = None,
) -> Array:
    """Losses (n_points,) of a law with known constants, times lognormal noise [nats/token]."""
    bound = law_named(law).bind(schema or Schema())
    loss = bound.predict(bound.encode(constants)[None], points)[0]
    return np.asarray(loss * np.exp(noise_sd * np.random.default_rng(seed).standard_normal(len(points))))


def size_grid(n_params: tuple[float, float] = (4e7, 4e9), tokens_per_param: tuple[float, ...] = (5, 20, 80)) -> Points:
    """Twelve sizes, log-spaced, at each ratio of tokens to parameters; nothing repeats."""
    sizes = np.geomspace(n_params[0], n_params[1], 12)
    n = np.repeat(sizes, len(tokens_per_param))
    return Points.build(n, n * np.tile(tokens_per_param, len(sizes)))


def simulated_runs(
    law: str | Law = "chinchilla",
    constants: Mapping[str, float] = HOFFMANN,
    points: Points | None = None,
    *,
    cells: tuple[str, ...] = (WHOLE,),
    noise_sd: float = 0.005,
    seed: int = 0,
) -> RunTable:
    """Return a run table drawn from a law; cells are named ``q0``, ``q1``, ... or as given."""
    import pandas as pd

    from .runs import RunTable

    points = size_grid() if points is None else points
    losses = simulated_losses(law, constants, points, noise_sd=noise_sd, seed=seed, schema=Schema(cells))
    columns: dict[str, Array] = {"n_params": points.n_params, "tokens": points.tokens, "loss": losses}
    if cells == (WHOLE,):
        if np.isfinite(points.cell_unique).all():
            columns["unique_tokens"] = points.cell_unique[:, 0]
    else:
        columns |= {f"weight:{cell}": points.weights[:, k] for k, cell in enumerate(cells)}
        columns |= {f"unique:{cell}": points.cell_unique[:, k] for k, cell in enumerate(cells)}
    truth = ", ".join(f"{name}={value:g}" for name, value in constants.items())
    note = f"simulated from {law_named(law).label} with {truth}, noise {noise_sd:g} of log loss, seed {seed}"
    return RunTable.from_frame(pd.DataFrame(columns), source="simulated", notes=(note,))
