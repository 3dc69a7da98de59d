"""Equations 1 and 2: the merged score of a document as one of 16,384 bins, and the rank of a bin in its domain.

References
----------
.. [1] Liu et al. (2025), "QuaDMix: Quality-Diversity Balanced Data Selection for Efficient LLM Pretraining",
   arXiv:2504.16511, eq. 1 and 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..batch import Batch
from .domains import Slots, known_domains, slots_of
from .normalise import SIGMA_BITS, Normaliser
from .order_keys import Domains, Floats, Integers
from .packing import digest, pack, unpack
from .profile import Profile

BIN_BITS = 14
N_MERGED_BINS = 1 << BIN_BITS
WEIGHT_BITS = 16
KIND, SCHEMA_VERSION = "merged histogram", 1

Bins = NDArray[np.uint16]


def integer_weights(criterion_weights: ArrayLike) -> Integers:
    """Weights as integers that sum to 2^16 a row, by largest remainders (ties: the first criterion).

    Parameters
    ----------
    criterion_weights : array_like, (n_domains, n_criteria)
        Not negative, not all zero in a row.

    Examples
    --------
    >>> integer_weights([[1, 1, 1]]).tolist()
    [[21846, 21845, 21845]]
    """
    weights = np.asarray(criterion_weights, np.float64)
    if weights.ndim != 2 or not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise RecipeError("Criterion weights are finite, not negative, one row a domain; repair them.")
    if weights.shape[1] == 0:
        return np.zeros(weights.shape, np.int64)
    sums = weights.sum(axis=1, keepdims=True)
    if np.any(sums <= 0):
        row = int(np.flatnonzero(sums[:, 0] <= 0)[0])
        raise RecipeError(f"All criterion weights of domain number {row} are 0; give at least one a positive weight.")
    exact = weights / sums * 2**WEIGHT_BITS
    whole = np.floor(exact).astype(np.int64)
    order = np.argsort(whole - exact, axis=1, kind="stable")
    places = np.argsort(order, axis=1, kind="stable")
    return whole + (places < 2**WEIGHT_BITS - whole.sum(axis=1, keepdims=True))  # type: ignore[no-any-return]


def merge_slots(scores: Floats, domain: NDArray[np.integer], normaliser: Normaliser, weights: Integers) -> Slots:
    """Domain and bin of the merged score of each document, ``(n,)``: eq. 1 in integers, its first 14 bits, 0 = best.

    Parameters
    ----------
    scores : (n, n_criteria) float64
        Raw scores.
    domain : (n,) integers
        Index into ``normaliser.domains``.
    weights : (n_domains, n_criteria) int64
        From `integer_weights`.
    """
    from .score_kernels import merge_scores

    used = np.flatnonzero(weights.any(axis=0))
    for c in used.tolist():
        normaliser.refuse_missing(c, scores[:, c])
    slots, shift = np.empty(len(domain), np.uint32), SIGMA_BITS + WEIGHT_BITS - BIN_BITS
    columns, places = np.ascontiguousarray(scores.T, np.float64), np.ascontiguousarray(domain, np.int32)
    given = (places, columns, used, normaliser.criteria.signs, weights)
    merge_scores(*given, normaliser.tables, shift, N_MERGED_BINS, slots)
    return slots


def merge_bins(scores: Floats, domain: NDArray[np.integer], normaliser: Normaliser, weights: Integers) -> Bins:
    """Bin alone of the merged score of each document, ``(n,)``: see `merge_slots`."""
    return (merge_slots(scores, domain, normaliser, weights) & (N_MERGED_BINS - 1)).astype(np.uint16)


@dataclass(frozen=True)
class Merger:
    """Normaliser and weights together: what turns a batch into bins.

    Attributes
    ----------
    normaliser : Normaliser
    weights : (n_domains, n_criteria) int64
        Rows in the order of ``normaliser.domains``; see `integer_weights`.
    """

    normaliser: Normaliser
    weights: Integers

    @classmethod
    def of(cls, normaliser: Normaliser, criterion_weights: ArrayLike | None = None) -> Merger:
        """Merger with the weights given, ``(n_domains, n_criteria)``, or equal ones."""
        shape = (len(normaliser.domains), len(normaliser.criteria))
        given = np.ones(shape) if criterion_weights is None else np.asarray(criterion_weights, np.float64)
        if given.shape != shape:
            raise RecipeError(f"Criterion weights have the shape {given.shape}; the profile has {shape}: make them alike.")
        return cls(normaliser, integer_weights(given))

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains in the order of the codes that `bins` returns."""
        return self.normaliser.domains

    @property
    def n_bins(self) -> int:
        """Bins a domain."""
        return N_MERGED_BINS

    def slots(self, batch: Batch) -> Slots:
        """Slot of each document, ``(n,)``: its domain (index into `domains`) times `n_bins`, plus its bin.

        Raises
        ------
        RecipeError
            If a document has a domain that the profile does not know, or misses a score where that is refused.
        """
        domain = known_domains(batch.domain, batch.domains, self.domains, "profile")
        return merge_slots(batch.scores, domain, self.normaliser, self.weights)

    def bins(self, batch: Batch) -> tuple[Domains, Bins]:
        """Domain and bin of each document, ``(n,)`` each: its slot in two numbers."""
        slots = self.slots(batch)
        return (slots >> BIN_BITS).astype(np.int32), (slots & (N_MERGED_BINS - 1)).astype(np.uint16)


