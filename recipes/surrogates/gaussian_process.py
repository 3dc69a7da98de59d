"""Gaussian process on powers of the shares: the surrogate that needs the fewest proxy runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import Surrogate
from .doubt import doubts
from .likelihood import N_SHARED, Evidence, Posterior, Priors, root_of
from .own_curves import OwnCurves
from .warps import PowerWarp, SkewWarp

FIRST_ROWS = 192
"""Runs on which the constants are first looked for; on all of them few steps are left."""
MOST_ON_ONE_THREAD = 768
"""Runs up to which several threads only wait for each other."""
MOST_DRAWN_ON_ONE_THREAD = 2048
"""Points up to which the same holds for drawn surfaces."""
EXPECTATIONS = 3
"""Updates of the runs' doubts between two searches for constants."""


@dataclass(eq=False)
class GaussianProcess(Surrogate):
    """Gaussian process of the loss on v = (w + c)^p, one length scale a dimension.

    Parameters
    ----------
    power : float or None
        Exponent p of the features, in (0, 1.2); None learns it.
    skewed : bool
        Learn a transform of the loss between the identity and a logarithm above a floor.
    smoothness : {2.5, 1.5}
        Of the Matern kernel.
    own_curves : bool
        Add one curve a share to the process over all of them, see `own_curves`.
    n_doubts : int
        Rounds in which runs far off the surface are trusted less (Student's t noise, see `doubt`); 0: normal noise.
    max_rows : int
        Most runs that the constants are learnt on (a random subset of more); all runs enter the predictions.
    seed : int
        For that subset.

    Attributes
    ----------
    noise_ : float
        Standard deviation of a run about the surface, at the mean loss [as y].
    left_out_ : Array
        Each run's loss predicted from all others with the same constants, ``(n_runs,)``.
    importance_ : Array
        1 / length scale of each feature in units of its own spread, ``(n_features,)``.

    Notes
    -----
    The constants maximise the marginal likelihood times weak beliefs (`likelihood.Priors`), by L-BFGS with exact
    gradients. Predictions are medians, so that they rank recipes alike on every scale of the loss.
    """

    name: ClassVar[str] = "gaussian_process"
    has_std: ClassVar[bool] = True

    power: float | None = None
    skewed: bool = True
    smoothness: float = 2.5
    own_curves: bool = True
    n_doubts: int = 2
    max_rows: int = 1024
    seed: int = 0

    def fit(self, X: Array, y: Array) -> Self:
        """Fit to features ``(n_runs, n_features)`` and losses ``(n_runs,)``; three runs at least.

        Raises
        ------
        RecipeError
            If a number is not finite, shapes differ, or a setting is out of range.
        """
        y = np.asarray(y, dtype=float)
        fit_together([self], X, y[:, None] if y.ndim == 1 else y)
        return self

    def fit_near(self, other: GaussianProcess, X: Array, y: Array) -> Self:
        """Fit to a loss much like another process's, of the same runs: one search from its constants and its doubts."""
        self.begin(X, y)
        self._theta: Array = np.clip(other._theta, *np.transpose(self._bounds))
        self.condition(other.doubt_)
        _doubt([self], np.ones((len(y), 1), bool))
        self.climb(len(y))
        return self

    def begin(self, X: Array, y: Array) -> None:
        """Check the runs, choose the transforms, and trust every run alike with constants yet to be found."""
        X, y = self._checked(X, y)
        if self.power is not None and not 0.05 <= self.power <= 1.2:
            raise RecipeError(f"power = {self.power:g} is outside 0.05 to 1.2; leave it None to learn it.")
        self.target_ = SkewWarp.of(y)
        inputs, trusted = PowerWarp.of(X), np.ones(len(y))
        self._evidence = Evidence(X, y, inputs, self.target_, self.smoothness, trusted, Priors())
        if self.own_curves and inputs.powered.any():
            curves = OwnCurves(inputs)
            places = curves.positions(X)
            self._evidence = replace(self._evidence, curves=curves, own=curves.covariance(places, places))
        self._theta, self._bounds = self._start(self._evidence)
        self._order = np.random.default_rng(self.seed).permutation(len(y))
        self.condition(self._evidence.doubt)

    def climb(self, n_most: int) -> None:
        """Improve the constants by their evidence on at most `n_most` of the runs, then condition on all runs."""
        rows = np.sort(self._order[: min(n_most, self.max_rows)])
        found = minimize(
            self._evidence.part(rows),
            self._theta,
            jac=True,
            method="L-BFGS-B",
            bounds=self._bounds,
            options={"maxiter": 60, "ftol": 1e-5, "maxcor": 20},
        )
        self._theta = found.x
        self.condition(self._evidence.doubt)

    def condition(self, doubt: Array) -> None:
        """Condition on all runs, trusted by `doubt` ``(n_runs,)``, with the constants as they are."""
        self._evidence = replace(self._evidence, doubt=doubt)
        self.posterior_ = Posterior.of(self._evidence, self._theta)
        constants = self.posterior_.constants
        self.doubt_ = doubt
        self.noise_ = float(np.exp(constants.log_noise) * np.sqrt(doubt.mean())) * self.target_.scale
        self.left_out_ = self.target_.back(self.posterior_.left_out[0], constants.skew)
        self.importance_ = self.posterior_.scaled.std(0)[: len(constants.log_lengths)]

    def _start(self, evidence: Evidence) -> tuple[Array, list[tuple[float, float]]]:
        """Return a first guess of the constants, and bounds."""
        prior = evidence.priors
        power = prior.power[0] if self.power is None else float(np.log(self.power))
        offset = prior.offset[0]
        spread = evidence.inputs(evidence.X, offset, power).std(0)
        spread = np.where(spread > 1e-9, spread, max(float(spread.max()), 1e-3))
        log_lengths = np.log(spread * np.sqrt(2 * len(spread)))
        low, high = evidence.target.limits(evidence.y)
        theta = np.concatenate(
            [log_lengths, [prior.own[0], 0.0, np.log(0.15), offset, power, 0.0 if not self.skewed else 0.05 * high]]
        )
        own = (-6.0, 2.0) if evidence.own is not None else (prior.own[0], prior.own[0])
        shared = [own, (-5.0, 4.0), (-6.0, 0.5), (np.log(3e-5), np.log(0.05)), (np.log(0.05), np.log(1.2)), (low, high)]
        if self.power is not None:
            shared[4] = (power, power)
        if not self.skewed:
            shared[5] = (0.0, 0.0)
        return theta, [*((value - 4.0, value + 5.0) for value in theta[:-N_SHARED]), *shared]

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return the median loss ``(n_points,)``, and with `return_std` the standard deviation of a new run's loss."""
        points = self._points(X)
        points = self.posterior_.scale(points)
        g, c = self.posterior_.mean(points), self.posterior_.constants
        loss = self.target_.back(g, c.skew)
        if not return_std:
            return loss
        deviation = np.sqrt(self.posterior_.variance(points) + np.exp(2 * c.log_noise) * self.doubt_.mean())
        return loss, deviation * self.target_.back_slope(g, c.skew)

    def draws(self, X: Array, n: int, seed: int = 0) -> Array:
        """Return noise-free losses ``(n, n_points)``; draw j is the same surface at every point."""
        points = self.posterior_.scale(self._points(X))
        normal = np.random.default_rng(seed).standard_normal((n, len(points)))
        with threadpool_limits(None if len(points) > MOST_DRAWN_ON_ONE_THREAD else 1):
            moved = normal @ root_of(self.posterior_.joint(points)).T
            return self.target_.back(self.posterior_.mean(points) + moved, self.posterior_.constants.skew)

    def gradient(self, X: Array) -> Array:
        """Return d(predicted loss)/d(feature), ``(n_points, n_features)``."""
        X, c = self._points(X), self.posterior_.constants
        slope = self.target_.back_slope(self.posterior_.mean(self.posterior_.scale(X)), c.skew)
        return np.asarray(slope[:, None] * self.posterior_.gradient(X))


