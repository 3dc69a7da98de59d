"""What a run has read so far, by cell: a table with the columns cell and tokens."""

from __future__ import annotations

from pathlib import Path

from infolaw.errors import RecipeError

from .files import named_place, read_pairs


def read_consumed(path: str | Path) -> dict[str, float]:
    """Read the tokens of each cell consumed so far: a CSV with the columns cell and tokens.

    Raises
    ------
    RecipeError
        Naming file and row or cell, if it is no such table.
    """
    with named_place(path):
        found = read_pairs(path, "tokens", "a ledger of what was consumed")
        bad = [f"{cell} = {tokens:g}" for cell, tokens in found.items() if not 0 <= tokens < float("inf")]
        if bad:
            raise RecipeError(f"{bad[0]} is no count of tokens: give 0 or more.")
        return found
