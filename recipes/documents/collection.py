"""Documents: the shards of a corpus and how to read them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolaw.errors import RecipeError

from ..batch import Batch
from .mapping import Columns
from .places import Place, find_places
from .reading import column_finder, plan_shard, read_batches, read_records
from .shard import Shard

if TYPE_CHECKING:
    from ..sampling.criteria import Criteria

SHARD_ROWS = 2**21
"""Rows of a parquet shard: larger files are cut at row-group borders, so that workers can share them."""

LOOKING_THREADS = 16
"""Files looked at at once when a corpus is opened: waiting for storage, not computing."""


@dataclass(frozen=True)
class Documents:
    """What `open_documents` found: nothing but names and numbers, so tasks can carry it.

    Attributes
    ----------
    root : str
        Folder or URL that all names are relative to.
    shards : tuple of Shard
        By file name, then row.
    columns : Columns
        Where the parts of a document stand.
    """

    root: str
    shards: tuple[Shard, ...]
    columns: Columns

    @property
    def fingerprint(self) -> str:
        """Hash of names, sizes and fingerprints of all files."""
        files = {shard.name: (shard.size, shard.fingerprint) for shard in self.shards}
        return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]

    @property
    def n_files(self) -> int:
        """Files, however many shards they are cut into."""
        return len({shard.name for shard in self.shards})

    @property
    def rows(self) -> int | None:
        """Documents, where every file says how many it holds."""
        counted = [shard.rows for shard in self.shards]
        return None if None in counted else sum(rows for rows in counted if rows is not None)

    @property
    def criteria(self) -> Criteria:
        """Names and directions of the scores."""
        from ..sampling.criteria import Criteria

        return Criteria(tuple(s.name for s in self.columns.scores), tuple(s.better for s in self.columns.scores))

    def batches(self, shard: Shard) -> Iterator[Batch]:
        """Metadata of a shard's rows, in file order."""
        return read_batches(shard, self.columns)

    def records(self, shard: Shard) -> Iterator[Any]:
        """Whole records of a shard, in file order; see `recipes.documents.reading.read_records`."""
        return read_records(shard)


def open_all(
    paths: Sequence[str | Path], columns: Columns | None, mapping: str | Path | None, changes: dict[str, Any]
) -> Documents:
    """See `recipes.documents.open_documents`."""
    root, places = find_places(paths)
    known = columns if columns is not None else _layout(places[0], mapping)
    settled = known.changed(**changes)
    if settled.tokens is None and settled.tokens_per_byte is None:
        raise RecipeError(
            f"{places[0].name}: no token counts (layout {settled.name}); give --tokens COLUMN or --tokens-per-byte X "
            "(about 0.25 for English)."
        )
    with ThreadPoolExecutor(LOOKING_THREADS) as pool:
        files = list(pool.map(partial(plan_shard, columns=settled), places))
    shards = tuple(part for shard in files for part in shard.split(SHARD_ROWS))
    if all(shard.rows == 0 for shard in files):
        raise RecipeError(f"{root}: {len(files)} files and no document in them, so no corpus.")
    return Documents(root, shards, settled)


def _layout(place: Place, mapping: str | Path | None) -> Columns:
    """Columns of the named layout, or of the one that the first file's columns speak for."""
    from .mapping_file import read_mapping, recognised

    if mapping is not None:
        return read_mapping(mapping)
    has_column = column_finder(place)
    found = recognised(has_column)
    return found if found is not None else Columns(id="id" if has_column("id") else None)
