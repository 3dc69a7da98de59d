"""Order keys: 64-bit integers in the order of the scores, fine where scores crowd (near 0, near 1, far out).

A key is cut out of the bits of a float64, so it needs no edges, no range and no other score: histograms on keys are
the same whatever the order and the size of the shards. Below one half a key is geometric in |score| (equal steps for
equal ratios), between one half and one geometric in 1 - |score| (classifier probabilities crowd there), beyond one
geometric again. Below 2^-40 it is linear, so that a lone zero does not stretch a histogram over a thousand octaves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Domains = NDArray[np.int32]

TINY = 2.0**-40
"""Scores closer to 0 (or to 1, from below) than this are spaced linearly."""


def _bits(value: float) -> np.int64:
    return np.float64(value).view(np.int64)


ZERO = _bits(TINY)
ONE = _bits(1.0)
HALF = _bits(0.5 + TINY) - ZERO
"""Key of one half; the key of one is twice as much."""


def order_keys(scores: Floats) -> Integers:
    """Key of each score, ``(n,)``: ``a <= b`` implies ``order_keys(a) <= order_keys(b)``; NaN is not allowed.

    Examples
    --------
    >>> order_keys(np.array([-0.0, 0.0])).tolist()
    [0, 0]
    >>> keys = order_keys(np.array([-np.inf, -3.0, 0.2, 0.5, 0.9, 1.0, 1.5, 1e300, np.inf]))
    >>> bool(np.all(np.diff(keys) > 0))
    True
    """
    from .score_kernels import order_all

    given = np.ascontiguousarray(scores, np.float64)
    keys = np.empty(given.size, np.int64)
    order_all(given, 1.0, keys)
    return keys


def scores_of(keys: Integers) -> Floats:
    """Score at each key, ``(n,)``: the inverse of `order_keys`, up to rounding near 0 and 1."""
    size = np.abs(np.asarray(keys, np.int64))
    low = (np.minimum(size, HALF) + ZERO).view(np.float64) - TINY
    high = 1.0 - ((np.clip(2 * HALF - size, 0, HALF) + ZERO).view(np.float64) - TINY)
    beyond = np.clip(size - 2 * HALF + ONE, ONE, None).view(np.float64)
    value = np.where(size <= HALF, low, np.where(size <= 2 * HALF, high, beyond))
    return np.copysign(value, np.where(np.asarray(keys) < 0, -1.0, 1.0))
