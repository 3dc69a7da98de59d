"""One Gaussian process a loss, fitted together: a run that went wrong is doubted in all its losses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import checked_features
from .gaussian_process import GaussianProcess, fit_together


@dataclass(eq=False)
class JointGaussianProcess(GaussianProcess):
    """Several losses of the same runs: predictions have a column a loss.

    Settings are those of `GaussianProcess`. Targets may be missing (NaN) in some runs, not in all.

    Attributes
    ----------
    members_ : list of GaussianProcess
        One a loss, in the order of the columns.

    Notes
    -----
    Shared constants, priors pooled over losses and principal components of the losses were tried on RegMix's table and
    did not beat independent constants; sharing which runs to trust does, by 2 % with 64 runs and 4 % with 512.
    """

    name: ClassVar[str] = "joint_gaussian_process"

    def fit(self, X: Array, y: Array) -> Self:
        """Fit to features ``(n_runs, n_features)`` and losses ``(n_runs, n_targets)`` or ``(n_runs,)``.

        Raises
        ------
        RecipeError
            If a loss is missing in all runs, or has fewer than three.
        """
        X, y = checked_features(X), np.asarray(y, dtype=float)
        self.single_ = y.ndim == 1
        losses = y[:, None] if self.single_ else y
        if losses.ndim != 2 or len(losses) != len(X):
            raise RecipeError(f"{self.name}: {len(X)} runs but losses of shape {y.shape}; give (n_runs, n_targets).")
        if np.isinf(losses).any():
            raise RecipeError(
                f"{self.name}: a loss is infinite in row {np.argwhere(np.isinf(losses))[0, 0]}; leave that run out."
            )
        missing = np.isnan(losses).all(0)
        if missing.any():
            raise RecipeError(
                f"{self.name}: target {np.flatnonzero(missing)[0]} is missing in all {len(X)} runs; leave it out."
            )
        self.members_ = [GaussianProcess(**asdict(self)) for _ in range(losses.shape[1])]
        fit_together(self.members_, X, losses)
        self.n_features_in_ = X.shape[1]  # type: ignore[misc]
        return self

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return losses ``(n_points, n_targets)``, and with `return_std` their standard deviations likewise."""
        X = self._points(X)
        if not return_std:
            return self._shaped([member.predict(X) for member in self.members_])
        both = [member.predict(X, return_std=True) for member in self.members_]
        return self._shaped([mean for mean, _ in both]), self._shaped([std for _, std in both])

    def draws(self, X: Array, n: int, seed: int = 0) -> Array:
        """Return noise-free losses ``(n, n_points, n_targets)``; the losses' errors are independent."""
        columns = [member.draws(X, n, seed + index) for index, member in enumerate(self.members_)]
        return columns[0] if self.single_ else np.stack(columns, axis=-1)

    def gradient(self, X: Array) -> Array:
        """Return d(predicted loss)/d(feature), ``(n_points, n_features, n_targets)``."""
        columns = [member.gradient(X) for member in self.members_]
        return columns[0] if self.single_ else np.stack(columns, axis=-1)

    def _shaped(self, columns: list[Array]) -> Array:
        return columns[0] if self.single_ else np.stack(columns, axis=-1)
