"""Errors of the law itself, which no refit on the same runs would show: learnt from runs held out, grown with distance.

Read `Fold` (what one hold-out says), then `ModelError.measure` (what several say together), then `ModelError.draws`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from .points import Points, Support
from .units import Array


@dataclass(frozen=True, eq=False)
class Fold:
    """What one hold-out says: the law was fitted to some runs and asked for others.

    Attributes
    ----------
    errors : ndarray, (n_test,)
        ln(predicted) - ln(measured) of the runs held out.
    points : Points
        Those runs.
    support : Support
        The box of the runs that were fitted.
    noise_sd : float
        Root mean square of the standard errors that the fit itself gave to these predictions, in log loss.
    """

    errors: Array
    points: Points
    support: Support
    noise_sd: float

    @property
    def is_determined(self) -> bool:
        """Whether the fitted side determines the law: where it does not, a large error says nothing of the law."""
        return self.noise_sd <= ModelError.DETERMINED


@dataclass(frozen=True)
class ModelError:
    """Error of log loss that a law makes beside the noise of its runs.

    Attributes
    ----------
    level : float
        Standard deviation inside the box of the runs, shared by all recipes at one place; it cancels between recipes.
    contrast : float
        Standard deviation between recipes `spread` apart.
    spread : float
        Typical distance between held-out recipes of one size and their mean.
    n_folds : int
        Hold-outs that it was learnt from; with 0 it is what is usual, not measured.

    Notes
    -----
    The variance doubles at the edge of ``Support.REACH``, and grows by as much for every further edge. `level` is the
    median over the hold-outs and `USUAL`, which counts as one of them; Student's t of `DF` degrees says that so few
    hold-outs do not settle it. Measured in ``docs/decisions.md``.
    """

    level: float
    contrast: float
    spread: float
    n_folds: int

    USUAL: ClassVar[float] = 0.01
    """Error inside the box that is taken for granted, and outweighed by two hold-outs."""
    DF: ClassVar[int] = 4
    """Degrees of freedom of the errors."""
    DETERMINED: ClassVar[float] = 0.1
    """Standard error of the held-out predictions above which a hold-out does not determine the law."""

    @classmethod
    def measure(cls, folds: Sequence[Fold]) -> ModelError:
        """Part signed held-out errors into a level and a contrast between recipes, and take the medians of the folds.

        Runs of one size and token count differ only in their data: what they err differently is the contrast.
        """
        used = [fold for fold in folds if fold.is_determined]
        parts = [_parts(fold) for fold in used]
        level = np.median([cls.USUAL, *(part[0] for part in parts)])
        told = [part[1:] for part in parts if part[2] > 0]
        contrast, spread = np.median(told, axis=0).tolist() if told else (0.0, 1.0)
        return cls(float(level), contrast, spread, len(used))

    def draws(self, points: Points, support: Support, n: int, seed: int) -> Array:
        """Errors of log loss, (n, n_points): draw j is one world, so equal recipes get equal errors."""
        rng = np.random.default_rng([seed, 1])
        heavy = np.sqrt(self.DF / rng.chisquare(self.DF, (n, 1)))
        worlds = self.level * rng.standard_normal((n, 1))
        tilt = self.contrast / self.spread * rng.standard_normal((n, points.weights.shape[1]))
        centred = points.weights - 1.0 / points.weights.shape[1]
        return np.asarray(heavy * (worlds + tilt @ centred.T) * growth(points, support))

    def to_dict(self) -> dict[str, float]:
        """Plain values, for files."""
        return asdict(self)


def growth(points: Points, support: Support) -> Array:
    """Return how many times the error inside the box applies to each point: 1 inside, 1.4 at the edge of the reach.

    The square grows in proportion to the distance, as a law drifts from the truth by steps that do not know each other.
    The distance is ln(factor) / ln(reach) of the quantity farthest outside: what counts as far is known to `Support`.
    """
    factors = support.factors(points)
    far = [np.log(factor) / np.log(support.REACH[name]) for name, factor in factors.items()]
    return np.asarray(np.sqrt(1.0 + np.max(far, axis=0)))


def places(points: Points) -> Array:
    """Which runs are of one size and token count, and so differ in their data alone, (n_points, n_places)."""
    sizes = np.round(np.stack([points.log_n_params, points.log_tokens], 1), 2)
    found, place = np.unique(sizes, axis=0, return_inverse=True)
    return np.eye(len(found))[place.ravel()]


def _parts(fold: Fold) -> tuple[float, float, float]:
    """Level, contrast and spread of one fold, as they would be inside the box."""
    member = places(fold.points)
    count = member.sum(0)

    def scatter(values: Array) -> float:
        inner = values - member @ ((member / count).T @ values)
        return float(np.sqrt((inner**2).sum() / max(1, len(values) - len(count))))

    errors = fold.errors / growth(fold.points, fold.support)
    square, spread = float((errors**2).mean()), scatter(fold.points.weights)
    if len(count) == len(errors) or spread < 1e-3:
        return float(np.sqrt(square)), 0.0, 0.0
    contrast = scatter(errors)
    return float(np.sqrt(max(square - contrast**2, square / 4))), contrast, spread


@dataclass(frozen=True)
class HeldOut:
    """Error of a law on runs that its fit did not see.

    Attributes
    ----------
    split : str
        How the runs were held out.
    n_train, n_test : int
        Rows fitted and held out; `n_test` is 0 where there were too few to hold any out.
    error_pct, bias_pct, worst_pct : float
        Mean absolute, mean signed and largest absolute error of the predicted loss [%]; NaN if nothing was held out.
    model_error : ModelError
        What this and the other hold-outs say of intervals.
    """

    split: str
    n_train: int
    n_test: int
    error_pct: float
    bias_pct: float
    worst_pct: float
    model_error: ModelError

    @classmethod
    def unmeasured(cls, split: str, n_rows: int) -> HeldOut:
        """Return what is usual, where too few runs are left to fit on."""
        return cls(split, n_rows, 0, math.nan, math.nan, math.nan, ModelError.measure(()))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for files; a number that could not be had is null."""
        numbers = {key: None if value != value else value for key, value in vars(self).items() if key != "model_error"}
        return {**numbers, "model_error": self.model_error.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HeldOut:
        """Read what `to_dict` wrote."""
        numbers: dict[str, Any] = {key: math.nan if value is None else value for key, value in data.items()}
        return cls(**{**numbers, "model_error": ModelError(**data["model_error"])})
