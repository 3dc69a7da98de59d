"""A surrogate of some of the features: so that cross-validation chooses the description of a recipe with the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from infolaw.errors import RecipeError
from infolaw.units import Array

from .base import Surrogate
from .gaussian_process import GaussianProcess


@dataclass(eq=False)
class OfColumns(Surrogate):
    """`surrogate` fitted to the features `columns`; the others are not looked at.

    Parameters
    ----------
    surrogate : Surrogate
        Copied before it is fitted.
    columns : tuple of int
        Which features; empty for all.
    """

    name: ClassVar[str] = "of_columns"

    surrogate: Any = field(default_factory=GaussianProcess)
    columns: tuple[int, ...] = ()

    @property
    def has_std(self) -> bool:  # type: ignore[override]
        """Whether the inner surrogate knows its own error."""
        return bool(self.surrogate.has_std)

    def fit(self, X: Array, y: Array) -> Self:
        """Fit a copy of the surrogate to the columns."""
        X, y = self._checked(X, y)
        if not all(-X.shape[1] <= column < X.shape[1] for column in self.columns):
            raise RecipeError(f"{self.name}: there are {X.shape[1]} features and no columns {self.columns}.")
        self.fitted_ = type(self.surrogate)(**self.surrogate.get_params()).fit(self._part(X), y)
        self.noise_ = getattr(self.fitted_, "noise_", None)
        return self

    def _part(self, X: Array) -> Array:
        return X[:, list(self.columns)] if self.columns else X

    def predict(self, X: Array, return_std: bool = False) -> Any:
        """Return losses ``(n_points,)``, and with `return_std` what the inner surrogate says of its error."""
        part = self._part(self._points(X))
        return self.fitted_.predict(part, return_std)

    @property
    def draws(self) -> Callable[..., Array]:
        """``draws(X, n, seed)`` of the inner surrogate; there is none where it draws no surfaces."""
        inner: Callable[..., Array] = self.fitted_.draws
        return lambda X, n, seed=0: inner(self._part(self._points(X)), n, seed)
