"""Second pass: every document's domain and merged bin, kept for the draw, and their histogram.

The draw then reads ids and tokens only. Where even these are dear (JSON lines, tokens counted from texts) they are kept too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError

from ..batch import Batch
from ..documents.mapping import Columns
from ..documents.reading import read_batches
from ..documents.shard import Shard
from ..sampling.domains import known_domains
from ..sampling.exact_merger import ExactMerger
from ..sampling.merged import MergedHistogram, Merger
from ..sampling.normalise import Normaliser
from ..sampling.packing import raw_bytes
from .groups import only_size

IDS = [("id", "<u8"), ("tokens", "<i8")]
"""What is kept of a document beside domain and bin, where reading it again costs as much as reading all."""
BLOCK_ROWS = 1 << 17

Ints = NDArray[np.int64]
Kind = np.dtype[np.void]
_loading = Lock()


@dataclass(frozen=True)
class Scored:
    """Documents read together, with domain and bin.

    Attributes
    ----------
    ids : (n,) uint64
    tokens : (n,) int64
    domain : (n,) int32
        Index into the profile's domains.
    bins : (n,) uint16 or uint32
    """

    ids: NDArray[np.uint64]
    tokens: Ints
    domain: NDArray[np.int32]
    bins: NDArray[np.uint16] | NDArray[np.uint32]


def score_shards(
    shards: Sequence[Shard],
    columns: Columns,
    tables: Path,
    weights: Sequence[Sequence[float]] | None,
    stated_buckets: int | None,
    is_exact: bool,
    path: Path,
) -> Mapping[str, Any]:
    """Write domain and bin of every document of `shards`, and their histogram, to `path`.

    Parameters
    ----------
    tables : Path
        Of `Normaliser.write`, or with `is_exact` of `ExactMerger.write`.
    weights : (n_domains, n_criteria), optional
        Of the criteria; equal by default.
    stated_buckets : int, optional
        Where documents state their bucket: it is their bin, and there are so many.
    """
    with _loading:  # once, not once a thread
        merger = _merger(tables, None if weights is None else tuple(map(tuple, weights)), is_exact)
    histogram = MergedHistogram(merger.domains, stated_buckets or merger.n_bins)
    place_of = merger.bins if stated_buckets is None else partial(_stated, domains=merger.domains, n_buckets=stated_buckets)
    head = np.zeros(2 + len(shards), np.int64)  # where the histogram begins, its bins, and the rows of every shard
    head[1] = histogram.n_bins
    with open(path, "wb") as handle:
        handle.write(raw_bytes(head))
        for place, shard in enumerate(shards):
            is_dear, kind = _is_dear(shard, columns), _kind(shard, columns, histogram.n_bins)
            for batch in read_batches(shard, columns if is_dear else replace(columns, id="")):
                domain, bins = place_of(batch)
                histogram.add(domain, bins, batch.tokens)
                rows = np.empty(len(batch), kind)
                rows["domain"], rows["bin"] = domain, bins
                if is_dear:
                    rows["id"], rows["tokens"] = batch.ids, batch.tokens
                handle.write(raw_bytes(rows))
                head[2 + place] += len(batch)
        head[0] = handle.tell()
        handle.write(raw_bytes(histogram.sums))
        handle.seek(0)
        handle.write(raw_bytes(head))
    return {"documents": int(head[2:].sum())}


def merged_histogram(paths: Sequence[Path], domains: Sequence[str]) -> MergedHistogram:
    """Sum of the histograms of the partials that `score_shards` wrote, at least one."""
    total: MergedHistogram | None = None
    for path in paths:
        with open(path, "rb") as handle:
            handle.seek(int(np.fromfile(handle, np.int64, 1)[0]))
            sums = np.fromfile(handle, np.int64).reshape(len(domains), -1, 2)
        total = MergedHistogram(domains, sums.shape[1]) if total is None else total
        total.sums += sums
    if total is None:
        raise RecipeError("There are no documents to rank.")
    return total


def read_scored(shards: Sequence[Shard], columns: Columns, kept: Path) -> Iterator[tuple[int, int, Scored]]:
    """Documents of `shards` again: place of the shard, first row of the block in the file, and the block."""
    lean = only_size(columns)
    with open(kept, "rb") as handle:
        _, n_bins, *n_rows = np.fromfile(handle, np.int64, 2 + len(shards)).tolist()
        for place, shard in enumerate(shards):
            rows, row = (handle, _kind(shard, columns, n_bins), n_rows[place]), shard.first_row
            for block in _kept(*rows) if _is_dear(shard, columns) else _read_again(*rows, shard, lean):
                yield place, row, block
                row += len(block.ids)


def _read_again(handle: Any, kind: Kind, left: int, shard: Shard, lean: Columns) -> Iterator[Scored]:
    for batch in read_batches(shard, lean):
        left -= len(batch)
        if left < 0:
            raise RecipeError(f"{shard.name}: more rows than a moment ago; leave the files as they are while sampling.")
        rows = np.fromfile(handle, kind, len(batch))
        yield Scored(batch.ids, batch.tokens, rows["domain"].astype(np.int32), np.ascontiguousarray(rows["bin"]))


def _kept(handle: Any, kind: Kind, left: int) -> Iterator[Scored]:
    while left:
        rows = np.fromfile(handle, kind, min(left, BLOCK_ROWS))
        left -= len(rows)
        ids, tokens, bins = (np.ascontiguousarray(rows[name]) for name in ("id", "tokens", "bin"))
        yield Scored(ids, tokens, rows["domain"].astype(np.int32), bins)


def _is_dear(shard: Shard, columns: Columns) -> bool:
    return shard.kind == "jsonl" or columns.tokens_per_byte is not None


def _kind(shard: Shard, columns: Columns, n_bins: int) -> Kind:
    """What is kept of a document."""
    narrow = [("domain", "<u2"), ("bin", "<u2" if n_bins <= 1 << 16 else "<u4")]
    return np.dtype([*narrow, *(IDS if _is_dear(shard, columns) else [])])


def _stated(batch: Batch, domains: Sequence[str], n_buckets: int) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    if batch.bucket is None:
        raise RecipeError("The recipe weighs buckets that documents state, and these state none; give --bucket COLUMN.")
    if batch.bucket.max(initial=0) >= n_buckets:
        raise RecipeError(
            f"Documents state the bucket q{batch.bucket.max()}, the recipe ends at q{n_buckets - 1}; weigh that bucket too, "
            "with 0 to leave it out."
        )
    return known_domains(batch.domain, batch.domains, domains, "profile"), batch.bucket.astype(np.uint16)


@lru_cache(maxsize=2)
def _merger(tables: Path, weights: tuple[tuple[float, ...], ...] | None, is_exact: bool) -> Merger | ExactMerger:
    if is_exact:
        return ExactMerger.read(tables)
    normaliser = Normaliser.read(tables)
    return Merger.of(normaliser, None if weights is None else np.array(weights))
