"""A byte n-gram model in plain numpy: how well a reference text foretells a document, byte by byte.

Counts of every order lie in one hashed table each; an order's estimate leans on the one below it,
``P_k(b | c) = (n(cb) + s P_{k-1}(b | c')) / (n(c) + s)``: interpolation with a Dirichlet prior of strength s [1]_.

References
----------
.. [1] MacKay and Peto (1995), "A hierarchical Dirichlet language model", Natural Language Engineering 1(3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from infolaw.units import Array

ORDER = 6
TABLE_BITS = (16, 22)
"""Least and most bits of a table's slots: eight slots a byte of reference text."""
STRENGTH = 4.0
CHUNK_BYTES = 1 << 20
MIX = np.uint64(0x9E3779B97F4A7C15)

Slots = NDArray[np.int64]


class NgramModel:
    """Counts of all n-grams up to `ORDER` bytes of a reference text.

    Parameters
    ----------
    texts : sequence of str
        Reference documents; each stands alone, after newlines.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        size = 8 * sum(map(len, texts))
        self._bits = min(max(size.bit_length(), TABLE_BITS[0]), TABLE_BITS[1])
        self._counts = [np.zeros(1 << self._bits, np.float32) for _ in range(ORDER + 1)]
        for data, _, _ in _chunks(texts):
            for order, slots in enumerate(_slots(data, self._bits)):
                self._counts[order] += np.bincount(slots, minlength=1 << self._bits).astype(np.float32)

    def perplexities(self, texts: Sequence[str]) -> Array:
        """Perplexity per byte of each document, ``(n,)``: exp of the mean negative log probability; lower = better."""
        means = [np.zeros(0)]
        for data, inside, firsts in _chunks(texts):
            nats = -np.log(self._probabilities(data, inside))
            counts = np.diff(np.append(firsts, inside.size))
            means.append(np.add.reduceat(nats, firsts) / counts)
        return np.asarray(np.exp(np.concatenate(means)))

    def _probabilities(self, data: NDArray[np.uint8], inside: Slots) -> Array:
        chance = np.full(inside.size, 1 / 256)
        context: NDArray[np.float32] | None = None
        for order, slots in enumerate(_slots(data, self._bits)):
            if context is not None:
                met = np.minimum(self._counts[order][slots[inside]], context)  # shared slots must not exceed their context
                chance = (met + STRENGTH * chance) / (context + STRENGTH)
            context = self._counts[order][slots[inside - 1]]
        return chance


def _slots(data: NDArray[np.uint8], bits: int) -> Iterator[Slots]:
    """Slot of the n-gram that ends at each byte, one array an order from 0."""
    code = np.zeros(data.size, np.uint64)
    yield code.astype(np.int64)
    for order in range(1, ORDER + 1):
        back = order - 1
        code[back:] |= data[: data.size - back].astype(np.uint64) << np.uint64(8 * back)
        yield ((code * MIX) >> np.uint64(64 - bits)).astype(np.int64)


def _chunks(texts: Sequence[str]) -> Iterator[tuple[NDArray[np.uint8], Slots, Slots]]:
    """Bytes of some documents after one another, each after `ORDER` newlines; indices of their own bytes; first of each."""
    held: list[bytes] = []
    size = 0
    for text in texts:
        held.append(text.encode() or b"\n")
        size += len(held[-1])
        if size >= CHUNK_BYTES:
            yield _joined(held)
            held, size = [], 0
    if held:
        yield _joined(held)


def _joined(contents: list[bytes]) -> tuple[NDArray[np.uint8], Slots, Slots]:
    lead = b"\n" * ORDER
    data = np.frombuffer(lead + lead.join(contents), np.uint8)
    lengths = np.array([len(content) for content in contents])
    ends = np.cumsum(lengths)
    inside = np.arange(ends[-1]) + np.repeat(np.arange(1, lengths.size + 1) * ORDER, lengths)
    return data, inside, ends - lengths
