from __future__ import annotations

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.sampling import copies_key, row_ids, splitmix64, uniform53, xxh64

PATTERN = bytes((i * 7 + 3) % 256 for i in range(100))
REFERENCE = {
    0: 0xEF46DB3751D8E999,
    1: 0x1F25C8D0BC1F4BB6,
    3: 0x31D2363F52E564C9,
    4: 0x9BB64B7D66EE9FDA,
    7: 0x9A7B149959CE60D8,
    8: 0xDAB99D95C6F90092,
    11: 0x7A52CC9457CF1A1F,
    20: 0x18AE385ADA6B00CB,
    31: 0xA2AA5F33CC4A6119,
    32: 0x23C3C17EF790FD97,
    33: 0x50A7CFC7BA588784,
    47: 0xA7C5465CC5AD205E,
    63: 0x5E3E54B431C7493C,
    64: 0x0EB64B3EF6EEB01F,
    100: 0xA61F8D4C170FE531,
}
"""Computed with the reference implementation (python-xxhash)."""
MASK = 2**64 - 1
PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def packed(strings: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    return np.frombuffer(b"".join(strings), np.uint8), np.cumsum([0, *map(len, strings)])


def rotate(value: int, turn: int) -> int:
    return (value << turn | value >> (64 - turn)) & MASK


def plain_xxh64(text: bytes) -> int:
    """XXH64 as its specification spells it, a byte string at a time."""
    p1, p2, p3, p4, p5 = PRIMES

    def turn(lane: int, at: int, size: int = 8) -> int:
        return rotate((lane + int.from_bytes(text[at : at + size], "little") * p2) & MASK, 31) * p1 & MASK

    at, state = 0, p5
    if len(text) >= 32:
        lanes = [(p1 + p2) & MASK, p2, 0, -p1 & MASK]
        for at in range(0, len(text) - 31, 32):
            lanes = [turn(lane, at + 8 * k) for k, lane in enumerate(lanes)]
        at += 32
        state = sum(rotate(lane, k) for lane, k in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            state = ((state ^ rotate(lane * p2 & MASK, 31) * p1 & MASK) * p1 + p4) & MASK
    state = (state + len(text)) & MASK
    for at in range(at, len(text) - 7, 8):  # noqa: B020
        state = (rotate(state ^ turn(0, at), 27) * p1 + p4) & MASK
    at = len(text) - len(text) % 8
    if len(text) % 8 >= 4:
        word = int.from_bytes(text[at : at + 4], "little")
        state = (rotate(state ^ word * p1 & MASK, 23) * p2 + p3) & MASK
        at += 4
    for byte in text[at:]:
        state = rotate(state ^ byte * p5 & MASK, 11) * p1 & MASK
    state = (state ^ state >> 33) * p2 & MASK
    state = (state ^ state >> 29) * p3 & MASK
    return state ^ state >> 32


def test_xxh64_gives_the_reference_values_in_one_mixed_call() -> None:
    data, offsets = packed([PATTERN[:length] for length in REFERENCE])
    assert xxh64(data, offsets).tolist() == list(REFERENCE.values())


def test_xxh64_follows_its_specification_at_every_length_to_one_hundred() -> None:
    rng = np.random.default_rng(0)
    strings = [rng.integers(0, 256, length, dtype=np.uint8).tobytes() for length in [*range(101), *range(100, -1, -1)]]
    assert xxh64(*packed(strings)).tolist() == [plain_xxh64(text) for text in strings]


@pytest.mark.parametrize("length", [0, 5, 20, 36])
def test_equal_lengths_hash_as_mixed_ones(length: int) -> None:
    rng = np.random.default_rng(1)
    strings = [rng.integers(0, 256, length, dtype=np.uint8).tobytes() for _ in range(70_000)]
    mixed = xxh64(*packed([b"x", *strings]))[1:]
    assert np.array_equal(xxh64(*packed(strings)), mixed)
    assert int(mixed[-1]) == plain_xxh64(strings[-1])


def test_a_slice_of_an_arrow_column_hashes_as_the_whole() -> None:
    data, offsets = packed([b"zero", b"", "größer".encode(), b"d" * 40])
    whole = xxh64(data, offsets.astype(np.int32))
    assert np.array_equal(xxh64(data, offsets[2:].astype(np.int32)), whole[2:])
    assert xxh64(data[:0], np.zeros(1, np.int64)).size == 0


@pytest.mark.parametrize("offsets", [[0, 5], [3, 2], [-1, 2], []])
def test_offsets_that_leave_the_bytes_are_refused(offsets: list[int]) -> None:
    with pytest.raises(RecipeError, match="damaged"):
        xxh64(np.zeros(4, np.uint8), np.array(offsets, np.int64))


def test_splitmix64_gives_the_published_sequence() -> None:
    golden = np.array([0x9E3779B97F4A7C15], np.uint64)
    states = np.arange(3, dtype=np.uint64) * golden + np.uint64(1234567)
    assert splitmix64(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_keys_are_uniform_and_seeds_independent() -> None:
    ids = np.arange(200_000, dtype=np.uint64)
    one, two = (uniform53(copies_key(ids, seed)) / 2**53 for seed in (0, 1))
    for keys in (one, two):
        assert abs(keys.mean() - 0.5) < 4 * np.sqrt(1 / 12 / ids.size)
        counts = np.bincount((keys * 100).astype(int), minlength=100)
        assert ((counts - 2000) ** 2 / 2000).sum() < 99 + 5 * np.sqrt(2 * 99)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(ids.size)
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 4 / np.sqrt(ids.size)


def test_large_and_negative_seeds_are_taken_modulo_two_to_the_64() -> None:
    ids = np.arange(5, dtype=np.int64)
    assert np.array_equal(copies_key(ids, -1), copies_key(ids, 2**64 - 1))
    assert not np.array_equal(copies_key(ids, 1), copies_key(ids, 2))


def test_row_ids_differ_between_rows_and_files() -> None:
    ids = np.concatenate([row_ids(fingerprint, np.arange(1000)) for fingerprint in (1, 2, 2**63 + 1)])
    assert np.unique(ids).size == 3000


def test_ids_that_are_no_integers_are_refused() -> None:
    with pytest.raises(RecipeError, match="float64"):
        copies_key(np.array([0.5]), 0)
