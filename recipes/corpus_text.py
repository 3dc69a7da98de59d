"""How a corpus reads in a terminal."""

from __future__ import annotations

from typing import Any

from infolaw.rendering import amount, table

from .corpus import Corpus


def corpus_text(corpus: Corpus) -> str:
    """Return one line a cell, and the total."""
    rows = [
        [cell.name, amount(cell.unique_tokens), f"{share:.2%}", str(cell.documents or "-"), str(len(cell.paths))]
        for cell, share in zip(corpus.cells, corpus.natural, strict=True)
    ]
    total = f"{amount(corpus.total_tokens)} tokens in {len(corpus.cells)} cells, fingerprint {corpus.fingerprint}"
    return "\n".join([table(["cell", "tokens", "share", "documents", "paths"], rows), "", total, *_origin(corpus)])


def _origin(corpus: Corpus) -> list[str]:
    """Lines on what the corpus was built from."""
    lines = [] if corpus.tokenizer is None else [f"tokenizer  {corpus.tokenizer}"]
    definition, known = corpus.bucket_definition or {}, corpus.documents
    if definition.get("by") == "rank":
        edges = ", ".join(f"{edge:g}" for edge in definition["edges"][1:-1])
        lines.append(f"buckets    {' + '.join(definition['criteria'])}, cut at rank {edges} ({definition['counts']})")
    if known is not None:
        columns = known["columns"]
        tokens = columns["tokens"] or f"{columns['tokens_per_byte']:g} a byte"
        lines.append(f"read       {known['documents']:,} documents in {known['files']:,} files of {known['root']}")
        lines.append(f"columns    layout {columns['name']}: id {columns['id']}, domain {columns['domain']}, tokens {tokens}")
        lines.extend(f"note       {note}" for note in known["notes"])
    return lines


def corpus_data(corpus: Corpus) -> dict[str, Any]:
    """Return a corpus as plain values."""
    return {
        "cells": [{"name": c.name, "unique_tokens": c.unique_tokens, "documents": c.documents} for c in corpus.cells],
        "total_tokens": corpus.total_tokens,
        "tokenizer": corpus.tokenizer,
        "fingerprint": corpus.fingerprint,
        "bucket_definition": None if corpus.bucket_definition is None else dict(corpus.bucket_definition),
        "documents": None if corpus.documents is None else dict(corpus.documents),
    }
