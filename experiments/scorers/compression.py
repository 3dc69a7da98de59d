"""Compression ratio as a criterion: how far a document lies from what reference text of its length compresses to.

Tables, boilerplate and keyword lists compress too well, minified or encoded data too badly: both are far off. Short
documents compress badly whatever they hold, so the expected ratio is a line in the logarithm of the length.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infolaw.units import Array

LEVEL = 6


def ratios(texts: Sequence[str]) -> Array:
    """Compressed over plain bytes of each document, ``(n,)``."""
    contents = [text.encode() for text in texts]
    return np.array([len(zlib.compress(content, LEVEL)) / max(1, len(content)) for content in contents])


def distances(found: Array, lengths: NDArray[np.integer], is_reference: NDArray[np.bool_]) -> Array:
    """Distance of log ratios from the line through the references' [standard deviations], ``(n,)``; lower = better.

    Parameters
    ----------
    found : (n,)
        From `ratios`.
    lengths : (n,)
        Bytes of each document.
    is_reference : (n,) bool
        Where fewer than three are, all documents serve.
    """
    chosen = is_reference if is_reference.sum() >= 3 else np.ones(found.size, bool)
    size, log_ratio = np.log(np.maximum(lengths, 1)), np.log(found)
    design = np.stack([np.ones(size.size), size], axis=1)
    line, *_ = np.linalg.lstsq(design[chosen], log_ratio[chosen], rcond=None)
    rest = log_ratio - design @ line
    spread = max(float(rest[chosen].std()), 1e-3)
    return np.asarray(np.abs(rest) / spread)
