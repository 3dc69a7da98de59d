"""The real documents on disk, in the layouts that readers know."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recipes.batch import Batch
from recipes.documents.collection import Documents

Records = list[dict[str, Any]]


def write_parquet(path: Path, records: Records, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records), path, **options)
    return path


def write_lines(path: Path, records: Records) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = "".join(json.dumps(record) + "\n" for record in records).encode()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(raw, mtime=0))
    elif path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(raw)
    else:
        path.write_bytes(raw)
    return path


@pytest.fixture
def parquet_of() -> Callable[..., Path]:
    return write_parquet


@pytest.fixture
def lines_of() -> Callable[..., Path]:
    return write_lines


@pytest.fixture
def gathered() -> Callable[[Documents], dict[str, Any]]:
    """All batches of a corpus as one: names of domains instead of codes."""

    def gather(documents: Documents) -> dict[str, Any]:
        batches: list[Batch] = [batch for shard in documents.shards for batch in documents.batches(shard)]
        columns = {name: np.concatenate([getattr(b, name) for b in batches]) for name in ("ids", "tokens", "scores")}
        domain = np.concatenate([np.array(batch.domains)[batch.domain] for batch in batches])
        buckets = [batch.bucket for batch in batches]
        stated = None if buckets[0] is None else np.concatenate([bucket for bucket in buckets if bucket is not None])
        return {**columns, "domain": domain, "bucket": stated}

    return gather
