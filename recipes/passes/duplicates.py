"""Ids that stand twice, by an opt-in pass over hash partitions: tasks sort hashed ids, partitions are merged.

Two documents of one id get one draw, so both are read or none; whether that is wanted only the user knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from infolaw.errors import RecipeError

from ..documents.collection import Documents
from ..documents.mapping import Columns
from ..documents.reading import read_batches
from ..documents.shard import Shard
from ..sampling.hashing import splitmix64
from .executors import Executor
from .groups import ShardGroup, only_size
from .tasks import Receipt, Task, fingerprint_of, run_tasks

PARTITION_DOCS = 1 << 22
"""Documents of a partition, on average: two partitions at a time fit in 100 MB."""


def refuse_duplicates(
    documents: Documents,
    groups: Sequence[ShardGroup],
    folder: Path,
    executor: Executor,
    tell: Callable[[int, int], None] | None = None,
) -> None:
    """Refuse a corpus in which an id stands twice.

    Raises
    ------
    RecipeError
        The message counts the ids that stand more than once and names two rows of one of them.
    """
    identity = fingerprint_of("ids", documents.fingerprint)
    columns = only_size(documents.columns)
    sort = [
        Task(f"ids-{group.key}.npy", partial(_sort_ids, group.shards, columns), identity, group.size) for group in groups
    ]
    sorted_ids = run_tasks(sort, folder, executor, tell)
    n_documents = sum(receipt.facts["documents"] for receipt in sorted_ids)
    n_partitions = 1 << max(0, (n_documents - 1) // PARTITION_DOCS).bit_length()
    paths = [folder / receipt.key for receipt in sorted_ids]
    merge = [
        Task(f"partition-{place}-of-{n_partitions}.json", partial(_merge, paths, place, n_partitions), identity)
        for place in range(n_partitions)
    ]
    found = run_tasks(merge, folder, executor)
    n_twice = sum(receipt.facts["ids"] for receipt in found)
    if n_twice:
        _refuse(n_twice, found, groups, columns)


def _refuse(n_twice: int, found: Sequence[Receipt], groups: Sequence[ShardGroup], columns: Columns) -> None:
    example = next(np.uint64(int(receipt.facts["example"])) for receipt in found if receipt.facts["ids"])
    shards = (shard for group in groups for shard in group.shards)
    rows = _rows_of(example, shards, columns)
    (first, number), (second, other) = next(rows), next(rows)
    raise RecipeError(
        f"{n_twice} ids stand more than once, such as that of {first} row {number + 1} and {second} row {other + 1}; such "
        "documents are drawn together: deduplicate the corpus, or leave out --check-duplicates to draw them so."
    )


def _rows_of(mixed: np.uint64, shards: Iterator[Shard], columns: Columns) -> Iterator[tuple[str, int]]:
    for shard in shards:
        row = shard.first_row
        for batch in read_batches(shard, columns):
            yield from ((shard.name, row + int(place)) for place in np.flatnonzero(splitmix64(batch.ids) == mixed))
            row += len(batch)


def _sort_ids(shards: Sequence[Shard], columns: Columns, path: Path) -> Mapping[str, Any]:
    parts = [splitmix64(batch.ids) for shard in shards for batch in read_batches(shard, columns)]
    mixed = np.sort(np.concatenate([np.empty(0, np.uint64), *parts]))
    with open(path, "wb") as handle:
        np.save(handle, mixed)
    return {"documents": len(mixed)}


def _merge(paths: Sequence[Path], place: int, n_partitions: int, path: Path) -> Mapping[str, Any]:
    width = (1 << 64) // n_partitions
    first, last = np.uint64(place * width), np.uint64(place * width + width - 1)
    slices = []
    for source in paths:
        mixed = np.load(source, mmap_mode="r")
        begin, end = np.searchsorted(mixed, first), np.searchsorted(mixed, last, side="right")
        slices.append(np.array(mixed[begin:end]))
    merged = np.sort(np.concatenate(slices))
    twice = np.unique(merged[1:][merged[1:] == merged[:-1]])
    path.write_text("{}")
    return {"ids": len(twice), "example": str(twice[0]) if len(twice) else None}
