"""The extrapolations inside the runs that laws are judged by, and how far off a law is on one of them."""

from __future__ import annotations

import numpy as np

from .errors import FitError, InfolawError
from .fitting import fit_law
from .laws import Law
from .observations import Observations
from .units import Array
from .validation import Split, holdout

FOLDS = (
    "largest-flops:0.3",
    "largest-flops:0.15",
    "largest-n-params:0.3",
    "largest-n-params:0.15",
    "most-epochs:0.3",
    "most-epochs:0.15",
)
"""Extrapolations inside the runs that every law is judged by."""

N_MIXTURE_FOLDS = 3


def folds_of(observations: Observations, seed: int = 0) -> list[Split]:
    """Return the extrapolations that these runs allow, each holding out other rows than the ones before."""
    found: list[Split] = []
    for how in FOLDS:
        try:
            split = holdout(observations, how)[0]
        except FitError:
            continue
        idle = how.startswith("most-epochs") and np.ptp(observations.points.epochs) < 0.05
        n_sizes = len(np.unique(observations.points.n_params[split.train]))
        tells = n_sizes > 1 or np.ptp(observations.points.n_params) == 0  # one size says nothing of another
        if tells and not idle and not any(np.array_equal(split.test, other.test) for other in found):
            found.append(split)
    return [*found, *_mixture_folds(observations, seed)]


def _mixture_folds(observations: Observations, seed: int) -> list[Split]:
    """Unseen mixtures, in thirds; none with fewer than six mixtures."""
    weights = np.round(observations.points.weights, 4)
    index = np.unique(weights, axis=0, return_inverse=True)[1].ravel()
    n_mixtures = int(index.max()) + 1
    if n_mixtures < 2 * N_MIXTURE_FOLDS:
        return []
    fold = (np.random.default_rng(seed).permutation(n_mixtures) % N_MIXTURE_FOLDS)[index]
    return [Split(f"mixtures:{k}", fold != k, fold == k) for k in range(N_MIXTURE_FOLDS)]


def held_out_errors(law: Law, observations: Observations, split: Split, seed: int) -> Array:
    """Absolute held-out error of every row (n_test,) [%]; ``inf`` where the law cannot be fitted."""
    train, test = observations.take(split.train), observations.take(split.test)
    try:
        fit = fit_law(law, train, seed=seed)
    except InfolawError:
        return np.full(len(test), np.inf)
    error = 100 * np.abs(fit.predict(test.points) / test.losses - 1)
    return np.where(np.isfinite(error), error, np.inf)
