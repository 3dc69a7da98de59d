"""From loss to accuracy: the second step of a law for benchmarks, a sigmoid between chance and a ceiling.

A law predicts the loss, the curve turns it into an accuracy. Read `AccuracyCurve`, then `fit_accuracy`, then `TwoStep` and
`fit_two_step`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .api import fit
from .ensemble import Ensemble
from .errors import FitError, RunTableError
from .laws import Law
from .points import Points
from .result import FitResult
from .solver import minimise
from .uncertainty import Interval
from .units import Array

if TYPE_CHECKING:
    from .runs import RunTable

NAMES = ("floor", "ceiling", "slope", "midpoint")
_N_BOOTSTRAP = 1000


@dataclass(frozen=True, eq=False)
class AccuracyCurve:
    """accuracy = floor + (ceiling - floor) sigmoid(slope (midpoint - loss)), fitted by least squares.

    Attributes
    ----------
    constants : dict of str to float
        ``floor``, ``ceiling``, ``slope`` [1 / (nats/token)], ``midpoint`` [nats/token].
    scatter : float
        Standard deviation of accuracy about the curve.
    replicates : ndarray, (n, 4)
        Constants of simulated repeats.
    range : (float, float)
        Losses that it was fitted to [nats/token].
    warnings : tuple of str

    References
    ----------
    .. [1] Grattafiori et al. (2024), "The Llama 3 Herd of Models", section 3.2.1, arXiv:2407.21783 (the two steps).
    """

    constants: dict[str, float]
    scatter: float
    replicates: Array
    range: tuple[float, float]
    warnings: tuple[str, ...] = ()

    def predict(self, losses: Array) -> Array:
        """Accuracy at losses of any shape."""
        constants = np.array([[self.constants[name] for name in NAMES]])
        return np.asarray(_curve(constants, np.ravel(losses))[0].reshape(np.shape(losses)))

    def draws(self, losses: Array, seed: int = 0) -> Array:
        """Accuracies (n, n_points) of draws of the loss (n, n_points), each under its own repeat of the curve."""
        turn = np.random.default_rng([seed, 2]).integers(len(self.replicates), size=len(losses))
        return np.concatenate([_curve(self.replicates[[k]], row) for k, row in zip(turn, losses, strict=True)])

    def __str__(self) -> str:
        said = ", ".join(f"{name} {value:.4g}" for name, value in self.constants.items())
        lines = [
            f"accuracy = floor + (ceiling - floor) sigmoid(slope (midpoint - loss)): {said}; scatter {self.scatter:.2g}"
        ]
        return "\n".join([*lines, *(f"warning    {text}" for text in self.warnings)])


def fit_accuracy(
    losses: Array, accuracies: Array, *, floor: float | None = None, ceiling: float | None = 1.0, seed: int = 0
) -> AccuracyCurve:
    """Fit the curve from loss to accuracy.

    Parameters
    ----------
    losses, accuracies : ndarray, (n_runs,)
        Of the same runs [nats/token], [share, 0 to 1].
    floor, ceiling : float or None
        Fixed where they are known (chance; 1 by default, as runs far below it do not tell); None = estimated.
    seed : int

    Raises
    ------
    FitError
        If there are fewer runs than constants to fit, or an accuracy is no share.
    """
    free = np.array([floor is None, ceiling is None, True, True])
    losses, accuracies = np.asarray(losses, float), np.asarray(accuracies, float)
    if len(losses) < free.sum() + 1:
        raise FitError(
            f"{free.sum()} constants of the accuracy curve need more than {len(losses)} runs: add runs, or fix floor."
        )
    if not ((accuracies >= 0) & (accuracies <= 1)).all():
        raise FitError(
            f"accuracies must be shares from 0 to 1, but range from {accuracies.min():g} to {accuracies.max():g}."
        )
    low = np.array([0.0 if floor is None else floor, 0.0 if ceiling is None else ceiling, 1e-2, 0.0])
    high = np.array([1.0 if floor is None else floor, 1.0 if ceiling is None else ceiling, 100.0, 2 * losses.max()])
    rng = np.random.default_rng(seed)
    starts = rng.uniform([0.0, accuracies.max(), 0.5, losses.min() - 1], [accuracies.min(), 1, 8, losses.max()], (32, 4))
    solved = _solve(losses, accuracies, np.clip(starts, low, high), low, high)
    best = solved.theta[solved.objective.argmin()]
    fitted = _curve(best[None], losses)
    scatter = float(np.sqrt(((accuracies - fitted) ** 2).sum() / (len(losses) - free.sum())))
    repeats = fitted + scatter * rng.standard_normal((_N_BOOTSTRAP, len(losses)))
    replicates = _solve(losses, repeats, np.tile(best, (_N_BOOTSTRAP, 1)), low, high).theta
    warnings = []
    if free[1] and best[1] > accuracies.max() + 0.5 * (accuracies.max() - accuracies.min()):
        warnings.append(
            f"no run comes near the ceiling ({best[1]:.2g}, best run {accuracies.max():.2g}): accuracies far above the runs "
            "are a guess; fix the ceiling if it is known."
        )
    ends = (float(losses.min()), float(losses.max()))
    constants = dict(zip(NAMES, best.tolist(), strict=True))
    return AccuracyCurve(constants, scatter, replicates, ends, tuple(warnings))


def _sigmoid(theta: Array, losses: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(theta[:, 2:3] * (theta[:, 3:4] - losses), -500, 500))))


def _curve(theta: Array, losses: Array) -> Array:
    """Accuracies (n_batch, n_points)."""
    return np.asarray(theta[:, :1] + (theta[:, 1:2] - theta[:, :1]) * _sigmoid(theta, losses))


def _solve(losses: Array, accuracies: Array, start: Array, low: Array, high: Array) -> Any:
    targets = np.broadcast_to(accuracies, (len(start), len(losses)))

    def residuals(theta: Array, index: Any) -> Array:
        return np.asarray(_curve(theta, losses) - targets[index])

    def jacobian(theta: Array, index: Any, found: Array) -> Array:
        share = _sigmoid(theta, losses)
        steep = (theta[:, 1:2] - theta[:, :1]) * share * (1 - share)
        return np.stack([1 - share, share, steep * (theta[:, 3:4] - losses), steep * theta[:, 2:3]], 1)

    return minimise(residuals, jacobian, start, low, high, max_steps=200)


@dataclass(frozen=True, eq=False)
class TwoStep:
    """A law of loss, and a curve from loss to accuracy.

    Attributes
    ----------
    law : FitResult or Ensemble
    curve : AccuracyCurve
    """

    law: FitResult | Ensemble
    curve: AccuracyCurve

    def predict(self, points: Points) -> Array:
        """Accuracy (n_points,)."""
        return self.curve.predict(self.law.predict(points))

    def draws(self, points: Points, n: int = 1000, seed: int = 0) -> Array:
        """Accuracies (n, n_points) under draws of the law and of the curve, with the scatter of one run about it."""
        expected = self.curve.draws(self.law.draws(points, n, seed), seed)
        return np.asarray(expected + self.curve.scatter * np.random.default_rng([seed, 3]).standard_normal(expected.shape))

    def interval(self, points: Points, level: float = 0.9, n: int = 1000, seed: int = 0) -> Interval:
        """Interval of the accuracy that a run would show, (n_points,) each end."""
        return Interval.of(self.draws(points, n, seed), level)

    def at(self, points: Points, level: float = 0.9, seed: int = 0) -> dict[str, Any]:
        """Loss and accuracy at one point, with the interval of the accuracy, and what is unsupported about it."""
        ends = self.interval(points, level, seed=seed)
        loss, (low, high) = float(self.law.predict(points)[0]), self.curve.range
        complaints = list(self.law.support.complaints(points, self.law.schema.cells))
        if not low - (high - low) <= loss:
            complaints.append(f"the loss {loss:.3g} lies far below those that the curve has seen ({low:.3g} to {high:.3g}).")
        numbers = {"loss": loss, "accuracy": float(self.predict(points)[0]), "lower": float(ends.lower[0])}
        return {
            **numbers,
            "upper": float(ends.upper[0]),
            "level": level,
            "complaints": complaints,
            "curve": self.curve.constants,
        }


def fit_two_step(
    law: str | Law,
    runs: RunTable,
    accuracy: str,
    *,
    floor: float | None = None,
    ceiling: float | None = 1.0,
    seed: int = 0,
    **options: Any,
) -> TwoStep:
    """Fit a law of loss to runs, and the curve from their losses to their accuracies.

    Parameters
    ----------
    law : str or Law
    runs : RunTable
    accuracy : str
        Column of accuracies [share, 0 to 1]; rows without one teach the law only.
    floor, ceiling, seed
        See `fit_accuracy`.
    **options
        See `api.fit`; the target is a loss.

    Raises
    ------
    RunTableError
        If there is no such column.
    """
    if accuracy not in runs.frame:
        raise RunTableError(f"{runs.source or 'the run table'} has no column {accuracy!r} of accuracies.")
    fitted = fit(law, runs, seed=seed, **options)
    seen = fitted.observations
    values = runs.frame.loc[seen.row, accuracy].to_numpy(float)
    known = np.isfinite(values)
    return TwoStep(fitted, fit_accuracy(seen.losses[known], values[known], floor=floor, ceiling=ceiling, seed=seed))
