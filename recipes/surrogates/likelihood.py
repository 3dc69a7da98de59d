"""The marginal likelihood of a Gaussian process on warped inputs and a warped loss, with exact gradients.

All gradients come from one matrix, dF/dK: those by length scales are products of it with the warped inputs, so a
gradient by 25 constants costs about as much as the likelihood itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack, solve_triangular

from infolaw.units import Array

from .kernels import matern, squared_distances
from .own_curves import OwnCurves
from .warps import PowerWarp, SkewWarp

N_SHARED = 6
"""Constants beside the length scales: ln amplitude of own curves and of the rest, ln noise, offset, power; skew."""
LEVEL_VARIANCE = 1.0
"""Prior variance of the constant level, in variances of the loss."""
REJECTED = 1e10
ROOT_TRIED = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6)
"""Parts of the variance added until a root exists."""


class Constants(NamedTuple):
    """Constants of the process, unpacked from one vector ``(n_features + 6,)``."""

    log_lengths: Array
    log_own: float
    log_amplitude: float
    log_noise: float
    log_offset: float
    log_power: float
    skew: float


def unpack(theta: Array) -> Constants:
    """Give the entries of the vector their names."""
    return Constants(theta[:-N_SHARED], *(float(value) for value in theta[-N_SHARED:]))


@dataclass(frozen=True)
class Priors:
    """Weak beliefs that small swarms need, all normal on logarithms: centre and width.

    ``lengths`` is the spread of length scales about their own mean. Chosen on random subsets of RegMix's 512 training
    mixtures; the width of a belief matters below 100 runs only.
    """

    lengths: float = 1.0
    own: tuple[float, float] = (-1.0, 1.0)
    noise: tuple[float, float] = (-2.3, 0.5)
    offset: tuple[float, float] = (-6.9, 1.5)
    power: tuple[float, float] = (-1.6, 0.5)

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return minus the log density and its gradient."""
        gradient = np.zeros_like(theta)
        lengths = theta[:-N_SHARED]
        z = (lengths - lengths.mean()) / self.lengths
        gradient[:-N_SHARED] = z / self.lengths
        total = 0.5 * float(z @ z)
        for index, (centre, width) in ((-6, self.own), (-4, self.noise), (-3, self.offset), (-2, self.power)):
            deviation = (theta[index] - centre) / width
            total += 0.5 * deviation**2
            gradient[index] = deviation / width
        return total, gradient


