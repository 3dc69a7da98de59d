"""What a law sees: arrays, never column names.

Read `Schema` first (which cells, groups and target a fit is about), then `Points` (the arrays), then `Support`
(the box of runs that a fit has seen, and how far outside it a prediction lies).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .cells import WHOLE, bucket_of, domain_of
from .units import Array, epochs, train_flops


@dataclass(frozen=True)
class Schema:
    """What a fit is about: its data cells, its groups of runs, its target, and where its runs are centred.

    Attributes
    ----------
    cells : tuple of str
        Data cells in the order of `Points.cell_tokens`; ``("all",)`` without mixture weights.
    groups : tuple of str
        Groups of runs that share exponents but not levels; ``("all",)`` without groups.
    target : str
        Column of the loss that is fitted.
    log_n_params, log_tokens : float
        Mean natural logarithms over the runs: laws are centred there, which makes their constants tell apart.
    """

    cells: tuple[str, ...] = (WHOLE,)
    groups: tuple[str, ...] = (WHOLE,)
    target: str = "loss"
    log_n_params: float = 0.0
    log_tokens: float = 0.0

    @cached_property
    def buckets(self) -> tuple[int | None, ...]:
        """Quality bucket of each cell (0 = best), None where a cell has none."""
        return tuple(bucket_of(cell) for cell in self.cells)

    @cached_property
    def domain_of_cell(self) -> tuple[str, ...]:
        """Domain of each cell; a bucket of the whole corpus is of the domain ``all``."""
        return tuple(WHOLE if bucket_of(cell) is not None and "/" not in cell else domain_of(cell) for cell in self.cells)

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Distinct domains, in order of appearance."""
        return tuple(dict.fromkeys(self.domain_of_cell))

    def length(self, axis: str) -> int:
        """Number of entries along a parameter axis: ``cell``, ``domain`` or ``group``."""
        return len(self.labels(axis))

    def labels(self, axis: str) -> tuple[str, ...]:
        """Names along a parameter axis: ``cell``, ``domain`` or ``group``."""
        return {"cell": self.cells, "domain": self.domains, "group": self.groups}[axis]

    @property
    def fingerprint(self) -> str:
        """Short hash that tells two schemas apart."""
        return hashlib.sha256(repr((self.cells, self.groups, self.target)).encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for files."""
        return {
            "cells": list(self.cells),
            "groups": list(self.groups),
            "target": self.target,
            "log_n_params": self.log_n_params,
            "log_tokens": self.log_tokens,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """Read what `to_dict` wrote."""
        return cls(**{**data, "cells": tuple(data["cells"]), "groups": tuple(data["groups"])})


@dataclass(frozen=True, eq=False)
class Points:
    """Sizes and data of `n_points` runs, done or imagined.

    Attributes
    ----------
    n_params, tokens : ndarray, shape (n_points,)
        Model size [parameters]; tokens trained on, every pass counted [tokens].
    cell_tokens, cell_unique : ndarray, shape (n_points, n_cells)
        Tokens trained on by cell, and distinct tokens that could be drawn from it (``inf`` = never repeats) [tokens].
    group : ndarray of int, shape (n_points,)
        Index into ``Schema.groups``.
    """

    n_params: Array
    tokens: Array
    cell_tokens: Array
    cell_unique: Array
    group: np.ndarray[Any, np.dtype[np.intp]]

    @classmethod
    def build(
        cls,
        n_params: ArrayLike,
        tokens: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        unique: ArrayLike | None = None,
        group: ArrayLike = 0,
    ) -> Points:
        """Broadcast sizes, mixture weights and supplies into points.

        Parameters
        ----------
        n_params, tokens : array_like, scalar or (n_points,)
            [parameters], [tokens].
        weights : array_like, (n_cells,) or (n_points, n_cells), optional
            Shares of the training tokens; one cell with everything by default.
        unique : array_like, (n_cells,) or (n_points, n_cells), optional
            Distinct tokens by cell; by default unlimited, so nothing repeats.
        group : array_like of int
            Index of each point's group.
        """
        n, d = np.broadcast_arrays(np.atleast_1d(np.asarray(n_params, float)), np.asarray(tokens, float))
        w = np.ones((1, 1)) if weights is None else np.atleast_2d(np.asarray(weights, float))
        u = np.full((1, w.shape[1]), np.inf) if unique is None else np.atleast_2d(np.asarray(unique, float))
        n_points = max(len(n), len(w), len(u))
        n, d = np.broadcast_to(n, n_points).copy(), np.broadcast_to(d, n_points).copy()
        cell_tokens = d[:, None] * np.broadcast_to(w, (n_points, w.shape[1]))
        cell_unique = np.broadcast_to(u, (n_points, w.shape[1])).copy()
        codes = np.broadcast_to(np.asarray(group, np.intp), n_points).copy()
        return cls(n, d, cell_tokens, cell_unique, codes)

    def __len__(self) -> int:
        return len(self.n_params)

    def take(self, index: Any) -> Points:
        """Return the points at an index, slice or boolean mask."""
        arrays = (self.n_params, self.tokens, self.cell_tokens, self.cell_unique, self.group)
        return Points(*(values[index] for values in arrays))

    def poured(self, into: Array) -> Points:
        """Return the same runs in other cells; `into` (n_cells, n_new) says how the tokens of each cell are shared out."""
        unlimited = np.isinf(self.cell_unique)
        unique = np.where(unlimited, 0.0, self.cell_unique) @ into
        unique[unlimited.astype(float) @ into > 0] = np.inf
        return Points(self.n_params, self.tokens, self.cell_tokens @ into, unique, self.group)

    def aggregate(self) -> Points:
        """Return the same runs with all cells poured into one."""
        return self.poured(np.ones((self.cell_tokens.shape[1], 1)))

    @cached_property
    def log_n_params(self) -> Array:
        """Natural logarithm of `n_params`, (n_points,)."""
        return np.log(self.n_params)

    @cached_property
    def log_tokens(self) -> Array:
        """Natural logarithm of `tokens`, (n_points,)."""
        return np.log(self.tokens)

    @cached_property
    def cell_seen(self) -> Array:
        """Distinct tokens really seen by cell, ``min(tokens, unique)``, (n_points, n_cells) [tokens]."""
        return np.minimum(self.cell_tokens, self.cell_unique)

    @cached_property
    def cell_epochs(self) -> Array:
        """Mean passes over each cell, 0 where it was not drawn from, (n_points, n_cells)."""
        return epochs(self.cell_tokens, self.cell_unique)

    @cached_property
    def cell_repeats(self) -> Array:
        """Passes over each cell after the first, 0 where it was not drawn from, (n_points, n_cells)."""
        return np.asarray(np.maximum(self.cell_epochs - 1, 0))

    @cached_property
    def is_fresh(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether one more token of a cell is one not seen before, (n_points, n_cells)."""
        return self.cell_tokens < self.cell_unique

    @cached_property
    def weights(self) -> Array:
        """Shares of the training tokens by cell, (n_points, n_cells)."""
        return self.cell_tokens / self.tokens[:, None]

    @property
    def flops(self) -> Array:
        """Training FLOP, 6 N D, (n_points,)."""
        return train_flops(self.n_params, self.tokens)

    @property
    def epochs(self) -> Array:
        """Mean passes over all data, (n_points,)."""
        return np.asarray(self.tokens / self.cell_seen.sum(1))


@dataclass(frozen=True)
class Support:
    """The box of runs that a fit has seen.

    Attributes
    ----------
    n_params, tokens, flops, epochs : (low, high)
        Range over the runs [parameters], [tokens], [FLOP], [passes over the most repeated cell].
    weights : tuple of (low, high)
        Range of each cell's share.
    """

    n_params: tuple[float, float]
    tokens: tuple[float, float]
    flops: tuple[float, float]
    epochs: tuple[float, float]
    weights: tuple[tuple[float, float], ...]

    REACH: ClassVar[dict[str, float]] = {"n_params": 10.0, "tokens": 10.0, "flops": 100.0, "epochs": 2.0}
    """How many times outside the box each quantity still counts as supported."""
    REACH_WEIGHT: ClassVar[float] = 0.1
    """How far outside the shares that runs have tried a cell's share still counts as supported."""

    @classmethod
    def of(cls, points: Points) -> Support:
        """Measure the box of some points."""
        most = points.cell_epochs.max(1)
        shares = points.weights
        return cls(
            _range(points.n_params),
            _range(points.tokens),
            _range(points.flops),
            _range(most),
            tuple(_range(shares[:, k]) for k in range(shares.shape[1])),
        )

    def factors(self, points: Points) -> dict[str, Array]:
        """How many times outside the box each point lies, by quantity; 1 = inside. Each (n_points,)."""
        values = {"n_params": points.n_params, "tokens": points.tokens, "flops": points.flops}
        values["epochs"] = points.cell_epochs.max(1)
        outside = {}
        for name, value in values.items():
            low, high = getattr(self, name)
            below = low / value if name != "epochs" else 0.0  # fewer epochs than seen is no extrapolation
            outside[name] = np.maximum(1.0, np.maximum(value / high, below))
        return outside

    def extrapolation(self, points: Points) -> Array:
        """Return the largest of `factors` for each point, (n_points,)."""
        return np.asarray(np.max(list(self.factors(points).values()), axis=0))

    def complaints(self, points: Points, cells: Sequence[str]) -> tuple[str, ...]:
        """Sentences on what lies outside the support; empty when the runs support every point."""
        said = []
        units = {"n_params": "parameters", "tokens": "tokens", "flops": "FLOP", "epochs": "epochs of the most repeated cell"}
        for name, factor in self.factors(points).items():
            worst = float(factor.max())
            if worst > self.REACH[name] * (1 + 1e-9):
                low, high = getattr(self, name)
                said.append(
                    f"{name} lies {worst:.3g} times outside the runs ({low:.4g} to {high:.4g} {units[name]}): "
                    f"nothing measured supports this prediction beyond {self.REACH[name]:g} times."
                )
        for k, cell in enumerate(cells):
            (low, high), (least, most) = self.weights[k], _range(points.weights[:, k])
            if high == 0 and most > 0:
                said.append(f"no run has drawn from cell {cell}: its value is the law's guess.")
            elif most > high + self.REACH_WEIGHT or least < low - self.REACH_WEIGHT:
                share = most if most > high + self.REACH_WEIGHT else least
                tried = f"the runs gave it {low:.2f} to {high:.2f}"
                said.append(f"{cell} gets {share:.2f} of the tokens, {tried}: nothing measured supports such a mixture.")
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for files."""
        return {
            "n_params": list(self.n_params),
            "tokens": list(self.tokens),
            "flops": list(self.flops),
            "epochs": list(self.epochs),
            "weights": [list(pair) for pair in self.weights],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Support:
        """Read what `to_dict` wrote."""
        n, d, c, e = (tuple(data[name]) for name in ("n_params", "tokens", "flops", "epochs"))
        return cls(n, d, c, e, tuple((low, high) for low, high in data["weights"]))


def _range(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())
