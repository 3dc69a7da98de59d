"""Loops over documents, compiled: one pass over the rows of a batch each, short, scalar, exact in integers.

Compiled at the first import and kept on disk from then on. They hold no lock, so threads run side by side. Nothing is
checked here: callers give arrays of the types named, inside their bounds. Imported late, inside functions: a compiler is
heavy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int16, int32, int64, types, uint16, uint64, void

from .hash_kernels import compiled, given, mixed
from .histogram import N_BINS
from .normalise import PLACE, PLACE_BITS, RISE, ROW_BITS, SIGMA_BITS, STEP_BITS, WORST
from .order_keys import HALF, ONE, TINY, ZERO
from .sketch import SKETCH_KEY

HALF_KEY, ONE_KEY, TINY_KEY = int(HALF), int(ONE), int(ZERO)
TABLE = types.Array(int64, 2, "C", readonly=True)
FIXED = types.Array(uint64, 2, "C", readonly=True)
SAMPLE = (int32[::1], uint64[::1], int64[::1], int16[::1], float64[:, ::1])
"""Domain, hash, tokens, bucket and scores of candidates: see `recipes.sampling.sketches`."""
BLOCK = 1 << 12
"""Rows whose intermediate values stay near the processor."""
FINE = 1 << 12
"""Steps that the hashes of a domain are sorted into."""
SCORES = types.Array(float64, 2, "C", readonly=True)


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


@compiled(void(given(float64), int64[::1]))
def order_all(scores: Any, keys: Any) -> None:
    """Write the order key of each score, none NaN, to `keys`."""
    for i in range(scores.size):
        keys[i] = order_key(scores[i])


@compiled(
    types.UniTuple(int64, 2)(  # type: ignore[no-untyped-call]
        *(given(int32), given(uint64), given(int64), given(int16), SCORES, given(float64), int64, given(uint64)),
        *(int64[::1], int64[::1], *SAMPLE, int64),
    )
)
def count_documents(
    domain: Any,
    ids: Any,
    tokens: Any,
    buckets: Any,
    scores: Any,
    signs: Any,
    begin: Any,
    bounds: Any,
    documents: Any,
    token_sums: Any,
    into: Any,
    hashes: Any,
    into_tokens: Any,
    into_buckets: Any,
    into_scores: Any,
    n: Any,
) -> Any:
    """Count documents and tokens by domain, and put those into the sample, from place `n` on, that may belong there.

    Scores are ``(n_criteria, n)``, buckets of length 1 hold for all. Returns the row that it stopped at, for lack of
    room or at the end, and the next free place.
    """
    each = np.int64(buckets.size > 1)
    for i in range(begin, domain.size):
        d = domain[i]
        key = mixed(ids[i] ^ SKETCH_KEY)
        if key <= bounds[d]:
            if n == hashes.size:
                return i, n
            into[n], hashes[n], into_tokens[n], into_buckets[n] = d, key, tokens[i], buckets[i * each]
            for c in range(signs.size):
                into_scores[n, c] = scores[c, i] * signs[c] + 0.0  # + 0: no negative zero
            n += 1
        documents[d] += 1
        token_sums[d] += tokens[i]
    return domain.size, n


@compiled(int64(*SAMPLE, int64, uint64[::1], int64))
def thin(domain: Any, hashes: Any, tokens: Any, buckets: Any, scores: Any, n: Any, bounds: Any, size: Any) -> Any:
    """Lower every bound to no less than the `size`-th smallest hash, drop what lies above: how many stay."""
    shifts = np.zeros(bounds.size, np.uint64)
    for d in range(bounds.size):
        while bounds[d] >> shifts[d] >= FINE:
            shifts[d] += np.uint64(1)
    counts = np.zeros((bounds.size, FINE), np.int64)
    for i in range(n):
        counts[domain[i], hashes[i] >> shifts[domain[i]]] += 1
    for d in range(bounds.size):
        reached = 0
        for b in range(FINE):
            reached += counts[d, b]
            if reached >= size:
                bounds[d] = min(bounds[d], (np.uint64(b + 1) << shifts[d]) - np.uint64(1))
                break
    kept = 0
    for i in range(n):
        if hashes[i] <= bounds[domain[i]]:
            domain[kept], hashes[kept], tokens[kept], buckets[kept] = domain[i], hashes[i], tokens[i], buckets[i]
            for c in range(scores.shape[1]):
                scores[kept, c] = scores[i, c]
            kept += 1
    return kept


@compiled(void(given(int32), given(uint64), int64, given(uint64), int64[::1], int64[::1]))
def sort_sample(domain: Any, hashes: Any, n: Any, bounds: Any, order: Any, ends: Any) -> None:
    """Rows in the order of domain and hash, and where each domain ends: by counting, as hashes are uniform."""
    shifts = np.zeros(bounds.size, np.uint64)
    for d in range(bounds.size):
        while bounds[d] >> shifts[d] >= FINE:
            shifts[d] += np.uint64(1)
    first = np.zeros(bounds.size * FINE + 1, np.int64)
    for i in range(n):
        first[domain[i] * FINE + np.int64(hashes[i] >> shifts[domain[i]]) + 1] += 1
    for b in range(1, first.size):
        first[b] += first[b - 1]
    for d in range(bounds.size + 1):
        ends[d] = first[d * FINE]
    for i in range(n):
        b = domain[i] * FINE + np.int64(hashes[i] >> shifts[domain[i]])
        order[first[b]] = i
        first[b] += 1
    for d in range(bounds.size):
        for k in range(ends[d] + 1, ends[d + 1]):
            row, at = order[k], k
            while at > ends[d] and hashes[order[at - 1]] > hashes[row]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = row


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
    for i in range(domain.size):
        if np.isnan(scores[i]):
            missing[domain[i], criterion] += 1
            missing_tokens[domain[i], criterion] += tokens[i]
        elif tokens[i] > 0:
            row = domain[i] * n_criteria + criterion
            key = order_key(scores[i] * sign)
            slot = (key >> levels[row]) - bases[row]
            if 0 <= slot < N_BINS:
                held[row, slot] += tokens[i]
            else:
                span[row, 0] = min(span[row, 0], key)
                span[row, 1] = max(span[row, 1], key)
                left[n] = i
                n += 1
    return n


@compiled(int64(int64, int64, given(int64), given(int64)))
def value_at(spot: Any, entry: Any, step_at: Any, step_value: Any) -> Any:
    """Value at a spot (row, bin and place in one integer): on the line over its bin, or of the last step before it."""
    if entry >= 0:
        return (entry >> 32) + (((spot & PLACE) * (entry & RISE)) >> PLACE_BITS)
    first, size = ~entry >> STEP_BITS, ~entry & ((1 << STEP_BITS) - 1)
    while size > 1:
        half = size >> 1
        first += half * (step_at[first + half] <= spot)
        size -= half
    return step_value[first]


@compiled(
    void(
        *(given(int32), int64, int64, given(float64), float64, given(int64), given(int64), given(int64)),
        *(given(int64), given(int64), int64[::1]),
    )
)
def sigma_all(
    domain: Any,
    n_criteria: Any,
    criterion: Any,
    scores: Any,
    sign: Any,
    shifts: Any,
    offsets: Any,
    table: Any,
    step_at: Any,
    step_value: Any,
    values: Any,
) -> None:
    """Sigma of one criterion to `values`: see `recipes.sampling.normalise`."""
    for i in range(domain.size):  # no memory but the arrays': side by side
        row = domain[i] * n_criteria + criterion
        low = row << ROW_BITS
        spot = (order_key(scores[i] * sign) >> shifts[row]) - offsets[row]
        values[i] = min(max(spot, low), low + ((1 << ROW_BITS) - 1))  # a score not seen before: the nearest that was
    entries = np.empty(domain.size, np.int64)
    for i in range(domain.size):
        entries[i] = table[values[i] >> PLACE_BITS]
    for i in range(domain.size):
        values[i] = value_at(values[i], entries[i], step_at, step_value)
        if np.isnan(scores[i]):
            values[i] = WORST


@compiled(
    void(
        *(given(int32), SCORES, given(int64), given(float64), TABLE),
        *(given(int64), given(int64), given(int64), given(int64), given(int64), uint16[::1]),
    )
)
def merge_scores(
    domain: Any,
    scores: Any,
    used: Any,
    signs: Any,
    weights: Any,
    shifts: Any,
    offsets: Any,
    table: Any,
    step_at: Any,
    step_value: Any,
    bins: Any,
) -> None:
    """Eq. 1 in integers to `bins`: the sum over the criteria `used` of weight times sigma; `scores` a row a criterion."""
    values = np.empty(BLOCK, np.int64)
    merged = np.empty(BLOCK, np.int64)
    for begin in range(0, domain.size, BLOCK):
        places = domain[begin : begin + BLOCK]
        merged[:] = 0
        for c in used:
            column = scores[c, begin : begin + BLOCK]
            sigma_all(places, signs.size, c, column, signs[c], shifts, offsets, table, step_at, step_value, values)
            for i in range(places.size):
                merged[i] += values[i] * weights[places[i], c]
        for i in range(places.size):
            bins[begin + i] = merged[i] >> SIGMA_BITS


@compiled(void(given(int32), given(uint16), given(int64), int64[:, :, ::1]))
def add_bins(domain: Any, bins: Any, tokens: Any, sums: Any) -> None:
    """Add tokens and documents by domain and bin to `sums`, ``(n_domains, n_bins, 2)``."""
    for i in range(domain.size):
        sums[domain[i], bins[i], 0] += tokens[i]
        sums[domain[i], bins[i], 1] += 1


@compiled(int64(given(int32), given(uint16), given(uint64), uint64, FIXED, uint16[::1], int64[::1]))
def draw_copies(domain: Any, bins: Any, ids: Any, key: Any, fixed: Any, counts: Any, rows: Any) -> Any:
    """Copies of each document to `counts`, the rows that have any to `rows`: how many is returned."""
    n = 0
    for i in range(ids.size):
        drawn = (fixed[domain[i], bins[i]] + (mixed(ids[i] + key) >> np.uint64(11))) >> np.uint64(53)
        counts[i] = drawn
        rows[n] = i
        n += drawn > 0
    return n
