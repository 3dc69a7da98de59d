"""How sampled documents are written: parquet with every column as it was, or JSON lines in zstd."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

from infolaw.errors import RecipeError

KINDS = ("parquet", "jsonl.zst")

GROUP_BYTES = 1 << 24
"""Unpacked bytes of a row group that is written: what a writer holds in memory."""

LONG_BYTES = 256
"""Mean size beyond which a column gets no dictionary [bytes]."""

Write = Callable[[Any], None]


@contextmanager
def open_writer(path: Path, kind: str) -> Iterator[Write]:
    """Open a file of documents; give a function that takes record batches: of all columns, or of ``line`` (see `lines`).

    Raises
    ------
    RecipeError
        If the kind is unknown, or records of two schemas are to go into one parquet file.
    """
    if kind not in KINDS:
        raise RecipeError(f"Documents cannot be written as {kind!r}; choose {' or '.join(KINDS)}.")
    with _parquet(path) if kind == "parquet" else _lines(path) as write:
        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    writer: Any = None
    held: list[Any] = []

    def flush() -> None:
        nonlocal writer
        if not held:
            return
        if writer is None:
            writer = pq.ParquetWriter(path, held[0].schema, compression="zstd", use_dictionary=_short_columns(held[0]))
        writer.write_table(pa.Table.from_batches(held))
        held.clear()

    def write(records: Any) -> None:
        if records.schema.names == ["line"]:
            records = _parsed(records, (writer.schema if writer else held[0].schema) if writer or held else None)
        if held or writer:
            records = _as_before(records, held[0].schema if held else writer.schema)
        held.append(records)
        if sum(batch.nbytes for batch in held) >= GROUP_BYTES:
            flush()

    try:
        yield write
        flush()
        if writer is None:
            raise RecipeError("No document was drawn, so no shard to write.")
    finally:
        if writer is not None:
            writer.close()


def _short_columns(records: Any) -> Any:
    """Columns worth a dictionary: all but long texts, which never repeat; every column where some are nested."""
    if any(pa.types.is_nested(field.type) for field in records.schema):
        return True
    sizes = {name: records.column(name).nbytes / records.num_rows for name in records.schema.names}
    return [name for name, size in sizes.items() if size < LONG_BYTES]


def _as_before(records: Any, schema: Any) -> Any:
    """Records with the columns of the file's first ones, in their order and types."""
    if records.schema.equals(schema):
        return records
    if set(records.schema.names) != set(schema.names):
        raise RecipeError(
            f"Shards of different columns ({', '.join(records.schema.names)} and {', '.join(schema.names)}) do not fit into "
            "one parquet file; write jsonl.zst, or sample them apart."
        )
    try:
        return pa.record_batch([records.column(name).cast(schema.field(name).type) for name in schema.names], schema=schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise RecipeError(
            f"Shards of different column types do not fit into one parquet file: {error}; write jsonl.zst."
        ) from None


def _parsed(records: Any, schema: Any) -> Any:
    """Columns of JSON lines; later ones are read by the schema of the first."""
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error" if schema else "infer")
    content = b"".join(records.column(0).to_pylist())
    try:
        table = pj.read_json(BytesIO(content), pj.ReadOptions(use_threads=False, block_size=len(content) + 1), options)
    except pa.ArrowInvalid as error:
        raise RecipeError(
            f"JSON lines whose fields change do not fit into one parquet file: {error}; write jsonl.zst."
        ) from None
    (batch,) = table.combine_chunks().to_batches()
    return batch


@contextmanager
def _lines(path: Path) -> Iterator[Write]:
    with pa.output_stream(str(path), compression="zstd") as stream:

        def write(records: Any) -> None:
            if records.schema.names == ["line"]:
                offsets = np.frombuffer(records.column(0).buffers()[1], np.int64)
                first, last = offsets[records.column(0).offset], offsets[records.column(0).offset + records.num_rows]
                stream.write(memoryview(records.column(0).buffers()[2])[first:last])
                return
            rows = [json.dumps(row, ensure_ascii=False, default=str) for row in records.to_pylist()]
            stream.write("\n".join([*rows, ""]).encode())

        yield write