@dataclass(frozen=True)
class Evidence:
    """Minus the log posterior of the constants given runs.

    Attributes
    ----------
    X, y : Array
        Features ``(n, n_features)`` and losses ``(n,)``.
    inputs, target : warps
    smoothness : float
    doubt : Array
        Factor on the noise variance of each run, ``(n,)``.
    curves : OwnCurves, optional
        Of the shares on their own; None: none.
    own : Array, optional
        Their covariance between the runs, ``(n, n)``: it holds no constant, so it is computed once.
    """

    X: Array
    y: Array
    inputs: PowerWarp
    target: SkewWarp
    smoothness: float
    doubt: Array
    priors: Priors = Priors()
    curves: OwnCurves | None = None
    own: Array | None = None

    def part(self, rows: NDArray[np.intp]) -> Evidence:
        """Return the same for some of the runs."""
        own = None if self.own is None else self.own[np.ix_(rows, rows)]
        return replace(self, X=self.X[rows], y=self.y[rows], doubt=self.doubt[rows], own=own)

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return the value and its gradient, ``(n_features + 6,)``; a matrix that is not positive is rejected."""
        c = unpack(theta)
        v = self.inputs(self.X, c.log_offset, c.log_power)
        v = v - v.mean(0)
        scaled = v * np.exp(-c.log_lengths)
        kernel, slope = matern(squared_distances(scaled, scaled), self.smoothness)
        amplitude, noise = np.exp(2 * c.log_amplitude), np.exp(2 * c.log_noise)
        total = amplitude * kernel + LEVEL_VARIANCE
        if self.own is not None:
            total += np.exp(2 * c.log_own) * self.own
        total.flat[:: len(v) + 1] += noise * self.doubt
        factor, failed = lapack.dpotrf(total, lower=1, clean=1)
        if failed:
            return REJECTED, np.zeros_like(theta)
        g, g_by_skew, jacobian, jacobian_by_skew = self.target(self.y, c.skew)
        weights, _ = lapack.dpotrs(factor, g, lower=1)
        inverse, _ = lapack.dpotri(factor, lower=1)
        by_kernel = inverse + np.tril(inverse, -1).T - np.outer(weights, weights)
        by_square = by_kernel * slope
        rows = by_square.sum(1)[:, None] * v - by_square @ v
        by_scaled = 2 * amplitude * np.exp(-2 * c.log_lengths) * rows
        by_offset, by_power = self.inputs.by_constants(self.X, c.log_offset, c.log_power)
        value, gradient = self.priors(theta)
        gradient[:-N_SHARED] -= (by_scaled * v).sum(0)
        if self.own is not None:
            gradient[-6] += np.exp(2 * c.log_own) * (by_kernel * self.own).sum()
        gradient[-5] += amplitude * (by_kernel * kernel).sum()
        gradient[-4] += noise * (np.diag(by_kernel) @ self.doubt)
        gradient[-3] += (by_scaled * by_offset).sum()
        gradient[-2] += (by_scaled * by_power).sum()
        gradient[-1] += weights @ g_by_skew + jacobian_by_skew
        value += 0.5 * float(g @ weights) + float(np.log(np.diag(factor)).sum()) + jacobian
        return value, gradient


@dataclass(frozen=True)
class Posterior:
    """The process given runs and constants, in the warped loss.

    Attributes
    ----------
    constants : Constants
    inputs : PowerWarp
    smoothness : float
    centre : Array
        Mean of the warped inputs, ``(n_features,)``.
    curves : OwnCurves, optional
    scaled : Array
        Runs in units of the length scales, ``(n_runs, n_features)``; with curves, the positions on their grid beside them.
    factor, weights : Array
        Cholesky factor of the covariance, ``(n_runs, n_runs)``, and its inverse times the warped losses.
    left_out : Array
        Mean and variance of each run's warped loss given all other runs, ``(2, n_runs)``: exact, from one inverse.
    misfit : Array
        Expected square of each run's noise given all runs, ``(n_runs,)``.
    """

    constants: Constants
    inputs: PowerWarp
    smoothness: float
    centre: Array
    curves: OwnCurves | None
    scaled: Array
    factor: Array
    weights: Array
    left_out: Array
    misfit: Array

    @classmethod
    def of(cls, evidence: Evidence, theta: Array) -> Posterior:
        """Condition on all runs of `evidence`."""
        c = unpack(theta)
        v = evidence.inputs(evidence.X, c.log_offset, c.log_power)
        centre = v.mean(0)
        scaled = (v - centre) * np.exp(-c.log_lengths)
        total = np.exp(2 * c.log_amplitude) * matern(squared_distances(scaled, scaled), evidence.smoothness)[0]
        total += LEVEL_VARIANCE
        if evidence.curves is not None and evidence.own is not None:
            total += np.exp(2 * c.log_own) * evidence.own
            scaled = np.hstack([scaled, evidence.curves.positions(evidence.X)])
        noise = np.exp(2 * c.log_noise) * evidence.doubt
        total.flat[:: len(v) + 1] += noise
        factor = np.linalg.cholesky(total)
        g = evidence.target(evidence.y, c.skew)[0]
        weights, _ = lapack.dpotrs(factor, g, lower=1)
        inverse, _ = lapack.dpotri(factor, lower=1)
        variance = 1 / np.diag(inverse)
        misfit = np.square(noise * weights) + noise - np.square(noise) / variance
        left_out = np.stack([g - weights * variance, variance])
        return cls(
            c, evidence.inputs, evidence.smoothness, centre, evidence.curves, scaled, factor, weights, left_out, misfit
        )

    @cached_property
    def table(self) -> Array:
        """Coefficients of the mean curves, see `OwnCurves.table`; empty without curves."""
        if self.curves is None:
            return np.zeros((0, 0))
        own = self.curves.table(self._split(self.scaled)[1], self.weights)
        return np.asarray(np.exp(2 * self.constants.log_own) * own)

    def scale(self, X: Array) -> Array:
        """Return features in units of the length scales ``(n, n_features)``, and where they lie on the curves."""
        c = self.constants
        scaled = (self.inputs(X, c.log_offset, c.log_power) - self.centre) * np.exp(-c.log_lengths)
        return np.asarray(scaled if self.curves is None else np.hstack([scaled, self.curves.positions(X)]))

    def _split(self, points: Array) -> tuple[Array, Array]:
        """Take what `scale` returns apart."""
        return points[:, : len(self.centre)], points[:, len(self.centre) :]

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the prior covariance of scaled points, ``(n_a, n_b)``."""
        (a, a_own), (b, b_own) = self._split(a), self._split(b)
        found = self._shared(a, b) + LEVEL_VARIANCE
        return (
            found
            if self.curves is None
            else found + np.exp(2 * self.constants.log_own) * self.curves.covariance(a_own, b_own)
        )

    def _shared(self, a: Array, b: Array) -> Array:
        amplitude = np.exp(2 * self.constants.log_amplitude)
        return np.asarray(amplitude * matern(squared_distances(a, b), self.smoothness)[0])

    def mean(self, points: Array) -> Array:
        """Return the mean at scaled points, ``(n,)``."""
        near, own = self._split(points)
        found = self._shared(near, self._split(self.scaled)[0]) @ self.weights + LEVEL_VARIANCE * self.weights.sum()
        return np.asarray(found if self.curves is None else found + self.curves.read(self.table, own)[0])

    def variance(self, points: Array) -> Array:
        """Return the variance of the noise-free warped loss at scaled points, ``(n,)``."""
        part = solve_triangular(self.factor, self.covariance(self.scaled, points), lower=True, check_finite=False)
        prior = np.full(len(points), np.exp(2 * self.constants.log_amplitude) + LEVEL_VARIANCE)
        if self.curves is not None:
            prior += np.exp(2 * self.constants.log_own) * self.curves.variance(self._split(points)[1])
        return np.asarray(np.maximum(prior - np.square(part).sum(0), 0.0))

    def joint(self, points: Array) -> Array:
        """Return the covariance of the noise-free warped loss between scaled points, ``(n, n)``."""
        part = solve_triangular(self.factor, self.covariance(self.scaled, points), lower=True, check_finite=False)
        return np.asarray(self.covariance(points, points) - part.T @ part)

    def gradient(self, X: Array) -> Array:
        """Return the derivative of the mean by the features, ``(n_points, n_features)``."""
        c = self.constants
        (near, own), runs = self._split(self.scale(X)), self._split(self.scaled)[0]
        by_square = matern(squared_distances(near, runs), self.smoothness)[1] * self.weights
        rows = by_square.sum(1)[:, None] * near - by_square @ runs
        chain = self.inputs.slope(X, c.log_offset, c.log_power) * np.exp(-c.log_lengths)
        found = np.asarray(2 * np.exp(2 * c.log_amplitude) * rows * chain)
        if self.curves is not None:
            chain = self.curves.position_slopes(X)[:, self.inputs.powered]
            found[:, self.inputs.powered] += self.curves.read(self.table, own)[1] * chain
        return found


def root_of(covariance: Array) -> Array:
    """Return a lower root of a covariance ``(n, n)`` that rounding may have left a little short of positive.

    Cholesky's, a tenth of the work of eigenvalues, with as little added to the diagonal as it takes.

    Examples
    --------
    >>> root_of(np.ones((2, 2))).round(3).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    unit = np.diag(covariance) + max(float(np.diag(covariance).mean()), 1e-12)
    for extra in ROOT_TRIED:
        total = covariance.copy()
        total.flat[:: len(total) + 1] += extra * unit
        factor, failed = lapack.dpotrf(total, lower=1, clean=1)
        if not failed:
            return np.asarray(factor)
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
