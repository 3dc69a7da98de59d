"""The run really done against its plan: sizes, tokens and epochs of every cell, and whether the loss lies in the interval.

Read `check` first; `Check.verdict` is the sentence that a reader sees first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from infolaw.errors import RunTableError
from infolaw.rendering import amount, table
from infolaw.runs import RunTable
from infolaw.targets import Target
from infolaw.units import Array, epochs

from .cell import Cell
from .corpus import Corpus
from .plan import Plan
from .plan_parts import Versus

SIZE_SLACK = 0.05
"""Share by which model size and tokens may miss the plan."""
SHARE_SLACK = 0.02
"""By how much a cell's share of the tokens may miss the plan."""
EPOCH_SLACK = 0.1
"""Share by which the epochs of a cell may miss the plan."""
_TERM = re.compile(r"([0-9.eE+-]+) (\S.*)")


@dataclass(frozen=True)
class CellCheck:
    """One cell: planned and realised share, tokens [tokens] and epochs."""

    cell: str
    planned_weight: float
    realised_weight: float
    planned_tokens: float
    realised_tokens: float
    planned_epochs: float
    realised_epochs: float


@dataclass(frozen=True)
class RunCheck:
    """One run: its sizes, its loss [nats/token], its cells, and a sentence for every way in which it is not the plan."""

    run_id: str
    n_params: float
    tokens: float
    loss: float
    is_inside: bool
    cells: tuple[CellCheck, ...]
    deviations: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """Runs against a plan.

    Attributes
    ----------
    target : str
        The loss that the plan is about.
    predicted, lower, upper, level : float
        Of the plan [nats/token].
    runs : tuple of RunCheck
    difference : float or None
        Mean loss of the runs less that of the baseline's runs, where they were given [nats/token].
    versus : Versus or None
        What the plan had predicted of that difference.
    notes : tuple of str
        What could not be checked.
    """

    target: str
    predicted: float
    lower: float
    upper: float
    level: float
    runs: tuple[RunCheck, ...]
    difference: float | None = None
    versus: Versus | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether every run was the planned one and ended inside the interval, and so did the difference."""
        return all(run.is_inside and not run.deviations for run in self.runs) and self._difference_is_inside

    @property
    def _difference_is_inside(self) -> bool:
        if self.difference is None or self.versus is None:
            return True
        return self.versus.lower <= self.difference <= self.versus.upper

    @property
    def verdict(self) -> str:
        """One sentence."""
        losses = [run.loss for run in self.runs]
        reached = f"{losses[0]:.4f}" if len(losses) == 1 else f"{min(losses):.4f} to {max(losses):.4f}"
        who = f"run {self.runs[0].run_id}" if len(losses) == 1 else f"{len(losses)} runs"
        about = f"{who} reached {reached}, planned {self.predicted:.4f} ({self._ends})"
        astray = [run for run in self.runs if run.deviations]
        if astray:
            more = f" (and {len(astray) - 1} runs more)" if len(astray) > 1 else ""
            return f"NOT THE PLAN: {about}; {astray[0].run_id}{more}: {'; '.join(astray[0].deviations)}."
        outside = [run for run in self.runs if not run.is_inside]
        if outside:
            worst = max(outside, key=lambda run: max(self.lower - run.loss, run.loss - self.upper))
            side, gap = ("below", self.lower - worst.loss) if worst.loss < self.lower else ("above", worst.loss - self.upper)
            return f"OUTSIDE: {about}; {len(outside)} of {len(losses)} outside the interval, {gap:.4f} {side} it at most."
        if not self._difference_is_inside and self.versus is not None:
            return (
                f"OUTSIDE: {about}, but the difference from {self.versus.name} is {self.difference:+.4f} ({self._promised})."
            )
        return f"INSIDE: {about}, at the planned size, tokens and recipe."

    @property
    def _ends(self) -> str:
        return f"{100 * self.level:g} %: {self.lower:.4f} to {self.upper:.4f}"

    @property
    def _promised(self) -> str:
        v = self.versus
        return "" if v is None else f"planned {v.difference:+.4f}, {100 * self.level:g} %: {v.lower:+.4f} to {v.upper:+.4f}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"verdict": self.verdict, "is_good": self.is_good, **asdict(self)}

    def __str__(self) -> str:
        lines = [self.verdict]
        if self.difference is not None and self.versus is not None:
            lines.append(f"difference  {self.difference:+.4f} nats from the runs of {self.versus.name} ({self._promised})")
        for run in self.runs:
            lines += ["", f"{run.run_id}: {amount(run.n_params)} parameters, {amount(run.tokens)} tokens, {run.loss:.4f}"]
            if run.cells:
                lines.append(
                    table(["cell", "planned", "real", "planned", "real", "epochs", "real"], [*map(_row, run.cells)])
                )
        return "\n".join([*lines, *(f"note       {text}" for text in self.notes)])


def check(plan: Plan, runs: RunTable, *, baseline: RunTable | None = None) -> Check:
    """Hold runs against a plan.

    Parameters
    ----------
    plan : Plan
    runs : RunTable
        The runs done by it, seeds of one or several; the last row of each counts.
    baseline : RunTable, optional
        Runs of the mixture that the plan was held against first, at the same size: their difference is checked too.

    Raises
    ------
    RunTableError
        If the table lacks the plan's loss, or its cells are finer than the plan's.
    """
    target = str(plan.provenance.get("target", "loss"))
    final, loss = runs.final(), plan.loss
    losses = losses_of(final, target)
    notes = [] if final.cells else ["the runs have no weight: columns, so neither recipe nor epochs were checked"]
    cells, planned, available = _planned(plan, final)
    if cells and not all(f"unique:{cell}" in final.frame for cell in cells):
        notes.append("the runs have no unique: columns: epochs are those of the plan's supply")
    checked = []
    for k, row in enumerate(final.frame.to_dict("records")):
        parts = _cells(row, cells, planned, available, plan.tokens)
        inside = bool(loss.lower <= losses[k] <= loss.upper)
        size = (float(row["n_params"]), float(row["tokens"]))
        said = (*_size_deviations(plan, *size), *_cell_deviations(parts))
        checked.append(RunCheck(str(row["run_id"]), *size, float(losses[k]), inside, parts, said))
    difference = None
    if baseline is not None and plan.versus:
        difference = float(np.mean(losses) - np.mean(losses_of(baseline.final(), target)))
    versus = plan.versus[0] if difference is not None else None
    return Check(target, loss.value, loss.lower, loss.upper, loss.level, tuple(checked), difference, versus, tuple(notes))


def runs_of_plan(plan: Plan, runs: RunTable) -> RunTable:
    """Keep the runs of the plan's size and recipe: tokens and parameters within 10 %, shares within twice `SHARE_SLACK`.

    Raises
    ------
    RunTableError
        If there is none; the message names the nearest.
    """
    final = runs.final()
    cells, planned, _ = _planned(plan, final)
    frame = final.frame
    logs = np.log(frame[["n_params", "tokens"]].to_numpy(float) / [plan.n_params, plan.tokens])
    off = np.abs(logs).max(1)
    apart = np.zeros(len(frame))
    if cells:
        apart = np.abs(frame[[f"weight:{cell}" for cell in cells]].to_numpy(float) - planned).max(1)
    keep = (off <= np.log(1 + 2 * SIZE_SLACK)) & (apart <= 2 * SHARE_SLACK)
    if not keep.any():
        k = int(np.argmin(off + apart))
        row = frame.iloc[k]
        raise RunTableError(
            f"{runs.source or 'the run table'}: none of {len(frame)} runs has the plan's size and recipe "
            f"({amount(plan.n_params)} parameters, {amount(plan.tokens)} tokens); the nearest, {row['run_id']}, has "
            f"{amount(row['n_params'])} and {amount(row['tokens'])}, shares up to {apart[k]:.2f} off: name runs with --run."
        )
    return final.select(keep)


def named_runs(runs: RunTable, names: Sequence[str]) -> RunTable:
    """Keep runs by name.

    Raises
    ------
    RunTableError
        If a name is not in the table.
    """
    known = set(runs.frame["run_id"].astype(str))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RunTableError(f"{runs.source or 'the run table'} has no run {', '.join(unknown)}.")
    return runs.select(runs.frame["run_id"].astype(str).isin(list(names)).to_numpy())


def losses_of(runs: RunTable, target: str) -> Array:
    """Losses (n_rows,) of a plan's target: one loss, or the weighted sum that a fit of several targets was about."""
    terms = [_TERM.fullmatch(part) for part in target.split(" + ")]
    if " + " not in target or not all(terms):
        return Target.parse(target).values(runs)[0]
    pairs = [(float(term[1]), Target.parse(term[2]).values(runs)[0]) for term in terms if term]
    return np.asarray(sum(w * values for w, values in pairs) / sum(w for w, _ in pairs))


