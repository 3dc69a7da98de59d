"""Fit one law to runs: closed-form starts, least squares to find the basin, Huber to settle in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from .errors import FitError, NonFiniteFitError
from .laws import BoundLaw, Law
from .noise import kind_spreads, row_spreads
from .objectives import huber_width, robust_sd
from .observations import Observations
from .pooling import Pooling
from .priors import disagreements, prior_rows
from .problem import Problem
from .result import FitResult
from .starts import draw_starts
from .status import FitStatus, Starts
from .uncertainty import Noise, correlation, covariance, leverage
from .units import Array

N_STARTS = 64
"""Random shapes drawn for a fit."""
N_REFINED = 12
"""The best of them that are refined."""
TIED = 0.99
"""Correlation above which two constants cannot be told apart."""
MOST_PAIRS = 5
"""Pairs of them that a warning names."""
_ROUNDS = 5
_NEAR = 1e-6
"""Tolerance at which the starts of the first round stop; the best of them alone goes on, to set widths and weights."""


def fit_law(
    law: Law,
    observations: Observations,
    *,
    objective: Literal["huber", "squared"] = "huber",
    huber_delta: float | None = None,
    n_starts: int = N_STARTS,
    n_refined: int = N_REFINED,
    max_steps: int = 500,
    n_bootstrap: int = 1000,
    seed: int = 0,
    priors: Mapping[str, tuple[float, float]] | None = None,
    pooling: bool = True,
) -> FitResult:
    """Fit a law to observed losses.

    Parameters
    ----------
    law : Law
    observations : Observations
        At least as many rows as the law has values; groups that are pooled need no rows of their own.
    objective : {"huber", "squared"}
        Of the error in log loss.
    huber_delta : float, optional
        Width of the quadratic zone in log loss; by default 1.345 robust standard deviations of the least-squares
        residuals, floored at 1e-4. Published Chinchilla fits use 1e-3.
    n_starts, n_refined, max_steps : int
        Random shapes, how many of them are refined, and steps of each.
    n_bootstrap, seed : int
        Of the intervals; computed when first needed.
    priors : mapping of str to (float, float), optional
        Value and standard deviation of published constants, see `priors.prior_rows`.
    pooling : bool
        Whether groups borrow from each other, see ``pooling.py``; otherwise each has its levels for itself.

    Returns
    -------
    FitResult

    Raises
    ------
    FitError
        If there are fewer rows than values to fit.
    NonFiniteFitError
        If no start has a finite objective.
    """
    bound = law.bind(observations.schema)
    priors = priors or {}
    ties = Pooling.start(bound, observations.losses, prior_rows(bound, priors), pooled=pooling)
    _check(bound, observations, huber_delta, ties)
    problem = Problem(bound, observations.points, np.log(observations.losses), ties.rows(Noise.USUAL))
    rng = np.random.default_rng(seed)
    starts = draw_starts(bound, observations.points, observations.losses, n_starts, rng)
    first = (problem.residuals(starts) ** 2).sum(1)
    chosen = np.argsort(np.where(np.isfinite(first), first, np.inf), kind="stable")[:n_refined]
    solved = problem.solve(starts[chosen], max_steps=max_steps, tolerance=_NEAR)
    tuning = _Tuning(ties, observations, objective, huber_delta)
    _require_finite(bound, solved.objective)
    best_so_far = problem.solve(solved.theta[[solved.objective.argmin()]], max_steps=max_steps).theta[0]
    for _ in range(_ROUNDS):
        problem, tuned = tuning.apply(problem, best_so_far)
        solved = problem.solve(solved.theta, max_steps=max_steps)
        _require_finite(bound, solved.objective)
        if tuned.is_settled(tuning):
            break
        tuning, best_so_far = tuned, solved.theta[solved.objective.argmin()]
    best = int(solved.objective.argmin())
    theta = solved.theta[best]
    status, warnings = _judge(problem, theta, bool(solved.converged[best]))
    reached = Starts(tuple(np.sort(solved.objective).tolist()), n_starts)
    if reached.n_at_best == 1:
        warnings = (*warnings, f"only one of {len(chosen)} refined starts reached the best objective: raise n_starts.")
    fitted = FitResult(
        problem,
        theta,
        float(solved.objective[best]),
        status,
        reached,
        observations,
        warnings=(*warnings, *disagreements(problem, theta, priors), *_excess(problem, theta, observations)),
        seed=seed,
        n_bootstrap=n_bootstrap,
    )
    return fitted if not tuning.ties.spreads else replace(fitted, observations=observations.noted(tuning.ties.sentence()))


@dataclass(frozen=True, eq=False)
class _Tuning:
    """What a fit learns from its own residuals: Huber's width, the noise, row weights, spreads between groups."""

    ties: Pooling
    observations: Observations
    objective: str
    huber_delta: float | None

    def apply(self, problem: Problem, theta: Array) -> tuple[Problem, _Tuning]:
        """Return the problem with what the residuals at `theta` say, and what to go on with."""
        known = self.observations
        if known.measured_sd is not None:
            spreads, _ = row_spreads(problem.residuals(theta[None])[0], known.measured_sd, problem.n_free(theta))
            problem = replace(problem, row_sd=spreads)
        elif known.noise_kind is not None:
            residuals = problem.residuals(theta[None])[0]
            problem = replace(problem, row_sd=kind_spreads(residuals, leverage(problem, theta), known.noise_kind))
        residuals, n_free = problem.standardised(theta)[0], round(problem.n_free(theta))
        if self.objective == "huber":
            problem = problem.with_delta(self.huber_delta or huber_width(residuals, n_free))
        if not len(problem.extra):
            return problem, self
        noise = _noise(residuals, problem.delta, n_free)
        problem = replace(problem, extra=problem.extra.at_noise(noise))
        ties = self.ties.estimated(problem, theta) if self.ties.spreads else self.ties
        return replace(problem, extra=ties.rows(noise)), replace(self, ties=ties)

    def is_settled(self, before: _Tuning) -> bool:
        """Whether another round would change nothing of note."""
        return self.ties.spreads == before.ties.spreads


