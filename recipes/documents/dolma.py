"""Dolma: documents and, in parallel files with the same lines in the same order, what taggers said of them.

Layout: ``documents/<path>`` and ``attributes/<experiment>/<path>``; a line of the latter is
``{"id": ..., "attributes": {"<experiment>__<tagger>__<name>": [[start, end, score], ...]}}`` or has plain numbers.
"""

from __future__ import annotations

import posixpath
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

from infolaw.errors import RecipeError

from ..batch import Batch
from . import jsonl
from .columns import assemble
from .mapping import Columns
from .places import exists, folders_in
from .shard import Shard

PREFIX = "attributes."
"""Columns that stand in attribute files are called ``attributes.<key>``."""


def with_attributes(shard: Shard, columns: Columns) -> Shard:
    """Return the shard with the attribute files that its columns need.

    A key ``<experiment>__...`` is looked for in that experiment's folder; where there is none, in all of them.

    Raises
    ------
    RecipeError
        If documents lie in Dolma's layout and no attribute file runs beside this one.
    """
    keys = [column.removeprefix(PREFIX) for column in columns.needed() if column.startswith(PREFIX)]
    head, folder, path = shard.place.replace("\\", "/").rpartition("/documents/")
    if not keys or not folder:
        return shard
    experiments = folders_in(f"{head}/attributes")
    named = {key: key.partition("__")[0] for key in keys}
    wanted = experiments if any(name not in experiments for name in named.values()) else sorted(set(named.values()))
    beside = tuple(place for name in wanted if exists(place := posixpath.join(head, "attributes", name, path)))
    if not beside:
        raise RecipeError(
            f"{shard.name}: no attribute file of the same name below attributes/ ({', '.join(experiments) or 'no folder'}), "
            f"so no {keys[0]!r}; run the tagger on it or leave it out."
        )
    return replace(shard, attributes=beside)


def batches(shard: Shard, columns: Columns) -> Iterator[Batch]:
    """Metadata of a file's rows and their attributes, in file order.

    Raises
    ------
    RecipeError
        If an attribute file has other rows, or other ids, than the documents.
    """
    wanted = columns.needed()
    tagged = tuple(column for column in wanted if column.startswith(PREFIX))
    plain = tuple(dict.fromkeys(("id", *(column for column in wanted if not column.startswith(PREFIX)))))
    with ExitStack() as stack:
        beside = [(place, stack.enter_context(closing(_records(place)))) for place in shard.attributes]
        for block in jsonl.blocks(shard.place, shard.name):
            arrays = jsonl.field_arrays(shard.name, block, columns, plain)
            ids = arrays["id"].to_pylist()
            merged = _merged(shard, block.first_row, ids, beside)
            for column in tagged:
                key = column.removeprefix(PREFIX)
                values = [attributes.get(key) for attributes in merged]
                arrays[column] = jsonl.python_array(shard.name, block.first_row, column, values, columns)
            yield assemble(arrays, shard, columns, block.first_row, len(block.lines))
        for place, records in beside:
            if next(records, None) is not None:
                raise RecipeError(f"{place}: more rows than its documents {shard.name}; run the tagger again.")


def _merged(shard: Shard, first_row: int, ids: list[Any], beside: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Attributes of a block's rows, of all files together."""
    merged: list[dict[str, Any]] = []
    for row, known in enumerate(ids, start=first_row + 1):
        found: dict[str, Any] = {}
        for place, records in beside:
            record = next(records, None)
            if record is None:
                raise RecipeError(f"{place}: ends before row {row} of its documents {shard.name}; run the tagger again.")
            if record.get("id") != known:
                raise RecipeError(
                    f"{place}: row {row}: id {record.get('id')!r} beside {known!r} of {shard.name}; attributes run parallel "
                    "to documents, so run the tagger again."
                )
            found.update(record.get("attributes") or {})
        merged.append(found)
    return merged


def _records(place: str) -> Generator[dict[str, Any], None, None]:
    for block in jsonl.blocks(place, place):
        for index, line in enumerate(block.lines):
            yield jsonl.parsed(place, block.first_row + index, line)
