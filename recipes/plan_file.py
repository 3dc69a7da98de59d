"""A plan on disk: its schema, and reading and writing it as YAML or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from infolaw.errors import RecipeError
from infolaw.files import to_json, write_atomically

from .files import read_text

Model = TypeVar("Model", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LedgerPart(_Part):
    """One row of the ledger."""

    cell: str
    weight: float
    available: float
    trained: float
    epochs: float
    unique: float
    unique_share: float
    marginal: float = 0.0


class VersusPart(_Part):
    """The plan against one other recipe."""

    name: str
    loss: float
    difference: float
    lower: float
    upper: float
    p_better: float
    equivalent_compute: float | None


class IntervalPart(_Part):
    """The loss and where its uncertainty comes from."""

    value: float
    lower: float
    upper: float
    bootstrap_lower: float
    bootstrap_upper: float
    heldout_pct: float | None
    heldout_split: str
    level: float
    parts: dict[str, float] = {}


class PricePart(_Part):
    """What a constraint costs."""

    constraint: str
    cost: float


class SensitivityPart(_Part):
    """What one part of the prediction alone would have planned."""

    assumption: str
    shift: float
    regret: float
    weights: dict[str, float]


class EpochsPart(_Part):
    """Passes over one cell in the runs and at the target."""

    cell: str
    lowest: float
    highest: float
    target: float


class MismatchPart(_Part):
    """How runs and target repeat; see `mismatch.Mismatch`."""

    cells: list[EpochsPart]
    proxy_tokens: float
    target_tokens: float
    pools: dict[str, float]


class StageCellPart(_Part):
    """One cell in one stage."""

    cell: str
    weight: float
    trained: float
    unread_before: float
    unread_after: float
    epochs_after: float


class StagePart(_Part):
    """One stage."""

    number: int
    start: float
    end: float
    cells: list[StageCellPart]


class SchedulePart(_Part):
    """The plan in stages; see `stages.Schedule`."""

    stages: list[StagePart]
    decay_weight: float
    gain: float
    consumed: dict[str, float]


class TargetPart(_Part):
    """What becomes of one target."""

    target: str
    weight: float
    loss: float
    difference: float
    lower: float
    upper: float
    p_better: float


class SamplerPart(_Part):
    """What draws the plan from documents; see `carried.carried_out`."""

    documents: str
    edges: list[float]
    copies: dict[str, float]
    criteria: list[str]
    domains: dict[str, dict[str, Any]]
    distance: float
    notes: list[str]


class NextRunsPart(_Part):
    """Whether more runs would change the plan; see `design.Design`."""

    sentence: str
    n_runs: int
    flops: float
    regret: float
    regret_after: float


class PlanFile(_Part):
    """``plan.yaml`` or ``plan.json``."""

    kind: Literal["plan"]
    schema_version: Literal[1]
    n_params: float
    tokens: float
    flops: float
    loss: float
    lower: float
    upper: float
    interval: IntervalPart
    weights: dict[str, float]
    epochs: dict[str, float]
    ledger: list[LedgerPart]
    versus: list[VersusPart]
    equivalents: dict[str, float | None]
    extrapolation: dict[str, float]
    supported: bool
    warnings: list[str]
    law: str
    equals: list[dict[str, float]] = []
    prices: list[PricePart] = []
    sensitivities: list[SensitivityPart] = []
    provenance: dict[str, Any]
    mismatch: MismatchPart | None = None
    schedule: SchedulePart | None = None
    targets: list[TargetPart] = []
    sampler: SamplerPart | None = None
    next_runs: NextRunsPart | None = None


def checked(model: type[Model], data: Mapping[str, Any]) -> Model:
    """Return the data as `model`, or say in one sentence which field breaks it."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecipeError(f"this is no plan of schema version 1: {where}: {first['msg']}.") from error


def read_mapping(path: str | Path) -> Mapping[str, Any]:
    """Parse YAML or JSON (by suffix) into a mapping."""
    try:
        text = read_text(path)
        data = json.loads(text) if Path(path).suffix.lower() == ".json" else yaml.safe_load(text)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise RecipeError(f"{path} is neither YAML nor JSON: {' '.join(str(error).split())}.") from error
    if not isinstance(data, dict):
        raise RecipeError(f"{path} is no plan: make one with `infolaw plan FIT CORPUS --flops C --out {path}`.")
    return data


def write_mapping(path: str | Path, data: Mapping[str, Any]) -> None:
    """Write a mapping as YAML, or as JSON where `path` ends in .json, atomically."""
    is_json = Path(path).suffix.lower() == ".json"
    write_atomically(path, to_json(data) if is_json else yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True))
