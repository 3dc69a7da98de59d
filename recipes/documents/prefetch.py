"""Column chunks asked of the disk before they are read, so that reading and computing overlap without more threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .places import is_local

PIECE = 1 << 19
"""Most that is asked for at once [bytes]: of more, Linux fetches no more than its readahead, often 128 kB or 1.3 MB."""

Fetch = Callable[[Iterable[tuple[int, int]]], None]


@contextmanager
def fetching(place: str, metadata: Any, leaves: Sequence[str]) -> Iterator[Fetch]:
    """Give a function that asks for the columns `leaves` of row groups, each range of which it asks for once.

    Where the system has no such call, or the file is not a local one, it does nothing.
    """
    if not hasattr(os, "posix_fadvise") or not is_local(place):
        yield lambda ranges: None
        return
    handle, asked = os.open(place, os.O_RDONLY), 0

    def fetch(ranges: Iterable[tuple[int, int]]) -> None:
        nonlocal asked
        for first, stop in ranges:
            for group in range(max(first, asked), stop):
                for begin, size in _chunks(metadata.row_group(group), leaves):
                    for at in range(begin, begin + size, PIECE):
                        os.posix_fadvise(handle, at, min(PIECE, begin + size - at), os.POSIX_FADV_WILLNEED)
            asked = max(asked, stop)

    try:
        yield fetch
    finally:
        os.close(handle)


def _chunks(group: Any, leaves: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Begin and size of the column chunks that lie at or below `leaves` [bytes]."""
    for place in range(group.num_columns):
        chunk = group.column(place)
        if any(chunk.path_in_schema == leaf or chunk.path_in_schema.startswith(f"{leaf}.") for leaf in leaves):
            begins = (chunk.dictionary_page_offset, chunk.data_page_offset)
            yield min(begin for begin in begins if begin is not None), chunk.total_compressed_size
