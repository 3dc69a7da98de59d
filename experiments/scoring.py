"""Scores of methods over planted worlds: ratios of regret with paired intervals, skill and reliability of chances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from infolaw.units import Array


def ratio_to_best(regrets: Array, n_bootstrap: int) -> tuple[float, float, float]:
    """Mean regret of the first column over that of the best other, with a 95 % interval over worlds.

    Parameters
    ----------
    regrets : ndarray, (n_worlds, 1 + n_rivals)
        Ours first. The best rival is chosen anew in every draw of worlds.
    n_bootstrap : int
    """
    rows = np.random.default_rng(0).integers(0, len(regrets), (n_bootstrap, len(regrets)))
    means = np.concatenate([regrets.mean(0)[None], regrets[rows].mean(1)])
    ratios = means[:, 0] / means[:, 1:].min(1)
    return float(ratios[0]), float(np.quantile(ratios[1:], 0.025)), float(np.quantile(ratios[1:], 0.975))


def paired_difference(ours: ArrayLike, theirs: ArrayLike, n_bootstrap: int) -> tuple[float, float, float]:
    """Mean of ours less theirs, with a 95 % interval over worlds."""
    gap = np.asarray(ours, float) - np.asarray(theirs, float)
    means = gap[np.random.default_rng(0).integers(0, len(gap), (n_bootstrap, len(gap)))].mean(1)
    return float(gap.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def brier_skill(chances: ArrayLike, won: ArrayLike) -> float:
    """One less the mean squared error of chances over that of the wins' own frequency; NaN where all or none won."""
    chance, outcome = np.asarray(chances, float), np.asarray(won, float)
    spread = outcome.var() if len(outcome) else 0.0
    return float(1 - np.square(chance - outcome).mean() / spread) if spread else float("nan")


def reliability_slope(chances: ArrayLike, won: ArrayLike) -> float:
    """Slope of wins on the chances given them, by least squares: 1 is honest, below 1 too sure; NaN for equal chances."""
    chance, outcome = np.asarray(chances, float), np.asarray(won, float)
    spread = chance.var() if len(chance) else 0.0
    return float(((chance - chance.mean()) * outcome).mean() / spread) if spread else float("nan")
