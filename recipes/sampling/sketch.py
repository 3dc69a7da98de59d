"""Bottom-k sketch: per domain the documents with the k smallest hashes, the same sample in any order of shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .hashing import CHUNK, Keys, splitmix64
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

    @property
    def threshold(self) -> int:
        """Hashes above this cannot enter any more."""
        return int(self.hashes[-1]) if len(self) >= SKETCH_SIZE else 2**64 - 1

    @classmethod
    def concatenate(cls, parts: Sequence[Sketch]) -> Sketch:
        """Join parts, at least one, as they stand."""
        names = ("hashes", "tokens", "buckets", "scores")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: Integers | slice) -> Sketch:
        """Return the rows chosen, in that order."""
        return Sketch(self.hashes[rows], self.tokens[rows], self.buckets[rows], self.scores[rows])

    def merge(self, other: Sketch) -> Sketch:
        """The `SKETCH_SIZE` documents with the smallest hashes of both; ties in a hash are settled by the content."""
        both = Sketch.concatenate([self, other])
        order = np.argsort(both.hashes)
        ranked = both.hashes[order]
        if np.any(ranked[1:] == ranked[:-1]):
            order = np.lexsort((*both.scores.T[::-1], both.buckets, both.tokens, both.hashes))
        return both.take(order[:SKETCH_SIZE])


def sketch_hashes(ids: Keys) -> Keys:
    """Hash of each document for the sketch, ``(n,)``: independent of every draw."""
    return splitmix64(ids ^ SKETCH_KEY)


def candidates(hashes: Keys, domain: Integers, thresholds: Keys) -> Integers:
    """Rows whose hash may still enter the sample of their domain, increasing."""
    found = [
        start + np.flatnonzero(hashes[start : start + CHUNK] <= thresholds.take(domain[start : start + CHUNK]))
        for start in range(0, hashes.size, CHUNK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)
