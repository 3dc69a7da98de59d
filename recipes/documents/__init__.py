"""Documents on disk: where shards lie, and how their columns are read.

Reading order: `shard`, `places`, `mapping` (which column says what), `columns` (from Arrow to a `Batch`), one reader a
format (`parquet`, `jsonl`, `dolma`), `reading` (one door to them), `collection`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .shard import Shard

os.environ.setdefault("MIMALLOC_PURGE_DELAY", "1000")
"""Milliseconds that Arrow keeps memory of one batch for the next; it reads this once, when it is loaded. Its own 10 make
the system clear the same pages for every batch."""

if TYPE_CHECKING:
    from .collection import Documents
    from .mapping import Columns, Score


def open_documents(
    *paths: str | Path,
    mapping: str | Path | None = None,
    columns: Columns | None = None,
    id: str | None = None,
    domain: str | None = None,
    tokens: str | None = None,
    tokens_per_byte: float | None = None,
    scores: Sequence[str | Score] = (),
    bucket: str | None = None,
    text: str | None = None,
    missing_domain: str | None = None,
    tokenizer: str | None = None,
) -> Documents:
    """Find documents and say how to read them; nothing but headers is read.

    Parameters
    ----------
    *paths : str or Path
        Files, folders, globs, or URLs that fsspec knows; parquet and JSON lines (.gz, .zst), Dolma's layout.
    mapping : str or Path, optional
        Name of a known layout (``fineweb``, ``dclm`` ...) or a YAML file; by default the layout that the first file's
        columns speak for.
    columns : Columns, optional
        Instead of a layout.
    id, domain, tokens, tokens_per_byte, scores, bucket, text, missing_domain, tokenizer
        What is to be taken from elsewhere than the layout says; see `Columns`. ``id="none"``: by file and row.

    Raises
    ------
    RecipeError
        If nothing is found, a file cannot be read, a column is missing, or there is no way to tokens.
    """
    from .collection import open_all

    changes = {"id": id, "domain": domain, "tokens": tokens, "tokens_per_byte": tokens_per_byte, "scores": scores}
    changes |= {"bucket": bucket, "text": text, "missing_domain": missing_domain, "tokenizer": tokenizer}
    return open_all(paths, columns, mapping, changes)


__all__ = ["Shard", "open_documents"]
