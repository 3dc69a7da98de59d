"""The one pass that a corpus is built from: shards in, a partial out that merges in any order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infolaw.errors import RecipeError

from ..batch import Batch
from ..sampling.criteria import Criteria
from ..sampling.packing import read_arrays, write_arrays
from ..sampling.profile import Profile
from ..sampling.profile_bytes import profile_from_arrays, profile_to_arrays
from .mapping import Columns
from .reading import read_batches
from .shard import Shard

MOST_DOMAINS = 1000
"""More domains are a mistaken column (a URL, an id); each holds a sample of documents in memory."""


@dataclass
class FileCount:
    """Documents and tokens of one file, and the cell they all lie in (None: several)."""

    cell: tuple[str, int] | None
    documents: int
    tokens: int

    def add(self, other: FileCount) -> None:
        """Add another part of the same file."""
        self.cell = self.cell if self.cell == other.cell else None
        self.documents += other.documents
        self.tokens += other.tokens


@dataclass
class Partial:
    """What a pass over some shards leaves; updated in place.

    Attributes
    ----------
    profile : Profile
        See `recipes.sampling.profile`.
    files : dict
        By place of the file.
    """

    profile: Profile
    files: dict[str, FileCount] = field(default_factory=dict)

    def add(self, shard: Shard, first_row: int, batch: Batch) -> None:
        """Count a batch that begins at `first_row` of the shard's file (from 0).

        Raises
        ------
        RecipeError
            If there are too many domains, or a score is missing where that is refused.
        """
        criteria = self.profile.criteria
        if criteria.missing == "refuse" and np.isnan(batch.scores).any():
            row, column = np.argwhere(np.isnan(batch.scores))[0]
            raise RecipeError(
                f"{shard.name}: row {first_row + row + 1}: no score {criteria.names[column]!r}; repair it, or let missing "
                "scores count as the worst."
            )
        self.profile.update(batch)
        if len(self.profile.domains) > MOST_DOMAINS:
            names = ", ".join(map(repr, self.profile.domains[:3]))
            raise RecipeError(f"{shard.name}: more than {MOST_DOMAINS} domains ({names} ...); give a coarser --domain.")
        self._count_file(shard, batch)

    def _count_file(self, shard: Shard, batch: Batch) -> None:
        bucket = -1 if batch.bucket is None else int(batch.bucket[0])
        is_whole = len(batch.domains) == 1 and (batch.bucket is None or bool((batch.bucket == bucket).all()))
        count = FileCount((batch.domains[0], bucket) if is_whole else None, len(batch), int(batch.tokens.sum()))
        if shard.place in self.files:
            self.files[shard.place].add(count)
        else:
            self.files[shard.place] = count

    def merge(self, other: Partial) -> Partial:
        """Add `other` to this partial, in place, and return this one."""
        self.profile.merge(other.profile)
        for place, count in other.files.items():
            if place in self.files:
                self.files[place].add(count)
            else:
                self.files[place] = count
        return self

    def write(self, path: Path) -> None:
        """Write it for whoever merges it."""
        meta, arrays = profile_to_arrays(self.profile)
        files = {place: [count.cell, count.documents, count.tokens] for place, count in sorted(self.files.items())}
        write_arrays(path, {**meta, "files": files}, arrays)

    @classmethod
    def read(cls, path: Path) -> Partial:
        """Inverse of `write`."""
        meta, arrays = read_arrays(path)
        files = {
            place: FileCount(None if cell is None else (cell[0], cell[1]), documents, tokens)
            for place, (cell, documents, tokens) in meta.pop("files").items()
        }
        return cls(profile_from_arrays(meta, arrays), files)


def profile_of(shards: Iterable[Shard], columns: Columns, criteria: Criteria) -> Partial:
    """Read the metadata of shards once; pure, so tasks may run it anywhere and twice.

    Raises
    ------
    RecipeError
        As `read_batches` and `Partial.add`.
    """
    partial = Partial(Profile.empty(criteria))
    for shard in shards:
        row = shard.first_row
        for batch in read_batches(shard, columns):
            partial.add(shard, row, batch)
            row += len(batch)
    return partial
