"""A token budget met exactly: the last copies of documents are taken back in the order of a hash, wherever they lie.

The cut is a number that a document's own hash is compared with. So which copies go does not depend on shards, and no
domain or bucket loses more than its share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sampling.hashing import splitmix64
from .manifest import Counts

BINS = 1 << 20
"""Steps of the cut: so fine that the last step holds a document or a millionth of the tokens."""

_ANOTHER = 0x5851F42D4C957F2D
"""Sets the hash of the cut apart from the hash of the draw."""


@dataclass(frozen=True)
class TokenCut:
    """Documents whose place in the order of the cut is `first_bin` or later lose one copy.

    Attributes
    ----------
    first_bin : int
        From 0 (all lose one) to ``BINS`` (none does).
    seed : int
        Of the draw.
    """

    first_bin: int
    seed: int

    def apply(self, ids: NDArray[np.uint64], counts: Counts) -> Counts:
        """Counts after the cut, ``(n,)``; `counts` are above zero."""
        if self.first_bin >= BINS:
            return counts
        return counts - (cut_bins(ids, self.seed) >= self.first_bin).astype(counts.dtype)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"first_bin": self.first_bin, "seed": self.seed}


def cut_bins(ids: NDArray[np.uint64], seed: int) -> NDArray[np.int64]:
    """Place of documents in the order of the cut, ``(n,)`` in ``[0, BINS)``."""
    key = splitmix64(np.array([(seed ^ _ANOTHER) & ((1 << 64) - 1)], np.uint64))
    return (splitmix64(ids ^ key) >> np.uint64(64 - 20)).astype(np.int64)


def find_cut(tokens: int, last_copies: NDArray[np.int64], budget: int, seed: int) -> TokenCut:
    """Cut that brings `tokens` nearest to `budget`.

    Parameters
    ----------
    tokens : int
        What the draw comes to without a cut [tokens], at least the budget.
    last_copies : (BINS,) int64
        Tokens of one copy of every drawn document, by place in the order of the cut.
    budget : int
        What is wanted [tokens].
    seed : int
        Of the draw.
    """
    left = tokens - np.concatenate([[0], np.cumsum(last_copies[::-1])])  # after taking back the last 0, 1, 2 ... bins
    taken = int(np.argmin(np.abs(left - budget)))
    return TokenCut(BINS - taken, seed)
