"""CPU seconds of every law of the family, and of `auto`, on real run tables with many cells: flat valleys included."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from experiments.shared import shared_runs
from infolaw import RunTable, fit
from infolaw.errors import InfolawError
from infolaw.laws import LAWS
from infolaw.uncertainty import bootstrap

REPEATED = "kind == 'main' and in_authors_fit == 1"
RECIPES = "family == 'mlp' and width > 32"


def speeds(folder: Path) -> list[dict[str, Any]]:
    """One row a table and law: values fitted, milliseconds of a fit, seconds of 1000 bootstrap refits."""
    tables = {
        "datablations": shared_runs(folder, "datablations.csv").select(REPEATED),
        "tiny_lm": shared_runs(folder, "tiny_lm_runs.csv").select(RECIPES),
    }
    return [row for name, runs in tables.items() for law in LAWS if (row := _speed(name, runs, law))]


def _speed(name: str, runs: RunTable, law: str) -> dict[str, Any] | None:
    begin = time.process_time()
    try:
        found = fit(law, runs, target="loss", heldout=None)
    except InfolawError:
        return None  # the law does not see these runs
    fitted = time.process_time()
    bootstrap(found.problem, found.theta, 1000)
    return {
        "table": name,
        "n_rows": len(found.observations),
        "law": law,
        "n_values": found.problem.n_values,
        "ms_per_fit": 1e3 * (fitted - begin),
        "bootstrap_1000_s": time.process_time() - fitted,
    }


def auto_seconds(folder: Path) -> tuple[int, float]:
    """Rows, and CPU seconds of `auto` on them with its audit."""
    runs = shared_runs(folder, "tiny_lm_runs.csv").select(RECIPES)
    begin = time.process_time()
    found = fit("auto", runs, target="loss")
    return len(found.observations), time.process_time() - begin
