"""Loops over documents' bins, compiled: their histogram, the draw, and what is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int32, int64, types, uint16, uint32, uint64, void

from .hash_kernels import U, compiled, given, mixed

BINS = (uint16, uint32)
"""Types of bins: few of them, and as many as there are documents, where ranks are exact."""
FIXED = types.Array(uint64, 2, "C", readonly=True)


@compiled(*(void(given(int32), given(kind), given(int64), int64[:, :, ::1]) for kind in BINS))
def add_bins(domain: Any, bins: Any, tokens: Any, sums: Any) -> None:
    """Add tokens and documents by domain and bin to `sums`, ``(n_domains, n_bins, 2)``."""
    for i in range(U(domain.size)):
        sums[U(domain[i]), U(bins[i]), 0] += tokens[i]
        sums[U(domain[i]), U(bins[i]), 1] += 1


@compiled(*(int64(given(int32), given(kind), given(uint64), uint64, FIXED, uint16[::1], int64[::1]) for kind in BINS))
def draw_copies(domain: Any, bins: Any, ids: Any, key: Any, fixed: Any, counts: Any, rows: Any) -> Any:
    """Copies of each document to `counts`, the rows that have any to `rows`: how many is returned."""
    n = U(0)
    for i in range(U(ids.size)):
        drawn = (fixed[U(domain[i]), U(bins[i])] + (mixed(ids[i] + key) >> U(11))) >> U(53)
        counts[i] = drawn
        rows[n] = i
        n += U(drawn > 0)
    return n


@compiled(void(given(uint64), given(uint16), given(int64), given(int64), int64[:, ::1], uint64[::1]))
def tally_drawn(ids: Any, counts: Any, tokens: Any, cells: Any, sums: Any, digest: Any) -> None:
    """Add drawn documents to the sums of their cells and to the digest: see `recipes.passes.tally`."""
    for i in range(U(ids.size)):
        cell, copies = U(cells[i]), np.int64(counts[i])
        sums[cell, 0] += 1
        sums[cell, 1] += tokens[i]
        sums[cell, 2] += copies
        sums[cell, 3] += copies * tokens[i]
        word = mixed(mixed(ids[i]) + U(counts[i]))
        digest[0] += word
        digest[1] ^= word
