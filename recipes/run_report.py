"""What `infolaw runs` says: what was mapped and derived, every problem by row, and what a corpus adds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from infolaw.readers import Inspection
from infolaw.runs import RunTable

from .corpus import Corpus
from .provenance import evidence_in


def with_supply(table: RunTable, corpus: Corpus) -> RunTable:
    """Return the table with ``unique:`` and epochs of every cell, and with what tells the corpus from others."""
    index = corpus.aggregate(table.cells)
    supply = np.bincount(index, corpus.unique_tokens, len(table.cells))
    note = f"unique: and epochs: derived from weights, tokens and the supply of corpus {corpus.fingerprint}"
    found = table.with_unique(dict(zip(table.cells, supply.tolist(), strict=True)), note)
    return RunTable.from_frame(
        found.frame.assign(**{name: said for name, said in evidence_in(corpus).items() if name not in found.frame}),
        source=found.source,
        notes=found.notes,
        fingerprint=found.fingerprint,
    )


def inspection_text(seen: Inspection, table: RunTable | None) -> str:
    """Return the report as text."""
    lines = [f"{seen.n_rows} rows, mapping {seen.mapping}"]
    if table is not None:
        frame = table.frame
        lines.append(
            f"{len(table)} rows of {frame['run_id'].nunique()} runs; losses {', '.join(table.targets)}; "
            f"cells {', '.join(table.cells) or 'none'}"
        )
        lines.append(f"n_params {frame['n_params'].min():.4g} to {frame['n_params'].max():.4g}")
        lines.append(f"tokens   {frame['tokens'].min():.4g} to {frame['tokens'].max():.4g}")
    notes = dict.fromkeys([*seen.notes, *(table.notes if table is not None else ())])
    lines += [f"note       {note}" for note in notes]
    lines += [f"{'problem' if problem.fatal else 'notice':<10} {problem.message}" for problem in seen.problems]
    return "\n".join(lines if seen.problems else [*lines, "no problems"])


def inspection_data(seen: Inspection, table: RunTable | None) -> dict[str, Any]:
    """Return the report as plain values."""
    return {
        "n_rows": seen.n_rows,
        "mapping": seen.mapping,
        "notes": list(dict.fromkeys([*seen.notes, *(table.notes if table is not None else ())])),
        "problems": [asdict(problem) for problem in seen.problems],
        "usable": table is not None,
        "targets": table.targets if table is not None else [],
        "cells": table.cells if table is not None else [],
    }
