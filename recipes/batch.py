"""A batch of documents' metadata: the currency between readers, sampler and passes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """Rows of one shard in file order, columns as plain arrays; text never enters a batch.

    Attributes
    ----------
    ids : (n,) uint64
        Integer ids as they stand (two's complement), string ids hashed by XXH64 of their UTF-8 bytes,
        and for documents without an id a hash of (file fingerprint, row).
    domain : (n,) int32
        Codes into `domains`.
    domains : tuple of str
        Names the codes refer to, each used by at least one row; batches of one corpus may differ in names and order.
    tokens : (n,) int64
        Tokens per document, at least 0.
    scores : (n, n_criteria) float64
        One column per criterion in the declared order, as read (no direction applied); NaN = missing, never infinite.
    bucket : (n,) int16, optional
        Quality bucket where the documents state it (0 = best); None otherwise.
    """

    ids: NDArray[np.uint64]
    domain: NDArray[np.int32]
    domains: tuple[str, ...]
    tokens: NDArray[np.int64]
    scores: NDArray[np.float64]
    bucket: NDArray[np.int16] | None = None

    def __len__(self) -> int:
        return int(self.ids.shape[0])
