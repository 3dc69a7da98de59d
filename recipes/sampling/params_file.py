"""Sampler parameters on disk: schema, reading, writing. Imported only where a file is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ..files import named_place, read_yaml, write_yaml
from .params import SamplerParams


class DomainEntry(BaseModel):
    """Parameters of one domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    criterion_weights: dict[str, float]
    steepness: float
    cutoff: float
    exponent: float
    floor: float


class ParamsFile(BaseModel):
    """``params.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1]
    criteria: tuple[str, ...]
    domains: dict[str, DomainEntry]


def read_params(path: str | Path) -> SamplerParams:
    """See `SamplerParams.read`."""
    with named_place(path):
        content = read_yaml(path, ParamsFile)
        entries = {name: entry.model_dump() for name, entry in content.domains.items()}
        return SamplerParams.from_dict(entries, content.criteria)


def write_params(path: str | Path, params: SamplerParams) -> None:
    """See `SamplerParams.write`."""
    entries = {name: DomainEntry.model_validate(entry) for name, entry in params.to_dict().items()}
    write_yaml(path, ParamsFile(schema_version=1, criteria=params.criteria, domains=entries))
