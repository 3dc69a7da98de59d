"""The samples of many domains, filled together: candidates are let in by a bound on their hash, and thinned when many.

The bound of a domain never falls below its `SKETCH_SIZE`-th smallest hash, so what is left in the end does not depend on
when, or how often, candidates were thinned.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .hashing import Keys
from .order_keys import Domains, Floats, Integers
from .sketch import SKETCH_SIZE, Sketch

if TYPE_CHECKING:
    from ..batch import Batch

ROOM = 1 << 16
"""Candidates that there is room for, beside the samples and a quarter more."""

NO_BOUND = np.uint64(2**64 - 1)


class Sketches:
    """Bottom-k samples, one a domain; updated in place.

    Attributes
    ----------
    bounds : (n_domains,) uint64
        Hashes above it do not enter.
    """

    def __init__(self, n_domains: int, n_criteria: int) -> None:
        room = n_domains * SKETCH_SIZE * 5 // 4 + ROOM
        self.bounds: Keys = np.full(n_domains, NO_BOUND)
        self.n = 0
        self._domain: Domains = np.empty(room, np.int32)  # memory that is not written is not taken
        self._held = Sketch(
            np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int16), np.empty((room, n_criteria))
        )
        self._ends: Integers = np.zeros(n_domains + 1, np.int64)
        self._is_settled = True

    @classmethod
    def of(cls, parts: Sequence[Sketch], n_criteria: int) -> Sketches:
        """Samples as they stand, one a domain."""
        found = cls(len(parts), n_criteria)
        found._fill(parts)
        return found

    def count(self, domain: Domains, batch: Batch, signs: Floats, documents: Integers, tokens: Integers) -> None:
        """Let documents in, and add them and their tokens to `documents` and `tokens`, ``(n_domains,)`` each.

        Raw scores times `signs` are lower for better.
        """
        from .sample_kernels import count_documents

        buckets = np.full(1, -1, np.int16) if batch.bucket is None else np.ascontiguousarray(batch.bucket, np.int16)
        ids, counts = np.ascontiguousarray(batch.ids, np.uint64), np.ascontiguousarray(batch.tokens, np.int64)
        given = (domain, ids, counts, buckets, np.ascontiguousarray(batch.scores.T, np.float64), signs)
        sums = (documents, tokens)
        done = 0
        while True:
            done, self.n = count_documents(*given, done, self.bounds, *sums, self._domain, *self._arrays(), self.n)
            self._is_settled = False
            if done == len(domain):
                return
            self._make_room()

    def candidates(self) -> tuple[Domains, Sketch]:
        """Documents among which all samples are, in no order, with the domain of each."""
        self._thin()
        return self._domain[: self.n], self._held.take(slice(0, self.n))

    def add(self, domain: Domains, documents: Sketch) -> None:
        """Let documents in, such as another's candidates; `domain` is that of each."""
        for begin in range(0, len(domain), ROOM // 2):
            if self.n > len(self._domain) - ROOM // 2:
                self._make_room()
            block = slice(begin, begin + ROOM // 2)
            near = begin + np.flatnonzero(documents.hashes[block] <= self.bounds.take(domain[block]))
            self._append(domain.take(near), documents.take(near))
        self._is_settled = False

    def sample(self, domain: int) -> Sketch:
        """Sample of one domain, at most `SKETCH_SIZE` documents; later documents do not change it."""
        ends = self._settled()
        return self._held.take(np.arange(ends[domain], ends[domain + 1]))

    def whole(self) -> tuple[Integers, Sketch]:
        """Size of every sample, and all of them one after the other, as they lie in memory."""
        return np.diff(self._settled()), self._held.take(slice(0, self.n))

    def taken(self, source: Integers) -> Sketches:
        """Samples whose domain i is domain ``source[i]`` of these, or empty where that is -1."""
        n_criteria = self._held.scores.shape[1]
        parts = [self.sample(old) if old >= 0 else Sketch.empty(n_criteria) for old in source.tolist()]
        return Sketches.of(parts, n_criteria)

    def _arrays(self) -> tuple[Keys, Integers, np.ndarray[tuple[int, ...], np.dtype[np.int16]], Floats]:
        held = self._held
        return held.hashes, held.tokens, held.buckets, held.scores

    def _make_room(self) -> None:
        """Lower the bounds and drop what lies above them; where ties leave too many, settle them."""
        self._thin()
        if self.n > len(self._domain) - ROOM // 2:
            self._settled()

    def _thin(self) -> None:
        from .sample_kernels import thin

        self.n = thin(self._domain, *self._arrays(), self.n, self.bounds, SKETCH_SIZE)

    def _settled(self) -> Integers:
        """Bring all into order by domain and hash, cut to size; ends of the domains, ``(n_domains + 1,)``."""
        from .sample_kernels import sort_sample

        if self._is_settled:
            return self._ends
        self._thin()
        order, ends = np.empty(self.n, np.int64), np.zeros(self.bounds.size + 1, np.int64)
        sort_sample(self._domain, self._held.hashes, self.n, self.bounds, order, ends)
        ranked = self._held.take(order)
        self._fill([ranked.take(slice(*part)).cut() for part in pairwise(ends.tolist())])
        return self._ends

    def _fill(self, parts: Sequence[Sketch]) -> None:
        """Hold these samples and nothing else: each in the order of its hashes, none too large."""
        self._ends, self._is_settled, self.n = np.zeros(len(parts) + 1, np.int64), True, 0
        for d, part in enumerate(parts):
            self._append(d, part)
            self._ends[d + 1] = self.n
            if len(part) == SKETCH_SIZE:
                self.bounds[d] = part.hashes[-1]

    def _append(self, domain: int | Domains, part: Sketch) -> None:
        place, held = slice(self.n, self.n + len(part)), self._held
        self._domain[place], held.hashes[place], held.tokens[place] = domain, part.hashes, part.tokens
        held.buckets[place], held.scores[place] = part.buckets, part.scores
        self.n = place.stop
