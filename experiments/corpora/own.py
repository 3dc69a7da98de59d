"""A corpus that the user has, read through `recipes.documents`: any layout, parquet or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infolaw.progress import Tell
from recipes.documents import open_documents

from .harvest import Harvest

if TYPE_CHECKING:
    from recipes.documents.collection import Documents
    from recipes.documents.shard import Shard

SOURCES = ("source_file", "url", "source")
"""Columns that may say which file or page a document was cut from, the first that exists counts."""


@dataclass(frozen=True)
class OwnDocument:
    """One document: domain (``all`` where none is stated), source and text."""

    domain: str
    source: str
    text: str


def own_documents(paths: tuple[str, ...], mapping: str | None = None) -> Iterator[OwnDocument]:
    """Documents in file order.

    `mapping` is a layout as `recipes.documents.open_documents` takes it; by default the one that the columns speak for.

    The source, which is held out as a whole, is the first column of `SOURCES` that a document has, else itself.

    Raises
    ------
    RecipeError
        If nothing is found, a file cannot be read, or a document has no text.
    """
    documents = open_documents(*paths, mapping=mapping or _layout(paths), tokens_per_byte=1.0)
    for shard in documents.shards:
        domains = _domains(documents, shard)
        for row, record in enumerate(_rows(documents, shard)):
            stated = next((str(record[name]) for name in SOURCES if record.get(name)), None)
            yield OwnDocument(
                next(domains), stated or f"{shard.name}:{shard.first_row + row}", record[documents.columns.text]
            )


def _layout(paths: tuple[str, ...]) -> str | None:
    """Name of this package's own layout where the first file has its columns: a column ``source`` means the file there."""
    from recipes.documents.places import find_places
    from recipes.documents.reading import column_finder

    _, places = find_places(paths)
    return "plain" if all(map(column_finder(places[0]), ("id", "domain", "tokens"))) else None


def _domains(documents: Documents, shard: Shard) -> Iterator[str]:
    for batch in documents.batches(shard):
        for code in batch.domain.tolist():
            yield batch.domains[code]


def _rows(documents: Documents, shard: Shard) -> Iterator[dict[str, Any]]:
    import json

    for batch in documents.records(shard):
        if shard.kind == "parquet":
            yield from batch.to_pylist()
        else:
            for line in batch.column("line").to_pylist():
                yield json.loads(line)


def harvest_own(harvest: Harvest, tell: Tell | None) -> dict[str, str]:
    """Take own documents, clustered into domains where none is stated; returns the licence note."""
    documents = list(own_documents(harvest.config.own, harvest.config.own_mapping))
    domains = [document.domain for document in documents]
    if set(domains) == {"all"} and harvest.config.clusters > 1:
        from ..scorers.clusters import cluster

        domains = list(cluster([d.text for d in documents], harvest.config.clusters, harvest.config.seed).names)
    for number, (domain, document) in enumerate(zip(domains, documents, strict=True)):
        if not harvest.is_full(domain):
            harvest.take(domain, document.source, document.text)
        if tell is not None:
            tell(number + 1, len(documents))
    return {"own documents": "the user's: see their source"}
