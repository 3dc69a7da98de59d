"""One fit as a numerical problem: a bound law, runs, and an objective; solved for many vectors or losses at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from .laws import BoundLaw
from .objectives import ExtraRows
from .points import Points
from .solver import Solutions, minimise
from .units import Array

Rows: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
"""Which runs are meant, (n_rows,) or one such row a problem."""

_BLOCK = 4_000_000
"""Numbers that one block of a batch may hold in its Jacobian: 32 MB, so memory stays flat."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Fit of a bound law to log losses.

    Attributes
    ----------
    bound : BoundLaw
    points : Points
        ``n_rows`` runs.
    log_losses : ndarray, (n_rows,)
    extra : ExtraRows
        Priors and the like; always quadratic.
    delta : float
        Width of Huber's quadratic zone in log loss; ``inf`` = least squares.
    row_sd : ndarray, (n_rows,), or 1
        Standard deviation of each row's noise, in units of the typical row's: the weight of a row is 1 / row_sd^2.
    """

    bound: BoundLaw
    points: Points
    log_losses: Array
    extra: ExtraRows
    delta: float = np.inf
    row_sd: Array | float = 1.0

    def part(self, rows: Rows) -> Problem:
        """Return the same problem for some of the rows (n_rows,)."""
        row_sd = self.row_sd[rows] if isinstance(self.row_sd, np.ndarray) else self.row_sd
        return replace(self, points=self.points.take(rows), log_losses=self.log_losses[rows], row_sd=row_sd)

    @property
    def n_values(self) -> int:
        """Number of fitted values."""
        return len(self.bound.names)

    def with_delta(self, delta: float) -> Problem:
        """Return the same problem under another width."""
        return replace(self, delta=delta)

    def residuals(self, theta: Array) -> Array:
        """ln(predicted) - ln(measured), (n_batch, n_rows)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.log(self.bound.predict(theta, self.points)) - self.log_losses)

    def log_jacobian(self, theta: Array, points: Points | None = None, predicted: Array | None = None) -> Array:
        """Derivatives of ln(predicted) by the fitted values, (n_batch, n_values, n_points).

        `predicted` (n_batch, n_points) saves the prediction where it is known [nats/token].
        """
        points = self.points if points is None else points
        with np.errstate(invalid="ignore", divide="ignore"):
            predicted = self.bound.predict(theta, points) if predicted is None else predicted
            slope = self.bound.jacobian(theta, points) / predicted[:, None]
        return np.where(np.isfinite(slope), slope, 0.0)  # an overflow, such as of a term that is 0, moves nothing

    def standardised(self, theta: Array) -> tuple[Array, Array]:
        """Residuals (n_rows,) and their derivatives (n_values, n_rows) at one vector, each row over its `row_sd`.

        What is minimised is the sum of Huber's function of these, and of half the squares of the extra rows.
        """
        return self.residuals(theta[None])[0] / self.row_sd, self.log_jacobian(theta[None])[0] / self.row_sd

    def n_free(self, theta: Array) -> float:
        """Values that the runs themselves decide: `n_values` less what the extra rows hold."""
        if not len(self.extra):
            return float(self.n_values)
        jacobian, extra = self.standardised(theta)[1], self.extra.jacobian
        own = jacobian @ jacobian.T
        return float(np.trace(own @ np.linalg.pinv(own + extra @ extra.T, hermitian=True)))

    def solve(
        self,
        start: Array,
        log_losses: Array | None = None,
        max_steps: int = 500,
        tolerance: float = 1e-10,
        kept: Rows | None = None,
    ) -> Solutions:
        """Minimise from every start (n_batch, n_values), each with its own losses (n_batch, n_rows) if given.

        `kept` (n_batch, n_rows) says which runs each knows; all by default.
        """
        block = max(1, _BLOCK // (self.n_values * len(self.points)))
        parts = [
            self._solve(start, log_losses, kept, slice(k, k + block), max_steps, tolerance)
            for k in range(0, len(start), block)
        ]
        joined = [np.concatenate([getattr(part, name) for part in parts]) for name in Solutions.__dataclass_fields__]
        return Solutions(*joined)

    def _solve(
        self,
        start: Array,
        log_losses: Array | None,
        kept: Rows | None,
        block: slice,
        max_steps: int,
        tolerance: float,
    ) -> Solutions:
        n_rows, n_extra, first = len(self.points), len(self.extra), block.start

        def measured(index: Any) -> Array:
            return self.log_losses if log_losses is None else log_losses[first + index]

        def residuals(theta: Array, index: Any) -> Array:
            rows = (self.residuals(theta) + (self.log_losses - measured(index))) / self.row_sd
            rows = rows if kept is None else np.where(kept[first + index], rows, 0.0)
            return np.concatenate([rows, self.extra.residuals(theta, first + index)], 1)

        def jacobian(theta: Array, index: Any, found: Array) -> Array:
            constant = np.broadcast_to(self.extra.jacobian, (len(theta), self.n_values, n_extra))
            predicted = np.exp(found[:, :n_rows] * self.row_sd + measured(index))  # of runs that are kept
            slope = self.log_jacobian(theta, predicted=predicted)
            slope = slope if kept is None else slope * kept[first + index][:, None]
            return np.concatenate([slope / self.row_sd, constant], 2)

        delta = np.concatenate([np.full(n_rows, self.delta), np.full(n_extra, np.inf)])
        return minimise(residuals, jacobian, start[block], *self.bound.bounds, delta, max_steps, tolerance)
