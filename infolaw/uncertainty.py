"""How sure the runs make a fit: covariances from curvature, and bootstrap vectors that know how few the runs are.

Read `Noise`, then `bootstrap`, then `covariance` and `sandwich`, its cross-checks. What no refit on the same runs would
show, the error of the law itself, is in ``model_error.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from .objectives import huber_width
from .points import Points
from .problem import Problem
from .units import Array

Runs: TypeAlias = "np.ndarray[Any, Any] | None"
"""Name of the run that each row belongs to; None if every row is a run of its own."""

Kind: TypeAlias = Literal["parametric", "residual", "wild"]

_CLOSE_ENOUGH = 1e-7
"""A repeat has converged when a step promises less than this share of its objective: far below its own noise."""
_WEBB = np.outer([-1.0, 1.0], np.sqrt([0.5, 1.0, 1.5])).ravel()

EVERY = slice(None)
"""All worlds that are drawn."""


@dataclass(frozen=True)
class Noise:
    """Noise of log loss about a fit, and how well it is known.

    Attributes
    ----------
    row_sd : float
        Standard deviation of a row about its run.
    run_sd : float
        Standard deviation of a whole run, where some run has several rows; otherwise 0.
    df : float
        Degrees of freedom: runs, less the values they decide, plus `PSEUDO_RUNS`.
    """

    row_sd: float
    run_sd: float
    df: float

    USUAL: ClassVar[float] = 0.004
    """Noise that `PSEUDO_RUNS` more runs are taken to have: with no run to spare, no noise at all would be a lie."""
    PSEUDO_RUNS: ClassVar[int] = 2

    @classmethod
    def of(cls, problem: Problem, theta: Array, run_id: Runs = None) -> Noise:
        """Estimate it from the residuals; outliers count at their face value."""
        r = problem.standardised(theta)[0]
        member = _membership(run_id, len(r))
        count = member.sum(0)
        df = max(0.0, len(count) - problem.n_free(theta)) + cls.PSEUDO_RUNS
        usual = cls.PSEUDO_RUNS * cls.USUAL**2
        if len(count) == len(r):
            return cls(float(np.sqrt(((r**2).sum() + usual) / df)), 0.0, df)
        mean = (r @ member) / count
        within = float(((r - member @ mean) ** 2).sum() / (len(r) - len(count)))
        between = ((count * mean**2).sum() + usual) / df
        return cls(float(np.sqrt(within)), float(np.sqrt(max(0.0, between - within) / count.mean())), df)

    def draws(self, member: Array, n: int, rng: np.random.Generator) -> Array:
        """Noise of `n` repeats, (n, n_rows); each repeat has its own standard deviation, as uncertain as `df` says."""
        rows = self.row_sd * rng.standard_normal((n, len(member)))
        if self.run_sd > 0:
            rows += self.run_sd * rng.standard_normal((n, member.shape[1])) @ member.T
        return np.asarray(_heavy(self.df, n, rng) * rows)


def _membership(run_id: Runs, n_rows: int) -> Array:
    """Which run each row belongs to, (n_rows, n_runs)."""
    if run_id is None:
        return np.eye(n_rows)
    names, code = np.unique(run_id, return_inverse=True)
    return np.eye(len(names))[code.ravel()]


def _heavy(df: float, n: int, rng: np.random.Generator) -> Array:
    """Factors (n, 1) that make a normal draw one of Student's t."""
    return np.asarray(np.sqrt(df / rng.chisquare(df, (n, 1))))


def noise_sd(problem: Problem, theta: Array) -> float:
    """Standard deviation of log loss about the fit, df-corrected; takes outliers at their face value."""
    r = problem.standardised(theta)[0]
    return float(np.sqrt((r**2).sum() / max(1.0, len(r) - problem.n_free(theta))))


def covariance(problem: Problem, theta: Array) -> Array:
    """Covariance of the fitted values from the curvature of the objective, (n_values, n_values).

    Huber's correction: sigma^2 mean(psi^2) / mean(psi')^2 times the inverse of J J'; for least squares the usual one.
    """
    r, jacobian = problem.standardised(theta)
    df = max(1.0, len(r) - problem.n_free(theta))
    scale = (_influence(problem, r) ** 2).sum() / df / _share_inside(problem, r) ** 2
    return np.asarray(scale * _inverse(_curvature(problem, jacobian)))


