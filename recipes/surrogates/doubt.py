"""How far each run is trusted: single runs go wrong, and then in most of their losses.

Noise is Student's t, written as normal noise whose variance has a factor a run. One step of expectation gives the factors
from how far each run lies off the fitted surface; a step of maximisation, the constants of the surface given the factors.
"""

from __future__ import annotations

import numpy as np

from infolaw.units import Array

DEGREES = 2.0
"""Degrees of freedom of a run's noise. Of 2 and 4 the better on random subsets of RegMix's training mixtures."""
MOST_SHARED = 4.0
"""Losses that a run's common factor counts as, at most: losses of one run do not go wrong independently."""


def doubts(relative: Array) -> Array:
    """Return the factor on each run's noise variance, ``(n_targets, n_runs)``.

    Parameters
    ----------
    relative : Array
        Expected squared noise in units of the target's noise variance, ``(n_targets, n_runs)``; NaN where not measured.

    Notes
    -----
    A factor is the run's own, common to its targets, times one a loss. With a single target there is only the second.

    Examples
    --------
    >>> doubts(np.array([[0.5, 0.5, 20.0]])).round(2).tolist()
    [[0.83, 0.83, 7.33]]
    """
    n_measured = np.isfinite(relative).sum(0)
    count = np.minimum(MOST_SHARED, np.maximum(n_measured - 1, 0))
    mean = np.nansum(relative, axis=0) / np.maximum(n_measured, 1)
    common = (DEGREES + count * mean) / (DEGREES + count)
    return np.asarray(common * (DEGREES + relative / common) / (DEGREES + 1))
