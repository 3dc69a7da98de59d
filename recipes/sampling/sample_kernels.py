"""Loops that choose the sample of a domain, compiled. See `recipes.sampling.score_kernels`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int16, int32, int64, types, uint64, void

from .hash_kernels import U, compiled, given, mixed
from .sketch import SKETCH_KEY

BLOCK = 1 << 12
"""Rows whose hashes are computed together, eight at a time."""
LANES = 4
"""Neighbouring documents are added up apart, so that no sum waits for the one before."""
SCORES = types.Array(float64, 2, "C", readonly=True)


@compiled(void(given(int32), given(int64), int64[::1], int64[::1]))
def count_documents(domain: Any, tokens: Any, documents: Any, token_sums: Any) -> None:
    """Add documents and their tokens by domain."""
    sums = np.zeros((LANES, documents.size, 2), np.int64)
    for i in range(U(domain.size)):
        lane, place = U(i & U(LANES - 1)), U(domain[i])
        sums[lane, place, 0] += 1
        sums[lane, place, 1] += tokens[i]
    for each_lane in sums:
        for d in range(documents.size):
            documents[d] += each_lane[d, 0]
            token_sums[d] += each_lane[d, 1]


@compiled(
    int64(
        *(given(int32), given(uint64), given(int64), given(int16), SCORES, given(float64), int64, given(uint64)),
        *(uint64[::1], int64[::1], int16[::1], float64[:, ::1], int64[::1], int64),
    )
)
def let_in(
    domain: Any,
    ids: Any,
    tokens: Any,
    buckets: Any,
    scores: Any,
    signs: Any,
    begin: Any,
    bounds: Any,
    hashes: Any,
    into_tokens: Any,
    into_buckets: Any,
    into_scores: Any,
    sizes: Any,
    room: Any,
) -> Any:
    """Put documents from row `begin` on that may belong there into the samples of their domains, `room` places each.

    Scores are ``(n_criteria, n)``, buckets of length 1 hold for all. Returns the row that it stopped at, for lack of
    room in its domain, or at the end.
    """
    each = np.int64(buckets.size > 1)
    keys, near = np.empty(BLOCK, np.uint64), np.empty(BLOCK + 1, np.int32)
    for first in range(begin, domain.size, BLOCK):
        places, block = domain[first : first + BLOCK], ids[first : first + BLOCK]
        for i in range(U(places.size)):
            keys[i] = mixed(block[i] ^ SKETCH_KEY)
        n_near = U(0)
        for i in range(U(places.size)):
            near[n_near] = i
            n_near += U(keys[i] <= bounds[U(places[i])])
        for k in range(n_near):
            i, place = first + near[k], U(places[U(near[k])])
            if sizes[place] == room:
                return i
            n = place * U(room) + U(sizes[place])
            hashes[n], into_tokens[n], into_buckets[n] = keys[U(near[k])], tokens[i], buckets[i * each]
            for c in range(signs.size):
                into_scores[n, c] = scores[c, i] * signs[c] + 0.0  # + 0: no negative zero
            sizes[place] += 1
    return domain.size


@compiled(void(given(int32), boolean[::1]))
def mark_codes(codes: Any, seen: Any) -> None:
    """Set what the codes point at."""
    for i in range(U(codes.size)):
        seen[U(codes[i])] = True


@compiled(void(given(int32), given(int32), int32[::1]))
def translate(codes: Any, index: Any, found: Any) -> None:
    """What stands in `index` at each code."""
    for i in range(U(codes.size)):
        found[i] = index[U(codes[i])]


@compiled(boolean(given(float64), float64[::1]))
def copy_finite(values: Any, into: Any) -> Any:
    """Copy values; whether one of them is infinite is returned."""
    n_infinite = 0
    for i in range(U(values.size)):
        into[i] = values[i]
        n_infinite += abs(values[i]) == np.inf
    return n_infinite > 0
