"""Manifests: which documents were drawn and how often, as (id, count) rows or as one count a row of every shard.

A manifest is a folder of parquet parts, each with its origin in its schema (key ``infolaw``, JSON). The positional one
holds a single column of the smallest integer type that fits, so that it takes bits, not bytes, a document; it belongs
to the files it was drawn from, and says which.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from infolaw.errors import RecipeError

Counts = NDArray[np.unsignedinteger]
ROW_GROUP = 1 << 20
_KEY = b"infolaw"


@dataclass(frozen=True)
class ShardCounts:
    """Copies of every document of one shard.

    Attributes
    ----------
    path : str
        The file, relative to the root that the manifest was drawn under, or its URL.
    first_row, n_rows : int
        Which rows of the file.
    fingerprint : str
        Of the file, as the reader took it.
    counts : (n_rows,) uint8 or uint16
        Copies, in file order; None where only the place was asked for.
    """

    path: str
    first_row: int
    n_rows: int
    fingerprint: str
    counts: Counts


def count_type(max_copies: int) -> type[np.uint8] | type[np.uint16]:
    """Smallest type of counts up to `max_copies`."""
    return np.uint8 if max_copies < 256 else np.uint16


@contextmanager
def manifest_part(path: Path, max_copies: int, origin: Mapping[str, Any]) -> Iterator[Any]:
    """Open a part of an (id, count) manifest; give a function that adds ``ids`` and their ``counts`` above zero."""
    counts = pa.from_numpy_dtype(count_type(max_copies))
    schema = pa.schema([("id", pa.uint64()), ("count", counts)], metadata=_metadata("manifest", origin))
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=["count"]) as writer:

        def add(ids: NDArray[np.uint64], copies: Counts) -> None:
            columns = [_column(ids), _column(copies.astype(count_type(max_copies), copy=False))]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=ROW_GROUP)

        yield add


def write_positional(path: Path, shards: Sequence[ShardCounts], origin: Mapping[str, Any]) -> None:
    """Write a part of a positional manifest: the counts of `shards`, one after the other."""
    places = [[shard.path, shard.first_row, shard.n_rows, shard.fingerprint] for shard in shards]
    counts = np.concatenate([shard.counts for shard in shards])
    metadata = _metadata("positional", {**origin, "shards": places})
    schema = pa.schema([("count", pa.from_numpy_dtype(counts.dtype))], metadata=metadata)
    pq.write_table(
        pa.Table.from_arrays([_column(counts)], schema=schema), path, compression="zstd", row_group_size=ROW_GROUP
    )


def read_manifest(folder: str | Path) -> tuple[NDArray[np.uint64], Counts]:
    """Read the (id, count) rows of a manifest, ``(n,)`` each, parts in order of their names.

    Raises
    ------
    RecipeError
        If the folder holds no part of a manifest, or one that cannot be read.
    """
    tables = [_read(path, "manifest")[0] for path in _parts(folder)]
    ids, counts = (np.concatenate([table.column(name).to_numpy() for table in tables]) for name in ("id", "count"))
    return ids, counts


def read_positional(folder: str | Path) -> Iterator[ShardCounts]:
    """Read a positional manifest, shard by shard.

    Raises
    ------
    RecipeError
        As `read_manifest`; also if a part names a path outside the root it was drawn under, or its counts do not
        add up to the rows it names.
    """
    for path in _parts(folder):
        yield from read_positional_part(path)


def read_positional_part(path: Path) -> list[ShardCounts]:
    """Read one part of a positional manifest, see `read_positional`."""
    table, origin = _read(path, "positional")
    counts = table.column("count").to_numpy()
    shards, first = [], 0
    for place, first_row, n_rows, fingerprint in origin["shards"]:
        refuse_escape(place, path)
        shards.append(ShardCounts(place, first_row, n_rows, fingerprint, counts[first : first + n_rows]))
        first += n_rows
    if first != len(counts):
        raise RecipeError(f"{path} names {first} rows of its shards but holds {len(counts)} counts; draw it again.")
    return shards


def refuse_escape(place: str, manifest: Path) -> None:
    """Refuse a path that leads out of the root of the documents; a URL stands for itself."""
    path = PurePosixPath(place)
    if "://" not in place and (path.is_absolute() or ".." in path.parts or "\\" in place or "\0" in place):
        raise RecipeError(
            f"{manifest} names the shard {place!r}, which lies outside the root of the documents; "
            "only use manifests that `infolaw sample` wrote for these documents."
        )


def _column(values: NDArray[Any]) -> pa.Array:
    """Arrow array over the memory of `values`."""
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(np.ascontiguousarray(values))]
    )


def _parts(folder: str | Path) -> list[Path]:
    parts = sorted(Path(folder).glob("*.parquet"))
    if not parts:
        raise RecipeError(f"{folder} holds no part of a manifest (*.parquet); give the folder that `infolaw sample` wrote.")
    return parts


def _metadata(kind: str, origin: Mapping[str, Any]) -> dict[bytes, bytes]:
    content = {"schema_version": 1, "kind": kind, **origin}
    return {_KEY: json.dumps(content, sort_keys=True, allow_nan=False).encode()}


def _read(path: Path, kind: str) -> tuple[pa.Table, dict[str, Any]]:
    try:
        table = pq.read_table(path)
        origin = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path} cannot be read as part of a manifest: {str(error).rstrip('.')}.") from None
    if (origin.get("schema_version"), origin.get("kind")) != (1, kind):
        raise RecipeError(f"{path} is no part of a {kind} list of counts with schema_version 1; give the folder of one.")
    return table, origin