class MergedHistogram:
    """Tokens and documents by domain and bin of the merged score; updated in place, exact, order-free.

    Attributes
    ----------
    domains : tuple of str
    sums : (n_domains, n_bins, 2) int64
        Tokens and documents.
    """

    def __init__(self, domains: Sequence[str], n_bins: int = N_MERGED_BINS) -> None:
        self.domains = tuple(domains)
        self.sums: Integers = np.zeros((len(self.domains), n_bins, 2), np.int64)  # both in one place: one look in memory

    @property
    def tokens(self) -> Integers:
        """Tokens, ``(n_domains, n_bins)``."""
        return self.sums[:, :, 0]

    @property
    def documents(self) -> Integers:
        """Documents, ``(n_domains, n_bins)``."""
        return self.sums[:, :, 1]

    @property
    def n_bins(self) -> int:
        """Bins a domain."""
        return int(self.sums.shape[1])

    def add(self, domain: NDArray[np.integer], bins: NDArray[np.integer], tokens: Integers) -> None:
        """Count documents: index into `domains`, bin, tokens, each ``(n,)``.

        Raises
        ------
        RecipeError
            If a domain or a bin is not one of this histogram.
        """
        self.add_slots(slots_of(domain, len(self.domains), bins, self.n_bins), tokens)

    def add_slots(self, slots: Slots, tokens: Integers) -> None:
        """Count documents by slot, ``(n,)``, none outside this histogram."""
        from .draw_kernels import add_slots

        add_slots(slots, np.ascontiguousarray(tokens, np.int64), self.sums.reshape(-1, 2))

    def merge(self, other: MergedHistogram) -> MergedHistogram:
        """Add `other` to this histogram, in place, and return this one."""
        if other.domains != self.domains or other.n_bins != self.n_bins:
            raise RecipeError("Merged histograms of different domains or bins cannot be added; make both of one profile.")
        self.sums += other.sums
        return self

    @property
    def rank(self) -> Array:
        """Eq. 2: share of the domain's tokens in this bin or a better one, ``(n_domains, n_bins)``, 0 = best.

        Tied documents share the rank of the last of them; a domain without tokens has rank 1 throughout.
        """
        total = self.tokens.sum(axis=1, keepdims=True)
        return np.where(total > 0, np.cumsum(self.tokens, axis=1) / np.maximum(total, 1), 1.0)

    @classmethod
    def estimate(cls, profile: Profile, merger: Merger) -> MergedHistogram:
        """Histogram estimated from the profile's sample, scaled to the tokens and documents of each domain."""
        histogram = cls(profile.domains)
        for d, name in enumerate(profile.domains):
            sample = profile.sketch(name)
            raw = sample.scores * profile.criteria.signs
            rows = np.full(len(sample), d, np.int32)
            bins = merge_bins(raw, rows, merger.normaliser, merger.weights)
            for counts, weights, total in (
                (histogram.tokens, sample.tokens, int(profile.tokens[d])),
                (histogram.documents, np.ones(len(sample), np.int64), int(profile.documents[d])),
            ):
                summed = np.bincount(bins, weights, histogram.n_bins)
                reached = np.rint(np.cumsum(summed) * (total / max(1.0, float(summed.sum())))).astype(np.int64)
                counts[d] = np.diff(reached, prepend=0)
        return histogram

    @property
    def fingerprint(self) -> str:
        """Hash of the content."""
        return digest(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the histogram as an npz archive of its occupied bins."""
        rows, bins = np.nonzero(self.documents | self.tokens)
        arrays: dict[str, NDArray[Any]] = {
            "row": rows.astype(np.int32),
            "bin": bins.astype(np.int32),
            "tokens": self.tokens[rows, bins],
            "documents": self.documents[rows, bins],
        }
        return pack(KIND, SCHEMA_VERSION, {"domains": list(self.domains), "n_bins": self.n_bins}, arrays)

    @classmethod
    def from_bytes(cls, content: bytes) -> MergedHistogram:
        """Inverse of `to_bytes`; `RecipeError` if the bytes are no merged histogram."""
        meta, arrays = unpack(content, KIND, SCHEMA_VERSION)
        histogram = cls(meta["domains"], meta["n_bins"])
        histogram.tokens[arrays["row"], arrays["bin"]] = arrays["tokens"]
        histogram.documents[arrays["row"], arrays["bin"]] = arrays["documents"]
        return histogram
