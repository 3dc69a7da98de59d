"""What others do with the same proxies: `(mixtures, losses, setting, rng) -> weights`, each within the caps at the target.

- ``regmix``: RegMix (arXiv:2407.01492) as its code is released: LightGBM (1000 iterations, rate .01, else the
  library's defaults), 100,000 Dirichlet draws with the prior for parameters, the mean of the best 128; drawn until as many
  keep to the caps. The paper's 1,000,000 and 100 are `regmix_paper`.
- ``quadmix``: QuaDMix (arXiv:2504.16511): its LightGBM, 100,000 draws as the proxies were drawn (in its setting Alg. 1, here
  RegMix's design), the mean of the best 10.
- ``olmix``: Olmix (arXiv:2602.12237, and its released code): exp(c) + exp(t w) a target by Huber loss of width .02, then the
  exact minimum of the terms plus .1 KL(w, prior) within the caps; ``log_linear`` is the same without the KL term.
- ``uniform``, ``prior``: pressed under the caps. ``best_proxy``: of the proxies within the caps the one measured best; where
  there is none, the best pressed under them.

The first two are told one number a run, the targets weighted by importance; Olmix fits each target, as it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from infolaw.units import Array
from recipes.surrogates import QuaDMixTrees, RegMixTrees, Surrogate

from .planted_designs import around_prior, capped, within
from .planted_worlds import Setting

OLMIX_KL, HUBER = 0.1, 0.02
FLOOR_STARTS = np.linspace(-2.0, 1.5, 10)
SLACK = 1e-9
BLOCK = 50_000


@dataclass(frozen=True)
class Answer:
    """What a method hands back: weights, and if it can, how sure it is.

    Attributes
    ----------
    weights : Array
        ``(n_domains,)``, within the caps.
    lower, upper : Array, optional
        90 % interval of each target under these weights in a proxy run without noise, ``(n_targets,)`` [nats/token].
    p_better : mapping of str to float, optional
        Chance that these weights beat each of the baselines.
    """

    weights: Array
    lower: Array | None = None
    upper: Array | None = None
    p_better: Mapping[str, float] | None = None


Method: TypeAlias = Callable[[Array, Array, Setting, np.random.Generator], Array]
"""(mixtures (n_runs, n_domains), losses (n_runs, n_targets), setting, generator) -> weights."""


def regmix(X: Array, y: Array, setting: Setting, rng: np.random.Generator, n: int = 100_000, k: int = 128) -> Array:
    """RegMix as released."""
    return _mean_of_best(RegMixTrees().fit(X, y @ setting.importance), around_prior(setting, n, rng), k)


def regmix_paper(X: Array, y: Array, setting: Setting, rng: np.random.Generator) -> Array:
    """RegMix with the numbers of its paper: the mean of the best 100 of 1,000,000 (half a minute)."""
    return regmix(X, y, setting, rng, 1_000_000, 100)


def quadmix(X: Array, y: Array, setting: Setting, rng: np.random.Generator) -> Array:
    """QuaDMix's search."""
    return _mean_of_best(QuaDMixTrees().fit(X, y @ setting.importance), within(setting, 100_000, rng), 10)


def olmix(X: Array, y: Array, setting: Setting, rng: np.random.Generator, kl: float = OLMIX_KL) -> Array:
    """Olmix's log-linear fits and exact proposal."""
    slopes = np.stack([log_linear_slopes(X, column, rng) for column in y.T])
    return exact_proposal(slopes, setting, kl)


def log_linear(X: Array, y: Array, setting: Setting, rng: np.random.Generator) -> Array:
    """Olmix's without the KL term."""
    return olmix(X, y, setting, rng, 0.0)


def uniform(X: Array, y: Array, setting: Setting, rng: np.random.Generator) -> Array:
    """All domains alike, as far as the caps allow."""
    return capped(np.ones(X.shape[1]), setting.caps)


def prior(X: Array, y: Array, setting: Setting, rng: np.random.Generator) -> Array:
    """Return the natural mixture."""
    return capped(setting.prior, setting.caps)


def best_proxy(X: Array, y: Array, setting: Setting, rng: np.random.Generator) -> Array:
    """Return the proxy measured best."""
    ranked = X[np.argsort(y @ setting.importance, kind="stable")]
    allowed = ranked[(ranked <= setting.caps + SLACK).all(1)]
    return np.asarray(allowed[0]) if len(allowed) else capped(ranked[0] + SLACK, setting.caps)


RIVALS: dict[str, Method] = {
    "regmix": regmix,
    "quadmix": quadmix,
    "olmix": olmix,
    "log_linear": log_linear,
    "uniform": uniform,
    "prior": prior,
    "best_proxy": best_proxy,
}
"""Every rival by its name."""


def log_linear_slopes(X: Array, y: Array, rng: np.random.Generator) -> Array:
    """Constants t of exp(c) + exp(t w), ``(n_domains,)``, by summed Huber loss from Olmix's ten starts of c."""
    from scipy.optimize import minimize

    def misfit(theta: Array) -> tuple[float, Array]:
        floor, term = np.exp(min(theta[0], 50.0)), np.exp(np.minimum(X @ theta[1:], 50.0))
        error = floor + term - y
        pull = np.clip(error, -HUBER, HUBER)
        value = (pull * error - pull**2 / 2).sum()
        return float(value), np.append(pull.sum() * floor, X.T @ (pull * term))

    starts = [np.append(c, 0.1 * rng.random(X.shape[1])) for c in FLOOR_STARTS]
    fun: Any = misfit
    found = [minimize(fun, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}) for start in starts]
    return np.asarray(min(found, key=lambda end: float(end.fun)).x[1:])


def exact_proposal(slopes: Array, setting: Setting, kl: float) -> Array:
    """Minimum within the caps of sum_i importance_i exp(t_i w) + kl KL(w, prior), convex, ``(n_domains,)``."""
    from scipy.optimize import minimize

    caps, least = setting.caps, 1e-9

    def value(w: Array) -> tuple[float, Array]:
        terms = setting.importance * np.exp(slopes @ w)
        ratio = np.log(np.maximum(w, least) / setting.prior)
        return float(terms.sum() + kl * (w * ratio).sum()), slopes.T @ terms + kl * (ratio + 1.0)

    fun: Any = value
    sums: Any = {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones_like(w)}
    options: Any = {"maxiter": 500, "ftol": 1e-12}
    limits = [(least, float(cap)) for cap in caps]
    starts = (capped(setting.prior, caps), capped(np.ones(len(caps)), caps))
    ends = [
        minimize(fun, start, jac=True, method="SLSQP", bounds=limits, constraints=sums, options=options) for start in starts
    ]
    return capped(np.maximum(min(ends, key=lambda end: float(end.fun)).x, least), caps)


def _mean_of_best(surrogate: Surrogate, candidates: Array, k: int) -> Array:
    parts = [surrogate.predict(candidates[at : at + BLOCK]) for at in range(0, len(candidates), BLOCK)]
    return np.asarray(candidates[np.argsort(np.concatenate(parts), kind="stable")[:k]].mean(0))
