"""Loops that choose the sample of a domain, compiled. See `recipes.sampling.score_kernels`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int16, int32, int64, types, uint64, void

from .hash_kernels import U, compiled, given, mixed
from .sketch import SKETCH_KEY

SAMPLE = (int32[::1], uint64[::1], int64[::1], int16[::1], float64[:, ::1])
"""Domain, hash, tokens, bucket and scores of candidates: see `recipes.sampling.sketches`."""
FINE = 1 << 12
"""Steps that the hashes of a domain are sorted into."""
LANES = 4
"""Neighbouring documents are added up apart, so that no sum waits for the one before."""
SCORES = types.Array(float64, 2, "C", readonly=True)


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
    sums = np.zeros((LANES, bounds.size, 2), np.int64)
    row = domain.size
    for i in range(begin, domain.size):
        place = U(domain[i])
        key = mixed(ids[i] ^ SKETCH_KEY)
        if key <= bounds[place]:
            if n == hashes.size:
                row = i
                break
            into[n], hashes[n], into_tokens[n], into_buckets[n] = domain[i], key, tokens[i], buckets[i * each]
            for c in range(signs.size):
                into_scores[n, c] = scores[c, i] * signs[c] + 0.0  # + 0: no negative zero
            n += 1
        lane = U(i & (LANES - 1))
        sums[lane, place, 0] += 1
        sums[lane, place, 1] += tokens[i]
    for each_lane in sums:
        for d in range(bounds.size):
            documents[d] += each_lane[d, 0]
            token_sums[d] += each_lane[d, 1]
    return row, n


@compiled(void(given(int32), boolean[::1]))
def mark_codes(codes: Any, seen: Any) -> None:
    """Set what the codes point at."""
    for i in range(U(codes.size)):
        seen[U(codes[i])] = True


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
