"""One door to every format: batches and whole records of a shard, as functions that tasks can carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..batch import Batch
from . import dolma, jsonl, parquet
from .mapping import Columns
from .places import Place
from .shard import Shard


def plan_shard(place: Place, columns: Columns | None) -> Shard:
    """Look at a file: its rows where they are counted, its fingerprint, whether its columns are there."""
    if place.kind == "parquet":
        return parquet.plan(place, columns)
    shard = jsonl.plan(place, columns)
    return shard if columns is None else dolma.with_attributes(shard, columns)


def column_finder(place: Place) -> Callable[[str], bool]:
    """Return what says whether a file has a (dotted) column; the file is opened once."""
    return parquet.column_finder(place) if place.kind == "parquet" else jsonl.column_finder(place)


def read_batches(shard: Shard, columns: Columns) -> Iterator[Batch]:
    """Metadata of a shard's rows: row order is file order, the first row is ``shard.first_row``.

    Raises
    ------
    RecipeError
        If the file is broken or a value breaks a rule; the message names file, row and column.
    """
    if shard.kind == "parquet":
        return parquet.batches(shard, columns)
    return dolma.batches(shard, columns) if shard.attributes else jsonl.batches(shard, columns)


def read_records(shard: Shard) -> Iterator[Any]:
    """Whole records of a shard as Arrow record batches, in the same order as `read_batches`.

    Parquet: every column as it is stored. JSON lines: one column ``line`` (large_binary), the line without its newline.
    """
    return parquet.records(shard) if shard.kind == "parquet" else jsonl.records(shard)