def noise_covariance(problem: Problem, theta: Array, run_id: Runs = None) -> Array:
    """Covariance of the fitted values if the noise is as `Noise` says, rows of one run erring together."""
    known, jacobian = Noise.of(problem, theta, run_id), problem.standardised(theta)[1]
    by_run, extra = jacobian @ _membership(run_id, jacobian.shape[1]), problem.extra.jacobian
    rows = jacobian @ jacobian.T + extra @ extra.T
    bread = _inverse(_curvature(problem, jacobian))
    return np.asarray(bread @ (known.row_sd**2 * rows + known.run_sd**2 * by_run @ by_run.T) @ bread)


def bounded_covariance(problem: Problem, theta: Array, sd: float) -> Array:
    """Covariance (n_values, n_values) by curvature, under noise `sd` of log loss and a normal belief as wide as the bounds.

    What the runs do not decide is as open as the law allows; a bootstrap stays in the valley that the fit is in.
    """
    jacobian, (low, high) = problem.standardised(theta)[1], problem.bound.bounds
    wide = np.where(np.isfinite(high - low), _OF_BOUNDS * (high - low), 1.0)
    told = (jacobian @ jacobian.T + problem.extra.jacobian @ problem.extra.jacobian.T) / sd**2
    return np.asarray(wide[:, None] * np.linalg.inv(np.eye(len(wide)) + wide[:, None] * told * wide) * wide)


def deviance_unit(problem: Problem, theta: Array, run_id: Runs = None) -> float:
    """Rise of the objective that stands for one half of deviance: sigma^2 for least squares of independent rows.

    Huber's is mean(psi^2) / mean(psi'); rows of one run that err together count as fewer, by their effect on its mean.
    """
    r = problem.standardised(theta)[0]
    df = max(1.0, len(r) - problem.n_free(theta))
    known = Noise.of(problem, theta, run_id)
    count = len(r) / _membership(run_id, len(r)).shape[1]
    together = (known.row_sd**2 + count * known.run_sd**2) / (known.row_sd**2 + known.run_sd**2)
    unit = (_influence(problem, r) ** 2).sum() / df / _share_inside(problem, r)
    return float(max(unit, 1e-24) * together)


def sandwich(problem: Problem, theta: Array, run_id: Runs = None) -> Array:
    """Covariance of the fitted values that allows for unequal noise and for rows of one run that err together.

    Leverage-inflated (HC2) scores summed by run, and curvature from the rows near zero themselves, as for quantile
    regression: `covariance` takes both noise and its density at zero as one for all rows.

    References
    ----------
    .. [1] MacKinnon and White (1985), "Some heteroskedasticity-consistent covariance matrix estimators", J. Econom. 29.
    .. [2] Powell (1991), "Estimation of monotonic regression models under quantile restrictions".
    """
    r, jacobian = problem.standardised(theta)
    inflated = _influence(problem, r) / np.sqrt(1 - leverage(problem, theta))
    member = _membership(run_id, len(r))
    scores = (jacobian * inflated) @ member
    n_runs = member.shape[1]
    correction = 1.0 if n_runs == len(r) else n_runs / max(1, n_runs - 1)
    band = max(problem.delta, huber_width(r, problem.n_values))
    near = (np.abs(r) <= band) * min(1.0, problem.delta / band) if np.isfinite(band) else np.ones(len(r))
    bread = _inverse(_curvature(problem, jacobian * np.sqrt(near)))
    extra = problem.extra.jacobian
    meat = correction * scores @ scores.T + noise_sd(problem, theta) ** 2 * extra @ extra.T
    return np.asarray(bread @ meat @ bread)


def _influence(problem: Problem, r: Array) -> Array:
    return np.clip(r, -problem.delta, problem.delta)


def _share_inside(problem: Problem, r: Array) -> float:
    return float(max((np.abs(r) <= problem.delta).mean(), 1.0 / len(r)))


def _curvature(problem: Problem, jacobian: Array) -> Array:
    full = np.concatenate([jacobian, problem.extra.jacobian], 1)
    return np.asarray(full @ full.T)


_OF_BOUNDS = 0.25
"""Standard deviation of a value that no run decides, as a share of the range that the law allows."""
_NO_CURVATURE = 1e-200
"""A squared derivative below this is none: its square root would overflow the inverse."""


def _inverse(curvature: Array) -> Array:
    """Inverse of a curvature matrix; directions without curvature get a huge variance, not none."""
    usable = np.isfinite(curvature).all(1) & (np.diag(curvature) > _NO_CURVATURE)
    curvature = np.where(usable[:, None] & usable, curvature, 0.0)
    root = np.sqrt(np.where(usable, np.diag(curvature), 1.0))
    values, vectors = np.linalg.eigh(curvature / np.outer(root, root))
    inverse = (vectors / np.maximum(values, 1e-13)) @ vectors.T
    return np.asarray(inverse / np.outer(root, root))


