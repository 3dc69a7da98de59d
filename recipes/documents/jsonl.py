"""JSON lines, plain, gzip or zstd: blocks of lines, read by Arrow where they are regular, line by line where not.

Arrow reads the needed fields two to four times as fast as `json.loads`, but refuses a field that changes its type; such
a block is read again record by record, with the same result. A blank line is no row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from infolaw.errors import RecipeError

from ..batch import Batch
from .columns import assemble, whole_file
from .json_values import number_of, pluck
from .mapping import Columns, split_source
from .places import Place, fingerprint, is_local, open_bytes
from .shard import Shard

BLOCK_BYTES = 2**23
"""Unpacked bytes read at a time."""


@dataclass(frozen=True)
class Block:
    """Lines of a file: the first one's row (from 0), and the raw lines without their newline."""

    first_row: int
    lines: list[bytes]


def plan(place: Place, columns: Columns | None) -> Shard:
    """Return the whole file as one shard."""
    with whole_file(place.name):
        mark = fingerprint(place.full, place.size)
    if columns is not None:
        _check_first(place, columns)
    return Shard(place.name, place.full, "jsonl", place.size, mark)


def column_finder(place: Place) -> Callable[[str], bool]:
    """Return what says whether the first record has a (dotted) field."""
    first: Any = {}
    for block in blocks(place.full, place.name, 2**16):
        first = parsed(place.name, block.first_row, block.lines[0])
        break
    return lambda column: pluck(first, column) is not None


def batches(shard: Shard, columns: Columns) -> Iterator[Batch]:
    """Metadata of a file's rows, in file order."""
    for block in blocks(shard.place, shard.name):
        arrays = field_arrays(shard.name, block, columns, columns.needed())
        yield assemble(arrays, shard, columns, block.first_row, len(block.lines))


def records(shard: Shard) -> Iterator[Any]:
    """Raw lines of a file as Arrow record batches with one column ``line``, in file order."""
    for block in blocks(shard.place, shard.name):
        yield pa.record_batch({"line": pa.array(block.lines, pa.large_binary())})


