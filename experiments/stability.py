"""How far a prediction moves when a tenth of the runs is missing: less than its own interval says, or the interval lies.

Tables of finished runs with their own traps (checkpoints, unfinished schedules, learning-rate sweeps): gemstones, porian,
misfitting. The prediction is the loss at ten times the largest compute; the yardstick the half-width of its 50 % interval.

Expected: in nine of ten drops of a random tenth the prediction moves by less than that, on gemstones too, whose 199
finished rows are of 20 runs. Half a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from infolaw import RunTable, fit, read_runs
from infolaw.units import train_flops

from .report import Check, Report, Row
from .shared import data_folder, shared_runs

CLAIM = "A tenth of the runs dropped, the loss predicted at ten times their compute stays inside its 50 % interval."


@dataclass(frozen=True)
class Config:
    """Folder of the tables, drops for each, law, bootstrap of the interval."""

    data: Path = field(default_factory=data_folder)
    n_drops: int = 10
    law: str = "auto"
    n_bootstrap: int = 300

    @classmethod
    def tiny(cls, **changes: Path) -> Config:
        """Return seconds' work."""
        return cls(n_drops=2, law="chinchilla", n_bootstrap=50, **changes)


def run(config: Config) -> Report:
    """Fit each table whole and without a tenth of its runs, again and again."""
    rows, checks = [], []
    for name, (runs, options) in _tables(config.data).items():
        whole, moves, half_width, n_unfinished = _drops(runs, options, config)
        share = float(np.mean(np.abs(moves) < half_width))
        row: Row = {
            "table": name,
            "finished rows": float(len(whole.observations)),
            "unfinished rows left out": float(n_unfinished),
            "law": whole.law,
            "largest move [nats]": float(np.abs(moves).max()),
            "50 % half-width [nats]": half_width,
            "within": share,
        }
        rows.append(row)
        checks.append(Check(f"{name}: drops within the 50 % interval", 0.9, share, "at least"))
    return Report(CLAIM, tuple(checks), {"Ten times the largest compute": tuple(rows)}, "")


def _tables(folder: Path) -> dict[str, tuple[RunTable, dict[str, Any]]]:
    porian = "recipe == 'RefinedWeb' and param_count_convention == 'standard'"
    gemstones = shared_runs(folder, "gemstones.csv")
    misfitting = read_runs(folder / "misfitting.csv", duplicates="last")
    return {
        "gemstones": (gemstones, {"target": "training loss"}),
        "porian": (shared_runs(folder, "porian_isoflop.csv"), {"where": porian}),
        "misfitting": (misfitting, {}),
    }


def _drops(runs: RunTable, options: dict[str, Any], config: Config) -> tuple[Any, Any, float, int]:
    """Fit to all runs, moves of the prediction (n_drops,), the 50 % half-width, and rows left out as unfinished."""
    settings = {**options, "bootstrap": config.n_bootstrap}
    whole = cast(Any, fit(config.law, runs, **settings))
    points = whole.observations.points
    largest = int(np.argmax(train_flops(points.n_params, points.tokens)))
    grow = np.sqrt(10.0)
    target = whole.points(points.n_params[largest] * grow, points.tokens[largest] * grow)
    ends = whole.interval(target, level=0.5)
    rng, names = np.random.default_rng(0), np.unique(whole.observations.run_id)
    table = runs.select(np.isin(runs.frame.index, whole.observations.row))
    moves = []
    for _ in range(config.n_drops):
        gone = rng.choice(names, max(1, len(names) // 10), replace=False)
        rest = table.select(~np.isin(table.frame["run_id"].astype(str), gone))
        target_only = {key: value for key, value in settings.items() if key != "where"}
        part = cast(Any, fit(config.law, rest, heldout=None, **target_only))
        moves.append(float(part.predict(target)[0] - whole.predict(target)[0]))
    half_width = float(0.5 * (ends.upper - ends.lower)[0])
    return whole, np.array(moves), half_width, int((runs.frame["lr_schedule_complete"].to_numpy() == 0).sum())
