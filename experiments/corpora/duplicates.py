"""Documents that say again what an earlier one said: the same words, or nearly (MinHash over word-aligned windows).

References
----------
.. [1] Broder (1997), "On the resemblance and containment of documents", doi:10.1109/SEQUEN.1997.666900.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recipes.sampling import splitmix64

WINDOW = 24
"""Bytes of a shingle, from the start of a word: about five words."""
N_BANDS, N_ROWS = 16, 4
"""Documents that agree in any band are compared: half of the pairs at similarity .5, all but 1 in 4,000 at .8."""
ODD = np.uint64(0x9E3779B97F4A7C15)
INVERSE = np.uint64(pow(int(ODD), -1, 2**64))

Signature = NDArray[np.uint32]
Verdict = Literal["new", "exact", "near"]

_SPACE = re.compile(rb"[^a-z0-9\x80-\xff]+")


class Seen:
    """Documents met so far; the first of several alike stays.

    Parameters
    ----------
    near : float
        Share of equal signature entries (an estimate of the Jaccard similarity) from which a document is a near duplicate.
    """

    def __init__(self, near: float) -> None:
        self.near = near
        self._exact: set[bytes] = set()
        self._bands: dict[tuple[int, bytes], list[int]] = {}
        self._signatures: list[Signature] = []

    def add(self, text: str) -> Verdict:
        """Say whether a document is new; if so, remember it."""
        words = _SPACE.sub(b" ", text.encode().lower()).strip()
        digest = hashlib.blake2b(words, digest_size=16).digest()
        if digest in self._exact:
            return "exact"
        found = signature(words)
        keys = [(band, found[band * N_ROWS : (band + 1) * N_ROWS].tobytes()) for band in range(N_BANDS)]
        candidates = sorted({index for key in keys for index in self._bands.get(key, ())})
        if any(float(np.mean(self._signatures[index] == found)) >= self.near for index in candidates):
            return "near"
        self._exact.add(digest)
        for key in keys:
            self._bands.setdefault(key, []).append(len(self._signatures))
        self._signatures.append(found)
        return "new"


def signature(words: bytes) -> Signature:
    """MinHash of a document's shingles, ``(N_BANDS * N_ROWS,)``.

    Parameters
    ----------
    words : bytes
        Words between single spaces. All windows are hashed at once: prefix sums of byte times power, modulo 2^64.
    """
    data = np.frombuffer(words.ljust(WINDOW + 1), np.uint8)
    last = data.size - WINDOW
    powers, inverses = (np.cumprod(np.full(data.size, base)) for base in (ODD, INVERSE))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum((data + np.uint64(1)) * powers)])
    starts = np.append(0, np.flatnonzero(data[:last] == ord(" ")) + 1)
    windows = (sums[starts + WINDOW] - sums[starts]) * inverses[starts]  # the same wherever the window stands
    mixed = splitmix64(windows) * _MULTIPLIERS[:, None]
    found: Signature = (mixed >> np.uint64(32)).min(axis=1).astype(np.uint32)
    return found


_MULTIPLIERS = splitmix64(np.arange(N_BANDS * N_ROWS)) | np.uint64(1)
