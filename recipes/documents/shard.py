"""Shard: a range of rows of one file, the unit that tasks are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["parquet", "jsonl"]


@dataclass(frozen=True)
class Shard:
    """Rows of one file, in file order.

    Attributes
    ----------
    name : str
        Path relative to the root of the corpus, with ``/``: what manifests and messages call the file.
    place : str
        Full local path or URL.
    kind : "parquet" or "jsonl"
        How to read it.
    size : int
        Of the whole file [bytes].
    fingerprint : int
        Of the whole file, 64 bits: see `recipes.documents.places.fingerprint`.
    first_row : int
        Row of the file, from 0, that this shard begins with.
    rows : int, optional
        Rows of this shard; None for JSON lines, whose rows nobody has counted.
    groups : (int, int), optional
        Parquet row groups, from the first up to but without the second.
    group_rows : tuple of int
        Rows of each of these groups.
    attributes : tuple of str
        Places of the Dolma attribute files that run parallel to this file.
    """

    name: str
    place: str
    kind: Kind
    size: int
    fingerprint: int
    first_row: int = 0
    rows: int | None = None
    groups: tuple[int, int] | None = None
    group_rows: tuple[int, ...] = ()
    attributes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Name that no other shard of the corpus has."""
        return self.name if self.groups is None else f"{self.name}#{self.groups[0]}-{self.groups[1]}"

    def split(self, max_rows: int) -> tuple[Shard, ...]:
        """Cut at row-group borders into shards of at most `max_rows` rows, or of one group where that is larger.

        Examples
        --------
        >>> whole = Shard("a.parquet", "/a.parquet", "parquet", 10, 1, 0, 9, (0, 3), (4, 4, 1))
        >>> [(part.first_row, part.rows, part.groups) for part in whole.split(5)]
        [(0, 4, (0, 1)), (4, 5, (1, 3))]
        """
        if self.groups is None or not self.group_rows:
            return (self,)
        parts: list[Shard] = []
        begin, first_row = self.groups[0], self.first_row
        taken: list[int] = []
        for rows in (*self.group_rows, None):
            if taken and (rows is None or sum(taken) + rows > max_rows):
                groups = (begin, begin + len(taken))
                part = replace(self, first_row=first_row, rows=sum(taken), groups=groups, group_rows=tuple(taken))
                parts.append(part)
                begin, first_row, taken = groups[1], first_row + sum(taken), []
            if rows is not None:
                taken.append(rows)
        return tuple(parts)
