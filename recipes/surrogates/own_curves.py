"""What each share does on its own: a sum of one curve a column, free to bend within a tenth of the column's range.

A domain may do nothing below some share and all it can above another; a process over all shares at once, whose length
scales serve every column's whole range, is too stiff for that. Curves are splines on one fixed grid, so that their
covariance between runs holds no constant to learn and is computed once, and a prediction reads a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from infolaw.units import Array

from .kernels import matern, squared_distances
from .warps import PowerWarp

POWER, OFFSET = 0.4, 0.003
"""Curves are of v = (share / largest share + OFFSET)^POWER."""
LENGTH, STEP = 0.1, 0.06
"""Length scale of a curve, and spacing of its spline, both in v."""
LOWEST, HIGHEST = 0.09, 1.65
"""Range of the spline: shares from none to 3.4 times the largest that was run; beyond, curves are level."""
N_COEFFICIENTS = round((HIGHEST - LOWEST) / STEP) + 2


@dataclass(frozen=True)
class OwnCurves:
    """Covariance of the mean over columns of one curve each, of unit variance about.

    Attributes
    ----------
    inputs : PowerWarp
        Says which columns are shares (others have no curve), and their largest values.
    """

    inputs: PowerWarp

    def positions(self, X: Array) -> Array:
        """Return where each share lies on the grid, in steps, ``(n, n_shares)``."""
        powered = self.inputs.powered
        v = (np.maximum(X[:, powered] / self.inputs.scale[powered], 0.0) + OFFSET) ** POWER
        return np.asarray(np.clip((v - LOWEST) / STEP, 0.0, N_COEFFICIENTS - 2 - 1e-9))

    def position_slopes(self, X: Array) -> Array:
        """Return d(position)/d(feature), ``(n, n_features)``, zero where a column has no curve."""
        u = np.maximum(X / self.inputs.scale, 0.0) + OFFSET
        return np.where(self.inputs.powered, POWER * u ** (POWER - 1.0) / self.inputs.scale / STEP, 0.0)

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the covariance of positions, ``(n_a, n_b)``."""
        return np.asarray(_features(a) @ _features(b).T / max(a.shape[1], 1))

    def variance(self, points: Array) -> Array:
        """Return the variance at positions, ``(n,)``."""
        return np.asarray(np.square(_features(points)).sum(1) / max(points.shape[1], 1))

    def table(self, runs: Array, weights: Array) -> Array:
        """Return coefficients ``(n_shares, N_COEFFICIENTS)`` of the mean curves, given runs and their weights ``(n,)``."""
        d = runs.shape[1]
        by_column = (weights @ _features(runs)).reshape(d, N_COEFFICIENTS)
        return np.asarray(by_column @ _root().T / max(d, 1))

    @staticmethod
    def read(table: Array, points: Array) -> tuple[Array, Array]:
        """Return the sum of the curves at positions, ``(n,)``, and each curve's slope there, ``(n, n_shares)``."""
        index, values, slopes = _spline(points)
        near = table[np.arange(points.shape[1])[:, None], index[..., None] + np.arange(3)]
        return (near * values).sum((1, 2)), (near * slopes).sum(2)


def _spline(positions: Array) -> tuple[NDArray[np.intp], Array, Array]:
    """First of three coefficients ``(n, d)``, the values and slopes of their quadratic pieces ``(n, d, 3)``."""
    index = positions.astype(np.intp)
    f = positions - index
    values = np.stack([(1 - f) ** 2 / 2, 0.5 + f * (1 - f), f**2 / 2], -1)
    return index, values, np.stack([f - 1, 1 - 2 * f, f], -1)


def _features(positions: Array) -> Array:
    """Columns ``(n, n_shares * N_COEFFICIENTS)`` whose products are covariances."""
    n, d = positions.shape
    index, values, _ = _spline(positions)
    pieces = np.zeros((n, d, N_COEFFICIENTS))
    np.put_along_axis(pieces, index[..., None] + np.arange(3), values, 2)
    return np.asarray((pieces.reshape(n * d, N_COEFFICIENTS) @ _root()).reshape(n, d * N_COEFFICIENTS))


@cache
def _root() -> Array:
    """Lower root of the coefficients' covariance."""
    places: Array = np.linspace(0.0, (N_COEFFICIENTS - 1) * STEP / LENGTH, N_COEFFICIENTS, dtype=np.float64)[:, None]
    covariance: Array = matern(squared_distances(places, places), 2.5)[0]
    covariance.flat[:: N_COEFFICIENTS + 1] += 1e-9
    return np.asarray(np.linalg.cholesky(covariance))
