"""A law's prediction, corrected by a Gaussian process that dies out away from the runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import Surrogate
from .gaussian_process import GaussianProcess
from .log_linear import LogLinear


@dataclass(eq=False)
class LawCorrected(Surrogate):
    """Law + residual: ``law`` says the trend, a Gaussian process what it misses.

    Parameters
    ----------
    law : Surrogate
        Anything with ``fit(X, y)`` and ``predict(X)``; by default the log-linear law. It is copied before it is fitted.
    residual : GaussianProcess
        Settings of the correction.

    Notes
    -----
    The residual is fitted to the law's errors in the sample, so the law must have far fewer constants than there are runs.
    """

    name: ClassVar[str] = "law_corrected"
    has_std: ClassVar[bool] = True

    law: Any = field(default_factory=LogLinear)
    residual: Any = field(default_factory=GaussianProcess)

    def fit(self, X: Array, y: Array) -> Self:
        """Fit the law, then the process to what it leaves."""
        X, y = self._checked(X, y)
        if not hasattr(self.law, "predict"):
            raise RecipeError(f"{self.name}: law must have fit(X, y) and predict(X); got {type(self.law).__name__}.")
        self.law_ = type(self.law)(**self.law.get_params()).fit(X, y)
        self.residual_ = type(self.residual)(**self.residual.get_params()).fit(X, y - self.law_.predict(X))
        return self

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return losses ``(n_points,)``, and with `return_std` the residual's standard deviation of a new run's loss."""
        X = self._points(X)
        if not return_std:
            return np.asarray(self.law_.predict(X) + self.residual_.predict(X))
        correction, std = self.residual_.predict(X, return_std=True)
        return np.asarray(self.law_.predict(X) + correction), std

    def gradient(self, X: Array) -> Array:
        """Return d(predicted loss)/d(feature), ``(n_points, n_features)``; the law must give its own."""
        return np.asarray(self.law_.gradient(X) + self.residual_.gradient(X))
