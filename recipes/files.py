"""What corpora and recipes look like on disk: their schemas, one reader and one writer for both.

Imported only where a file is read or written, so that pydantic and yaml cost nothing elsewhere.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from infolaw.errors import RecipeError
from infolaw.files import write_atomically

MAX_BYTES = 256 * 2**20
"""Larger files are refused unread: tables and recipes are small, documents are not read here."""

Model = TypeVar("Model", bound=BaseModel)


class File(BaseModel):
    """What every file shares: read-only, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CellEntry(File):
    """One cell of a corpus file."""

    name: str
    unique_tokens: float
    documents: int | None = None
    paths: tuple[str, ...] = ()
    path_tokens: tuple[float, ...] = ()


class ColumnsEntry(File):
    """Where the parts of a document stood; see `recipes.documents.mapping.Columns`."""

    name: str
    id: str | None = None
    domain: str
    tokens: str | None = None
    tokens_per_byte: float | None = None
    text: str
    scores: list[str] = []
    bucket: str | None = None
    bucket_labels: list[str] = []
    missing_domain: str | None = None


class DocumentsEntry(File):
    """What a corpus was built from, where it was built from documents."""

    root: str
    files: int
    documents: int
    fingerprint: str
    profile: str
    columns: ColumnsEntry
    missing: dict[str, int] = {}
    tied: dict[str, int] = {}
    notes: list[str] = []
    version: str


class CorpusFile(File):
    """``corpus.yaml``."""

    schema_version: Literal[1]
    cells: tuple[CellEntry, ...]
    tokenizer: str | None = None
    bucket_definition: dict[str, Any] | None = None
    fingerprint: str | None = None
    documents: DocumentsEntry | None = None


class RecipeFile(File):
    """``recipe.yaml``."""

    schema_version: Literal[1]
    weights: dict[str, float]


class GroupEntry(File):
    """Cells, domains or buckets whose summed share is bounded."""

    cells: tuple[str, ...]
    min_share: float = 0.0
    max_share: float = 1.0
    fixed_share: float | None = None


class OfferEntry(File):
    """Tokens of a cell that could be bought."""

    cell: str
    tokens: float
    price: float | None = None
    name: str = ""


class ConstraintsFile(File):
    """``constraints.yaml``."""

    schema_version: Literal[1]
    max_epochs: float | None = None
    cell_max_epochs: dict[str, float] = {}
    min_share: dict[str, float] = {}
    max_share: dict[str, float] = {}
    fixed_share: dict[str, float] = {}
    exclude: tuple[str, ...] = ()
    groups: dict[str, GroupEntry] = {}
    unique_tokens: dict[str, float] = {}
    monotone: bool = False
    offers: tuple[OfferEntry, ...] = ()
    consumed: dict[str, float] = {}


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice; plain YAML keeps the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [str(key) for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


@contextmanager
def named_place(place: str | Path) -> Iterator[None]:
    """Put a place (a file, a row) in front of the message of any `RecipeError` raised inside."""
    try:
        yield
    except (RecipeError, csv.Error) as error:
        raise RecipeError(f"{place}: {error}") from error


def read_text(path: str | Path) -> str:
    """Read a small UTF-8 file; anything else is a `RecipeError`."""
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise RecipeError(f"The file is larger than {MAX_BYTES // 2**20} MB, so neither an inventory nor a recipe.")
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RecipeError(f"The file cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"Not a UTF-8 text file (byte {error.start}); save it as UTF-8.") from error


def read_pairs(path: str | Path, number: str, kind: str) -> dict[str, float]:
    """Read a two-column table (CSV) of cells and numbers; callers name the file.

    Raises
    ------
    RecipeError
        If the header is not ``cell,<number>`` (`kind` says what such a table is called), a row holds no number, or a cell
        stands twice; the message names the row.
    """
    header, *rows = list(csv.reader(io.StringIO(read_text(path)), strict=True)) or [[]]
    if header != ["cell", number]:
        raise RecipeError(f"The first line is {','.join(header)!r}; {kind} starts with 'cell,{number}'.")
    found: dict[str, float] = {}
    for place, row in enumerate((row for row in rows if row), start=1):
        try:
            cell, value = row[0], float(row[1])
        except (IndexError, ValueError) as error:
            raise RecipeError(f"row {place}: {','.join(row)!r} is not a cell and a number.") from error
        if cell in found:
            raise RecipeError(f"row {place}: cell {cell!r} stands twice; keep one of the rows.")
        found[cell] = value
    return found


def read_yaml(path: str | Path, model: type[Model]) -> Model:
    """Read a YAML file as `model`; the first broken rule is told with its place inside (callers name the file)."""
    if Path(path).suffix.lower() not in {".yaml", ".yml"}:
        raise RecipeError(f"Unknown kind of file {Path(path).suffix!r}; a .yaml file is expected.")
    text = read_text(path)
    try:
        content = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise RecipeError(f"Not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise RecipeError("The file is empty or not a mapping; it must start with `schema_version: 1`.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            line = "schema_version: 1" if place == "schema_version" else f"{place}: ..."
            raise RecipeError(f"{place} is missing beside {_short(list(first['input']))}: add the line `{line}`.") from error
        raise RecipeError(f"{place} = {_short(first['input'])}: {first['msg']}.") from error


def write_yaml(path: str | Path, model: BaseModel) -> None:
    """Write `model` as YAML, leaving out what is not set."""
    write_atomically(path, yaml.safe_dump(model.model_dump(mode="json", exclude_none=True), sort_keys=False))


def _short(value: object) -> str:
    """`value` in at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
