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
from ..sampling.merged import N_MERGED_BINS, MergedHistogram, Merger
from ..sampling.normalise import Normaliser
from .groups import only_size

LEAN = np.dtype([("domain", "<u2"), ("bin", "<u2")])
DEAR = np.dtype([*LEAN.descr, ("id", "<u8"), ("tokens", "<i8")])
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
    domain : (n,) int32
        Index into the profile's domains.
    bins : (n,) uint16
    """

    ids: NDArray[np.uint64]
    tokens: Ints
    domain: NDArray[np.int32]
    bins: NDArray[np.uint16]


def score_shards(
    shards: Sequence[Shard],
    columns: Columns,
    normaliser: Path,
    weights: Sequence[Sequence[float]] | None,
    stated_buckets: int | None,
    path: Path,
) -> Mapping[str, Any]:
    """Write domain and bin of every document of `shards`, and their histogram, to `path`.

    Parameters
    ----------
    normaliser : Path
        Of `Normaliser.write`.
    weights : (n_domains, n_criteria), optional
        Of the criteria; equal by default.
    stated_buckets : int, optional
        Where documents state their bucket: it is their bin, and there are so many.
    """
    with _loading:  # once, not once a thread
        merger = _merger(normaliser, None if weights is None else tuple(map(tuple, weights)))
    histogram = MergedHistogram(merger.domains, stated_buckets or N_MERGED_BINS)
    place_of = merger.bins if stated_buckets is None else partial(_stated, domains=merger.domains, n_buckets=stated_buckets)
    head = np.zeros(1 + len(shards), np.int64)  # where the histogram begins, and the rows of every shard
    with open(path, "wb") as handle:
        head.tofile(handle)
        for place, shard in enumerate(shards):
            kind = _kind(shard, columns)
            for batch in read_batches(shard, columns if kind is DEAR else replace(columns, id="")):
                domain, bins = place_of(batch)
                histogram.add(domain, bins, batch.tokens)
                rows = np.empty(len(batch), kind)
                rows["domain"], rows["bin"] = domain, bins
                if kind is DEAR:
                    rows["id"], rows["tokens"] = batch.ids, batch.tokens
                rows.tofile(handle)
                head[1 + place] += len(batch)
        head[0] = handle.tell()
        histogram.sums.tofile(handle)
        handle.seek(0)
        head.tofile(handle)
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
        n_rows = np.fromfile(handle, np.int64, 1 + len(shards))[1:].tolist()
        for place, shard in enumerate(shards):
            kind, left = _kind(shard, columns), n_rows[place]
            row = shard.first_row
            blocks = _kept(handle, left) if kind is DEAR else _read_again(handle, left, shard, lean)
            for block in blocks:
                yield place, row, block
                row += len(block.ids)


def _read_again(handle: Any, left: int, shard: Shard, lean: Columns) -> Iterator[Scored]:
    for batch in read_batches(shard, lean):
        left -= len(batch)
        if left < 0:
            raise RecipeError(f"{shard.name}: more rows than a moment ago; leave the files as they are while sampling.")
        rows = np.fromfile(handle, LEAN, len(batch))
        yield Scored(batch.ids, batch.tokens, rows["domain"].astype(np.int32), np.ascontiguousarray(rows["bin"]))


def _kept(handle: Any, left: int) -> Iterator[Scored]:
    while left:
        rows = np.fromfile(handle, DEAR, min(left, BLOCK_ROWS))
        left -= len(rows)
        ids, tokens, bins = (np.ascontiguousarray(rows[name]) for name in ("id", "tokens", "bin"))
        yield Scored(ids, tokens, rows["domain"].astype(np.int32), bins)


def _kind(shard: Shard, columns: Columns) -> np.dtype[np.void]:
    """What is kept of a document: more where reading ids and tokens of a shard again costs as much as reading it all."""
    return DEAR if shard.kind == "jsonl" or columns.tokens_per_byte is not None else LEAN


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
def _merger(normaliser: Path, weights: tuple[tuple[float, ...], ...] | None) -> Merger:
    return Merger.of(Normaliser.read(normaliser), None if weights is None else np.array(weights))