def blocks(place: str, name: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Lines of a file in blocks of about `block_bytes`.

    Raises
    ------
    RecipeError
        If the file is truncated or corrupt.
    """
    row, rest = 0, b""
    with whole_file(name), _source(place) as source, pa.input_stream(source, compression=_codec(place)) as stream:
        while True:
            chunk = stream.read(block_bytes)
            head, newline, tail = chunk.rpartition(b"\n")
            if chunk and not newline:
                rest += chunk
                continue
            lines = [line for line in (rest + head).split(b"\n") if line.strip()]
            rest = tail
            if lines:
                yield Block(row, lines)
                row += len(lines)
            if not chunk:
                return


def parsed(name: str, row: int, line: bytes) -> Any:
    """Record of one line.

    Raises
    ------
    RecipeError
        If it is no JSON object; the message names the row.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{name}: row {row + 1}: no JSON ({error}); mend the line or leave the file out.") from None
    if not isinstance(record, dict):
        raise RecipeError(f"{name}: row {row + 1}: a JSON object is expected, not {line[:40].decode(errors='replace')!r}.")
    return record


def field_arrays(name: str, block: Block, columns: Columns, wanted: Sequence[str]) -> dict[str, Any]:
    """Arrow arrays of the wanted fields of a block, by dotted name."""
    if not wanted:
        return {}
    first = parsed(name, block.first_row, block.lines[0])
    schema = _schema(first, columns, wanted)
    arrays = _by_arrow(block, wanted, schema) if schema is not None else None
    return arrays if arrays is not None else _by_record(name, block, columns, wanted)


def _check_first(place: Place, columns: Columns) -> None:
    """Refuse a file none of whose first records has a needed field: another schema."""
    for block in blocks(place.full, place.name, 2**20):
        seen = [parsed(place.name, block.first_row + index, line) for index, line in enumerate(block.lines)]
        for column in columns.needed():
            if not column.startswith("attributes.") and all(pluck(record, column) is None for record in seen):
                raise RecipeError(
                    f"{place.name}: no field {column!r} in its first {len(seen)} records; the first has "
                    f"{', '.join(map(repr, seen[0]))}. {columns.remedy(column)}"
                )
        return


def _schema(first: dict[str, Any], columns: Columns, wanted: Sequence[str]) -> Any:
    """Arrow schema of the wanted fields, or None where only Python can read them (JSON inside text, Dolma's spans)."""
    tree: dict[str, Any] = {}
    for column in wanted:
        if column.startswith("attributes.") or not _is_plain(first, column):
            return None
        steps = [column] if column in first else column.split(".")
        branch = tree
        for step in steps[:-1]:
            branch = branch.setdefault(step, {})
            if not isinstance(branch, dict):
                return None
        if isinstance(branch.get(steps[-1]), dict):
            return None
        branch[steps[-1]] = _kind(column, columns, pluck(first, column))
    return pa.schema(_fields(tree))


def _is_plain(first: dict[str, Any], column: str) -> bool:
    """Whether a name leads through plain objects of the first record, none of whose names holds dots itself."""
    if column in first or "." not in column:
        return True
    value: Any = first
    for step in column.split(".")[:-1]:
        if any("." in key for key in value):
            return False
        value = value.get(step, {})
        if not isinstance(value, dict):
            return False
    return not any("." in key for key in value)


def _fields(tree: dict[str, Any]) -> list[Any]:
    return [pa.field(name, pa.struct(_fields(kind)) if isinstance(kind, dict) else kind) for name, kind in tree.items()]


def _kind(column: str, columns: Columns, value: Any) -> Any:
    if column in {score.column for score in columns.scores}:
        return pa.float64()
    if column == columns.text or isinstance(value, str):
        return pa.string()
    return pa.int64() if isinstance(value, int) and not isinstance(value, bool) else pa.string()


def _by_arrow(block: Block, wanted: Sequence[str], schema: Any) -> dict[str, Any] | None:
    """Arrays read by Arrow, or None where the block is not as regular as it asks."""
    raw = b"\n".join(block.lines)
    try:
        table = pj.read_json(
            pa.BufferReader(raw),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(raw) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if table.num_rows != len(block.lines):
        return None
    return {column: _nested(table, column) for column in wanted}


def _nested(table: Any, column: str) -> Any:
    names = [column] if column in table.column_names else column.split(".")
    array = table.column(names[0]).combine_chunks()
    for name in names[1:]:
        array = pc.struct_field(array, [name])
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _by_record(name: str, block: Block, columns: Columns, wanted: Sequence[str]) -> dict[str, Any]:
    values: dict[str, list[Any]] = {column: [] for column in wanted}
    for index, line in enumerate(block.lines):
        record = parsed(name, block.first_row + index, line)
        for column in wanted:
            values[column].append(pluck(record, column))
    return {column: python_array(name, block.first_row, column, values[column], columns) for column in wanted}


def python_array(name: str, first_row: int, column: str, values: list[Any], columns: Columns) -> Any:
    """Arrow array of one field's Python values, by the role it plays.

    Raises
    ------
    RecipeError
        If a value is of a kind that its role does not know; the message names row, field and value.
    """
    if column in {score.column for score in columns.scores}:
        values = [number_of(value) for value in values]
        return _checked(name, first_row, column, values, (int, float), pa.float64(), "a number is expected")
    if column == columns.tokens:
        return _checked(name, first_row, column, values, (int, float), pa.float64(), "a count of tokens is expected")
    if column == columns.id and any(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return _checked(name, first_row, column, values, (int,), None, "ids of one file are all text or all whole numbers")
    labels = {source for source in (columns.domain, columns.bucket or "") if split_source(source)[0] == "column"}
    if column in labels:
        values = [str(value) if isinstance(value, int) and not isinstance(value, bool) else value for value in values]
    if column == columns.text:
        values = [value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value for value in values]
        return _checked(name, first_row, column, values, (bytes,), pa.large_binary(), "text is expected")
    return _checked(name, first_row, column, values, (str,), pa.large_string(), "text is expected")


def _checked(
    name: str, first_row: int, column: str, values: list[Any], kinds: tuple[type, ...], kind: Any, rule: str
) -> Any:
    for index, value in enumerate(values):
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            shown = json.dumps(value)[:60]
            raise RecipeError(f"{name}: row {first_row + index + 1}: column {column} = {shown}; {rule}.")
    try:
        if kind is None:
            kind = pa.uint64() if max((value for value in values if value is not None), default=0) >= 2**63 else pa.int64()
        return pa.array(values, kind)
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RecipeError(f"{name}: rows from {first_row + 1}: column {column} cannot be read ({reason}).") from None


def _source(place: str) -> AbstractContextManager[Any]:
    """Return a local path as it is, so that Arrow reads it without Python, and any other place opened."""
    return nullcontext(place) if is_local(place) else open_bytes(place)


def _codec(place: str) -> str | None:
    lower = place.lower()
    return "gzip" if lower.endswith(".gz") else "zstd" if lower.endswith((".zst", ".zstd")) else None
