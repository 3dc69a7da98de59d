"""Hashes of single documents, compiled, and the loops that need nothing else. See `recipes.sampling.score_kernels`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import int64, njit, types, uint8, uint64, void

from .hashing import GOLDEN, MIX, P1, P2, P3, P4, P5

MIX_0, MIX_1 = MIX
U = np.uint64
"""Indices that are never negative: the compiler then leaves out what Python does for those that are."""


def given(kind: Any) -> Any:
    """Type of an array that a kernel only reads: contiguous, one axis."""
    return types.Array(kind, 1, "C", readonly=True)


def compiled(*signatures: Any) -> Callable[[Any], Any]:
    """Compile for these types alone, and keep the result; where no folder can be written, compile in every process."""

    def decorate(function: Any) -> Any:
        options: Any = {"nogil": True, "error_model": "numpy"}
        try:
            return njit(list(signatures), cache=True, **options)(function)
        except RuntimeError:  # no folder to keep compiled code in
            return njit(list(signatures), **options)(function)

    return decorate


@compiled(uint64(uint64))
def mixed(state: Any) -> Any:
    """SplitMix64 of one integer."""
    state = state + GOLDEN
    state = (state ^ (state >> np.uint64(30))) * MIX_0
    state = (state ^ (state >> np.uint64(27))) * MIX_1
    return state ^ (state >> np.uint64(31))


@compiled(void(given(uint64), uint64[::1]))
def mix_all(values: Any, found: Any) -> None:
    """Write SplitMix64 of `values` to `found`."""
    for i in range(values.size):
        found[i] = mixed(values[i])


@compiled(uint64(uint64, uint64))
def turned(value: Any, turn: Any) -> Any:
    """Bits of `value` rotated to the left."""
    return (value << turn) | (value >> (np.uint64(64) - turn))


@compiled(uint64(uint64, uint64))
def lane_round(lane: Any, word: Any) -> Any:
    """One word into one lane of XXH64."""
    return turned(lane + word * P2, np.uint64(31)) * P1


@compiled(uint64(given(uint8), int64, int64))
def word_at(data: Any, at: Any, size: Any) -> Any:
    """Little-endian word of `size` bytes."""
    word = np.uint64(0)
    for k in range(size):
        word |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return word


@compiled(uint64(given(uint8), int64, int64))
def hash_bytes(data: Any, at: Any, stop: Any) -> Any:
    """XXH64, seed 0, of ``data[at:stop]``."""
    length = np.uint64(stop - at)
    if length >= np.uint64(32):
        one, two, three, four = P1 + P2, P2, np.uint64(0), np.uint64(0) - P1
        while at + 32 <= stop:
            one = lane_round(one, word_at(data, at, 8))
            two = lane_round(two, word_at(data, at + 8, 8))
            three = lane_round(three, word_at(data, at + 16, 8))
            four = lane_round(four, word_at(data, at + 24, 8))
            at += 32
        state = turned(one, np.uint64(1)) + turned(two, np.uint64(7))
        state += turned(three, np.uint64(12)) + turned(four, np.uint64(18))
        for lane in (one, two, three, four):
            state = (state ^ lane_round(np.uint64(0), lane)) * P1 + P4
    else:
        state = P5
    state += length
    while at + 8 <= stop:
        state = turned(state ^ lane_round(np.uint64(0), word_at(data, at, 8)), np.uint64(27)) * P1 + P4
        at += 8
    if at + 4 <= stop:
        state = turned(state ^ (word_at(data, at, 4) * P1), np.uint64(23)) * P2 + P3
        at += 4
    while at < stop:
        state = turned(state ^ (np.uint64(data[at]) * P5), np.uint64(11)) * P1
        at += 1
    state = (state ^ (state >> np.uint64(33))) * P2
    state = (state ^ (state >> np.uint64(29))) * P3
    return state ^ (state >> np.uint64(32))


@compiled(void(given(uint8), given(int64), uint64[::1]))
def hash_strings(data: Any, offsets: Any, found: Any) -> None:
    """XXH64 of ``data[offsets[i]:offsets[i + 1]]``."""
    for i in range(found.size):
        found[i] = hash_bytes(data, offsets[i], offsets[i + 1])
