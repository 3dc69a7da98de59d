"""Loops over documents' bins, compiled: their histogram, the draw, and what is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int64, uint16, uint32, uint64, void

from .hash_kernels import U, compiled, given, mixed


@compiled(void(given(uint32), given(int64), int64[:, ::1]))
def add_slots(slots: Any, tokens: Any, sums: Any) -> None:
    """Add tokens and documents by slot to `sums`, ``(n_slots, 2)``."""
    for i in range(U(slots.size)):
        sums[U(slots[i]), 0] += tokens[i]
        sums[U(slots[i]), 1] += 1


@compiled(int64(given(uint32), given(uint64), uint64, given(uint64), uint16[::1], int64[::1]))
def draw_copies(slots: Any, ids: Any, key: Any, fixed: Any, counts: Any, rows: Any) -> Any:
    """Copies of each document to `counts`, the rows that have any to `rows`: how many is returned."""
    n = U(0)
    for i in range(U(ids.size)):
        drawn = (fixed[U(slots[i])] + (mixed(ids[i] + key) >> U(11))) >> U(53)
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
