"""The text that scorers learn from: edited sources of the corpus itself, less their own index pages.

Every document is judged by a model of the other half of the source files, so a reference is no better for being one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipes.sampling import splitmix64, xxh64

from ..corpora.extract import extract

MIN_BYTES = 100_000
"""Less reference text than this teaches nothing: then Python's own help stands in."""
MAX_BYTES = 4_000_000


def folds(sources: Sequence[str]) -> NDArray[np.int64]:
    """Half, 0 or 1, that each document's source file belongs to, ``(n,)``."""
    contents = [source.encode() for source in sources]
    bounds = np.cumsum([0, *map(len, contents)])
    return (splitmix64(xxh64(np.frombuffer(b"".join(contents), np.uint8), bounds)) >> np.uint64(63)).astype(np.int64)


def matching(sources: Sequence[str], pattern: str | None) -> NDArray[np.bool_]:
    """Documents whose source the pattern is found in, ``(n,)``."""
    if pattern is None:
        return np.zeros(len(sources), bool)
    found = re.compile(pattern)
    return np.array([found.search(source) is not None for source in sources], bool)


def well_made(is_reference: NDArray[np.bool_], gopher: NDArray[np.float64]) -> NDArray[np.bool_]:
    """References without the third that the heuristics like least: indexes, tables, notices."""
    if not is_reference.any():
        return is_reference
    return np.asarray(is_reference & (gopher >= np.quantile(gopher[is_reference], 1 / 3)))


def reference_texts(texts: Sequence[str], rows: NDArray[np.intp], seed: int) -> list[str]:
    """Up to `MAX_BYTES` of the documents `rows`, in a seeded order; Python's help where they hold less than `MIN_BYTES`."""
    chosen: list[str] = []
    size = 0
    for row in np.random.default_rng(seed).permutation(rows).tolist():
        if size >= MAX_BYTES:
            break
        chosen.append(texts[row])
        size += len(texts[row].encode())
    return chosen if size >= MIN_BYTES else [*chosen, *python_help()]


@lru_cache(maxsize=1)
def python_help() -> tuple[str, ...]:
    """Pages of Python's help: English prose that every Python carries."""
    import pydoc_data.topics

    place = Path(str(pydoc_data.topics.__file__))
    return tuple(text for _, text in extract(place.read_bytes(), place.name, "topics"))
