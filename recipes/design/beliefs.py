"""What is believed of the decisions' losses and the candidates' outcomes together: one normal distribution.

Read `Beliefs.of`. Means and covariances come from the draws of a predictor; the error of the law itself is added as a
walk away from the box of the runs, so that a candidate tells of it only as far as it goes the plan's way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from infolaw.points import Points, Support
from infolaw.predictor import Predictor
from infolaw.uncertainty import Noise
from infolaw.units import Array

from ..pricer import Pricer
from .candidates import Candidates
from .decisions import Decisions, draws_in_blocks

N_DRAWS = 1000
_FAR = 4.0
"""Robust standard deviations beyond which a draw counts as that far: one wild replicate must not set a covariance."""


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Decisions and candidates under one normal distribution.

    Attributes
    ----------
    losses : ndarray, (n_decisions,)
        Expected loss of every decision [nats/token].
    spread : ndarray, (n_decisions, n_decisions)
        Their covariance.
    shared : ndarray, (n_decisions, n_candidates)
        Covariance of the losses with the logarithm of the candidates' losses.
    outcomes : ndarray, (n_candidates, n_candidates)
        Covariance of these.
    noise : ndarray, (n_candidates,)
        Variance of an observed log loss about its expectation.
    """

    losses: Array
    spread: Array
    shared: Array
    outcomes: Array
    noise: Array

    @classmethod
    def of(cls, pricer: Pricer, found: Decisions, tried: Candidates, noise_sd: float, seed: int = 0) -> Beliefs:
        """Join the draws of both with the error of the law."""
        predictor, targets, runs = pricer.predictor, found.points(pricer), tried.points(pricer)
        losses = _tamed(draws_in_blocks(predictor, targets, N_DRAWS, seed, model_error=False))
        logs = np.log(draws_in_blocks(predictor, runs, N_DRAWS, seed, model_error=False))
        mean, centred, outcomes = losses.mean(0), losses - losses.mean(0), _tamed(logs)
        outcomes = outcomes - outcomes.mean(0)
        spread, shared = centred.T @ centred / N_DRAWS, centred.T @ outcomes / N_DRAWS
        error = _Drift.of(predictor, targets)
        spread = spread + error.between(targets, targets, is_target=True) * np.outer(mean, mean)
        shared = shared + error.between(targets, runs) * mean[:, None]
        both = outcomes.T @ outcomes / N_DRAWS + error.between(runs, runs)
        return cls(mean, spread, shared, both, noise_sd**2 + error.aside(runs))


def _tamed(draws: Array) -> Array:
    """Draws (n, n_points) with the wildest pulled in."""
    middle = np.median(draws, axis=0)
    reach = _FAR * 1.4826 * np.median(np.abs(draws - middle), axis=0)
    return np.clip(draws, middle - reach, middle + reach)


@dataclass(frozen=True)
class _Drift:
    """Error of log loss that a law makes beside the noise of its runs, as `ModelError` draws it, told apart by place.

    Its variance is ``level^2 (1 + distance)`` for all recipes and ``tilt^2 w.w' (1 + distance)`` between them. The part of
    the distance walks away from the box: two places share it as far as both lie the same way. The part inside the box is
    the plan's own: the runs that are there have not shown it, so one more would not.
    """

    level: float
    tilt: float
    support: Support
    way: str

    @classmethod
    def of(cls, predictor: Predictor, targets: Points) -> _Drift:
        """Take the held-out error of a predictor, and the quantity in which the plan lies farthest outside."""
        far = {name: float(value[0]) for name, value in _distances(targets, predictor.support).items()}
        way = max(far, key=lambda name: far[name])
        if predictor.heldout is None:
            return cls(0.0, 0.0, predictor.support, way)
        error = predictor.heldout.model_error
        heavy = np.sqrt(error.DF / (error.DF - 2))  # the variance of Student's t
        return cls(heavy * error.level, heavy * error.contrast / error.spread, predictor.support, way)

    def between(self, one: Points, other: Points, *, is_target: bool = False) -> Array:
        """Covariance of log losses, (n_one, n_other)."""
        here, there = (_distances(points, self.support)[self.way] for points in (one, other))
        walk = np.minimum(here[:, None], there) + float(is_target)
        return np.asarray(self._by_recipe(one, other) * walk)

    def aside(self, points: Points) -> Array:
        """Variance that a run has of its own, away from the plan's way, (n_points,)."""
        far = _distances(points, self.support)
        rest = np.max(list(far.values()), axis=0) - far[self.way]
        return np.asarray(np.diag(self._by_recipe(points, points)) * rest)

    def _by_recipe(self, one: Points, other: Points) -> Array:
        left, right = (points.weights - 1.0 / points.weights.shape[1] for points in (one, other))
        return np.asarray(self.level**2 + self.tilt**2 * left @ right.T)


def _distances(points: Points, support: Support) -> dict[str, Array]:
    """How far outside the box of the runs, by quantity, in units of what still counts as supported."""
    factors = support.factors(points)
    return {name: np.asarray(np.log(factor) / np.log(support.REACH[name])) for name, factor in factors.items()}


def noise_of(predictor: Any) -> float:
    """Standard deviation of log loss about a fit; the mean over the fits that a predictor is made of."""
    own = getattr(predictor, "noise_sd", None)
    if own is not None:
        return float(own)
    parts = getattr(predictor, "members", None) or getattr(predictor, "parts", None) or ()
    return float(np.mean([noise_of(part) for part in parts])) if parts else Noise.USUAL
