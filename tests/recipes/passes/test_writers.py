"""Documents are written as they were read; what does not fit into one file is one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infolaw.errors import RecipeError
from recipes.documents.places import fingerprint
from recipes.documents.shard import Shard
from recipes.passes.lines import read_lines
from recipes.passes.writers import open_writer

NESTED = pa.record_batch({"id": [1, 2], "meta": [{"url": "a"}, {"url": None}], "text": ["x" * 300, "y\nz"]})


def lines_of(path: Path) -> list[bytes]:
    shard = Shard(path.name, str(path), "jsonl", path.stat().st_size, fingerprint(str(path), path.stat().st_size))
    return [line for batch in read_lines(shard) for line in batch.column(0).to_pylist()]


def packed(path: Path, content: bytes) -> Path:
    with pa.output_stream(str(path), compression="zstd") as stream:
        stream.write(content)
    return path


def written(path: Path, *batches: pa.RecordBatch) -> None:
    with open_writer(path, "parquet") as write:
        for batch in batches:
            write(batch)


def test_parquet_keeps_nested_columns_and_their_order(tmp_path: Path) -> None:
    with open_writer(tmp_path / "x.parquet", "parquet") as write:
        write(NESTED)
        write(NESTED.select(["text", "meta", "id"]))
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == NESTED.to_pylist() * 2


def test_records_become_lines_of_json(tmp_path: Path) -> None:
    with open_writer(tmp_path / "x.jsonl.zst", "jsonl.zst") as write:
        write(NESTED)
    assert [json.loads(line) for line in lines_of(tmp_path / "x.jsonl.zst")] == NESTED.to_pylist()


@pytest.mark.parametrize("end", [b"", b"\n", b"\n \n\n"])
def test_lines_are_kept_to_the_byte_and_blank_ones_are_no_rows(tmp_path: Path, end: bytes) -> None:
    big = b'{"text": "' + b"word " * 300_000 + b'"}'  # longer than a block
    rows = [b'{"a":  1}', b' {"b": 2}', big, b'{"c": 3}']
    path = packed(tmp_path / "x.jsonl.zst", b"\n".join([rows[0], b"", b" \t", *rows[1:]]) + end)
    found = lines_of(path)
    assert [line.removesuffix(b"\n") for line in found] == rows
    assert all(line.endswith(b"\n") for line in found)


def test_files_of_other_columns_do_not_fit_into_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Shards of different columns"):
        written(tmp_path / "x", NESTED, NESTED.select(["id"]))


def test_fields_that_change_do_not_fit_into_parquet(tmp_path: Path) -> None:
    rows = [pa.record_batch({"line": pa.array([line], pa.large_binary())}) for line in (b'{"a": 1}\n', b'{"a": "one"}\n')]
    with pytest.raises(RecipeError, match=r"write jsonl\.zst"):
        written(tmp_path / "x", *rows)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="choose parquet or jsonl.zst"), open_writer(tmp_path / "x", "csv"):
        pass


def test_a_truncated_frame_is_one_sentence(tmp_path: Path) -> None:
    import os

    path = packed(tmp_path / "x.jsonl.zst", os.urandom(100_000).hex().encode() + b"\n")
    path.write_bytes(path.read_bytes()[:-30_000])
    with pytest.raises(RecipeError, match="truncated or corrupt"):
        lines_of(path)
