"""What a copy table gives, without touching a document: expected tokens, distinct tokens and epochs by cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from .buckets import Bucketing, bucket_sums
from .copy_table import CopyTable
from .merged import MergedHistogram, Merger, merge_bins
from .profile import Profile


@dataclass(frozen=True)
class Induced:
    """Expected outcome of a draw by domain and bucket, each ``(n_domains, n_buckets)``.

    Attributes
    ----------
    domains : tuple of str
    available : [tokens] that the corpus holds.
    tokens : [tokens] drawn, every copy counted.
    unique : [tokens] of documents drawn at least once.
    """

    domains: tuple[str, ...]
    available: Array
    tokens: Array
    unique: Array

    @property
    def epochs(self) -> Array:
        """Mean passes over what is drawn at all, ``tokens / unique``; 0 where nothing is."""
        return np.divide(self.tokens, self.unique, out=np.zeros_like(self.tokens), where=self.unique > 0)

    @property
    def shares(self) -> Array:
        """Share of each cell in the tokens drawn."""
        return self.tokens / max(float(self.tokens.sum()), np.finfo(float).tiny)


def induced(table: CopyTable, merged: MergedHistogram, buckets: NDArray[np.int16] | None = None) -> Induced:
    """Expected outcome of a draw, exact: from the merged histogram that the table was made for.

    Parameters
    ----------
    table : CopyTable
    merged : MergedHistogram
        Same domains and bins.
    buckets : (n_domains, n_bins) int16, optional
        Bucket of each bin (`bucket_table`); without it, one bucket a domain.
    """
    if merged.domains != table.domains or merged.n_bins != table.n_bins:
        raise RecipeError("The copy table and the merged histogram have other domains or bins; make both of one profile.")
    groups = np.zeros(merged.tokens.shape, np.int16) if buckets is None else buckets
    n_buckets = int(groups.max(initial=0)) + 1
    copies, held = table.copies, merged.tokens.astype(np.float64)
    sums = (bucket_sums(held * part, groups, n_buckets) for part in (np.ones(1), copies, np.minimum(copies, 1.0)))
    return Induced(table.domains, *sums)


def induced_from_sketch(
    table: CopyTable, profile: Profile, merger: Merger, bucketing: Bucketing, merged: MergedHistogram | None = None
) -> Induced:
    """Expected outcome of a draw by other buckets than the table's own, estimated from the profile's sample.

    The buckets of a corpus are cut by one merge of the criteria, a table may rank by another: only documents that
    carry all their scores can tell how the two fall together.

    Parameters
    ----------
    table : CopyTable
        Its bins are those of `merger`.
    profile : Profile
    merger : Merger
        What the table ranks by.
    bucketing : Bucketing
        What the cells are cut by.
    merged : MergedHistogram, optional
        The one that the table was made for: then every domain as a whole is exact, and only its split estimated.
    """
    exact = None if merged is None else induced(table, merged)
    shape = (len(profile.domains), bucketing.n_buckets)
    available, tokens, unique = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    copies = table.copies
    for d, name in enumerate(profile.domains):
        sample = profile.sketch(name)
        if not len(sample):
            continue
        rows, raw = np.full(len(sample), d, np.int64), sample.scores * profile.criteria.signs
        drawn = copies[d, merge_bins(raw, rows, merger.normaliser, merger.weights)]
        cell = bucketing.buckets(rows, raw, sample.buckets)
        weight = sample.tokens * (float(profile.tokens[d]) / max(1.0, float(sample.tokens.sum())))
        for sums, part in ((available, 1.0), (tokens, drawn), (unique, np.minimum(drawn, 1.0))):
            sums[d] = np.bincount(cell, weight * part, shape[1])
        if exact is not None:
            for sums, whole in ((tokens, exact.tokens), (unique, exact.unique)):
                sums[d] *= whole[d, 0] / max(float(sums[d].sum()), np.finfo(float).tiny)
    return Induced(profile.domains, available, tokens, unique)