def fit_together(members: Sequence[GaussianProcess], X: Array, Y: Array) -> None:
    """Fit one process a target, ``Y`` of shape ``(n_runs, n_targets)``, where NaN says that a run lacks a target.

    Length scales and all other constants are each target's own; what the targets share is which runs to trust.
    """
    have = np.isfinite(Y) if Y.shape[1] > 1 else np.ones(Y.shape, dtype=bool)
    for member, y, rows in zip(members, Y.T, have.T, strict=True):
        member.begin(X if rows.all() else X[rows], y if rows.all() else y[rows])
    n_runs, n_doubts = len(X), members[0].n_doubts
    first = FIRST_ROWS if n_runs > 1.5 * FIRST_ROWS else n_runs
    with threadpool_limits(None if n_runs > MOST_ON_ONE_THREAD else 1):
        for n_most in (first, *[n_runs] * n_doubts) if n_doubts else dict.fromkeys((first, n_runs)):
            for _ in range(EXPECTATIONS if n_doubts else 0):
                _doubt(members, have)
            for member in members:
                member.climb(n_most)


def _doubt(members: Sequence[GaussianProcess], have: NDArray[np.bool_]) -> None:
    """Trust each run by how far it lies off the surfaces as they are."""
    relative = np.full(have.T.shape, np.nan)
    for row, member, rows in zip(relative, members, have.T, strict=True):
        row[rows] = member.posterior_.misfit / np.exp(2 * member.posterior_.constants.log_noise)
    for row, member, rows in zip(doubts(relative), members, have.T, strict=True):
        member.condition(row[rows])
