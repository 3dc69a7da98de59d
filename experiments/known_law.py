"""A law whose constants are known, as a predictor: what published constants would plan, with no uncertainty at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from infolaw.laws import BoundLaw, CellValue, Law
from infolaw.model_error import HeldOut
from infolaw.points import Points, Schema, Support
from infolaw.predictor import Predictor
from infolaw.uncertainty import EVERY
from infolaw.units import Array


@dataclass(frozen=True, eq=False)
class KnownLaw:
    """A law with its constants, a `Predictor`.

    Attributes
    ----------
    formula : Law
    constants : mapping of str to float
    schema : Schema
    support : Support
        The runs that the constants come from.
    """

    formula: Law
    constants: Mapping[str, float]
    schema: Schema
    support: Support
    heldout: HeldOut | None = None
    noise_sd: float = 0.0
    alone: tuple[tuple[str, Predictor], ...] = ()

    @property
    def law(self) -> str:
        """Name of the law."""
        return f"{self.formula.label}, constants as published"

    @cached_property
    def bound(self) -> BoundLaw:
        """The law over the cells."""
        return self.formula.bind(self.schema)

    @cached_property
    def theta(self) -> Array:
        """The constants as a vector, (1, n_values)."""
        return self.bound.encode(self.constants)[None]

    @property
    def no_optimum(self) -> str:
        """Why a free model size has no answer at fixed compute, if it has none."""
        return self.formula.no_optimum

    @property
    def sees_recipe(self) -> bool:
        """Whether the loss depends on the mixture."""
        return self.formula.sees_recipe

    def predict(self, points: Points) -> Array:
        """Loss (n_points,) [nats/token]."""
        return np.asarray(self.bound.predict(self.theta, points)[0])

    def by_share(self, points: Points) -> Array:
        """Derivative of the loss by the share of each cell at the same size and tokens, (n_points, n_cells)."""
        return np.asarray(self.bound.by_share(self.theta, points)[0])

    def draws(
        self, points: Points, n: int = 1000, seed: int = 0, *, model_error: bool = True, worlds: slice = EVERY
    ) -> Array:
        """Return `predict` n times, (n, n_points): nothing is uncertain."""
        return np.tile(self.predict(points), (n, 1))[worlds]

    def optimal_n_params(self, flops: float, points: Points) -> tuple[float, Array] | None:
        """Return none: found by search."""
        return None

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        """Return what a token of each cell is worth."""
        here = Points.build(n_params, tokens, weights=np.full(len(self.schema.cells), 1.0 / len(self.schema.cells)))
        return self.formula.cell_value(self.bound.spread(self.theta, here), n_params, tokens)
