"""From four criteria to one rank in the domain and a bucket, by the sampler that plans are carried out with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infolaw.units import Array
from recipes.sampling import Criteria, MergedHistogram, Merger, Normaliser, Profile, bucket_table, rank_edges

if TYPE_CHECKING:
    from recipes.batch import Batch

CRITERIA = Criteria(("perplexity", "compression", "gopher", "prose"), ("lower", "lower", "higher", "higher"))
EDGES = (0.05, 0.2, 0.4, 0.6, 0.8)
"""Ranks between the six buckets, 0 = best: shares .05, .15, .2, .2, .2, .2 of a domain's tokens [InfoLaw, section 3]."""


@dataclass(frozen=True)
class Ranking:
    """Where a score stands among the training documents of its domain: rank (0 = best) and bucket.

    Attributes
    ----------
    merger : Merger
    ranks : (n_domains, n_bins)
    buckets : (n_domains, n_bins) int16
    """

    merger: Merger
    ranks: Array
    buckets: NDArray[np.int16]

    @classmethod
    def of(cls, train: Batch, edges: tuple[float, ...] = EDGES) -> Ranking:
        """Ranks and buckets of the training documents: equal weights, token-weighted ranks (QuaDMix, eq. 1 and 2)."""
        profile = Profile.empty(CRITERIA)
        profile.update(train)
        merger = Merger.of(Normaliser.from_profile(profile))
        merged = MergedHistogram(merger.domains)
        merged.add(*merger.bins(train), train.tokens)
        return cls(merger, merged.rank, bucket_table(merged, rank_edges(edges)))

    def __call__(self, batch: Batch) -> tuple[Array, NDArray[np.int16]]:
        """Quality rank in [0, 1] and bucket of each document, ``(n,)``."""
        domain, bins = self.merger.bins(batch)
        return self.ranks[domain, bins], self.buckets[domain, bins]
