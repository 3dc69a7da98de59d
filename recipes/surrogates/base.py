"""What every surrogate is: named settings, ``fit(X, y)``, ``predict(X, return_std=False)``; scikit-learn's contract."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array


@dataclass(eq=False)
class Surrogate:
    """A cheap model of the loss that a recipe leads to, fitted to finished runs.

    Settings are the dataclass fields of a subclass; what a fit found ends in an underscore. ``sklearn.base.clone``,
    pipelines and cross-validation of scikit-learn take it as a regressor.
    """

    name: ClassVar[str] = ""
    has_std: ClassVar[bool] = False
    """Whether ``predict(X, return_std=True)`` is answered."""
    n_features_in_: ClassVar[int]

    def fit(self, X: Array, y: Array) -> Self:
        """Fit to features ``(n_runs, n_features)`` and one loss a run, ``(n_runs,)``."""
        raise NotImplementedError

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return losses ``(n_points,)``; with `return_std` also the standard deviation of a new run's loss."""
        raise NotImplementedError

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change settings; an unknown one is refused."""
        for name, value in params.items():
            if name not in self.get_params():
                raise RecipeError(f"{self.name} has no setting {name!r}; it has {', '.join(self.get_params()) or 'none'}.")
            setattr(self, name, value)
        return self

    def score(self, X: Array, y: Array) -> float:
        """Return R squared."""
        y = np.asarray(y, dtype=float)
        return float(1 - np.square(y - self.predict(X)).sum() / np.square(y - y.mean()).sum())

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import RegressorTags, Tags, TargetTags

        return Tags(estimator_type="regressor", target_tags=TargetTags(required=True), regressor_tags=RegressorTags())

    def _checked(self, X: Array, y: Array, n_least: int = 3) -> tuple[Array, Array]:
        """Return features and losses as arrays of numbers, or say what is wrong with them."""
        X, y = checked_features(X), np.asarray(y, dtype=float)
        if y.shape != (len(X),):
            raise RecipeError(f"{self.name}: {len(X)} runs but losses of shape {y.shape}; give one loss a run, (n_runs,).")
        if len(y) and np.isnan(y).all():
            raise RecipeError(f"{self.name}: the target is missing in all {len(y)} runs; choose another target.")
        if not np.isfinite(y).all():
            rows = np.flatnonzero(~np.isfinite(y))
            raise RecipeError(
                f"{self.name}: {len(rows)} of {len(y)} losses are no finite numbers (first in row {rows[0]}: {y[rows[0]]}); "
                "leave these runs out."
            )
        if len(y) < n_least:
            raise RecipeError(f"{self.name} needs {n_least} runs or more and got {len(y)}; add runs.")
        self.n_features_in_ = X.shape[1]  # type: ignore[misc]
        return X, y

    def _points(self, X: Array) -> Array:
        """Return features to predict at, of the width fitted."""
        X = checked_features(X)
        if not hasattr(self, "n_features_in_"):
            raise RecipeError(f"{self.name} is not fitted; call fit(X, y) before predict.")
        if X.shape[1] != self.n_features_in_:
            raise RecipeError(f"{self.name} was fitted to {self.n_features_in_} features and is asked about {X.shape[1]}.")
        return X


def checked_features(X: Array) -> Array:
    """Return features ``(n, n_features)`` as finite numbers, or say which is none."""
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[1] == 0:
        raise RecipeError(f"Features must be a table (n_runs, n_features) and have shape {X.shape}.")
    if not np.isfinite(X).all():
        row, column = np.argwhere(~np.isfinite(X))[0]
        raise RecipeError(
            f"Feature {column} of row {row} is {X[row, column]}, no finite number; repair it or leave the run out."
        )
    return X
