"""Columns of a run table: which names the toolkit knows, and how the cells of a file become numbers or text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("n_params", "tokens")
"""Columns that every run table has, beside ``loss`` or at least one ``loss:<target>``."""

OPTIONAL = ("unique_tokens", "epochs", "flops", "n_params_non_embedding", "n_params_active")
"""Positive numbers that a run table may have; an empty cell means that nobody wrote it down."""

EVIDENCE = ("tokenizer", "loss_unit", "corpus_fingerprint", "bucket_definition")
"""What a run was made from: a fit keeps the values, a plan compares them with its corpus."""

TEXT = ("run_id", "group", *EVIDENCE, "eval_set", "stage", "source")
"""Names: never turned into numbers, whatever they look like."""

OTHER = ("checkpoint", "seed", "lr_schedule_complete")
"""Further columns that the toolkit knows by name."""

PREFIXES = ("loss:", "weight:", "unique:", "epochs:")
"""Families of columns: one a target or a cell, all numbers."""

MISSING = frozenset({"", "nan", "<na>", "nat"})
MISSING_NUMBER = MISSING | {"na", "n/a", "null", "none"}
BOOLEAN = {"true": 1.0, "false": 0.0}
EXACT_INTEGER = 2.0**53


def is_canonical(column: str) -> bool:
    """Whether the toolkit knows a column by this name."""
    return column in (*REQUIRED, "loss", *OPTIONAL, *TEXT, *OTHER) or column.startswith(PREFIXES)


def is_number(column: str) -> bool:
    """Whether a column of this name must hold numbers."""
    return column in (*REQUIRED, "loss", *OPTIONAL, "lr_schedule_complete") or column.startswith(PREFIXES)


def loss_columns(frame: pd.DataFrame) -> list[str]:
    """Names of the columns that hold a loss, in the order of the table."""
    return [name for name in frame.columns if name == "loss" or name.startswith("loss:")]


def listed(names: Any, limit: int = 20) -> str:
    """Write names or row numbers in a message, the first `limit` of them.

    Examples
    --------
    >>> listed(["a", "b"]), listed(range(1, 20), limit=3)
    ('a, b', '1, 2, 3 and 16 more')
    """
    every = [str(name) for name in names]
    return ", ".join(every[:limit]) + (f" and {len(every) - limit} more" if len(every) > limit else "")


def parse_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Bring every column to numbers or text, whatever the file held; doing it twice changes nothing.

    Known number columns become float64; a cell that is no number stays as text in a column of objects, for
    `infolaw.run_problems.problems` to name. Any other column becomes int64 or float64 where all its cells are numbers
    (true = 1, false = 0), else text.
    """
    import pandas as pd

    return pd.DataFrame({name: _parsed(name, frame[name]) for name in frame.columns}, index=frame.index)


def text_cells(cells: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mask of the cells of a parsed column that hold text."""
    if cells.dtype != object:
        return np.zeros(len(cells), bool)
    return np.array([isinstance(cell, str) for cell in cells], bool)


def numbers_only(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a parsed frame in which text in a number column counts as missing."""
    spoiled = [name for name in frame.columns if is_number(name) and frame[name].dtype == object]
    return frame.assign(**{name: frame[name].mask(text_cells(frame[name])).astype(float) for name in spoiled})


def _parsed(name: str, cells: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    if name in TEXT:
        return pd.Series([_text(cell) for cell in cells], index=cells.index, dtype=object)
    missing = MISSING_NUMBER if is_number(name) else MISSING
    values = [_number(cell, missing) for cell in cells]
    if any(isinstance(value, str) for value in values):
        kept = values if is_number(name) else [_text(cell) for cell in cells]
        return pd.Series(kept, index=cells.index, dtype=object)
    numbers = np.asarray(values, float)
    whole = not is_number(name) and bool(np.all((np.abs(numbers) < EXACT_INTEGER) & (numbers == np.rint(numbers))))
    return pd.Series(numbers.astype(np.int64) if whole else numbers, index=cells.index)


def _number(cell: Any, missing: frozenset[str]) -> float | str:
    """Value of a cell; its text where it is no number."""
    if isinstance(cell, float):
        return cell
    text = "" if cell is None else str(cell).strip().lower()
    if text in missing:
        return math.nan
    if text in BOOLEAN:
        return BOOLEAN[text]
    try:
        return float(cell)
    except (ValueError, TypeError):
        return str(cell)
    except OverflowError:
        return math.inf


def _text(cell: Any) -> str | float:
    """Text of a cell, NaN where it is empty; whole numbers without a decimal point."""
    if isinstance(cell, float):
        return math.nan if math.isnan(cell) else str(int(cell)) if cell.is_integer() else str(cell)
    return math.nan if cell is None or str(cell) in ("", "<NA>", "NaT") else str(cell)
