"""Profile: what one pass over the documents leaves, the same whatever their order, shards and workers.

Per domain: documents, tokens, missing scores, a histogram a criterion, the buckets that documents state, and a
bottom-k sample of (scores, tokens, bucket). Every later table is made from it (and from merged histograms).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infolaw.errors import RecipeError

from ..batch import Batch
from .criteria import Criteria
from .domains import check_batch, domain_indices, present, translated
from .histogram import Histograms, WeightedHistogram
from .order_keys import Domains, Integers
from .packing import digest
from .sketch import Sketch
from .sketches import Sketches


class Profile:
    """Counts, histograms and sample of a corpus, by domain; updated in place.

    Parameters
    ----------
    criteria : Criteria
        What the columns of the scores are.
    domains : sequence of str, optional
        Known beforehand; others are added when met. Always kept sorted.

    Attributes
    ----------
    domains : tuple of str
    documents, tokens : (n_domains,) int64
    missing, missing_tokens : (n_domains, n_criteria) int64
        Documents without the score (NaN), and their tokens.
    bucket_documents, bucket_tokens : (n_domains, n_buckets) int64
        By the bucket that the documents state; no column where none do.
    """

    def __init__(self, criteria: Criteria, domains: Sequence[str] = ()) -> None:
        self.criteria = criteria
        self.domains: tuple[str, ...] = ()
        n = len(criteria)
        self.documents: Integers = np.zeros(0, np.int64)
        self.tokens: Integers = np.zeros(0, np.int64)
        self.missing: Integers = np.zeros((0, n), np.int64)
        self.missing_tokens: Integers = np.zeros((0, n), np.int64)
        self.bucket_documents: Integers = np.zeros((0, 0), np.int64)
        self.bucket_tokens: Integers = np.zeros((0, 0), np.int64)
        self.histograms = Histograms(0)
        self._sketches = Sketches(0, n)
        self._know(domains)

    @classmethod
    def empty(cls, criteria: Criteria, domains: Sequence[str] = ()) -> Profile:
        """Return a profile of no documents."""
        return cls(criteria, domains)

    def update(self, batch: Batch) -> None:
        """Count a batch.

        Raises
        ------
        RecipeError
            If tokens are negative, a code has no name, the scores have another number of columns, or a score is
            missing where that is refused; the message gives the row of the batch. Nothing is counted then.
        """
        from .sample_kernels import count_documents

        check_batch(batch, self.criteria)
        self._know([batch.domains[code] for code in np.flatnonzero(present(batch.domain, len(batch.domains)))])
        domain = translated(batch.domain, domain_indices(batch.domains, self.domains))
        tokens = np.ascontiguousarray(batch.tokens, np.int64)
        columns = np.ascontiguousarray(batch.scores.T, np.float64)
        missing = (self.missing, self.missing_tokens)
        for c, sign in enumerate(self.criteria.signs.tolist()):
            self.histograms.add(domain, c, columns[c], sign, tokens, missing)
        if batch.bucket is not None and batch.bucket.size and batch.bucket.max() >= 0:
            self._count_buckets(domain, batch.bucket, tokens)
        count_documents(domain, tokens, self.documents, self.tokens)
        self._sketches.let_in(domain, batch, self.criteria.signs)

    def _count_buckets(self, domain: Domains, bucket: np.ndarray, tokens: Integers) -> None:
        stated = bucket >= 0
        self._know_buckets(int(bucket.max()) + 1)
        np.add.at(self.bucket_documents, (domain[stated], bucket[stated]), 1)
        np.add.at(self.bucket_tokens, (domain[stated], bucket[stated]), tokens[stated])

    def _know_buckets(self, n_buckets: int) -> None:
        more = ((0, 0), (0, max(0, n_buckets - self.bucket_tokens.shape[1])))
        self.bucket_documents = np.pad(self.bucket_documents, more)
        self.bucket_tokens = np.pad(self.bucket_tokens, more)

    def _know(self, names: Sequence[str]) -> None:
        """Add domains, keep them sorted."""
        if set(names) <= set(self.domains):
            return
        domains = tuple(sorted({*self.domains, *names}))
        source = np.array([self.domains.index(name) if name in self.domains else -1 for name in domains])
        for name in ("documents", "tokens", "missing", "missing_tokens", "bucket_documents", "bucket_tokens"):
            held = getattr(self, name)
            moved = np.zeros((len(domains), *held.shape[1:]), np.int64)
            moved[source >= 0] = held[source[source >= 0]]
            setattr(self, name, moved)
        n = len(self.criteria)
        rows = (source[:, None] * n + np.arange(n)).reshape(-1)
        self.histograms = self.histograms.take(np.where(np.repeat(source, n) >= 0, rows, -1))
        self._sketches = self._sketches.taken(source)
        self.domains = domains

    def merge(self, other: Profile) -> Profile:
        """Add `other` to this profile, in place, and return this one; any order of merging gives the same.

        Raises
        ------
        RecipeError
            If the criteria differ.
        """
        if other.criteria != self.criteria:
            raise RecipeError(
                f"Profiles of the criteria {self.criteria} and {other.criteria} cannot be merged; build both alike."
            )
        self._know(other.domains)
        self._know_buckets(other.bucket_tokens.shape[1])
        place = domain_indices(other.domains, self.domains)
        n = len(self.criteria)
        for name in ("documents", "tokens", "missing", "missing_tokens"):
            getattr(self, name)[place] += getattr(other, name)
        width = other.bucket_tokens.shape[1]
        self.bucket_documents[place, :width] += other.bucket_documents
        self.bucket_tokens[place, :width] += other.bucket_tokens
        for theirs, ours in enumerate(place.tolist()):
            for c in range(n):
                self.histograms.merge_row(ours * n + c, other.histograms, theirs * n + c)
        for theirs, ours in enumerate(place.tolist()):
            self._sketches.add(ours, other._sketches.candidates(theirs))
        return self

    def set_sketches(self, sketches: Sequence[Sketch]) -> None:
        """Put samples in place, or documents among which they are, one part a domain."""
        self._sketches = Sketches.of(sketches, len(self.criteria))

    def sketch(self, domain: str) -> Sketch:
        """Sample of one domain, at most 16,384 documents."""
        return self._sketches.sample(self.domains.index(domain))

    def samples(self) -> list[Sketch]:
        """Sample of every domain."""
        return [self._sketches.sample(d) for d in range(len(self.domains))]

    def candidates(self) -> list[Sketch]:
        """Documents of every domain among which its sample is, in no order; to be read at once."""
        return [self._sketches.candidates(d) for d in range(len(self.domains))]

    def histogram(self, domain: str, criterion: str) -> WeightedHistogram:
        """Histogram of one criterion in one domain, over oriented scores (lower = better)."""
        n = len(self.criteria)
        return self.histograms.histogram(self.domains.index(domain) * n + self.criteria.names.index(criterion))

    @property
    def tied(self) -> Integers:
        """Documents that share their score with another, ``(n_domains, n_criteria)``, estimated from the sample."""
        shares = np.zeros((len(self.domains), len(self.criteria)))
        for d, name in enumerate(self.domains):
            sample = self.sketch(name).scores
            for c in range(sample.shape[1]):
                column = sample[~np.isnan(sample[:, c]), c]
                _, counts = np.unique(column, return_counts=True)
                shares[d, c] = counts[counts > 1].sum() / max(1, column.size)
        return np.rint(shares * (self.documents[:, None] - self.missing)).astype(np.int64)

    @property
    def fingerprint(self) -> str:
        """Hash of the content: the same documents give the same, in whatever shards."""
        return digest(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the profile as an npz archive; the same documents give the same bytes."""
        from .profile_bytes import profile_to_bytes

        return profile_to_bytes(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Profile:
        """Inverse of `to_bytes`; `RecipeError` if the bytes are no profile."""
        from .profile_bytes import profile_from_bytes

        return profile_from_bytes(content)