def _planned(plan: Plan, runs: RunTable) -> tuple[list[str], Array, Array]:
    """Cells of the runs, with the planned share and the supply of each."""
    if not runs.cells:
        return [], np.zeros(0), np.zeros(0)
    up = Corpus(tuple(Cell(row.cell, row.available) for row in plan.ledger)).aggregate(runs.cells)
    weights, available = (np.array([getattr(row, name) for row in plan.ledger]) for name in ("weight", "available"))
    onto = np.eye(len(runs.cells))[up]
    return runs.cells, np.asarray(weights @ onto), np.asarray(available @ onto)


def _cells(row: dict[Any, Any], cells: list[str], planned: Array, available: Array, tokens: float) -> tuple[CellCheck, ...]:
    if not cells:
        return ()
    real = np.array([float(row[f"weight:{cell}"]) for cell in cells])
    supply = np.array([float(row.get(f"unique:{cell}", np.nan)) for cell in cells])
    supply = np.where(np.isnan(supply), available, supply)
    drawn, wanted = real * float(row["tokens"]), planned * tokens
    passes = epochs(wanted, np.maximum(available, 1.0)), epochs(drawn, np.maximum(supply, 1.0))
    columns = np.stack([planned, real, wanted, drawn, *passes], axis=1)
    return tuple(CellCheck(cell, *values) for cell, values in zip(cells, columns.tolist(), strict=True))


