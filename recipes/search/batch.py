"""Which proxies to run next: where drawn surfaces have their best (Thompson), or where most is expected to be gained."""

from __future__ import annotations

import numpy as np

from infolaw.units import Array

from .recommend import N_TABLE, Setting

SURFACES = 256


def thompson(setting: Setting, n: int) -> Array:
    """Mixtures (n, n_cells): the best of each of `n` drawn surfaces over the candidates, none twice.

    References
    ----------
    .. [1] Thompson (1933), "On the likelihood that one unknown probability exceeds another", Biometrika 25.
    """
    table = setting.candidates()[: 2 * N_TABLE]
    values = setting.drawn(table, n)[1]
    chosen: list[int] = []
    for row in values:
        chosen.append(next(int(k) for k in np.argsort(row, kind="stable") if int(k) not in chosen))
    return np.asarray(table[chosen])


def noisy_expected_improvement(setting: Setting, n: int) -> Array:
    """Mixtures (n, n_cells), chosen one by one for the most expected gain over all seen and chosen so far.

    The best so far is itself uncertain: it is taken from the same drawn surfaces.

    References
    ----------
    .. [1] Letham et al. (2019), "Constrained Bayesian optimization with noisy experiments", Bayesian Analysis 14.
    """
    table = np.concatenate([setting.beliefs.seen, setting.candidates()[: 2 * N_TABLE]])
    values = setting.drawn(table, SURFACES)[1]
    n_seen = len(setting.beliefs.seen)
    best = values[:, :n_seen].min(1)
    chosen: list[int] = []
    for _ in range(n):
        gain = np.maximum(best[:, None] - values[:, n_seen:], 0.0).mean(0)
        gain[[k - n_seen for k in chosen]] = -1.0
        chosen.append(n_seen + int(gain.argmax()))
        best = np.minimum(best, values[:, chosen[-1]])
    return np.asarray(table[chosen])
