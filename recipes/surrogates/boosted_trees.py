"""Gradient-boosted trees, the surrogate of the literature, with the settings of each paper by name."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import Surrogate

SETTINGS: dict[str, dict[str, Any]] = {
    "small": {"n_estimators": 600, "learning_rate": 0.03, "num_leaves": 8, "min_child_samples": 3, "reg_lambda": 1.0},
    "regmix": {"n_estimators": 1000, "learning_rate": 0.01},
    "quadmix": {"n_estimators": 1000, "learning_rate": 0.01, "objective": "regression", "metric": "mae"},
}
"""``regmix``: RegMix's published values, all iterations (its notebook stops early on its test set, a leak not repeated).
``quadmix``: squared error judged by absolute error, as its paper states; it states no more, so the rest is RegMix's.
``small``: trees that can split a few dozen runs; the library's own least leaf of 20 gives a constant below 40 runs."""


@dataclass(eq=False)
class BoostedTrees(Surrogate):
    """LightGBM: sums of step functions, which cannot predict below the lowest loss seen.

    Parameters
    ----------
    settings : {"small", "regmix", "quadmix"}
    quantiles : bool
        Also fit the 16 % and 84 % quantiles, so that `predict` can return a standard deviation.
    seed : int

    References
    ----------
    .. [1] Liu et al. (2024), "RegMix", arXiv:2407.01492. Liu et al. (2025), "QuaDMix", arXiv:2504.16511.
    """

    name: ClassVar[str] = "lightgbm"

    settings: str = "small"
    quantiles: bool = False
    seed: int = 0

    def fit(self, X: Array, y: Array) -> Self:
        """Fit to features ``(n_runs, n_features)`` and losses ``(n_runs,)``; four runs at least."""
        if self.settings not in SETTINGS:
            raise RecipeError(f"{self.name} knows no settings {self.settings!r}; choose {', '.join(SETTINGS)}.")
        X, y = self._checked(X, y, n_least=4)
        self.models_ = [self._fitted(X, y, {})]
        if self.quantiles:
            self.models_ += [self._fitted(X, y, {"objective": "quantile", "alpha": q}) for q in (0.16, 0.84)]
        return self

    def _fitted(self, X: Array, y: Array, changes: dict[str, Any]) -> Any:
        from lightgbm import LGBMRegressor

        fixed = {"random_state": self.seed, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}
        return LGBMRegressor(**{**SETTINGS[self.settings], **fixed, **changes}).fit(X, y)

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return losses ``(n_points,)``; a standard deviation only if `quantiles` was set."""
        X = self._points(X)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            found = [np.asarray(model.predict(X)) for model in self.models_]
        if not return_std:
            return found[0]
        if not self.quantiles:
            raise RecipeError(f"{self.name} knows its own error only with quantiles=True.")
        return found[0], np.maximum((found[2] - found[1]) / 2, 0.0)


@dataclass(eq=False)
class RegMixTrees(BoostedTrees):
    """`BoostedTrees` with RegMix's settings."""

    name: ClassVar[str] = "lightgbm_regmix"
    settings: str = "regmix"


@dataclass(eq=False)
class QuaDMixTrees(BoostedTrees):
    """`BoostedTrees` with QuaDMix's settings."""

    name: ClassVar[str] = "lightgbm_quadmix"
    settings: str = "quadmix"


@dataclass(eq=False)
class QuantileTrees(BoostedTrees):
    """`BoostedTrees` for few runs that say how far runs scatter about them."""

    name: ClassVar[str] = "lightgbm_quantile"
    has_std: ClassVar[bool] = True
    quantiles: bool = True