def _noise(residuals: Array, delta: float, n_free: float) -> float:
    """Standard deviation of log loss that an estimate under Huber's function has to reckon with."""
    influence = np.clip(residuals, -delta, delta)
    df = max(0.0, len(residuals) - n_free) + 1
    inside = max((np.abs(residuals) <= delta).mean(), 1 / len(residuals))
    return float(np.sqrt(((influence**2).sum() / inside**2 + Noise.USUAL**2) / df))


def _excess(problem: Problem, theta: Array, observations: Observations) -> tuple[str, ...]:
    """Warn where the scatter about the fit is far above the noise between seeds."""
    if observations.seed_noise is None:
        return ()
    scatter = robust_sd(problem.residuals(theta[None])[0], round(problem.n_free(theta)))
    said = observations.seed_noise.excess(scatter)
    return () if said is None else (said,)


def _check(bound: BoundLaw, observations: Observations, huber_delta: float | None, ties: Pooling) -> None:
    n_values, n_rows = len(bound.names), len(observations)
    n_held = np.linalg.matrix_rank(held.matrix) if len(held := ties.rows(Noise.USUAL)) else 0
    if n_rows < n_values - n_held:
        raise FitError(
            f"law {bound.law.name!r} has {n_values} values to fit ({', '.join(bound.names)}), but there are only {n_rows} "
            "rows: add runs, or choose a law with fewer constants."
        )
    if huber_delta is not None and not huber_delta > 0:
        raise FitError(f"huber_delta={huber_delta} is not above 0: it is a width in units of log loss, such as 1e-3.")


def _require_finite(bound: BoundLaw, objective: Array) -> None:
    if not np.isfinite(objective).any():
        raise NonFiniteFitError(
            f"no start of law {bound.law.name!r} has a finite objective: check the units of n_params, tokens and loss."
        )


def _judge(problem: Problem, theta: Array, converged: bool) -> tuple[FitStatus, tuple[str, ...]]:
    """Status and warnings, each with what to do about it."""
    warnings = [*_at_bounds(problem.bound, theta)]
    status = FitStatus.BOUND_HIT if warnings else FitStatus.CONVERGED
    tied = correlation(covariance(problem, theta))
    names = problem.bound.names
    owners = problem.bound.owners
    pooled = [[a.name == b.name and a.shape[:1] == ("group",) for b in owners] for a in owners]
    pairs = [(i, j) for i in range(len(names)) for j in range(i) if abs(tied[i, j]) > TIED and not pooled[i][j]]
    if pairs:
        worst = sorted(pairs, key=lambda pair: -abs(tied[pair]))[:MOST_PAIRS]
        said = ", ".join(f"{names[j]} and {names[i]} ({tied[i, j]:+.4f})" for i, j in worst)
        said += f" and {len(pairs) - MOST_PAIRS} more pairs" if len(pairs) > MOST_PAIRS else ""
        warnings.append(
            f"constants that cannot be told apart (correlation): {said}. Predictions near the runs may hold; do not read "
            "the constants. Runs that vary n_params, tokens and repetition separately would part them."
        )
    if status is FitStatus.CONVERGED and any(abs(tied[i, j]) > 0.9999 for i, j in pairs):
        status = FitStatus.ILL_CONDITIONED
    ratio = problem.points.tokens / problem.points.n_params
    if len(ratio) > 1 and ratio.max() / ratio.min() < 1.05:
        warnings.append(
            f"tokens / n_params is {ratio.mean():.3g} in every run: the model and the data term cannot be told apart. "
            "Add runs at another ratio, a quarter or four times as many tokens."
        )
    return (status if converged else FitStatus.MAX_ITER), tuple(warnings)


def _at_bounds(bound: BoundLaw, theta: Array) -> list[str]:
    said = []
    low, high = bound.bounds
    for name, owner, value, a, b in zip(bound.names, bound.owners, theta, low, high, strict=True):
        if min(value - a, b - value) <= 1e-9 * max(1.0, abs(a), abs(b)):
            limit = owner.bounds[0] if value - a <= b - value else owner.bounds[1]
            where = " at the centre of the runs" if owner.centre else ""
            said.append(
                f"{name} ({owner.meaning}) ended on its bound {limit:g}{where}: the runs do not determine it. "
                "Add runs that vary what it acts on, or use a law without it."
            )
    return said
