"""Worlds frozen in a file: plain records, one a line, five significant digits, written whole, checked when read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infolaw.errors import ExperimentError
from infolaw.files import write_atomically

if TYPE_CHECKING:
    from pydantic import BaseModel

SCHEMA_VERSION = 1


def read_records(path: Path, kind: str) -> list[dict[str, Any]]:
    """Read the records of a file of worlds.

    Raises
    ------
    ExperimentError
        If the file is not there or not of this schema.
    """
    try:
        return _file_model().model_validate(json.loads(path.read_text())).worlds  # type: ignore[attr-defined, no-any-return]
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{path} holds no {kind} worlds of schema {SCHEMA_VERSION}: {error}") from None


def write_records(path: Path, records: Iterable[Mapping[str, Any]], seed: int) -> None:
    """Write records, one a line."""
    head = json.dumps({"schema_version": SCHEMA_VERSION, "seed": seed})[:-1]
    rows = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    write_atomically(path, f'{head}, "worlds": [\n{rows}\n]}}\n')


def plain(value: Any) -> Any:
    """Plain values of arrays and mappings of them, five significant digits of every number."""
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(part) for part in value] if value.ndim else plain(value.item())
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _file_model() -> type[BaseModel]:
    from pydantic import BaseModel, ConfigDict

    class WorldsFile(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")
        schema_version: Literal[1]
        seed: int
        worlds: list[dict[str, Any]]

    return WorldsFile
