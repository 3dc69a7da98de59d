"""Sample: what a draw came to, planned against realised, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("manifest", "positional", "parquet", "jsonl.zst")
"""What may be written: (id, count) rows, a count a row, or the documents themselves."""


@dataclass(frozen=True)
class CellRow:
    """One domain and quality bucket: what the table promises and what was drawn.

    Attributes
    ----------
    cell : str
        ``<domain>/q<K>``.
    available : int
        Tokens of the corpus there [tokens].
    planned, realised : float
        Tokens, every copy counted [tokens].
    planned_unique, realised_unique : float
        Tokens of the documents drawn, each counted once [tokens].
    documents : int
        Documents drawn.
    """

    cell: str
    available: int
    planned: float
    realised: int
    planned_unique: float
    realised_unique: int
    documents: int

    @property
    def planned_epochs(self) -> float:
        """Mean passes over the documents drawn."""
        return self.planned / self.planned_unique if self.planned_unique else 0.0

    @property
    def realised_epochs(self) -> float:
        """Mean passes over the documents drawn."""
        return self.realised / self.realised_unique if self.realised_unique else 0.0


@dataclass(frozen=True)
class Sample:
    """What was written, or with ``--dry-run`` what would be.

    Attributes
    ----------
    out : Path
        Its folder.
    kind : str
        One of `KINDS`.
    rows : tuple of CellRow
        Planned against realised.
    files : tuple of str
        Relative to `out`.
    n_bytes : int
        Their size; with ``--dry-run`` an estimate [bytes].
    fingerprint : str or None
        Of the set of (id, count), the same whatever the shards; None before the draw.
    provenance : mapping
        Version, seed, fingerprints of documents and of the table, budget, cut.
    notes : tuple of str
        What a reader must know.
    """

    out: Path
    kind: str
    rows: tuple[CellRow, ...]
    files: tuple[str, ...]
    n_bytes: int
    fingerprint: str | None
    provenance: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def tokens(self) -> float:
        """Tokens drawn, every copy counted, or planned where nothing was drawn [tokens]."""
        return sum(row.realised if self.fingerprint else row.planned for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the schema of ``sample.json``."""
        rows = [
            {**vars(row), "planned_epochs": row.planned_epochs, "realised_epochs": row.realised_epochs} for row in self.rows
        ]
        return {
            "schema_version": 1,
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "tokens": self.tokens,
            "documents": sum(row.documents for row in self.rows),
            "n_bytes": self.n_bytes,
            "files": list(self.files),
            "provenance": dict(self.provenance),
            "notes": list(self.notes),
            "rows": rows,
        }

    @classmethod
    def from_dict(cls, out: Path, content: Mapping[str, Any]) -> Sample:
        """Inverse of `to_dict`."""
        names = CellRow.__dataclass_fields__
        rows = tuple(CellRow(**{name: row[name] for name in names}) for row in content["rows"])
        given = {name: content[name] for name in ("kind", "n_bytes", "fingerprint", "provenance")}
        return cls(out, rows=rows, files=tuple(content["files"]), notes=tuple(content["notes"]), **given)


def sample_text(sample: Sample) -> str:
    """Planned against realised, a line a cell."""
    from infolaw.rendering import amount, table

    drawn = sample.fingerprint is not None
    header = ["cell", "available", "planned", "unique", "epochs", *(["drawn", "unique", "epochs"] if drawn else [])]
    lines: list[Sequence[str]] = []
    for row in sample.rows:
        planned = [amount(row.available), amount(row.planned), amount(row.planned_unique), f"{row.planned_epochs:.3g}"]
        realised = [amount(row.realised), amount(row.realised_unique), f"{row.realised_epochs:.3g}"]
        lines.append([row.cell, *planned, *(realised if drawn else [])])
    verb = "written" if drawn else "would be written"
    total = f"{amount(sample.tokens)} tokens {verb} to {sample.out} as {sample.kind}: {_files(sample)}."
    return "\n".join([table(header, lines), "", total, *(f"note: {note}" for note in sample.notes)])


def _files(sample: Sample) -> str:
    size = f"{sample.n_bytes / 1e6:,.1f} MB"
    return f"{len(sample.files)} files, {size}" if sample.files else f"about {size}"
