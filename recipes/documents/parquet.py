"""Parquet shards: planned by row groups, read column by column, nested columns by their leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infolaw.errors import RecipeError

from ..batch import Batch
from .columns import assemble, whole_file
from .json_values import pluck
from .mapping import Columns, split_source
from .places import Place, fingerprint, is_local, open_bytes
from .prefetch import fetching
from .shard import Shard

BATCH_ROWS = 2**18
"""Rows of a batch of metadata: 10 MB of numbers. Row groups of so many are read together; a larger one alone."""

TEXT_ROWS = 2**13
"""Rows of a batch where texts are read for their length."""

LABEL_ROWS = 2**14
"""Rows of a row group from which on labels are read as dictionaries: a batch ends with every dictionary."""

AHEAD_ROWS = 2**20
"""Rows that the system is told to fetch from disk before they are asked for."""

RECORD_ROWS = 2**12
"""Rows of a batch of whole records: texts are large."""


def plan(place: Place, columns: Columns | None) -> Shard:
    """Return the whole file as one shard, having checked that its columns are there.

    Raises
    ------
    RecipeError
        If the footer cannot be read, or a needed column is not in it.
    """
    with whole_file(place.name), _opened(place.full) as file:
        metadata, schema = file.metadata, file.schema_arrow
        rows = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        known = columns or Columns()
        for column in known.needed():
            if not _steps(schema, column):
                raise RecipeError(
                    f"{place.name}: no column {column!r}; it has {', '.join(map(repr, schema.names))}. "
                    f"{known.remedy(column)}"
                )
        mark = fingerprint(place.full, place.size)
    return Shard(place.name, place.full, "parquet", place.size, mark, 0, sum(rows), (0, len(rows)), rows)


def column_finder(place: Place) -> Callable[[str], bool]:
    """Return what says whether the file has a (dotted) column."""
    with whole_file(place.name), _opened(place.full) as file:
        found = file.schema_arrow
    return lambda column: bool(_steps(found, column))


def batches(shard: Shard, columns: Columns) -> Iterator[Batch]:
    """Metadata of a shard's rows, in file order."""
    row = shard.first_row
    for record in _record_batches(shard, columns):
        arrays = {column: _leaf(record, column, shard.name, row) for column in columns.needed()}
        yield assemble(arrays, shard, columns, row, record.num_rows)
        row += record.num_rows


def records(shard: Shard, rows: int = RECORD_ROWS) -> Iterator[Any]:
    """Whole records of a shard as Arrow record batches, in file order."""
    with whole_file(shard.name), _opened(shard.place) as file:
        for record in file.iter_batches(rows, row_groups=range(*_groups(shard)), use_threads=False):
            if record.num_rows:
                yield record


def schema(shard: Shard) -> Any:
    """Arrow schema of a shard's file."""
    with whole_file(shard.name), _opened(shard.place) as file:
        return file.schema_arrow


def _record_batches(shard: Shard, columns: Columns) -> Iterator[Any]:
    sources = map(split_source, (columns.domain, columns.bucket or ""))
    labels = [source for kind, source in sources if kind == "column" and source and "." not in source]
    labels = labels if sum(shard.group_rows) >= LABEL_ROWS * len(shard.group_rows) else []
    with whole_file(shard.name), _opened(shard.place, labels) as file:
        wanted = list(columns.needed())
        if not wanted:
            for group in range(*_groups(shard)):
                yield from _bare(file.metadata.row_group(group).num_rows)
            return
        leaves = [".".join(_read_path(file.schema_arrow, column)) for column in wanted]
        rows = BATCH_ROWS if columns.tokens_per_byte is None else TEXT_ROWS
        parts = shard.split(BATCH_ROWS)
        with fetching(shard.place, file.metadata, leaves) as fetch:
            for place, part in enumerate(parts):
                fetch([_groups(near) for near in parts[place : place + AHEAD_ROWS // BATCH_ROWS]])
                for record in _numbers(file, part, leaves, rows):
                    if record.num_rows:
                        yield record


def _numbers(file: Any, part: Shard, leaves: Sequence[str], rows: int) -> Iterator[Any]:
    """Record batches of at most `rows`; row groups no larger are decoded whole, in an eighth less time."""
    given: Any = {"row_groups": range(*_groups(part)), "columns": leaves, "use_threads": False}
    if sum(part.group_rows) > rows:
        yield from file.iter_batches(rows, **given)
    else:
        yield from file.read_row_groups(**given).to_batches()


def _bare(rows: int) -> Iterator[Any]:
    yield pa.record_batch({"row": pa.nulls(rows)})


def _groups(shard: Shard) -> tuple[int, int]:
    if shard.groups is None:
        raise RecipeError(f"{shard.name}: a parquet shard needs its row groups.")
    return shard.groups


@contextmanager
def _opened(place: str, labels: Sequence[str] = ()) -> Iterator[Any]:
    """Open a parquet file, labels read as dictionaries: local ones by Arrow itself, others through fsspec."""
    if is_local(place):
        with pq.ParquetFile(place, read_dictionary=list(labels)) as file:
            yield file
        return
    with open_bytes(place) as handle, pq.ParquetFile(handle, read_dictionary=list(labels), pre_buffer=True) as file:
        yield file


def _steps(schema: Any, column: str) -> list[str]:
    """Names from the top to the leaf of a dotted column; empty where there is none.

    Names may hold dots themselves: the longest that fits comes first. What follows a column of text are keys of JSON.
    """
    names = list(schema.names) if isinstance(schema, pa.Schema) else [field.name for field in schema]
    if column in names:
        return [column]
    for name in sorted((name for name in names if column.startswith(f"{name}.")), key=len, reverse=True):
        kind, rest = schema.field(name).type, column[len(name) + 1 :]
        if pa.types.is_struct(kind):
            deeper = _steps(kind, rest)
            if deeper:
                return [name, *deeper]
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return [name, rest]
    return []


def _read_path(schema: Any, column: str) -> list[str]:
    """Leading steps of a column that parquet itself knows: all but keys inside JSON text."""
    steps, kind, known = _steps(schema, column), schema, []
    for step in steps:
        known.append(step)
        kind = kind.field(step).type
        if not pa.types.is_struct(kind):
            break
    return known


def _leaf(record: Any, column: str, name: str, first_row: int) -> Any:
    """Array of a dotted column; keys inside JSON text are looked up row by row."""
    steps = _steps(record.schema, column)
    array = record.column(steps[0])
    for position, step in enumerate(steps[1:], start=1):
        if not pa.types.is_struct(array.type):
            key = ".".join(steps[position:])
            texts = enumerate(array.to_pylist(), start=first_row)
            return pa.array([None if text is None else _scalar(name, row, column, text, key) for row, text in texts])
        array = pc.struct_field(array, [step])
    return array


def _scalar(name: str, row: int, column: str, text: str, key: str) -> Any:
    try:
        value = pluck(json.loads(text), key)
    except ValueError as error:
        raise RecipeError(f"{name}: row {row + 1}: column {column}: its text is no JSON ({error}).") from None
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(value)
