"""Where random candidates come from: Dirichlet mixtures as RegMix draws them, around a mixture, or all over the simplex.

QuaDMix's own draws (Alg. 1) are of sampler parameters: `SamplerParams.draw`.
"""

from __future__ import annotations

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .region import Region

REGMIX_TEMPERATURE = 0.5
"""RegMix draws around prior^0.5."""
REGMIX_STRENGTH = (0.1, 5.0)
"""Least and most sum of the concentrations."""
REGMIX_LEVELS = 15
"""Strengths tried, evenly spaced by their logarithm."""
REGMIX_CAP = 15.0
"""No share above so many times its prior."""
REGMIX_LEAST = 2e-4
"""Shares below this are none."""
_BLOCK = 20_000
CONCENTRATIONS = (3.0, 10.0, 30.0, 100.0, 300.0)
"""How closely random mixtures keep to a centre, from loosely to closely."""
LEAST = 1e-3
"""Added to a centre's shares, so that a cell it leaves out can come in."""


def regmix_mixtures(prior: Array, n: int, rng: np.random.Generator) -> Array:
    """Mixtures (n, n_cells) as RegMix draws them: Dirichlet around the tempered prior, capped, small shares cut.

    Parameters
    ----------
    prior : ndarray, (n_cells,)
        Shares of the tokens that exist.
    n : int
    rng : Generator

    References
    ----------
    .. [1] Liu et al. (2024), "RegMix: Data Mixture as Regression for Language Model Pre-training", arXiv:2407.01492.
    """
    tempered = prior**REGMIX_TEMPERATURE / (prior**REGMIX_TEMPERATURE).sum()
    strengths = np.geomspace(*REGMIX_STRENGTH, REGMIX_LEVELS)
    found: list[Array] = []
    while sum(map(len, found)) < n:
        alpha = np.maximum(rng.choice(strengths, _BLOCK)[:, None] * tempered, 1e-12)
        gamma = rng.standard_gamma(alpha)
        total = gamma.sum(1, keepdims=True)
        drawn = (gamma / np.where(total > 0, total, 1.0))[total[:, 0] > 0]
        kept = drawn[(drawn <= REGMIX_CAP * prior).all(1)]
        if not len(kept):
            raise RecipeError(
                f"no mixture stays within {REGMIX_CAP:g} times the prior (smallest share {prior.min():.3g}): merge the "
                "smallest domains, or use another method."
            )
        kept = np.where(kept < REGMIX_LEAST, 0.0, kept)
        found.append(kept / kept.sum(1, keepdims=True))
    return np.concatenate(found)[:n]


def around(centres: Array, n: int, rng: np.random.Generator, concentrations: tuple[float, ...] = CONCENTRATIONS) -> Array:
    """Dirichlet mixtures (n, n_cells) about `centres` (n_centres, n_cells), from near them to far."""
    which = rng.integers(0, len(centres), n)
    alpha = rng.choice(concentrations, n)[:, None] * (centres[which] + LEAST)
    gamma = rng.standard_gamma(alpha)
    return np.asarray(gamma / gamma.sum(1, keepdims=True))


def pool(region: Region, seen: Array, best: Array, prior: Array, n: int, seed: int) -> Array:
    """Allowed candidates (n_points, n_cells): what was seen, and draws around it, around the best and around the prior.

    Parameters
    ----------
    region : Region
    seen : ndarray, (n_seen, n_cells)
        Mixtures that have been run.
    best : ndarray, (n_best, n_cells)
        The best of them.
    prior : ndarray, (n_cells,)
    n : int
    seed : int
    """
    rng = np.random.default_rng(seed)
    near_best, near_seen, near_prior = (
        around(centres, size, rng) for centres, size in ((best, n // 2), (seen, n // 4), (prior[None], n // 8))
    )
    anywhere = rng.dirichlet(np.ones(len(prior)), n // 8)
    return region.project(np.concatenate([seen, prior[None], near_best, near_seen, near_prior, anywhere]))
