"""Loops over documents' scores, compiled: order keys, histograms, sigma and eq. 1, exact in integers.

Compiled at the first import and kept on disk from then on. They hold no lock, so threads run side by side. Nothing is
checked here: callers give arrays of the types named, inside their bounds. Imported late, inside functions: a compiler is
heavy. Documents are taken in blocks, and simple steps over a whole block one after the other: such loops handle eight
documents at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int32, int64, types, uint32, void

from .hash_kernels import U, compiled, given
from .histogram import N_BINS
from .normalise import PLACE, PLACE_BITS, RISE, ROW_BITS, STEP_BITS, WORST
from .order_keys import HALF, ONE, TINY, ZERO

HALF_KEY, ONE_KEY, TINY_KEY = int(HALF), int(ONE), int(ZERO)
TABLE = types.Array(int64, 2, "C", readonly=True)
SCORES = types.Array(float64, 2, "C", readonly=True)
TABLES = types.UniTuple(given(int64), 5)  # type: ignore[no-untyped-call]
"""What sigma is computed from: see `recipes.sampling.normalise.Normaliser.tables`."""
BLOCK = 1 << 12
"""Rows whose intermediate values stay near the processor."""
ROW_END = (1 << ROW_BITS) - 1


@compiled(int64(float64))
def order_key(score: Any) -> Any:
    """Order key of one score, not NaN: see `recipes.sampling.order_keys`."""
    size = abs(score)
    inside = min(size, 1.0)
    key = np.float64(min(1.0 - inside, inside) + TINY).view(np.int64) - TINY_KEY
    if inside > 0.5:
        key = 2 * HALF_KEY - key
    key += np.float64(max(size, 1.0)).view(np.int64) - ONE_KEY
    return -key if score < 0 else key


@compiled(void(given(float64), float64, int64[::1]))
def order_all(scores: Any, sign: Any, keys: Any) -> None:
    """Write the order key of each score times `sign`, to `keys`; that of NaN means nothing."""
    for i in range(U(scores.size)):
        keys[i] = order_key(scores[i] * sign)


@compiled(
    int64(
        *(given(int32), int64, int64, given(float64), float64, given(int64), given(int64), given(int64), int64[:, ::1]),
        *(int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1]),
    )
)
def add_scores(
    domain: Any,
    n_criteria: Any,
    criterion: Any,
    scores: Any,
    sign: Any,
    tokens: Any,
    levels: Any,
    bases: Any,
    held: Any,
    missing: Any,
    missing_tokens: Any,
    span: Any,
    left: Any,
) -> Any:
    """Add tokens to the bins of scores, or to those that miss one; documents without tokens have no bin.

    Documents outside their row's window go to `left` (how many is returned), and `span` takes in their keys: the least
    and the greatest of each row.
    """
    n = 0
    keys = np.empty(BLOCK, np.int64)
    for begin in range(0, domain.size, BLOCK):
        column = scores[begin : begin + BLOCK]
        order_all(column, sign, keys)
        for i in range(U(column.size)):
            at = U(begin) + i
            row = U(domain[at]) * U(n_criteria) + U(criterion)
            if np.isnan(column[i]):
                missing[U(domain[at]), U(criterion)] += 1
                missing_tokens[U(domain[at]), U(criterion)] += tokens[at]
            elif tokens[at] > 0:
                slot = U((keys[i] >> levels[row]) - bases[row])  # below the window: a huge number
                if slot < U(N_BINS):
                    held[row, slot] += tokens[at]
                else:
                    span[row, 0] = min(span[row, 0], keys[i])
                    span[row, 1] = max(span[row, 1], keys[i])
                    left[n] = at
                    n += 1
    return n


@compiled(void(given(int32), given(float64), float64, TABLES, int64[::1], int64[::1], int32[::1]))
def sigma_all(rows: Any, scores: Any, sign: Any, tables: Any, values: Any, entries: Any, refined: Any) -> None:
    """Sigma of scores to `values`, by the row of the tables each belongs to: see `recipes.sampling.normalise`.

    `entries` and `refined` are room for as many rows, and one more.
    """
    shifts, offsets, table, step_at, step_value = tables
    order_all(scores, sign, values)
    for i in range(U(rows.size)):
        row = U(rows[i])
        low = np.int64(row) << ROW_BITS
        spot = (values[i] >> shifts[row]) - offsets[row]
        values[i] = min(max(spot, low), low + ROW_END)  # a score not seen before: the nearest that was
    for i in range(U(rows.size)):
        entries[i] = table[U(values[i]) >> U(PLACE_BITS)]
    n_refined = U(0)
    for i in range(U(rows.size)):
        refined[n_refined] = i
        n_refined += U(entries[i] < 0)
    for k in range(n_refined):  # the last step before the spot
        place = U(refined[k])
        first, size = ~entries[place] >> STEP_BITS, ~entries[place] & ((1 << STEP_BITS) - 1)
        while size > 1:
            half = size >> 1
            first += half * (step_at[U(first + half)] <= values[place])
            size -= half
        entries[place] = step_value[U(first)] << 32
    for i in range(U(rows.size)):
        entry = entries[i]
        value = (entry >> 32) + (((values[i] & PLACE) * (entry & RISE)) >> PLACE_BITS)
        values[i] = WORST if np.isnan(scores[i]) else value


@compiled(void(given(int32), SCORES, given(int64), given(float64), TABLE, TABLES, int64, int64, uint32[::1]))
def merge_scores(
    domain: Any, scores: Any, used: Any, signs: Any, weights: Any, tables: Any, shift: Any, n_bins: Any, slots: Any
) -> None:
    """Eq. 1 in integers: the sum over the criteria `used` of weight times sigma, its last `shift` bits cut off.

    Scores are ``(n_criteria, n)``; domain times `n_bins` plus that sum goes to `slots`.
    """
    values, entries, merged = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    rows, refined = np.empty(BLOCK, np.int32), np.empty(BLOCK + 1, np.int32)
    for begin in range(0, domain.size, BLOCK):
        places = domain[begin : begin + BLOCK]
        merged[:] = 0
        for c in used:
            for i in range(U(places.size)):
                rows[i] = places[i] * signs.size + c
            column = scores[c, begin : begin + BLOCK]
            sigma_all(rows[: places.size], column, signs[c], tables, values, entries, refined)
            for i in range(U(places.size)):
                merged[i] += values[i] * weights[U(places[i]), U(c)]
        for i in range(U(places.size)):
            slots[U(begin) + i] = places[i] * n_bins + (merged[i] >> shift)
