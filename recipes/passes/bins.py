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
from ..sampling.domains import Slots, known_domains, slots_of
from ..sampling.exact_merger import ExactMerger
from ..sampling.merged import MergedHistogram, Merger
from ..sampling.normalise import Normaliser
from ..sampling.packing import raw_bytes
from .groups import only_size

DEAR = np.dtype([("slot", "<u4"), ("id", "<u8"), ("tokens", "<i8")])
"""What is kept of a document where reading it again costs as much as reading all; elsewhere the slot alone."""
BLOCK_ROWS = 1 << 17

Ints = NDArray[np.int64]
_loading = Lock()


@dataclass(frozen=True)
class Scored:
    """Documents read together, with domain and bin.

    Attributes
    ----------
    ids : (n,) uint64
    tokens : (n,) int64
    slots : (n,) uint32
        Index into the profile's domains, times the bins, plus the bin.
    """

    ids: NDArray[np.uint64]
    tokens: Ints
    slots: Slots


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
    find = merger.slots if stated_buckets is None else partial(_stated, domains=merger.domains, n_buckets=stated_buckets)
    head = np.zeros(1 + len(shards), np.int64)  # where the histogram begins, and the rows of every shard
    with open(path, "wb") as handle:
        handle.write(raw_bytes(head))
        for place, shard in enumerate(shards):
            is_dear = _is_dear(shard, columns)
            for batch in read_batches(shard, columns if is_dear else replace(columns, id="")):
                slots = find(batch)
                histogram.add_slots(slots, batch.tokens)
                handle.write(raw_bytes(_dear(slots, batch) if is_dear else slots))
                head[1 + place] += len(batch)
        head[0] = handle.tell()
        handle.write(raw_bytes(histogram.sums))
        handle.seek(0)
        handle.write(raw_bytes(head))
    return {"documents": int(head[1:].sum())}


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
        _, *n_rows = np.fromfile(handle, np.int64, 1 + len(shards)).tolist()
        for place, shard in enumerate(shards):
            left, row = n_rows[place], shard.first_row
            for block in _kept(handle, left) if _is_dear(shard, columns) else _read_again(handle, left, shard, lean):
                yield place, row, block
                row += len(block.ids)


def _read_again(handle: Any, left: int, shard: Shard, lean: Columns) -> Iterator[Scored]:
    for batch in read_batches(shard, lean):
        left -= len(batch)
        if left < 0:
            raise RecipeError(f"{shard.name}: more rows than a moment ago; leave the files as they are while sampling.")
        yield Scored(batch.ids, batch.tokens, np.fromfile(handle, np.uint32, len(batch)))


def _dear(slots: Slots, batch: Batch) -> NDArray[np.void]:
    rows = np.empty(len(batch), DEAR)
    rows["slot"], rows["id"], rows["tokens"] = slots, batch.ids, batch.tokens
    return rows


def _kept(handle: Any, left: int) -> Iterator[Scored]:
    while left:
        rows = np.fromfile(handle, DEAR, min(left, BLOCK_ROWS))
        left -= len(rows)
        yield Scored(*(np.ascontiguousarray(rows[name]) for name in ("id", "tokens", "slot")))


def _is_dear(shard: Shard, columns: Columns) -> bool:
    return shard.kind == "jsonl" or columns.tokens_per_byte is not None


def _stated(batch: Batch, domains: Sequence[str], n_buckets: int) -> Slots:
    if batch.bucket is None:
        raise RecipeError("The recipe weighs buckets that documents state, and these state none; give --bucket COLUMN.")
    if batch.bucket.max(initial=0) >= n_buckets:
        raise RecipeError(
            f"Documents state the bucket q{batch.bucket.max()}, the recipe ends at q{n_buckets - 1}; weigh that bucket too, "
            "with 0 to leave it out."
        )
    domain = known_domains(batch.domain, batch.domains, domains, "profile")
    return slots_of(domain, len(domains), batch.bucket, n_buckets)


@lru_cache(maxsize=2)
def _merger(tables: Path, weights: tuple[tuple[float, ...], ...] | None, is_exact: bool) -> Merger | ExactMerger:
    if is_exact:
        return ExactMerger.read(tables)
    normaliser = Normaliser.read(tables)
    return Merger.of(normaliser, None if weights is None else np.array(weights))
