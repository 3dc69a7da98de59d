"""Exact ranks for the passes: in a small corpus every distinct score has its own step, every merged score its own bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from infolaw.errors import RecipeError

from ..batch import Batch
from .criteria import Criteria
from .domains import Slots, known_domains, slots_of
from .exact import inclusive_rank
from .order_keys import Domains, Floats
from .packing import read_arrays, write_arrays

MOST_DOCUMENTS = 5_000_000
"""More documents are refused: all their scores are held in memory."""

MOST_BINS = 1 << 24
"""More bins, domains times distinct merged scores of the largest, are refused too: every table has a number for each."""


@dataclass(frozen=True)
class ExactMerger:
    """Eq. 1 by sorting, in float64; the counterpart of `recipes.sampling.merged.Merger`.

    Attributes
    ----------
    domains : tuple of str
    criteria : Criteria
    weights : (n_domains, n_criteria) float64
        Of the criteria; each row sums to 1.
    scores, ranks : tuple of (n_distinct,) float64
        A pair a domain and criterion: the distinct oriented scores, NaN last, and the share of tokens up to each.
    merged : tuple of (n_distinct,) float64
        A domain each: its distinct merged scores.
    """

    domains: tuple[str, ...]
    criteria: Criteria
    weights: Floats
    scores: tuple[Floats, ...]
    ranks: tuple[Floats, ...]
    merged: tuple[Floats, ...]

    @classmethod
    def of(
        cls, batches: Sequence[Batch], domains: Sequence[str], criteria: Criteria, criterion_weights: ArrayLike | None
    ) -> ExactMerger:
        """Merger of all documents of a corpus.

        Raises
        ------
        RecipeError
            If the criteria are not normalised by rank, a domain's weights are all 0, or the tables would be too large.
        """
        if criteria.normalisation != "rank":
            raise RecipeError(f"Exact ranks need the normalisation 'rank', not {criteria.normalisation!r}.")
        shape = (len(domains), len(criteria))
        weights = np.ones(shape) if criterion_weights is None else np.asarray(criterion_weights, np.float64).reshape(shape)
        sums = weights.sum(axis=1, keepdims=True)
        if len(criteria) and np.any(sums <= 0):
            raise RecipeError(f"All criterion weights of {domains[int(np.argmin(sums))]} are 0; give one a positive weight.")
        place = np.concatenate([known_domains(b.domain, b.domains, domains, "profile") for b in batches])
        tokens = np.concatenate([batch.tokens for batch in batches])
        raw = np.concatenate([batch.scores for batch in batches]) * criteria.signs
        scores: list[Floats] = []
        ranks: list[Floats] = []
        for d in range(len(domains)):
            rows = np.flatnonzero(place == d)
            for c in range(len(criteria)):
                distinct, first = np.unique(raw[rows, c], return_index=True)
                scores.append(distinct)
                ranks.append(inclusive_rank(raw[rows, c], tokens[rows])[first])
        weights = weights / np.maximum(sums, np.finfo(float).tiny)
        found = cls(tuple(domains), criteria, weights, tuple(scores), tuple(ranks), ())
        value = found._merge(raw, place)
        merged = tuple(np.unique(value[place == d]) for d in range(len(domains)))
        whole = cls(found.domains, criteria, weights, found.scores, found.ranks, merged)
        if len(domains) * whole.n_bins > MOST_BINS:
            raise RecipeError(
                f"--exact would need {len(domains)} domains times {whole.n_bins:,} ranks, at most {MOST_BINS:,}; leave it "
                "out, ranks by bins are within .001."
            )
        return whole

    @property
    def n_bins(self) -> int:
        """Bins a domain: the most distinct merged scores of any."""
        return max((len(values) for values in self.merged), default=1)

    def slots(self, batch: Batch) -> Slots:
        """Slot of each document, ``(n,)``: see `Merger.slots`."""
        domain = known_domains(batch.domain, batch.domains, self.domains, "profile")
        value = self._merge(batch.scores * self.criteria.signs, domain)
        bins = np.zeros(len(domain), np.uint32)
        for d in np.unique(domain).tolist():
            rows = np.flatnonzero(domain == d)
            bins[rows] = np.minimum(np.searchsorted(self.merged[d], value[rows]), len(self.merged[d]) - 1)
        return slots_of(domain, len(self.domains), bins, self.n_bins)

    def _merge(self, raw: Floats, domain: Domains) -> Floats:
        """Merged score of documents by their oriented scores."""
        merged = np.zeros(len(domain))
        for d in np.unique(domain).tolist():
            rows = np.flatnonzero(domain == d)
            for c in range(len(self.criteria)):
                k = d * len(self.criteria) + c
                spots = np.minimum(np.searchsorted(self.scores[k], raw[rows, c]), len(self.scores[k]) - 1)
                merged[rows] += self.weights[d, c] * self.ranks[k][spots]
        return merged

    def write(self, path: Path) -> None:
        """Write the tables for workers to read."""
        parts = {"scores": self.scores, "ranks": self.ranks, "merged": self.merged}
        arrays = {f"{name}{k}": array for name, held in parts.items() for k, array in enumerate(held)}
        meta = {"domains": list(self.domains), "criteria": self.criteria.to_dict()}
        write_arrays(path, meta, {"weights": self.weights, **arrays})

    @classmethod
    def read(cls, path: Path) -> ExactMerger:
        """Inverse of `write`."""
        meta, arrays = read_arrays(path)
        domains, criteria = tuple(meta["domains"]), Criteria.from_dict(meta["criteria"])
        scores, ranks = (
            tuple(arrays[f"{name}{k}"] for k in range(len(domains) * len(criteria))) for name in ("scores", "ranks")
        )
        merged = tuple(arrays[f"merged{d}"] for d in range(len(domains)))
        return cls(domains, criteria, arrays["weights"], scores, ranks, merged)
