"""What a run has read so far, by cell: a table with the columns cell and tokens, or the schedule of a plan up to a token."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from infolaw.errors import RecipeError

from .files import named_place, read_text


def read_consumed(path: str | Path) -> dict[str, float]:
    """Read the tokens of each cell consumed so far: a CSV with the columns cell and tokens.

    Raises
    ------
    RecipeError
        Naming file and row, if it is no such table.
    """
    with named_place(path):
        header, *rows = list(csv.reader(io.StringIO(read_text(path)), strict=True)) or [[]]
        if header != ["cell", "tokens"]:
            raise RecipeError(f"the first line is {','.join(header)!r}; a ledger of what was consumed has 'cell,tokens'.")
        found: dict[str, float] = {}
        for number, row in enumerate((row for row in rows if row), start=1):
            try:
                cell, tokens = row[0], float(row[1])
            except (IndexError, ValueError):
                raise RecipeError(f"row {number}: {','.join(row)!r} is not a cell and a number of tokens.") from None
            if cell in found or not 0 <= tokens < float("inf"):
                raise RecipeError(f"row {number}: {cell!r} stands twice, or {tokens:g} is no count of tokens; repair it.")
            found[cell] = tokens
        return found
