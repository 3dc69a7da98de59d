"""Groups of shards: what one task reads. They depend on the documents alone, never on how many workers there are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ..documents.mapping import Columns
from ..documents.shard import Shard

GROUP_DOCS = 12_500_000
"""Documents of a task, about: two seconds of work, so that little is lost when it is, and few partials to merge."""

LINE_COST = 8
"""Documents of JSON lines count for so many: they are parsed whole."""

BYTES_PER_DOC = 2_000
"""Guess of the packed size of a document of JSON lines, whose rows nobody has counted [bytes]."""


@dataclass(frozen=True)
class ShardGroup:
    """Neighbouring shards that one task reads.

    Attributes
    ----------
    shards : tuple of Shard
        In order of their names.
    key : str
        Place in the order and a hash of the shards.
    size : int
        Documents, or a guess of them.
    """

    shards: tuple[Shard, ...]
    key: str
    size: int


def group_shards(shards: Iterable[Shard], group_docs: int = GROUP_DOCS) -> list[ShardGroup]:
    """Cut the documents, in order of names, into groups of equal size at row groups and files.

    Four groups or a multiple, each of at most about `group_docs` rows of parquet, so that any few workers end together.
    """
    atoms = [atom for shard in sorted(shards, key=lambda shard: (shard.name, shard.first_row)) for atom in shard.split(1)]
    costs = [documents_of(atom) * (LINE_COST if atom.kind == "jsonl" else 1) for atom in atoms]
    total = sum(costs)
    n_groups = 4 * -(-total // (4 * group_docs))
    before, places = 0, []
    for cost in costs:
        places.append((before + cost // 2) * n_groups // total)
        before += cost
    groups: list[ShardGroup] = []
    for _, members in groupby(zip(places, atoms, strict=True), key=lambda member: member[0]):
        taken = [atom for _, atom in members]
        joined = [join(list(parts)) for _, parts in groupby(taken, key=lambda atom: atom.name)]
        names = "\n".join(f"{shard.key} {shard.fingerprint}" for shard in joined)
        mark = hashlib.blake2b(names.encode(), digest_size=4).hexdigest()
        groups.append(ShardGroup(tuple(joined), f"{len(groups):05d}-{mark}", sum(map(documents_of, taken))))
    return groups


def documents_of(shard: Shard) -> int:
    """Documents of a shard, guessed from its size where nobody has counted them; at least 1."""
    return max(1, shard.size // BYTES_PER_DOC if shard.rows is None else shard.rows)


def join(parts: Sequence[Shard]) -> Shard:
    """One shard of neighbouring row groups of one file."""
    first, last = parts[0].groups, parts[-1].groups
    if first is None or last is None:
        return parts[0]
    group_rows = tuple(rows for part in parts for rows in part.group_rows)
    return replace(parts[0], rows=sum(group_rows), groups=(first[0], last[1]), group_rows=group_rows)


def only_size(columns: Columns) -> Columns:
    """Columns that read no more than ids and tokens."""
    return replace(columns, domain="value:all", scores=(), bucket=None, bucket_labels=())
