"""What users want minimised, as a file: weights of targets, which are better high, a sum or the worst, a guard."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from .files import File, named_place, read_yaml


class ObjectiveFile(File):
    """``objective.yaml``."""

    schema_version: Literal[1]
    weights: dict[str, float]
    higher_is_better: tuple[str, ...] = ()
    kind: Literal["sum", "worst"] = "sum"
    guard: bool = False


def read_objective(path: str | Path) -> dict[str, Any]:
    """Read the options `weights`, `higher_is_better`, `kind` and `guard` of `searching.search_swarm`."""
    with named_place(path):
        return read_yaml(path, ObjectiveFile).model_dump(exclude={"schema_version"})
