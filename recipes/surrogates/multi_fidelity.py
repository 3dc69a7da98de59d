"""Cheap runs and few dear ones in one model: each size is a stretched copy of the size below plus what differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import Surrogate
from .gaussian_process import GaussianProcess

SLOPE_WIDTH = 0.3
"""Belief about the stretch between two levels: 1 +- this."""
LEAST_OWN = 5
"""Runs that a level needs for a correction of its own; with fewer it is the stretched copy alone."""


@dataclass(eq=False)
class MultiFidelity(Surrogate):
    """Levels from cheap to dear: L_k(w) = a_k + b_k L_{k-1}(w) + d_k(w), d_k a Gaussian process.

    Parameters
    ----------
    fidelity : tuple of int
        Columns of X that tell the levels apart (parameters, tokens, or their logarithms); all others are the recipe.
        Levels are ordered by the sum of these columns' ranks; predictions are at levels that were fitted.
    surface : GaussianProcess
        Settings of the lowest level's surface and of the corrections.

    Attributes
    ----------
    levels_ : Array
        Values of the fidelity columns from cheap to dear, ``(n_levels, n_fidelity)``.
    stretch_ : Array
        a_k and b_k of each level above the first, ``(n_levels - 1, 2)``.

    References
    ----------
    .. [1] Kennedy and O'Hagan (2000), "Predicting the output from a complex computer code when fast approximations are
       available", eq. 1.
    """

    name: ClassVar[str] = "multi_fidelity"
    has_std: ClassVar[bool] = True

    fidelity: tuple[int, ...] = (-1,)
    surface: Any = field(default_factory=GaussianProcess)

    def fit(self, X: Array, y: Array) -> Self:
        """Fit all levels; the cheapest needs three runs, the others one."""
        X, y = self._checked(X, y)
        if not self.fidelity or not all(-X.shape[1] <= column < X.shape[1] for column in self.fidelity):
            raise RecipeError(f"{self.name}: fidelity {self.fidelity} names no columns of {X.shape[1]} features.")
        marks = X[:, list(self.fidelity)]
        levels = np.unique(marks, axis=0)
        ranks = sum(np.unique(column, return_inverse=True)[1] for column in levels.T)
        self.levels_ = levels[np.argsort(ranks, kind="stable")]
        self._recipe = np.delete(np.arange(X.shape[1]), list(self.fidelity))
        member = self._level(X)
        recipes = X[:, self._recipe]
        self.surfaces_ = [self._new().fit(recipes[member == 0], y[member == 0])]
        stretch: list[Array] = []
        self.stretch_ = np.zeros((0, 2))
        for level in range(1, len(self.levels_)):
            own = member == level
            below = self._means(recipes[own])[-1]
            a, b, noise = stretched(below, y[own])
            stretch.append(np.array([a, b]))
            self.stretch_ = np.array(stretch)
            self.surfaces_.append(self._correction(recipes[own], y[own] - a - b * below, noise))
        return self

    def _new(self) -> GaussianProcess:
        fresh: GaussianProcess = type(self.surface)(**self.surface.get_params())
        return fresh

    def _correction(self, recipes: Array, rest: Array, noise: float) -> Any:
        """Return the surface of what differs from the level below: nothing where runs are too few to tell."""
        if len(rest) < LEAST_OWN or not rest.std() > 0:
            return _Nothing(noise)
        return self._new().set_params(skewed=False).fit(recipes, rest)

    def _level(self, X: Array) -> Array:
        """Return the level of each row, ``(n,)``, or refuse a level never fitted."""
        same = (X[:, list(self.fidelity)][:, None, :] == self.levels_).all(-1)
        if not same.any(1).all():
            mark = X[np.flatnonzero(~same.any(1))[0], list(self.fidelity)].tolist()
            raise RecipeError(f"{self.name}: no run was fitted at fidelity {mark}; the levels are {self.levels_.tolist()}.")
        return np.asarray(same.argmax(1))

    def _means(self, recipes: Array) -> list[Array]:
        """Return the predicted loss at every level fitted so far, each ``(n,)``."""
        found = [np.asarray(self.surfaces_[0].predict(recipes))]
        for (a, b), surface in zip(self.stretch_, self.surfaces_[1:], strict=False):
            found.append(a + b * found[-1] + surface.predict(recipes))
        return found

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return losses ``(n_points,)`` at each row's own level, and with `return_std` of a new run there."""
        X = self._points(X)
        member, recipes, at = self._level(X), X[:, self._recipe], np.arange(len(X))
        means = np.array(self._means(recipes))[member, at]
        if not return_std:
            return means
        variances = [np.square(self.surfaces_[0].predict(recipes, return_std=True)[1])]
        for (_, b), surface in zip(self.stretch_, self.surfaces_[1:], strict=True):
            variances.append(b**2 * variances[-1] + np.square(surface.predict(recipes, return_std=True)[1]))
        return means, np.sqrt(np.array(variances)[member, at])

    def draws(self, X: Array, n: int, seed: int = 0) -> Array:
        """Return noise-free losses ``(n, n_points)`` at each row's own level; draw j is the same surfaces at every point."""
        X = self._points(X)
        member, recipes = self._level(X), X[:, self._recipe]
        found = [self.surfaces_[0].draws(recipes, n, seed)]
        for level, ((a, b), surface) in enumerate(zip(self.stretch_, self.surfaces_[1:], strict=True), start=1):
            found.append(a + b * found[-1] + surface.draws(recipes, n, seed + level))
        return np.asarray(np.stack(found)[member, :, np.arange(len(X))].T)


@dataclass(frozen=True)
class _Nothing:
    """A correction of zero, with the scatter of the runs about the stretched copy."""

    noise: float

    def predict(self, X: Array, return_std: bool = False) -> Any:
        zero = np.zeros(len(X))
        return (zero, zero + self.noise) if return_std else zero

    def draws(self, X: Array, n: int, seed: int) -> Array:
        shift = self.noise * np.random.default_rng(seed).standard_normal((n, 1))
        return np.broadcast_to(shift, (n, len(X)))


def stretched(below: Array, y: Array) -> tuple[float, float, float]:
    """Return a, b of y = a + b below with b believed to be near 1, and the scatter about it [as y].

    Examples
    --------
    >>> a, b, noise = stretched(np.array([2.0, 3.0, 4.0]), np.array([1.6, 2.5, 3.4]))
    >>> round(b, 1), noise < 0.05
    (0.9, True)
    """
    x, z = below - below.mean(), y - y.mean()
    b = 1.0
    for _ in range(20):
        noise = float(np.square(z - b * x).sum()) / max(len(y) - 1, 1) + 1e-12
        b = (float(x @ z) + noise / SLOPE_WIDTH**2) / (float(x @ x) + noise / SLOPE_WIDTH**2)
    return float(y.mean() - b * below.mean()), b, float(np.sqrt(noise))
