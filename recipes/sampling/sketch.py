"""Bottom-k sketch: per domain the documents with the k smallest hashes, the same sample in any order of shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .hashing import Keys
from .order_keys import Floats, Integers

SKETCH_SIZE = 1 << 14
SKETCH_KEY = np.uint64(0x243F6A8885A308D3)
"""Sets the hashes of the sketch apart from the keys of the draw."""


@dataclass(frozen=True)
class Sketch:
    """Sample of one domain, in the order of the hashes.

    Attributes
    ----------
    hashes : (k,) uint64
    tokens : (k,) int64
    buckets : (k,) int16
        Quality bucket where the documents carry one, else -1.
    scores : (k, n_criteria) float64
        Oriented (lower = better); NaN = missing.
    """

    hashes: Keys
    tokens: Integers
    buckets: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
    scores: Floats

    @classmethod
    def empty(cls, n_criteria: int) -> Sketch:
        """Return a sample of nothing."""
        scores = np.zeros((0, n_criteria))
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int16), scores)

    def __len__(self) -> int:
        return len(self.hashes)

    @classmethod
    def concatenate(cls, parts: Sequence[Sketch]) -> Sketch:
        """Join parts, at least one, as they stand."""
        names = ("hashes", "tokens", "buckets", "scores")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: Integers | slice) -> Sketch:
        """Return the rows chosen, in that order."""
        if isinstance(rows, slice):
            return Sketch(self.hashes[rows], self.tokens[rows], self.buckets[rows], self.scores[rows])
        scores = self.scores.take(rows, axis=0)
        return Sketch(self.hashes.take(rows), self.tokens.take(rows), self.buckets.take(rows), scores)

    def cut(self) -> Sketch:
        """Of documents in the order of their hashes, the first `SKETCH_SIZE`; ties are settled by the content."""
        if not np.any(self.hashes[1:] == self.hashes[:-1]):
            return self.take(slice(SKETCH_SIZE))
        order = np.lexsort((*self.scores.T[::-1], self.buckets, self.tokens, self.hashes))
        return self.take(order[:SKETCH_SIZE])
