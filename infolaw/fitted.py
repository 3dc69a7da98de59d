"""One law fitted to one table: constants, predictions, draws. A `Predictor`.

`FitResult` in ``result.py`` adds the doors: text, frames and files.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from .errors import LawError
from .laws import BoundLaw, CellValue
from .model_error import HeldOut
from .observations import Observations, arrays
from .points import Points, Schema, Support
from .problem import Problem
from .status import FitStatus, Starts
from .uncertainty import (
    EVERY,
    Interval,
    Noise,
    bootstrap,
    correlation,
    covariance,
    noise_covariance,
    noise_sd,
    prediction_sd,
    sandwich,
    t_quantile,
)
from .units import Array

if TYPE_CHECKING:
    from .runs import RunTable


@dataclass(frozen=True, eq=False)
class FittedLaw:
    """One law fitted to one table of runs.

    Attributes
    ----------
    problem : Problem
        What was minimised, with the runs.
    theta : ndarray, (n_values,)
        The fitted vector; `params` gives the published constants.
    objective : float
        Sum of Huber's function of the error in log loss.
    status : FitStatus
    starts : Starts
    observations : Observations
        The rows that were used.
    heldout : HeldOut, optional
        What held-out runs say; `api.fit` always asks.
    warnings : tuple of str
        Each says what to do.
    seed, n_bootstrap : int
        Of the bootstrap, which runs when first needed.
    """

    problem: Problem
    theta: Array
    objective: float
    status: FitStatus
    starts: Starts
    observations: Observations
    heldout: HeldOut | None = None
    warnings: tuple[str, ...] = ()
    seed: int = 0
    n_bootstrap: int = 1000
    stored: Array | None = field(default=None, repr=False)

    @property
    def bound(self) -> BoundLaw:
        """The law with its cells and groups."""
        return self.problem.bound

    @property
    def law(self) -> str:
        """Name of the law."""
        return self.bound.law.name

    @property
    def schema(self) -> Schema:
        """Cells, groups and target."""
        return self.bound.schema

    @cached_property
    def support(self) -> Support:
        """The box that the runs cover."""
        return Support.of(self.problem.points)

    @property
    def n_runs(self) -> int:
        """Distinct runs used."""
        return self.observations.n_runs

    @cached_property
    def params(self) -> dict[str, float]:
        """The published constants by name, in the units of the law's parameters."""
        return self.bound.report(self.theta)

    @cached_property
    def covariance(self) -> Array:
        """Covariance of the fitted vector, (n_values, n_values)."""
        return covariance(self.problem, self.theta)

    @cached_property
    def correlation(self) -> Array:
        """Correlation of the fitted vector, (n_values, n_values)."""
        return correlation(self.covariance)

    @cached_property
    def stderr(self) -> dict[str, float]:
        """Standard errors of the published constants: half the bootstrap's range from 15.9 % to 84.1 %, or the curvature's.

        The larger of the two: a bootstrap starts in the valley that the fit is in, and cannot see how long it is.
        """
        ends = self.param_interval(0.682689)
        curved = self._reported_sd(self.covariance).tolist()
        pairs = zip(ends.items(), curved, strict=True)
        return {name: max(0.5 * (high - low), sd) for (name, (low, high)), sd in pairs}

    def _reported_sd(self, cov: Array) -> Array:
        turn = self.bound.report_jacobian(self.theta)
        return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", turn, cov, turn), 0)))

    @cached_property
    def sandwich_ratio(self) -> dict[str, float]:
        """Standard errors that allow for unequal noise, over those that do not, by constant; 1 = the noise is even."""
        run_id = self.observations.run_id
        robust, plain = self._reported_sd(sandwich(self.problem, self.theta, run_id)), self._reported_sd(self.covariance)
        ratio = np.divide(robust, plain, out=np.ones_like(plain), where=plain > 0)
        return dict(zip(self.bound.names, ratio.tolist(), strict=True))

    def log_sd(self, points: Points) -> Array:
        """Standard error of log loss (n_points,) from the noise of the runs, by the delta method."""
        return prediction_sd(self.problem, self.theta, points, self.covariance)

    def delta_interval(self, points: Points, level: float = 0.9) -> Interval:
        """Interval of the loss from curvature and Student's t: a cross-check of the bootstrap, without model error."""
        run_id = self.observations.run_id
        df, cov = Noise.of(self.problem, self.theta, run_id).df, noise_covariance(self.problem, self.theta, run_id)
        half = t_quantile(level, df) * prediction_sd(self.problem, self.theta, points, cov)
        loss = self.predict(points)
        return Interval(np.asarray(loss * np.exp(-half)), np.asarray(loss * np.exp(half)), level)

    @cached_property
    def noise_sd(self) -> float:
        """Standard deviation of log loss about the fit."""
        return noise_sd(self.problem, self.theta)

    @cached_property
    def replicates(self) -> Array:
        """Bootstrap vectors (n_bootstrap, n_values), computed when first needed."""
        if self.stored is not None:
            return self.stored
        return bootstrap(self.problem, self.theta, self.n_bootstrap, self.seed, run_id=self.observations.run_id)

    def points(
        self,
        n_params: ArrayLike,
        tokens: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        unique: ArrayLike | None = None,
        group: str | None = None,
    ) -> Points:
        """Points in this fit's cells; see `Points.build`. `group` is one of the fit's groups.

        Raises
        ------
        LawError
            If the weights are not one share a cell, or the group is unknown or needed and not given.
        """
        n_cells = len(self.schema.cells)
        if weights is None and n_cells > 1:
            raise LawError(f"the law sees {n_cells} cells ({', '.join(self.schema.cells)}): give weights, one share each.")
        if weights is not None and np.shape(weights)[-1] != n_cells:
            raise LawError(f"{np.shape(weights)[-1]} weights for the {n_cells} cells {', '.join(self.schema.cells)}.")
        if group not in self.schema.groups and len(self.schema.groups) > 1:
            raise LawError(f"group {group!r} is none of the fitted groups: {', '.join(self.schema.groups)}.")
        code = self.schema.groups.index(group) if group in self.schema.groups else 0
        return Points.build(n_params, tokens, weights=weights, unique=unique, group=code)

    def points_of(self, runs: RunTable, group: str | None = None) -> Points:
        """Points of the rows of a run table, in this fit's cells and groups; losses are not needed.

        A fit with groups needs the column `group` that names them.

        Raises
        ------
        LawError
            If the table's cells or groups are not those of the fit.
        """
        grouped = len(self.schema.groups) > 1
        schema, points, _ = arrays(runs, self.schema.target, group if grouped else None)
        if schema.cells != self.schema.cells:
            mine, theirs = ", ".join(self.schema.cells), ", ".join(schema.cells)
            raise LawError(f"the fit sees the cells {mine}, the runs have {theirs}: predict runs with the fit's cells.")
        if not grouped:
            return points
        strange = [name for name in schema.groups if name not in self.schema.groups]
        if group is None or strange:
            said = f"its column {group!r} also holds {', '.join(strange)}" if strange else "no column of groups was named"
            raise LawError(
                f"the fit knows the groups {', '.join(self.schema.groups)}, and {said}: name the column by --group."
            )
        return replace(points, group=np.array([self.schema.groups.index(name) for name in schema.groups])[points.group])

    def predict(self, points: Points) -> Array:
        """Loss (n_points,) [nats/token]."""
        return np.array(self.bound.loss(self._constants(points), points)[0])

    def _constants(self, points: Points) -> dict[str, Array]:
        return self.bound.spread(self.theta[None], points) if len(self.schema.groups) > 1 else self._alike

    @cached_property
    def _alike(self) -> dict[str, Array]:
        """Constants as the law sees them at any point, where there are no groups."""
        return self.bound.spread(self.theta[None], self.problem.points.take([0]))

    def by_share(self, points: Points) -> Array:
        """Derivative of the loss by the share of each cell at the same size and tokens, (n_points, n_cells)."""
        return np.array(self.bound.by_share(self.theta[None], points)[0])

    def draws(
        self, points: Points, n: int = 1000, seed: int = 0, *, model_error: bool = True, worlds: slice = EVERY
    ) -> Array:
        """Losses (n, n_points) [nats/token] under bootstrap vectors and, where it was measured, model error."""
        index = (np.arange(n) % len(self.replicates))[worlds]
        loss = np.array(self.bound.predict(self.replicates[index], points))
        if self.heldout is None or not model_error:
            return loss
        return np.asarray(loss * np.exp(self.heldout.model_error.draws(points, self.support, n, seed)[worlds]))

    def optimal_n_params(self, flops: float, points: Points) -> tuple[float, Array] | None:
        """Return the compute-optimal size on fresh data in the group of `points`: best value and bootstrap draws."""
        vectors = np.vstack([self.theta, self.replicates])
        sizes = self.bound.law.optimal_n_params(self.bound.spread(vectors, points.take([0])), flops)
        return None if sizes is None else (float(sizes[0, 0]), np.asarray(sizes[1:, 0]))

    @property
    def sees_recipe(self) -> bool:
        """Whether the loss depends on which cells the tokens come from, or on how often they repeat."""
        return self.bound.law.sees_recipe

    @property
    def alone(self) -> tuple[()]:
        """Nothing: a fit is one part."""
        return ()

    @property
    def no_optimum(self) -> str:
        """Why a free model size has no answer at fixed compute, if it has none."""
        return self.bound.law.no_optimum

    def interval(self, points: Points, level: float = 0.9, n: int = 1000, seed: int = 0) -> Interval:
        """Interval of the expected loss, (n_points,) each end: bootstrap and held-out error together."""
        return Interval.of(self.draws(points, n, seed), level, self.predict(points))

    def param_interval(self, level: float = 0.9) -> dict[str, tuple[float, float]]:
        """Bootstrap interval of every published constant."""
        decoded = self.bound.decode(self.replicates)
        flat = np.concatenate([decoded[p.name] for p in self.bound.parameters], 1)
        ends = Interval.of(flat, level)
        return {n: (float(a), float(b)) for n, a, b in zip(self.bound.names, ends.lower, ends.upper, strict=True)}

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        """Return what a token of each cell is worth under the fitted constants, if the law is concave in the recipe."""
        here = Points.build(n_params, tokens, weights=np.full(len(self.schema.cells), 1 / len(self.schema.cells)))
        return self.bound.law.cell_value(self.bound.spread(self.theta[None], here), n_params, tokens)

    def with_heldout(self, heldout: HeldOut | None) -> Self:
        """Return the same fit with what held-out runs say."""
        return replace(self, heldout=heldout)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.params.items())
        return f"{type(self).__name__}({self.law}: {values}; {self.status.value}, n_runs={self.n_runs})"