def _size_deviations(plan: Plan, n_params: float, tokens: float) -> list[str]:
    said = []
    for name, real, wanted in (("parameters", n_params, plan.n_params), ("tokens", tokens, plan.tokens)):
        if abs(real / wanted - 1) > SIZE_SLACK:
            said.append(f"{amount(real)} {name} where {amount(wanted)} were planned")
    return said


def _cell_deviations(cells: Sequence[CellCheck]) -> list[str]:
    said = []
    for cell in cells:
        if abs(cell.realised_weight - cell.planned_weight) > SHARE_SLACK:
            said.append(f"{cell.cell} got {cell.realised_weight:.3f} of the tokens, not {cell.planned_weight:.3f}")
        elif cell.planned_weight > 0 and abs(cell.realised_epochs / cell.planned_epochs - 1) > EPOCH_SLACK:
            said.append(f"{cell.cell} was read {cell.realised_epochs:.3g} times, not {cell.planned_epochs:.3g}")
    return said


def _row(cell: CellCheck) -> list[str]:
    shares = [f"{cell.planned_weight:.4f}", f"{cell.realised_weight:.4f}"]
    passes = [f"{cell.planned_epochs:.2f}", f"{cell.realised_epochs:.2f}"]
    return [cell.cell, *shares, amount(cell.planned_tokens), amount(cell.realised_tokens), *passes]
