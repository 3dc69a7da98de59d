"""What is believed of the decisions' losses and the candidates' outcomes together: one normal distribution.

Read `Beliefs.of`. Means come from the draws of a predictor, covariances half from draws and half from its curvature
(``linear.py``), where it has one: a bootstrap of few runs stays in the valley that the fit is in and is too sure, a
curvature sees nothing of constants that lie on a bound. What may be wrong with the law is added by ``doubt.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.uncertainty import Noise
from infolaw.units import Array

from ..mismatch import runs_of
from ..pricer import Pricer
from .candidates import Candidates
from .decisions import Decisions, Tried, draws_in_blocks
from .doubt import Doubt
from .linear import directions

N_DRAWS = 500
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
    tried : Tried
        Which decisions are open.
    runs : ndarray, (n_candidates, n_law_cells)
        Shares of the candidates.
    drawn : Beliefs, optional
        The same by draws alone: what regret is told by. Runs are chosen by beliefs that are wider, so that they see what
        a bootstrap takes for settled; told by those, regret is three times the true one.
    """

    losses: Array
    spread: Array
    shared: Array
    outcomes: Array
    noise: Array
    tried: Tried
    runs: Array
    drawn: Beliefs | None = None

    @classmethod
    def of(
        cls, pricer: Pricer, found: Decisions, tried: Candidates, noise_sd: float, seed: int = 0, *, doubt: bool = True
    ) -> Beliefs:
        """Join the draws of both with what may be wrong with the law; without that if not `doubt`."""
        predictor, targets, runs = pricer.predictor, found.points(pricer), tried.points(pricer)
        losses = _tamed(draws_in_blocks(predictor, targets, N_DRAWS, seed, model_error=False))
        mean, n, every = losses.mean(0), len(targets), _stacked(targets, runs)
        logs = _tamed(np.log(draws_in_blocks(predictor, runs, N_DRAWS, seed, model_error=False)))
        drawn = np.concatenate([(losses - mean) / mean, logs - logs.mean(0)], axis=1)
        spread, moved = drawn.T @ drawn / N_DRAWS, directions(predictor, every, noise_sd)
        wrong = Doubt.of(predictor).left(every, runs_of(predictor), noise_sd) if doubt else 0.0
        unit = np.concatenate([mean, np.ones(len(runs))])
        open_now = Tried.of(pricer, found)

        def believed(covariance: Array) -> Beliefs:
            both = (covariance + wrong) * np.outer(unit, unit)
            noise = np.full(len(runs), noise_sd**2)
            return cls(mean, both[:n, :n], both[:n, n:], both[n:, n:], noise, open_now, runs.weights)

        plain = believed(spread)
        return plain if moved is None else replace(believed((spread + moved.T @ moved) / 2), drawn=plain)


def _tamed(draws: Array) -> Array:
    """Draws (n, n_points) with the wildest pulled in."""
    middle = np.median(draws, axis=0)
    reach = _FAR * 1.4826 * np.median(np.abs(draws - middle), axis=0)
    return np.clip(draws, middle - reach, middle + reach)


def _stacked(one: Points, other: Points) -> Points:
    names = ("n_params", "tokens", "cell_tokens", "cell_unique", "group")
    return Points(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))


def usual_noise(predictor: Predictor) -> float:
    """Scatter of log loss about a fit, and no less than is usual: with few runs to spare a fit follows their noise."""
    return max(predictor.noise_sd, Noise.USUAL)
