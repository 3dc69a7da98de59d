"""Second pass: every document's domain and merged bin, kept for the draw, and their histogram.

The draw then reads ids and tokens only. Where even these are dear (JSON lines, tokens counted from texts) they are kept too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
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
from ..sampling.packing import read_arrays, write_arrays
from .groups import only_size

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
    code = np.min_scalar_type(max(0, len(merger.domains) - 1))
    kept: dict[str, list[NDArray[Any]]] = {name: [] for name in ("domain", "bins", "rows", "ids", "tokens")}
    for shard in shards:
        rows, dear = 0, is_dear(shard, columns)
        for batch in read_batches(shard, columns if dear else replace(columns, id="")):
            domain, bins = merger.bins(batch) if stated_buckets is None else _stated(batch, merger.domains, stated_buckets)
            histogram.add(domain, bins, batch.tokens)
            kept["domain"].append(domain.astype(code))
            kept["bins"].append(bins)
            if dear:
                kept["ids"].append(batch.ids)
                kept["tokens"].append(batch.tokens)
            rows += len(batch)
        kept["rows"].append(np.array([rows]))
    arrays = {"sums": histogram.sums, **{name: np.concatenate(kept.pop(name)) for name in list(kept) if kept[name]}}
    write_arrays(path, {"domains": list(merger.domains)}, arrays)
    return {"documents": int(arrays["rows"].sum())}


def is_dear(shard: Shard, columns: Columns) -> bool:
    """Whether reading ids and tokens of a shard again costs as much as reading it all."""
    return shard.kind == "jsonl" or columns.tokens_per_byte is not None


def merged_histogram(paths: Sequence[Path]) -> MergedHistogram:
    """Sum of the histograms of the partials that `score_shards` wrote, at least one."""
    total: MergedHistogram | None = None
    for path in paths:
        meta, held = read_arrays(path, only="sums")
        if total is None:
            total = MergedHistogram(meta["domains"], held["sums"].shape[1])
        total.sums += held["sums"]
    if total is None:
        raise RecipeError("There are no documents to rank.")
    return total


def read_scored(shards: Sequence[Shard], columns: Columns, partial: Path) -> Iterator[tuple[int, int, Scored]]:
    """Documents of `shards` again: place of the shard, first row of the block in the file, and the block."""
    _, held = read_arrays(partial)
    domain, bins, rows = held["domain"], held["bins"], held["rows"]
    kept = (held["ids"], held["tokens"]) if "ids" in held else None
    lean = only_size(columns)
    at = at_kept = 0
    for place, shard in enumerate(shards):
        row = shard.first_row
        if kept is not None and is_dear(shard, columns):
            blocks = _blocks(*kept, at_kept, at_kept + int(rows[place]))
            at_kept += int(rows[place])
        else:
            blocks = ((batch.ids, batch.tokens) for batch in read_batches(shard, lean))
        for ids, tokens in blocks:
            part = slice(at, at + len(ids))
            if len(bins[part]) < len(ids):
                raise RecipeError(f"{shard.name}: more rows than a moment ago; leave the files as they are while sampling.")
            yield place, row, Scored(ids, tokens, domain[part].astype(np.int32), bins[part])
            row += len(ids)
            at += len(ids)


def _blocks(ids: NDArray[np.uint64], tokens: Ints, first: int, stop: int) -> Iterator[tuple[NDArray[np.uint64], Ints]]:
    for start in range(first, stop, 1 << 17):
        part = slice(start, min(start + (1 << 17), stop))
        yield ids[part], tokens[part]


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
