"""The samples of many domains, filled together: each has its own room, and is cut to size when that is full.

A domain lets in the documents whose hash is no greater than its bound, which never falls below its `SKETCH_SIZE`-th
smallest hash. So what is left in the end does not depend on when, or how often, it was cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .hashing import Keys
from .order_keys import Domains, Floats, Integers
from .sketch import SKETCH_SIZE, Sketch

if TYPE_CHECKING:
    from ..batch import Batch

ROOM = SKETCH_SIZE * 3 // 2
"""Documents that there is room for in a domain."""

NO_BOUND = np.uint64(2**64 - 1)


class Sketches:
    """Bottom-k samples, one a domain; updated in place.

    Attributes
    ----------
    bounds : (n_domains,) uint64
        Hashes above it do not enter.
    sizes : (n_domains,) int64
        Documents held, in no order.
    """

    def __init__(self, n_domains: int, n_criteria: int) -> None:
        room = n_domains * ROOM
        self.bounds: Keys = np.full(n_domains, NO_BOUND)
        self.sizes: Integers = np.zeros(n_domains, np.int64)
        self._in_order: Integers = np.full(n_domains, -1)  # how many, where that many are in the order of their hashes
        self._held = Sketch(  # memory that is not written is not taken
            np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int16), np.empty((room, n_criteria))
        )

    @classmethod
    def of(cls, parts: Sequence[Sketch], n_criteria: int) -> Sketches:
        """Samples of these documents, one a domain."""
        found = cls(len(parts), n_criteria)
        for domain, part in enumerate(parts):
            found.add(domain, part)
        return found

    def let_in(self, domain: Domains, batch: Batch, signs: Floats) -> None:
        """Let documents in; raw scores times `signs` are lower for better."""
        from .sample_kernels import let_in

        buckets = np.full(1, -1, np.int16) if batch.bucket is None else np.ascontiguousarray(batch.bucket, np.int16)
        ids, counts = np.ascontiguousarray(batch.ids, np.uint64), np.ascontiguousarray(batch.tokens, np.int64)
        given = (domain, ids, counts, buckets, np.ascontiguousarray(batch.scores.T, np.float64), signs)
        held, done = self._held, 0
        room = (held.hashes, held.tokens, held.buckets, held.scores, self.sizes, ROOM)
        while True:
            done = let_in(*given, done, self.bounds, *room)
            if done == len(domain):
                return
            self._put(int(domain[done]), self.candidates(int(domain[done])))

    def candidates(self, domain: int) -> Sketch:
        """Documents of a domain among which its sample is, in no order; to be read at once."""
        return self._held.take(slice(domain * ROOM, domain * ROOM + int(self.sizes[domain])))

    def add(self, domain: int, documents: Sketch) -> None:
        """Let documents of one domain in, such as another's candidates."""
        near = documents.take(np.flatnonzero(documents.hashes <= self.bounds[domain]))
        self._put(domain, Sketch.concatenate([self.candidates(domain), near]))

    def sample(self, domain: int) -> Sketch:
        """Sample of one domain in the order of its hashes, at most `SKETCH_SIZE` documents."""
        if self.sizes[domain] != self._in_order[domain]:
            self._put(domain, self._ordered(self.candidates(domain)))
            self._in_order[domain] = self.sizes[domain]
        return self.candidates(domain).take(np.arange(self.sizes[domain]))  # not what later documents are written over

    def taken(self, source: Integers) -> Sketches:
        """Samples whose domain i is domain ``source[i]`` of these, or empty where that is -1."""
        nothing = Sketch.empty(self._held.scores.shape[1])
        parts = [self.candidates(old) if old >= 0 else nothing for old in source.tolist()]
        return Sketches.of(parts, nothing.scores.shape[1])

    def _ordered(self, documents: Sketch) -> Sketch:
        return documents.take(np.argsort(documents.hashes)).cut()

    def _put(self, domain: int, documents: Sketch) -> None:
        """Hold these documents of a domain and no others, without those that are surely not in its sample."""
        if len(documents) > SKETCH_SIZE:
            self.bounds[domain] = np.partition(documents.hashes, SKETCH_SIZE - 1)[SKETCH_SIZE - 1]
            documents = documents.take(np.flatnonzero(documents.hashes <= self.bounds[domain]))
        if len(documents) >= ROOM:  # documents that share their ids: no room to let another in
            documents = self._ordered(documents)
        self.sizes[domain], self._in_order[domain] = len(documents), -1
        place, held = slice(domain * ROOM, domain * ROOM + len(documents)), self._held
        held.hashes[place], held.tokens[place] = documents.hashes, documents.tokens
        held.buckets[place], held.scores[place] = documents.buckets, documents.scores
