"""Transforms that make losses of mixtures look like a stationary process: powers of the shares, a skewed loss.

The first per cent of a domain moves a loss more than the next ten, and losses rise steeply where a domain is missing but
flatten near their floor. Both transforms hold constants that are learnt with the kernel's, so both give derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from infolaw.units import Array

FLAT = 1e-6


@dataclass(frozen=True)
class PowerWarp:
    """v = (x/max + c)^p for columns that are never negative, a plain scale for the others.

    Attributes
    ----------
    scale, shift : Array
        Of each column, ``(n_features,)``.
    powered : ndarray of bool
        Which columns take the power, booleans ``(n_features,)``.

    Notes
    -----
    ``c`` is what a share of zero really means: tables round shares, and no domain is wholly absent from the others.
    """

    scale: Array
    shift: Array
    powered: NDArray[np.bool_]

    @classmethod
    def of(cls, X: Array) -> Self:
        """Choose each column's treatment by its values in the runs."""
        powered = np.asarray((X >= 0).all(0))
        spread = np.where(powered, X.max(0), X.std(0))
        return cls(np.where(spread > 0, spread, 1.0), np.where(powered, 0.0, X.mean(0)), powered)

    def __call__(self, X: Array, log_offset: float, log_power: float) -> Array:
        """Return v, ``(n, n_features)``."""
        u = (X - self.shift) / self.scale
        power = np.maximum(u, 0.0) + np.exp(log_offset)
        return np.where(self.powered, power ** np.exp(log_power), u)

    def by_constants(self, X: Array, log_offset: float, log_power: float) -> tuple[Array, Array]:
        """Return dv/d(ln c) and dv/d(ln p), each ``(n, n_features)``."""
        p, c = np.exp(log_power), np.exp(log_offset)
        u = np.maximum((X - self.shift) / self.scale, 0.0) + c
        v = u**p
        return np.where(self.powered, p * c * v / u, 0.0), np.where(self.powered, p * v * np.log(u), 0.0)

    def slope(self, X: Array, log_offset: float, log_power: float) -> Array:
        """Return dv/dx of each column, ``(n, n_features)``."""
        p = np.exp(log_power)
        u = np.maximum((X - self.shift) / self.scale, 0.0) + np.exp(log_offset)
        return np.asarray(np.where(self.powered, p * u ** (p - 1.0), 1.0) / self.scale)


@dataclass(frozen=True)
class SkewWarp:
    """g = ln(1 + k z) / k of the standardised loss z: a logarithm above a floor for k > 0, the identity at k = 0.

    One constant says how far the losses lean to high (k > 0) or low values; accuracies need k < 0 or none.
    """

    mean: float
    scale: float

    @classmethod
    def of(cls, y: Array) -> Self:
        """Standardise by the runs; losses that are all alike keep their unit."""
        scale = float(y.std())
        return cls(float(y.mean()), scale if scale > 1e-12 * (1.0 + abs(float(y.mean()))) else 1.0)

    def limits(self, y: Array, share: float = 0.95) -> tuple[float, float]:
        """Return the range of k at which every run's loss stays inside the transform."""
        z = (y - self.mean) / self.scale
        return -share / max(float(z.max()), 1.0), share / max(-float(z.min()), 1.0)

    def __call__(self, y: Array, k: float) -> tuple[Array, Array, float, float]:
        """Return g, dg/dk, minus the log Jacobian and its derivative by k."""
        z = (y - self.mean) / self.scale
        if abs(k) < FLAT:
            return z, -z * z / 2, 0.0, float(z.sum())
        u = 1 + k * z
        g = np.log(u) / k
        return g, (z / u - g) / k, float(np.log(u).sum()), float((z / u).sum())

    def back(self, g: Array, k: float) -> Array:
        """Return the loss at g."""
        return np.asarray((g if abs(k) < FLAT else np.expm1(k * g) / k) * self.scale + self.mean)

    def back_slope(self, g: Array, k: float) -> Array:
        """Return d(loss)/dg."""
        return np.asarray(np.exp(k * g) * self.scale)
