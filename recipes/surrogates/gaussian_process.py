"""Gaussian process on powers of the shares: the surrogate that needs the fewest proxy runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy.optimize import minimize

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import Surrogate
from .likelihood import N_SHARED, Evidence, Posterior, Priors
from .warps import PowerWarp, SkewWarp

FIRST_ROWS = 192
"""Runs on which the constants are first looked for; all of them then take few steps."""
DEGREES = 4.0
"""Degrees of freedom of a run's noise: single runs go wrong, and seldom by little."""


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
    n_doubts : int
        Rounds in which runs far off the surface are trusted less (Student's t noise of 4 degrees of freedom); 0: normal.
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
    n_doubts: int = 3
    max_rows: int = 1024
    seed: int = 0

    def fit(self, X: Array, y: Array) -> Self:
        """Fit to features ``(n_runs, n_features)`` and losses ``(n_runs,)``; three runs at least.

        Raises
        ------
        RecipeError
            If a number is not finite, shapes differ, or a setting is out of range.
        """
        X, y = self._checked(X, y)
        if self.power is not None and not 0.05 <= self.power <= 1.2:
            raise RecipeError(f"power = {self.power:g} is outside 0.05 to 1.2; leave it None to learn it.")
        self.target_ = SkewWarp.of(y)
        evidence = Evidence(X, y, PowerWarp.of(X), self.target_, self.smoothness, np.ones(len(y)), Priors())
        theta, bounds = self._start(evidence)
        theta = self._climb(evidence, theta, bounds)
        self.posterior_ = Posterior.of(evidence, theta)
        for _ in range(self.n_doubts):
            evidence = replace(evidence, doubt=self._doubt(self.posterior_))
            theta = self._climb(evidence, theta, bounds, again=True)
            self.posterior_ = Posterior.of(evidence, theta)
        constants = self.posterior_.constants
        self.doubt_ = evidence.doubt
        self.noise_ = float(np.exp(constants.log_noise) * np.sqrt(self.doubt_.mean())) * self.target_.scale
        self.left_out_ = self.target_.back(self.posterior_.left_out[0], constants.skew)
        self.importance_ = self.posterior_.scaled.std(0)
        return self

    def _doubt(self, posterior: Posterior) -> Array:
        """Return how much noisier than usual each run is, ``(n_runs,)``: one step of expectation for Student's t."""
        relative = posterior.misfit / np.exp(2 * posterior.constants.log_noise)
        return np.asarray((DEGREES + relative) / (DEGREES + 1))

    def _climb(self, evidence: Evidence, theta: Array, bounds: list[tuple[float, float]], again: bool = False) -> Array:
        """Return better constants: first on few of the runs, then on all, or on the most that settings allow."""
        n = len(evidence.y)
        order = np.random.default_rng(self.seed).permutation(n)
        sizes = {min(n, self.max_rows)} if again else {m for m in (FIRST_ROWS, min(n, self.max_rows)) if m == n or m <= n / 1.5}
        for n_rows in sorted(sizes or {n}):
            found = minimize(
                evidence.part(np.sort(order[:n_rows])),
                theta,
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"maxiter": 100, "ftol": 1e-5 if again else 1e-6, "maxcor": 20},
            )
            theta = found.x
        return np.asarray(theta)

    def _start(self, evidence: Evidence) -> tuple[Array, list[tuple[float, float]]]:
        """Return a first guess of the constants, and bounds."""
        prior = evidence.priors
        power = prior.power[0] if self.power is None else float(np.log(self.power))
        offset = prior.offset[0]
        spread = evidence.inputs(evidence.X, offset, power).std(0)
        spread = np.where(spread > 0, spread, max(float(spread.max()), 1e-3))
        log_lengths = np.log(spread * np.sqrt(2 * len(spread)))
        low, high = evidence.target.limits(evidence.y)
        theta = np.concatenate([log_lengths, [0.0, np.log(0.15), offset, power, 0.0 if not self.skewed else 0.05 * high]])
        shared = [(-5.0, 4.0), (-6.0, 0.5), (np.log(3e-5), np.log(0.05)), (np.log(0.05), np.log(1.2)), (low, high)]
        if self.power is not None:
            shared[3] = (power, power)
        if not self.skewed:
            shared[4] = (0.0, 0.0)
        return theta, [*((value - 4.0, value + 5.0) for value in theta[:-N_SHARED]), *shared]

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return the median loss ``(n_points,)``, and with `return_std` the standard deviation of a new run's loss."""
        points = self.posterior_.scale(self._points(X)) if hasattr(self, "posterior_") else self._points(X)
        g, c = self.posterior_.mean(points), self.posterior_.constants
        loss = self.target_.back(g, c.skew)
        if not return_std:
            return loss
        deviation = np.sqrt(self.posterior_.variance(points) + np.exp(2 * c.log_noise) * self.doubt_.mean())
        return loss, deviation * self.target_.back_slope(g, c.skew)

    def draws(self, X: Array, n: int, seed: int = 0) -> Array:
        """Return noise-free losses ``(n, n_points)``; draw j is the same surface at every point."""
        points = self.posterior_.scale(self._points(X))
        covariance = self.posterior_.joint(points)
        covariance.flat[:: len(points) + 1] += 1e-9 * (1.0 + np.diag(covariance))
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal = np.random.default_rng(seed).standard_normal((n, len(points)))
        return self.target_.back(self.posterior_.mean(points) + normal @ root.T, self.posterior_.constants.skew)

    def gradient(self, X: Array) -> Array:
        """Return d(predicted loss)/d(feature), ``(n_points, n_features)``."""
        X, c = self._points(X), self.posterior_.constants
        points = self.posterior_.scale(X)
        chain = self.posterior_.inputs.slope(X, c.log_offset, c.log_power) * np.exp(-c.log_lengths)
        slope = self.target_.back_slope(self.posterior_.mean(points), c.skew)
        return np.asarray(slope[:, None] * self.posterior_.slope(points) * chain)
