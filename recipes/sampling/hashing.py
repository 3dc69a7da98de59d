"""From document ids to uniform 64-bit keys: XXH64 of string ids, SplitMix64 of integers, both on whole arrays.

All arithmetic is modulo 2^64, so a key is the same on every machine.

References
----------
.. [1] Collet, "XXH64", https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
.. [2] Steele, Lea, Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA (SplitMix64).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infolaw.errors import RecipeError

Keys = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
DRAW = np.uint64(0x5851F42D4C957F2D)
"""Sets the keys of the draw apart from those of the sketch, so that the two are independent."""

P1, P2, P3, P4, P5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)


def splitmix64(values: ArrayLike) -> Keys:
    """Mix 64-bit integers: a bijection whose outputs look uniform and independent [2]_.

    Parameters
    ----------
    values : array_like of integers, (n,)
        Taken modulo 2^64.

    Returns
    -------
    ndarray of uint64, (n,)

    Examples
    --------
    >>> hex(int(splitmix64(np.array([0], np.uint64))[0]))
    '0xe220a8397b1dcdaf'
    """
    from .hash_kernels import mix_all

    given = np.ascontiguousarray(_as_uint64(values))
    mixed: Keys = np.empty(given.shape, np.uint64)
    mix_all(given.reshape(-1), mixed.reshape(-1))
    return mixed


def copies_key(ids: Keys, seed: int) -> Keys:
    """Key of the draw for each document, ``(n,)``: SplitMix64 of the id moved by a mix of the seed."""
    return splitmix64(_as_uint64(ids) + seed_key(seed))


def seed_key(seed: int) -> np.uint64:
    """What `copies_key` moves every id by: a mix of the seed."""
    return np.uint64(_mix(_scalar(seed) ^ DRAW)[0])


def row_ids(file_fingerprint: int, rows: ArrayLike) -> Keys:
    """Ids of documents that have none, ``(n,)``: a hash of the file's fingerprint and the row number.

    Such an id is tied to this file: the same text in another shard has another id.
    """
    return splitmix64(_as_uint64(rows) ^ _mix(_scalar(file_fingerprint) + GOLDEN))


def uniform53(keys: Keys) -> Keys:
    """The upper 53 bits of `keys`, ``(n,)``: integers uniform in [0, 2^53)."""
    return keys >> np.uint64(11)


def xxh64(data: NDArray[np.uint8], offsets: NDArray[np.integer]) -> Keys:
    """XXH64 (seed 0) of many byte strings that lie one after another [1]_.

    Parameters
    ----------
    data : ndarray of uint8, (n_bytes,)
        The bytes of all strings, as Arrow stores them.
    offsets : ndarray of integers, (n + 1,)
        String i is ``data[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    ndarray of uint64, (n,)

    Raises
    ------
    RecipeError
        If the offsets fall, or point outside `data`.
    """
    bounds = np.ascontiguousarray(offsets, dtype=np.int64)
    if bounds.size == 0 or bounds[0] < 0 or bounds[-1] > data.size or np.any(bounds[1:] < bounds[:-1]):
        raise RecipeError("The offsets of the string ids fall or leave their bytes; the column is damaged: rewrite it.")
    from .hash_kernels import hash_strings

    hashes = np.empty(bounds.size - 1, np.uint64)
    hash_strings(np.ascontiguousarray(data, dtype=np.uint8), bounds, hashes)
    return hashes


def _mix(state: Keys) -> Keys:
    state = (state ^ (state >> np.uint64(30))) * MIX[0]
    state = (state ^ (state >> np.uint64(27))) * MIX[1]
    return state ^ (state >> np.uint64(31))


def _scalar(value: int) -> Keys:
    """A Python integer modulo 2^64, as an array of one (numpy warns of overflow in scalars, not in arrays)."""
    return np.array([value % 2**64], np.uint64)


def _as_uint64(values: ArrayLike) -> Keys:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.integer):
        raise RecipeError(f"Ids are {array.dtype}, not integers; hash string ids by xxh64 first.")
    return array.astype(np.uint64, copy=False)
