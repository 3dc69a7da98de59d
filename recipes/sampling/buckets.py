"""Quality buckets as intervals of rank: which bins of the merged score make up which bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError

from .merged import MergedHistogram, Merger, merge_bins
from .order_keys import Floats, Integers


def rank_edges(inner: Sequence[float]) -> tuple[float, ...]:
    """Edges of buckets from those between them: 0, `inner`, 1.

    Raises
    ------
    RecipeError
        If they do not rise strictly from 0 to 1.
    """
    edges = (0.0, *(float(edge) for edge in inner), 1.0)
    if not all(low < high for low, high in zip(edges, edges[1:], strict=False)):
        raise RecipeError(f"Bucket edges {', '.join(f'{edge:g}' for edge in inner)} must rise between 0 and 1.")
    return edges


def bucket_table(merged: MergedHistogram, edges: Sequence[float]) -> NDArray[np.int16]:
    """Bucket of each bin, ``(n_domains, n_bins)``: k where ``edges[k] < rank <= edges[k + 1]``.

    Parameters
    ----------
    merged : MergedHistogram
        Whose ranks (eq. 2, token-weighted, ties at their last token) are cut.
    edges : sequence of float, (n_buckets + 1,)
        From 0 to 1; see `rank_edges`. Documents with one merged score are never split over buckets.
    """
    cut = np.searchsorted(np.asarray(rank_edges(edges[1:-1]))[1:-1], merged.rank, side="left")
    return cut.astype(np.int16)


def bucket_sums(counts: NDArray[np.generic], buckets: NDArray[np.int16], n_buckets: int) -> Floats:
    """Sum of `counts` ``(n_domains, n_bins)`` over each bucket, ``(n_domains, n_buckets)``."""
    n_domains = counts.shape[0]
    spots: Integers = np.arange(n_domains)[:, None] * n_buckets + buckets
    weights = counts.reshape(-1).astype(np.float64)
    sums = np.bincount(spots.reshape(-1), weights, n_domains * n_buckets).astype(np.float64)
    return sums.reshape(n_domains, n_buckets)


@dataclass(frozen=True)
class Bucketing:
    """How documents come to their quality buckets: by the rank of a merged score, or as they state themselves.

    Attributes
    ----------
    n_buckets : int
    merger : Merger, optional
        What the buckets are cut by; None where documents state their bucket.
    table : (n_domains, n_bins) int16, optional
        From `bucket_table`.
    """

    n_buckets: int
    merger: Merger | None = None
    table: NDArray[np.int16] | None = field(default=None, repr=False)

    @classmethod
    def by_rank(cls, merger: Merger, merged: MergedHistogram, edges: Sequence[float]) -> Bucketing:
        """Buckets cut at the ranks `edges` (0 to 1) of the score that `merger` makes and `merged` counts."""
        return cls(len(edges) - 1, merger, bucket_table(merged, edges))

    def buckets(self, domain: Integers, scores: Floats, stated: NDArray[np.int16] | None = None) -> Integers:
        """Bucket of each document, ``(n,)``.

        Parameters
        ----------
        domain : (n,) integers
            Index into the domains of the profile.
        scores : (n, n_criteria) float64
            Raw scores.
        stated : (n,) int16, optional
            The bucket that the documents state.

        Raises
        ------
        RecipeError
            If buckets are stated, and a document states none or one that does not exist.
        """
        if self.merger is not None and self.table is not None:
            bins = merge_bins(scores, domain, self.merger.normaliser, self.merger.weights)
            return self.table[domain, bins].astype(np.int64)
        if stated is None or (stated.size and (stated.min() < 0 or stated.max() >= self.n_buckets)):
            raise RecipeError(
                f"Documents state their bucket, 0 to {self.n_buckets - 1}; at least one states none or another: "
                "repair the column, or cut the buckets by scores."
            )
        return stated.astype(np.int64)
