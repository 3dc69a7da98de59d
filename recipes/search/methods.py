"""Ways to the recommended mixture, by name: our descent, and the procedures of the papers that it is compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from infolaw.units import Array

from .candidates import regmix_mixtures
from .descent import lowest, mean_of_best
from .recommend import Setting

OLMIX_KL = 0.05
"""Weight of the distance to the prior, in units of the objective's spread over the proxies."""
_TINY = 1e-9
_BLOCK = 50_000


def descent(setting: Setting) -> Array:
    """Best mixture (n_cells,) by many starts and sequential programming, within all limits."""
    return setting.optimum(setting.candidates())


def regmix(setting: Setting, n: int = 100_000, k: int = 128) -> Array:
    """Mean (n_cells,) of the best `k` of `n` Dirichlet mixtures about the prior; limits are met by projection.

    References
    ----------
    .. [1] Liu et al. (2024), arXiv:2407.01492: its notebook takes 128 of 100,000, its paper 100 of 1,000,000.
    """
    rng = np.random.default_rng(setting.seed)
    candidates = regmix_mixtures(setting.prior, n, rng)
    values = np.concatenate([setting.expected(candidates[at : at + _BLOCK]) for at in range(0, n, _BLOCK)])
    return np.asarray(setting.region.project(mean_of_best(lambda _: values, candidates, k)[None])[0])


def regmix_paper(setting: Setting) -> Array:
    """RegMix as its paper states it: the mean of the best 100 of 1,000,000."""
    return regmix(setting, 1_000_000, 100)


def olmix(setting: Setting, kl: float = OLMIX_KL) -> Array:
    """Minimum (n_cells,) of the objective plus `kl` times the Kullback-Leibler distance to the prior.

    Exact where the surrogate is convex in the weights, as the log-linear one is.

    References
    ----------
    .. [1] Olmix (2026), arXiv:2602.12237.
    """
    unit = float(np.std(setting.objective(setting.beliefs.losses)))
    reference = np.log(np.maximum(setting.prior, _TINY))

    def values(weights: Array) -> Array:
        apart = (weights * (np.log(np.maximum(weights, _TINY)) - reference)).sum(1)
        return np.asarray(setting.expected(weights) + kl * unit * apart)

    return lowest(values, setting.region, setting.region.project(np.stack([setting.prior, setting.region.centre])), 2)


METHODS: dict[str, Callable[[Setting], Array]] = {
    "descent": descent,
    "regmix": regmix,
    "regmix_paper": regmix_paper,
    "olmix": olmix,
}
"""Every way by its name."""
