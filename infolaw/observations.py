"""From a run table to what a fit sees: the rows used, as arrays, with a sentence for every row left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .cells import WHOLE
from .errors import FitError, RunTableError
from .noise import SeedNoise, measured_sd
from .points import Points, Schema
from .run_columns import EVIDENCE
from .targets import Target, rising
from .units import Array

if TYPE_CHECKING:
    from .runs import RunTable


@dataclass(frozen=True, eq=False)
class Observations:
    """Runs and their losses.

    Attributes
    ----------
    schema : Schema
    points : Points
        ``n_rows`` of them.
    losses : ndarray, (n_rows,)
        What is fitted [nats/token, unless the target says otherwise].
    run_id : ndarray of str, (n_rows,)
        Rows with one id are checkpoints of one run; no split ever parts them.
    row : ndarray of int, (n_rows,)
        Row numbers in the table they come from.
    notes : tuple of str
        What was left out or settled on the way.
    source, fingerprint : str
        Where the rows come from, and the hash of the file's bytes.
    measured_sd : ndarray, (n_rows,), optional
        Standard deviation of each row's log loss, where the table gives it.
    seed_noise : SeedNoise, optional
        What repeated seeds say; None if no run is repeated.
    evidence : mapping of str to tuple of str
        Distinct values of the columns of `run_columns.EVIDENCE` that the table has, over the rows used.
    noise_kind : ndarray of int, (n_rows,), optional
        Rows of one kind have a noise of their own, learnt by the fit; None: all rows are of one kind.
    """

    schema: Schema
    points: Points
    losses: Array
    run_id: np.ndarray[Any, Any]
    row: np.ndarray[Any, Any]
    notes: tuple[str, ...] = ()
    source: str = ""
    fingerprint: str = ""
    measured_sd: Array | None = None
    seed_noise: SeedNoise | None = None
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    noise_kind: Array | None = None

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def n_runs(self) -> int:
        """Number of distinct runs."""
        return len(np.unique(self.run_id))

    def take(self, index: Any) -> Observations:
        """Return some of the rows, under the same schema."""
        return replace(
            self,
            points=self.points.take(index),
            losses=self.losses[index],
            run_id=self.run_id[index],
            row=self.row[index],
            measured_sd=None if self.measured_sd is None else self.measured_sd[index],
            noise_kind=None if self.noise_kind is None else self.noise_kind[index],
        )

    def noted(self, *notes: str) -> Observations:
        """Return the same rows with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def ungrouped(self) -> Observations:
        """Return the same rows as one group: what a law that has never seen a group must be judged on."""
        points = replace(self.points, group=np.zeros(len(self), np.intp))
        return replace(self, schema=replace(self.schema, groups=(WHOLE,)), points=points)


def observe(
    runs: RunTable,
    *,
    target: str | None = None,
    where: str | None = None,
    group: str | None = None,
    schedules: str = "finished",
) -> Observations:
    """Choose the rows of a run table that a law is fitted to.

    Parameters
    ----------
    runs : RunTable
    target : str, optional
        What is fitted, see ``targets.py``: a loss (the only one by default), any column, or a named conversion.
    where : str, optional
        Expression over the columns that keeps some rows.
    group : str, optional
        Column whose values share exponents but not levels.
    schedules : {"finished", "all"}
        Whether rows in the middle of a learning-rate schedule are left out (default) or used as they are.

    Raises
    ------
    RunTableError
        If no row is left, or a column is missing.
    """
    total = len(runs)
    runs = runs.select(where) if where else runs
    notes = [f"{len(runs)} of {total} rows match {where!r}"] if where else []
    runs = _finished(runs, schedules, notes)
    losses, name, column = Target.parse(target).values(runs)
    measured = np.isfinite(losses)
    if not measured.any():
        raise RunTableError(f"{runs.source or 'the run table'} has no value in {column!r} on the chosen rows.")
    if not measured.all():
        notes.append(f"{int((~measured).sum())} of {len(runs)} rows have no {column} and are not used for it")
        runs, losses = runs.select(measured), losses[measured]
    schema, points, said = arrays(runs, name, group)
    run_id = runs.frame["run_id"].astype(str).to_numpy()
    n_runs = len(np.unique(run_id))
    if n_runs < len(run_id):
        notes.append(
            f"{len(run_id)} rows come from {n_runs} runs: checkpoints of one run are not independent, intervals count runs; "
            "`--rows final` keeps the last row of each"
        )
    noise = SeedNoise.of(runs.frame, losses)
    given = measured_sd(runs, column, losses) if name == column else None
    notes += [*said, noise.sentence() if noise else "seed noise unknown: no run is repeated with another seed"]
    if given is not None:
        notes.append(f"rows are weighted by {given[1]}, with a common scatter added")
    if not name.startswith("loss") and rising(losses, points.flops):
        notes.append(f"{name} rises with compute, and laws fall: where higher is better, fit '1 - {name}'")
    return Observations(
        schema,
        points,
        losses,
        run_id,
        runs.frame.index.to_numpy(),
        tuple(notes),
        runs.source,
        runs.fingerprint,
        None if given is None else given[0],
        noise,
        evidence_of(runs),
    )


