"""Layouts as files: the known ones in ``mappings/``, and a user's own. Imported only where one is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from infolaw.errors import RecipeError

from ..files import named_place, read_yaml
from .mapping import MAPPINGS, Columns, Score


class MappingFile(BaseModel):
    """``mapping.yaml``: see `Columns`; `scores` are written ``[NAME=]COLUMN:higher`` or ``:lower``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1]
    name: str
    source: str | None = None
    conventions: str | None = None
    when: tuple[str, ...] = ()
    id: str | None = None
    domain: str = "value:all"
    tokens: str | None = None
    tokens_per_byte: float | None = None
    text: str = "text"
    scores: tuple[str, ...] = ()
    bucket: str | None = None
    bucket_labels: tuple[str, ...] = ()
    missing_domain: str | None = None
    tokenizer: str | None = None


def read_mapping(name_or_path: str | Path) -> Columns:
    """Columns of a known layout, or of a user's mapping file.

    Raises
    ------
    RecipeError
        If there is neither, or the file breaks a rule; the message lists the known layouts.
    """
    known = known_layouts()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    if Path(name_or_path).suffix.lower() not in {".yaml", ".yml"}:
        raise RecipeError(
            f"--mapping {str(name_or_path)!r} is no layout; known are {', '.join(known)}, or give a .yaml file."
        )
    return _read(Path(name_or_path))


@lru_cache(maxsize=1)
def known_layouts() -> dict[str, Columns]:
    """Layouts that ship, by name."""
    found = (_read(path) for path in sorted(MAPPINGS.glob("*.yaml")))
    return {columns.name: columns for columns in found}


def recognised(has_column: Callable[[str], bool]) -> Columns | None:
    """Return the layout that most of a file's columns speak for (of equals, one with token counts), or None.

    Parameters
    ----------
    has_column : callable
        Says whether the file has a column of this (dotted) name.
    """
    fitting = [columns for columns in known_layouts().values() if columns.when and all(map(has_column, columns.when))]
    return max(fitting, key=lambda columns: (len(columns.when), columns.tokens is not None), default=None)


def _read(path: Path) -> Columns:
    with named_place(path):
        content = read_yaml(path, MappingFile)
        values = content.model_dump(exclude={"schema_version", "source", "conventions", "scores"})
        return Columns(**values, scores=tuple(Score.parse(text) for text in content.scores))
