"""Log-linear law of a mixture: one constant a domain, convex in the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import Surrogate

FLOORS = (0.2, 0.6, 0.9, 0.98)
"""Starts: share of the lowest loss that is the floor."""
STEPS = 60


@dataclass(eq=False)
class LogLinear(Surrogate):
    """L = c + exp(sum_j t_j w_j): the data mixing law, fitted from several floors by damped Gauss-Newton steps.

    On shares that sum to 1 the published factor k is no constant of its own: ln k adds to every t_j.

    Parameters
    ----------
    ridge : float
        Pull of every t_j to their mean, so that rare domains stay bounded [variances of the loss per unit of t squared].

    Attributes
    ----------
    floor_ : float
        c [as y].
    slopes_ : Array
        t_j, ``(n_features,)``.
    intercept_ : float
        Added to the exponent; zero on shares that sum to 1.

    References
    ----------
    .. [1] Ye et al. (2024), "Data Mixing Laws", arXiv:2403.16952. [2] Olmix, arXiv:2602.12237: the same form a task.
    """

    name: ClassVar[str] = "log_linear"
    has_std: ClassVar[bool] = True

    ridge: float = 3e-4

    def fit(self, X: Array, y: Array) -> Self:
        """Fit to features ``(n_runs, n_features)`` and losses ``(n_runs,)``.

        Raises
        ------
        RecipeError
            If there are fewer runs than constants (one a feature and the floor).
        """
        X, y = self._checked(X, y)
        self.simplex_ = bool(np.allclose(X.sum(1), X[0].sum(), atol=0.03))
        design = X if self.simplex_ else np.column_stack([X, np.ones(len(X))])
        if len(y) <= design.shape[1]:
            raise RecipeError(
                f"{self.name} has {design.shape[1] + 1} constants and got {len(y)} runs; add runs, merge domains, or use a "
                "surrogate with beliefs of its own (gaussian_process)."
            )
        scale = float(y.std()) or 1.0
        low = float(y.min())
        tried = [self._descend(design, y, low - (1 - share) * max(abs(low), scale), scale) for share in FLOORS]
        _, theta, covariance = min(tried, key=lambda found: found[0])
        self.floor_, self._slopes, self._covariance = float(theta[-1]), theta[:-1], covariance
        self.slopes_ = theta[: X.shape[1]]
        self.intercept_ = 0.0 if self.simplex_ else float(theta[-2])
        residuals = self.floor_ + np.exp(design @ self._slopes) - y
        self.noise_ = float(np.sqrt(residuals @ residuals / max(len(y) - len(theta), 1)))
        return self

    def _descend(self, design: Array, y: Array, floor: float, scale: float) -> tuple[float, Array, Array]:
        """Return the objective, the constants (slopes, floor) and their covariance in units of the noise variance."""
        d = design.shape[1]
        centring = np.sqrt(self.ridge) * (np.eye(d) - 1 / d)
        slopes = np.linalg.lstsq(np.vstack([design, centring]), np.append(np.log(y - floor), np.zeros(d)), rcond=None)[0]
        theta, damping = np.append(slopes, floor), 1e-3
        value, residuals, jacobian = self._misfit(theta, design, y, scale, centring)
        for _ in range(STEPS):
            normal = jacobian.T @ jacobian
            downhill = jacobian.T @ residuals
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), -downhill)
            tried = theta + step
            tried_value, tried_residuals, tried_jacobian = self._misfit(tried, design, y, scale, centring)
            if tried_value < value:
                gained, theta, damping = value - tried_value, tried, damping / 5
                value, residuals, jacobian = tried_value, tried_residuals, tried_jacobian
                if gained < 1e-8 * value:
                    break
            elif (damping := damping * 5) > 1e10:
                break
        covariance = np.linalg.pinv(jacobian.T @ jacobian) / scale**2
        return value, theta, np.asarray(covariance, dtype=float)

    @staticmethod
    def _misfit(theta: Array, design: Array, y: Array, scale: float, centring: Array) -> tuple[float, Array, Array]:
        slopes, floor = theta[:-1], theta[-1]
        term = np.exp(np.minimum(design @ slopes, 50.0))
        residuals = np.append((floor + term - y) / scale, centring @ slopes)
        rows = np.column_stack([term[:, None] * design, np.ones(len(y))]) / scale
        jacobian = np.vstack([rows, np.column_stack([centring, np.zeros(len(centring))])])
        return float(residuals @ residuals), residuals, jacobian

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return losses ``(n_points,)``, and with `return_std` the standard deviation of a new run's loss."""
        X = self._points(X)
        term = np.exp(X @ self.slopes_ + self.intercept_)
        if not return_std:
            return self.floor_ + term
        rows = term[:, None] * (X if self.simplex_ else np.column_stack([X, np.ones(len(X))]))
        rows = np.column_stack([rows, np.ones(len(X))])
        variance = self.noise_**2 * (1 + np.einsum("ij,jk,ik->i", rows, self._covariance, rows))
        return self.floor_ + term, np.sqrt(np.maximum(variance, 0.0))

    def gradient(self, X: Array) -> Array:
        """Return d(predicted loss)/d(feature), ``(n_points, n_features)``."""
        X = self._points(X)
        return np.asarray(np.exp(X @ self.slopes_ + self.intercept_)[:, None] * self.slopes_)
