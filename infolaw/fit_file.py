"""A fit on disk: its schema, and the way there and back."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import InfolawError
from .files import package_version
from .fitted import FittedLaw
from .laws import LAWS
from .model_error import HeldOut
from .noise import SeedNoise
from .objectives import ExtraRows
from .observations import Observations
from .points import Points, Schema
from .problem import Problem
from .status import FitStatus, Starts
from .units import Array


class _Door(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(_Door):
    """What made a file: version of the package, seed, and fingerprints of the inputs by name."""

    version: str
    seed: int
    inputs: dict[str, str]


class RunsBlock(_Door):
    """The rows a fit used; ``null`` in `cell_unique` is an unlimited supply."""

    n_params: list[float]
    tokens: list[float]
    cell_tokens: list[list[float]]
    cell_unique: list[list[float | None]]
    group: list[int]
    losses: list[float]
    run_id: list[str]
    row_sd: list[float] | None = None
    measured_sd: list[float] | None = None


class ExtraBlock(_Door):
    """Priors and pooling: rows in units of their own standard deviation, and the noise of log loss beside them."""

    matrix: list[list[float]]
    centre: list[float]
    noise: float

    @classmethod
    def of(cls, extra: ExtraRows) -> ExtraBlock | None:
        """Return the rows, or None where there are none."""
        if not len(extra):
            return None
        return cls(matrix=extra.matrix.tolist(), centre=extra.centre.tolist(), noise=extra.noise)


class SeedNoiseBlock(_Door):
    """See `noise.SeedNoise`."""

    sd: float
    df: int


class ModelErrorBlock(_Door):
    """See `model_error.ModelError`."""

    level: float
    contrast: float
    spread: float
    n_folds: int


class HeldOutBlock(_Door):
    """See `model_error.HeldOut`."""

    split: str
    n_train: int
    n_test: int
    error_pct: float | None
    bias_pct: float | None
    worst_pct: float | None
    model_error: ModelErrorBlock


class FitFile(_Door):
    """A `FitResult` on disk."""

    kind: Literal["fit"]
    schema_version: Literal[1]
    law: str
    config: dict[str, Any]
    schema_: dict[str, Any]
    params: dict[str, float]
    stderr: dict[str, float]
    sandwich_ratio: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    theta: list[float]
    objective: float
    delta: float | None
    status: str
    status_sentence: str
    n_runs: int
    n_rows: int
    noise_sd: float
    n_starts: int
    start_objectives: list[float | None]
    heldout: HeldOutBlock | None
    warnings: list[str]
    notes: list[str]
    support: dict[str, Any]
    provenance: Provenance
    runs: RunsBlock
    replicates: list[list[float]]
    extra: ExtraBlock | None = None
    seed_noise: SeedNoiseBlock | None = None
    evidence: dict[str, tuple[str, ...]] = {}


def fit_to_dict(fit: FittedLaw) -> dict[str, Any]:
    """Plain values of a fit, with the runs and the bootstrap vectors, so that a file can predict with intervals."""
    points, seen = fit.problem.points, fit.observations
    file = FitFile(
        kind="fit",
        schema_version=1,
        law=fit.law,
        config={key: list(value) if isinstance(value, tuple) else value for key, value in fit.bound.law.config().items()},
        schema_=fit.schema.to_dict(),
        params=fit.params,
        stderr=fit.stderr,
        sandwich_ratio=fit.sandwich_ratio,
        intervals=fit.param_interval(),
        theta=fit.theta.tolist(),
        objective=fit.objective,
        delta=None if math.isinf(fit.problem.delta) else fit.problem.delta,
        status=fit.status.value,
        status_sentence=fit.status.sentence,
        n_runs=fit.n_runs,
        n_rows=len(seen),
        noise_sd=fit.noise_sd,
        n_starts=fit.starts.n_drawn,
        start_objectives=[value if math.isfinite(value) else None for value in fit.starts.objectives],
        heldout=None if fit.heldout is None else HeldOutBlock.model_validate(fit.heldout.to_dict()),
        warnings=list(fit.warnings),
        notes=list(seen.notes),
        support=fit.support.to_dict(),
        provenance=Provenance(version=package_version(), seed=fit.seed, inputs={seen.source: seen.fingerprint}),
        runs=RunsBlock(
            n_params=points.n_params.tolist(),
            tokens=points.tokens.tolist(),
            cell_tokens=points.cell_tokens.tolist(),
            cell_unique=[[None if math.isinf(u) else u for u in row] for row in points.cell_unique.tolist()],
            group=points.group.tolist(),
            losses=seen.losses.tolist(),
            run_id=[str(name) for name in seen.run_id],
            row_sd=_listed(fit.problem.row_sd),
            measured_sd=_listed(seen.measured_sd),
        ),
        replicates=fit.replicates.tolist(),
        extra=ExtraBlock.of(fit.problem.extra),
        seed_noise=SeedNoiseBlock(**seen.seed_noise.to_dict()) if seen.seed_noise else None,
        evidence=dict(seen.evidence),
    )
    return file.model_dump()


def _listed(values: Array | float | None) -> list[float] | None:
    return None if values is None or np.ndim(values) == 0 else np.asarray(values).tolist()


def fit_fields(data: dict[str, Any]) -> dict[str, Any]:
    """Fields of a `FitResult`, from what `fit_to_dict` wrote.

    Raises
    ------
    InfolawError
        If it is no fit, or one of another schema version.
    """
    try:
        file = FitFile.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InfolawError(f"this is no fit file of schema version 1: {where}: {first['msg']}.") from None
    observations = _observations(file)
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in file.config.items()}
    bound = LAWS[file.law].configured(**settings).bind(observations.schema)
    extra = ExtraRows.none(len(bound.names))
    if file.extra is not None:
        extra = ExtraRows(np.array(file.extra.matrix), np.array(file.extra.centre), file.extra.noise)
    delta = np.inf if file.delta is None else file.delta
    row_sd = 1.0 if file.runs.row_sd is None else np.array(file.runs.row_sd)
    problem = Problem(bound, observations.points, np.log(observations.losses), extra, delta, row_sd)
    objectives = tuple(np.inf if value is None else value for value in file.start_objectives)
    return {
        "problem": problem,
        "theta": np.array(file.theta),
        "objective": file.objective,
        "status": FitStatus(file.status),
        "starts": Starts(objectives, file.n_starts),
        "observations": observations,
        "heldout": None if file.heldout is None else HeldOut.from_dict(file.heldout.model_dump()),
        "warnings": tuple(file.warnings),
        "seed": file.provenance.seed,
        "n_bootstrap": len(file.replicates),
        "stored": np.array(file.replicates),
    }


def _observations(file: FitFile) -> Observations:
    """Return the rows that a stored fit has used."""
    runs = file.runs
    unique = np.array([[np.inf if u is None else u for u in row] for row in runs.cell_unique], float)
    points = Points(
        np.array(runs.n_params),
        np.array(runs.tokens),
        np.array(runs.cell_tokens),
        unique,
        np.array(runs.group, np.intp),
    )
    source, fingerprint = next(iter(file.provenance.inputs.items()))
    return Observations(
        Schema.from_dict(file.schema_),
        points,
        np.array(runs.losses),
        np.array(runs.run_id),
        np.arange(1, len(runs.losses) + 1),
        tuple(file.notes),
        source,
        fingerprint,
        None if runs.measured_sd is None else np.array(runs.measured_sd),
        None if file.seed_noise is None else SeedNoise(file.seed_noise.sd, file.seed_noise.df),
        file.evidence,
    )
