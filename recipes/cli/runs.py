"""Commands that read runs beside a corpus: runs, predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from infolaw.cli import (
    Column,
    Columns,
    Derive,
    Duplicates,
    FitFile,
    Json,
    Out,
    Quiet,
    RunFiles,
    Seed,
    column_pairs,
    leave,
    load_runs,
    show,
)
from infolaw.ensemble import Ensemble
from infolaw.errors import LawError, RunTableError
from infolaw.points import Points
from infolaw.readers import inspect_runs
from infolaw.result import FitResult
from infolaw.weighted import WeightedFit, read_predictor

from ..recipe import Recipe
from .corpus import load_corpus

app = typer.Typer()


@app.command()
def runs(
    runs: RunFiles,
    corpus: Annotated[Path | None, typer.Option(help="Derives unique: and epochs of every cell from this corpus.")] = None,
    column: Column = None,
    columns: Columns = None,
    derive: Derive = None,
    duplicates: Duplicates = "error",
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Write the clean table as CSV.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Say what was read: columns mapped, what was derived, and every problem by row."""
    from ..run_report import inspection_data, inspection_text, with_supply

    seen = inspect_runs(*runs, columns=columns, column=column_pairs(column), derive=derive or (), duplicates=duplicates)
    table = seen.table
    if table is not None and corpus is not None:
        table = with_supply(table, load_corpus(corpus))
    show(inspection_text(seen, table), inspection_data(seen, table), as_json=as_json, quiet=quiet)
    if table is None:
        fatal = next(problem for problem in seen.problems if problem.fatal)
        raise RunTableError(f"{fatal.message} Nothing was written.")
    if out is not None:
        table.to_csv(out)


@app.command()
def predict(
    fit: FitFile,
    runs: Annotated[list[Path] | None, typer.Argument(help="Run logs to predict, or give sizes below.")] = None,
    n_params: Annotated[list[float] | None, typer.Option(help="Model sizes; repeat the option for more.")] = None,
    tokens: Annotated[list[float] | None, typer.Option(help="Tokens, one for each size.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="Weights by cell; needed where the law sees several cells.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="Supply of every cell; unlimited without it.")] = None,
    group: Annotated[
        str | None, typer.Option(help="With sizes: one of the fit's groups; with run logs: the column that names them.")
    ] = None,
    column: Column = None,
    columns: Columns = None,
    derive: Derive = None,
    duplicates: Duplicates = "error",
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Predict losses with intervals and say how far outside the runs each lies."""
    from infolaw.reports import predictions, predictions_text

    result = read_predictor(fit)
    if runs:
        table = load_runs(runs, columns, column, derive, duplicates, "all")
        points = result.points_of(table, group)
    else:
        points = _sizes(result, n_params, tokens, recipe, corpus, group)
    rows = predictions(result, points, seed=seed)
    complaints = result.support.complaints(points, result.schema.cells)
    text = "\n".join([predictions_text(rows), *(f"warning    {line}" for line in complaints)])
    show(text, {"rows": rows, "warnings": list(complaints)}, as_json=as_json, quiet=quiet, out=out)
    leave(bool(complaints))


def _sizes(
    result: FitResult | Ensemble | WeightedFit,
    n_params: list[float] | None,
    tokens: list[float] | None,
    recipe: Path | None,
    corpus: Path | None,
    group: str | None,
) -> Points:
    if not n_params or not tokens or len(n_params) != len(tokens):
        raise LawError("give run logs to predict, or --n-params and --tokens as often as each other.")
    if not all(0 < value < np.inf for value in (*n_params, *tokens)):
        raise LawError("--n-params and --tokens are positive finite numbers, such as 8e9 and 6e12.")
    cells = result.schema.cells
    weights = None if recipe is None else Recipe.read(recipe).array(cells)
    unique = None
    if corpus is not None:
        supply = load_corpus(corpus)
        unique = np.bincount(supply.aggregate(cells), supply.unique_tokens, len(cells))
    return result.points(n_params, tokens, weights=weights, unique=unique, group=group)
