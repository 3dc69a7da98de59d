"""Worlds to plan in: a corpus, a mixture in use, runs that were done, and a loss known exactly at every size.

The truth of a world is ``loss(n_params, tokens, weights)``. With D' the tokens that repetition leaves of a cell,
U (1 + R (1 - exp(-(epochs - 1) / R))), and every size measured in units of N0 parameters and D0 tokens, the families are

- ``joint``: this library's own laws over the cells (`infolaw_e` and `repetition`);
- ``domains``: E + a N^-alpha + sum_g c_g (D'_g + leak D')^-beta_g: data-constrained, a term for each domain;
- ``log_linear``: E + (a N^-alpha + b D'^-beta) sum_i s_i exp(t_i w): mixing laws of several skills times Chinchilla;
- ``outside``: none of our families: skills that draw on several cells, of which the scarcest counts most, passes that
  large models use up sooner, and a harm by ln(epochs / onset) that grows with size and without bound.

All constants, noises and best plans are in ``data/planned_worlds.json``, written once from a seed by
`experiments.planned_making`, before the planner was tuned on them. Worlds of even index are for development, odd ones
for judgement. Runs and proxies are drawn by `experiments.planned_designs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from infolaw.cells import bucket_of
from infolaw.errors import ExperimentError
from infolaw.laws import BoundLaw, law_named
from infolaw.laws.data_constrained import diminished
from infolaw.points import Points, Schema
from infolaw.units import Array, tokens_for
from recipes import Cell, Constraints, Corpus, Recipe

from .frozen import plain, read_records

PATH = Path(__file__).parent / "data" / "planned_worlds.json"
REACH = (10.0, 100.0)
"""Budgets, in units of the costliest run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedWorld:
    """One world; see the module.

    Attributes
    ----------
    name, family, law : str
        `law` is the library's law of the family ``joint``, else empty.
    cells : tuple of str
        Domains, buckets, or both.
    unique_tokens, today : Array
        Distinct tokens of every cell [tokens], and the mixture in use, ``(n_cells,)``.
    max_epochs : float
        The user's cap on passes.
    sizes : Array
        Model sizes of the runs [parameters].
    max_flops : float
        FLOP of the costliest run.
    n_runs, n_proxies : int
    noise_runs, noise_proxies : float
        Standard deviation of the log of a measured loss.
    constants : mapping
    best_n_params, best : Array
        The best plan at each of the two budgets, ``(2,)`` and ``(2, n_cells)``; empty where it was not searched for.
    """

    name: str
    family: str
    law: str
    cells: tuple[str, ...]
    unique_tokens: Array
    today: Array
    max_epochs: float
    sizes: Array
    max_flops: float
    n_runs: int
    n_proxies: int
    noise_runs: float
    noise_proxies: float
    constants: Mapping[str, Array]
    best_n_params: Array
    best: Array

    @property
    def inside(self) -> bool:
        """Whether its truth is of a family that the library has or plans with."""
        return self.family != "outside"

    @property
    def corpus(self) -> Corpus:
        """What can be drawn."""
        return Corpus(tuple(map(Cell, self.cells, self.unique_tokens.tolist())))

    @property
    def baseline(self) -> Recipe:
        """The mixture in use today."""
        return Recipe.from_array(self.cells, self.today)

    @property
    def constraints(self) -> Constraints:
        """The user's cap on passes."""
        return Constraints(max_epochs=self.max_epochs)

    @property
    def natural(self) -> Array:
        """Shares of the distinct tokens, ``(n_cells,)``."""
        return np.asarray(self.unique_tokens / self.unique_tokens.sum())

    @property
    def budgets(self) -> Array:
        """The two budgets to plan for [FLOP]."""
        return self.max_flops * np.array(REACH)

    @cached_property
    def domain(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Index of every cell's domain; 0 where the corpus has buckets alone."""
        names = [cell.domain or "" for cell in self.corpus.cells]
        return np.asarray(np.unique(names, return_inverse=True)[1])

    @cached_property
    def bucket(self) -> Array:
        """Quality bucket of every cell, 0 (the best) where it has none."""
        return np.array([bucket_of(cell) or 0 for cell in self.cells], float)

    @cached_property
    def bound(self) -> BoundLaw:
        """The library's law of the family ``joint``, centred at N0 and D0."""
        n, d = (float(np.log(self.constants[name])) for name in ("n_params", "tokens"))
        return law_named(self.law).bind(Schema(self.cells, log_n_params=n, log_tokens=d))

    def points(self, n_params: Array | float, tokens: Array | float, weights: Array) -> Points:
        """Points of runs on the whole corpus."""
        return Points.build(n_params, tokens, weights=weights, unique=self.unique_tokens)

    def losses(self, points: Points) -> Array:
        """True loss ``(n_points,)`` [nats/token]."""
        return FORMS[self.family](self, points)

    def loss(self, n_params: Array | float, tokens: Array | float, weights: Array) -> Array:
        """True loss on the whole corpus, ``(n_points,)`` [nats/token]."""
        return self.losses(self.points(n_params, tokens, weights))

    def best_loss(self, k: int) -> float:
        """Loss of the best plan at budget `k` [nats/token]."""
        n = float(self.best_n_params[k])
        return float(self.loss(n, tokens_for(self.budgets[k], n), self.best[k])[0])


def _sizes(world: PlannedWorld, x: Points) -> Array:
    """Model term a (N / N0)^-alpha."""
    c = world.constants
    return np.asarray(c["a"] * (x.n_params / c["n_params"]) ** -c["alpha"])


def _worth(world: PlannedWorld, x: Points, half_life: Array) -> Array:
    """Tokens that repetition leaves of every cell in units of D0, by their density, ``(n_points, n_cells)``."""
    left = diminished(x.cell_seen, np.maximum(x.cell_epochs - 1.0, 0.0), half_life)[0]
    return np.asarray(world.constants["density"] * left / world.constants["tokens"])


def joint(world: PlannedWorld, x: Points) -> Array:
    """Return what the library's own law says under the constants; ``E`` may be given by cell."""
    named: dict[str, float] = {}
    for name, value in world.constants.items():
        each = zip(world.cells, value.tolist(), strict=True) if value.ndim else ()
        named |= {f"{name}[{cell}]": part for cell, part in each} if value.ndim else {name: float(value)}
    return np.asarray(world.bound.predict(world.bound.encode(named)[None], x)[0])


def domains(world: PlannedWorld, x: Points) -> Array:
    """Data-constrained scaling with a term for each domain, which the others' tokens help a little."""
    c = world.constants
    worth = _worth(world, x, c["half_life"][world.domain])
    own = worth @ np.eye(len(c["need"]))[world.domain]
    fed = own + c["leak"] * worth.sum(1, keepdims=True)
    return np.asarray(c["floor"] + _sizes(world, x) + (c["need"] * fed ** -c["beta"]).sum(1))


def log_linear(world: PlannedWorld, x: Points) -> Array:
    """Mixing laws of several skills, averaged, times the reducible loss of Chinchilla on tokens that repetition leaves."""
    c = world.constants
    data = c["b"] * _worth(world, x, c["half_life"]).sum(1) ** -c["beta"]
    return np.asarray(c["floor"] + (_sizes(world, x) + data) * (np.exp(x.weights @ c["slope"].T) @ c["skill"]))


def outside(world: PlannedWorld, x: Points) -> Array:
    """Skills of which the scarcest counts most, passes that large models use up sooner, and a harm without bound."""
    c = world.constants
    relative = x.n_params / c["n_params"]
    skills = _worth(world, x, c["half_life"] * relative[:, None] ** -c["wears"]) @ c["skills"].T
    scarce = ((c["need"] * (skills + 1e-12) ** -c["beta"]) ** c["norm"]).sum(1) ** (1.0 / c["norm"])
    over = np.log(np.maximum(x.cell_epochs / c["onset"], 1.0)) ** c["power"]
    harm = c["harm"] * (x.weights * over).sum(1) * relative ** c["grows"]
    return np.asarray(c["floor"] + _sizes(world, x) + scarce + harm)


FORMS: dict[str, Callable[[PlannedWorld, Points], Array]] = {
    "joint": joint,
    "domains": domains,
    "log_linear": log_linear,
    "outside": outside,
}
"""Family -> (world, points) -> true losses (n_points,)."""


@cache
def read_worlds(path: Path = PATH) -> tuple[PlannedWorld, ...]:
    """Read the frozen worlds, 15 of each family in turn."""
    try:
        return tuple(map(world_of, read_records(path, "planned")))
    except (TypeError, KeyError) as error:
        raise ExperimentError(f"{path} holds no planned worlds: {error}") from None


def world_of(record: Mapping[str, Any]) -> PlannedWorld:
    """World of plain values, as the file has them."""
    made: dict[str, Any] = {
        name: np.array(value, float) if isinstance(value, list) and name != "cells" else value
        for name, value in record.items()
    }
    for name in ("today", "best"):
        made[name] = made[name] / made[name].sum(-1, keepdims=True)  # sums that rounding left a little off one
    made["cells"] = tuple(record["cells"])
    made["constants"] = {name: np.array(value, float) for name, value in record["constants"].items()}
    return PlannedWorld(**made)


def record_of(world: PlannedWorld) -> dict[str, Any]:
    """Plain values of a world, five significant digits of every number."""
    members = {member.name: getattr(world, member.name) for member in fields(PlannedWorld)}
    return {name: list(value) if name == "cells" else plain(value) for name, value in members.items()}
