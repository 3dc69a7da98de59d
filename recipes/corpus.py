"""Corpus: which cells of data there are, and how many distinct tokens each holds.

A cell is `<domain>`, `q<K>` (quality bucket, 0 = best) or `<domain>/q<K>`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from .cell import Cell


@dataclass(frozen=True)
class Corpus:
    """The cells that exist and what they hold.

    Parameters
    ----------
    cells : tuple of Cell
        At least one; no cell twice, none inside another (``web`` and ``web/q0``).
    tokenizer : str, optional
        What the tokens were counted with.
    bucket_definition : mapping, optional
        How documents came to their buckets: criteria, edges.
    documents : mapping, optional
        What it was built from, where it was built from documents: files, columns, missing and tied scores, the
        fingerprint of the profile beside the corpus file. No part of `fingerprint`: plans do not depend on it.

    Raises
    ------
    RecipeError
        If a cell breaks these rules; the message names it.
    """

    cells: tuple[Cell, ...]
    tokenizer: str | None = None
    bucket_definition: Mapping[str, Any] | None = field(default=None, hash=False)
    documents: Mapping[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if not self.cells:
            raise RecipeError("The corpus has no cells, so no tokens to plan with.")
        names = set(self.names)
        if len(names) < len(self.cells):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise RecipeError(f"The corpus holds cell {twice!r} more than once; merge or rename it.")
        for cell in self.cells:
            for whole in names & {cell.domain, cell.bucket} - {cell.name}:
                raise RecipeError(
                    f"Cell {cell.name!r} lies inside cell {whole!r}, so its tokens would count twice; keep one of them."
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Cell names, in file order: the order of every ``(n_cells,)`` array."""
        return tuple(cell.name for cell in self.cells)

    @property
    def domains(self) -> tuple[str, ...]:
        """Distinct domains, in order of appearance."""
        return tuple(dict.fromkeys(cell.domain for cell in self.cells if cell.domain is not None))

    @property
    def buckets(self) -> tuple[str, ...]:
        """Distinct buckets, best first."""
        return tuple(sorted({cell.bucket for cell in self.cells if cell.bucket}, key=lambda bucket: int(bucket[1:])))

    @property
    def unique_tokens(self) -> Array:
        """Distinct tokens of each cell, ``(n_cells,)`` [tokens]."""
        return np.array([cell.unique_tokens for cell in self.cells])

    @property
    def total_tokens(self) -> float:
        """Distinct tokens of the whole corpus [tokens]."""
        return float(self.unique_tokens.sum())

    @property
    def natural(self) -> Array:
        """Share of each cell in the distinct tokens, ``(n_cells,)``: the mix that nobody changed."""
        return self.unique_tokens / self.total_tokens

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the content: two corpora with the same fingerprint give the same plans."""
        cells = [
            [c.name, float(c.unique_tokens), c.documents, c.paths, [float(count) for count in c.path_tokens]]
            for c in self.cells
        ]
        content = json.dumps([cells, self.tokenizer, self.bucket_definition], sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def aggregate(self, law_cells: Sequence[str]) -> NDArray[np.intp]:
        """Index into `law_cells` of each corpus cell, ``(n_cells,)``.

        A cell goes to the law's cell of the same name, else of its domain, else of its bucket, else to the single
        cell ``all``. It only ever goes up: a law with finer cells than the corpus is refused.

        Raises
        ------
        RecipeError
            If a corpus cell fits no law cell; the message lists both.

        Examples
        --------
        >>> Corpus((Cell("web/q0", 1e9), Cell("web/q1", 2e9), Cell("code", 1e9))).aggregate(["code", "web"]).tolist()
        [1, 1, 0]
        """
        position = {name: index for index, name in enumerate(law_cells)}
        single = "all" if tuple(law_cells) == ("all",) else None
        found = [next((n for n in (c.name, c.domain, c.bucket, single) if n in position), None) for c in self.cells]
        lost = [cell.name for cell, name in zip(self.cells, found, strict=True) if name is None]
        if lost:
            raise RecipeError(
                f"The law knows the cells {', '.join(law_cells)}; the corpus has {', '.join(self.names)}, of which "
                f"{', '.join(lost)} fit none (cells are summed upwards, never split); relabel the corpus "
                "or fit the law on runs with these cells."
            )
        return np.array([position[name] for name in found if name is not None], dtype=np.intp)

    @classmethod
    def read(cls, path: str | Path) -> Corpus:
        """Read ``corpus.yaml`` (schema_version 1); a fingerprint in it must fit its content."""
        from .files import CorpusFile, named_place, read_yaml

        with named_place(path):
            content = read_yaml(path, CorpusFile)
            cells = tuple(Cell(**entry.model_dump()) for entry in content.cells)
            documents = None if content.documents is None else content.documents.model_dump()
            corpus = cls(cells, content.tokenizer, content.bucket_definition, documents)
            if content.fingerprint not in (None, corpus.fingerprint):
                raise RecipeError(
                    f"The content does not fit its fingerprint {content.fingerprint!r}: it was changed since it was "
                    f"written; set it to {corpus.fingerprint!r} or delete that line to accept the change."
                )
        return corpus

    def write(self, path: str | Path) -> None:
        """Write ``corpus.yaml``, whole or not at all."""
        from .files import CellEntry, CorpusFile, DocumentsEntry, write_yaml

        cells = tuple(CellEntry.model_validate(vars(cell)) for cell in self.cells)
        definition = None if self.bucket_definition is None else dict(self.bucket_definition)
        write_yaml(
            path,
            CorpusFile(
                schema_version=1,
                tokenizer=self.tokenizer,
                bucket_definition=definition,
                fingerprint=self.fingerprint,
                documents=None if self.documents is None else DocumentsEntry.model_validate(dict(self.documents)),
                cells=cells,
            ),
        )

    @classmethod
    def from_inventory(cls, path: str | Path, tokenizer: str | None = None) -> Corpus:
        """Read an inventory table (CSV): domain and/or bucket, tokens, and if known documents and path.

        Rows of one cell with different paths are summed; ``q0`` and ``0`` are the same bucket.

        Raises
        ------
        RecipeError
            On an unknown column, a cell or path given twice, a number that is none; the message names the data row.
        """
        from .files import named_place
        from .inventory import read_inventory

        with named_place(path):
            return cls(read_inventory(path), tokenizer)