def correlation(cov: Array) -> Array:
    """Correlation matrix of a covariance; 0 where a value cannot move."""
    sd = np.sqrt(np.maximum(np.diag(cov), 0))
    outer = np.outer(sd, sd)
    return np.asarray(np.divide(cov, outer, out=np.zeros_like(cov), where=outer > 0))


def prediction_sd(problem: Problem, theta: Array, points: Points, cov: Array | None = None) -> Array:
    """Standard error of predicted log loss by the delta method, (n_points,); under `covariance` unless given another."""
    jacobian = problem.log_jacobian(theta[None], points)[0]
    cov = covariance(problem, theta) if cov is None else cov
    return np.asarray(np.sqrt(np.maximum(np.einsum("vn,vw,wn->n", jacobian, cov, jacobian), 0.0)))


def t_quantile(level: float, df: float) -> float:
    """Half the width of an interval at `level`, in standard errors: Student's t, 1.645 at 0.9 and many degrees."""
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + level) / 2))


def bootstrap(
    problem: Problem,
    theta: Array,
    n: int = 1000,
    seed: int = 0,
    kind: Kind = "parametric",
    run_id: Runs = None,
    tolerance: float = _CLOSE_ENOUGH,
    max_steps: int = 500,
) -> Array:
    """Fitted vectors of `n` simulated repeats of the runs, all solved in one batch.

    Parameters
    ----------
    problem : Problem
    theta : ndarray, (n_values,)
        The fit.
    n : int
        Repeats.
    seed : int
    kind : {"parametric", "residual", "wild"}
        Where the noise comes from: normal, with an effect of each run where runs have several rows; the fit's own
        residuals, inflated by their leverage; or each run's own residuals so inflated and multiplied by Webb's six
        points, which keeps what is noisier noisier.
    run_id : ndarray, (n_rows,), optional
        Rows of one run are not independent.
    tolerance, max_steps
        A repeat has converged when a step promises less than this share of its objective; steps of each at most.

    Returns
    -------
    ndarray, (n, n_values)
        Repeats that found no finite value keep `theta`.

    References
    ----------
    .. [1] Webb (2014), "Reworking wild bootstrap based inference for clustered errors", Queen's Economics 1315.
    """
    rng = np.random.default_rng(seed)
    r = problem.standardised(theta)[0]
    member = _membership(run_id, len(r))
    known = Noise.of(problem, theta, run_id)
    if kind == "parametric":
        noise = known.draws(member, n, rng)
    else:
        inflated = -r / np.sqrt(1 - leverage(problem, theta))
        own = inflated * (rng.choice(_WEBB, (n, member.shape[1])) @ member.T) if kind == "wild" else None
        noise = _heavy(known.df, n, rng) * (rng.choice(inflated - inflated.mean(), (n, len(r))) if own is None else own)
    repeats = replace(problem, extra=problem.extra.simulated(theta, n, rng))
    fitted = problem.log_losses + problem.residuals(theta[None])[0]
    solved = repeats.solve(np.tile(theta, (n, 1)), fitted + noise * problem.row_sd, max_steps, tolerance)
    return np.where(np.isfinite(solved.objective)[:, None], solved.theta, theta)


def leverage(problem: Problem, theta: Array) -> Array:
    """Diagonal of the hat matrix, (n_rows,), kept below one."""
    jacobian = problem.standardised(theta)[1]
    hat = np.einsum("vn,vw,wn->n", jacobian, np.linalg.pinv(_curvature(problem, jacobian), hermitian=True), jacobian)
    return np.asarray(np.clip(hat, 0.0, 0.99))


@dataclass(frozen=True)
class Interval:
    """Lower and upper end, each (n_points,), at `level`."""

    lower: Array
    upper: Array
    level: float

    @classmethod
    def of(cls, draws: Array, level: float = 0.9, about: Array | None = None) -> Interval:
        """Equal-tailed interval of draws (n_draws, n_points).

        With the best values `about` (n_points,), draws are mirrored at them on a log scale: where a bootstrap leans to one
        side, as along a valley of constants that cannot be told apart, the truth may as well lie on the other.
        """
        draws = draws if about is None else np.concatenate([draws, about**2 / draws])
        low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return cls(np.asarray(low), np.asarray(high), level)
