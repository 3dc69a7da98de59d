"""How large a loop the hours allow: measured speed, and the largest grid with its verification that fits."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from infolaw.errors import ExperimentError
from infolaw.units import Array

from .designs import Base, Grid
from .proxy import RunConfig
from .proxy.mlp import Mlp

SEEDS = 4
"""Least seeds of each recipe that is verified."""
RIVALS = 4
"""Recipes trained at the final budget: the plan and three baselines."""
BUDGET = 4.0
"""Final compute, in units of the largest run of the grid."""
LARGEST = (24, 32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024)
SHRINK = (8, 4, 2, 4 / 3, 1)
SECONDS_A_RUN = 0.4
"""Of drawing, measuring and writing."""
USED = 0.8
"""Share of the hours that is planned for."""
_PROBED = (32, 128, 256)
_PROBE_SECONDS = 0.4


@dataclass(frozen=True)
class Speed:
    """Seconds a token: ``fixed + per_param * n_params``."""

    fixed: float
    per_param: float

    def seconds(self, n_params: float, tokens: float) -> float:
        """Time of one training [s]."""
        return tokens * (self.fixed + self.per_param * n_params)


def measured_speed(base: Base) -> Speed:
    """Train three widths for a moment on random bytes, one thread."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    text = rng.integers(0, 256, 100_000).astype(np.uint8)
    sizes, seconds = [], []
    with threadpool_limits(1):
        for width in _PROBED:
            config = RunConfig("speed", base.corpus, 1, width, {"all": 1.0}, {"all": 1.0}, **base.options)
            model = Mlp(config)
            begin, steps = time.perf_counter(), 0
            while time.perf_counter() - begin < _PROBE_SECONDS:
                model.step(text, rng.integers(config.context, len(text), config.batch), 1e-3)
                steps += 1
            sizes.append(float(model.n_params))
            seconds.append((time.perf_counter() - begin) / (steps * config.batch))
    slope, level = np.polyfit(np.array(sizes), np.array(seconds), 1)
    return Speed(max(float(level), 0.0), max(float(slope), 0.0))


def grid_of(largest: int) -> Grid:
    """Grid of five sizes below a width."""
    return Grid(tuple(sorted({max(8, round(largest / shrink / 8) * 8) for shrink in SHRINK})))


def seconds_of(base: Base, grid: Grid, speed: Speed, others: int) -> float:
    """Processor time of a grid, `others` small proxies, and the runs that verify its plan [s]."""
    size = {width: base.n_params(width) for width in grid.widths}
    cells = grid.cells()
    trained = sum(speed.seconds(size[width], ratio * size[width]) for width, _, _, ratio, _ in cells)
    largest = size[max(grid.widths)]
    final = RIVALS * SEEDS * BUDGET * speed.seconds(largest, grid.middle * largest)
    small = size[sorted(grid.widths)[1]]
    proxies = others * speed.seconds(small, grid.middle * small)
    return trained + final + proxies + SECONDS_A_RUN * (len(cells) + others + RIVALS * SEEDS)


def largest_grid(base: Base, hours: float, workers: int, others: int) -> Grid:
    """Find the largest grid that fits.

    Raises
    ------
    ExperimentError
        If not even the smallest does; the message says how long that one takes.
    """
    speed = measured_speed(base)
    budget = USED * hours * 3600 * workers
    costs = {largest: seconds_of(base, grid_of(largest), speed, others) for largest in LARGEST}
    fitting = [largest for largest in LARGEST if costs[largest] <= budget]
    if not fitting:
        least = costs[LARGEST[0]] / (USED * 3600 * workers)
        raise ExperimentError(f"{hours:g} hours are too few: the smallest grid takes {least:.2f} h with {workers} workers.")
    return grid_of(fitting[-1])


def recipe_array(weights: dict[str, float], cells: list[str]) -> Array:
    """Weights in the order of `cells`, (n_cells,)."""
    return np.array([weights.get(cell, 0.0) for cell in cells])