def joined_evidence(*each: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Put together what several tables of runs remember."""
    names = dict.fromkeys(name for one in each for name in one)
    return {name: tuple(dict.fromkeys(value for one in each for value in one.get(name, ()))) for name in names}


def evidence_of(runs: RunTable) -> dict[str, tuple[str, ...]]:
    """Return what the runs say they were made from: distinct values by column, unsaid ones left out."""
    found = {name: runs.frame[name].dropna().astype(str) for name in EVIDENCE if name in runs.frame}
    return {name: tuple(dict.fromkeys(values)) for name, values in found.items() if len(values)}


def _finished(runs: RunTable, schedules: str, notes: list[str]) -> RunTable:
    """Leave out unfinished learning-rate schedules, unless all are wanted, and note how many."""
    if schedules not in ("finished", "all"):
        raise FitError(f"schedules={schedules!r} is neither 'finished' nor 'all'.")
    if schedules == "all" or not runs.has_schedule:
        return runs
    finished = runs.finished()
    if len(finished) < len(runs):
        notes.append(
            f"{len(runs) - len(finished)} of {len(runs)} rows stand in the middle of a learning-rate schedule and are "
            "not used; `--schedules all` uses them as they are"
        )
    return finished


def arrays(runs: RunTable, column: str, group: str | None = None) -> tuple[Schema, Points, tuple[str, ...]]:
    """Turn a run table into a schema and points, with a note on what is taken for granted.

    Cells come from the ``weight:`` columns; supplies from ``unique:`` columns, else ``unique_tokens`` (spread by
    the weights, so every cell has the same epochs), else they are unlimited.
    """
    frame = runs.frame
    cells = tuple(runs.cells) or (WHOLE,)
    n, d = frame["n_params"].to_numpy(float), frame["tokens"].to_numpy(float)
    weights = np.ones((len(frame), 1))
    if runs.cells:
        weights = frame[[f"weight:{cell}" for cell in cells]].to_numpy(float)
    notes: tuple[str, ...] = ()
    if all(f"unique:{cell}" in frame for cell in cells):
        unique = frame[[f"unique:{cell}" for cell in cells]].to_numpy(float)
    elif "unique_tokens" in frame:
        unique = weights * frame["unique_tokens"].to_numpy(float)[:, None]
        if runs.cells:
            notes = ("no unique: columns: unique_tokens is spread over the cells by their weights, one epoch count a run",)
    else:
        unique = np.full(weights.shape, np.inf)
        notes = ("no unique_tokens: every token is taken as seen once",)
    groups, codes = _group_codes(runs, group)
    schema = Schema(cells, groups, column, float(np.log(n).mean()), float(np.log(d).mean()))
    return schema, Points.build(n, d, weights=weights, unique=unique, group=codes), notes


def _group_codes(runs: RunTable, group: str | None) -> tuple[tuple[str, ...], Any]:
    if group is None:
        return (WHOLE,), 0
    if group not in runs.frame:
        known = ", ".join(map(str, runs.frame.columns))
        raise RunTableError(f"{runs.source or 'the run table'} has no column {group!r} to group by; it has {known}.")
    names, codes = np.unique(runs.frame[group].astype(str).to_numpy(), return_inverse=True)
    return tuple(str(name) for name in names), codes
