"""The command `infolaw`: its root, and the commands that know corpora and recipes.

The commands of laws (``infolaw/cli.py``) are mounted beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from infolaw.cli import (
    Column,
    Columns,
    Derive,
    Door,
    Duplicates,
    FitFile,
    Json,
    Out,
    Quiet,
    RunFiles,
    Seed,
    Target,
    Where,
    column_pairs,
    leave,
    load_runs,
    show,
)
from infolaw.cli import app as laws_app
from infolaw.ensemble import Ensemble
from infolaw.errors import BudgetError, LawError, RunTableError
from infolaw.points import Points
from infolaw.readers import inspect_runs
from infolaw.result import FitResult
from infolaw.validation import DEFAULT_HOLDOUT
from infolaw.weighted import WeightedFit, read_predictor

from .budget import Budget, Constraints
from .corpus import Corpus
from .plan import Plan
from .recipe import Recipe

app = typer.Typer(
    cls=Door,
    no_args_is_help=True,
    add_completion=False,
    help="Plan pre-training data: fit laws to runs, price recipes at the target scale, say how sure.",
)
app.add_typer(laws_app)
corpus_app = typer.Typer(no_args_is_help=True, help="Build or show a corpus: cells with their distinct tokens.")
app.add_typer(corpus_app, name="corpus")

CorpusFile = Annotated[
    Path, typer.Argument(help="corpus.yaml, or an inventory CSV (domain, bucket, tokens, documents, path).")
]


def load_corpus(path: Path) -> Corpus:
    """Read a corpus file or an inventory table."""
    return Corpus.from_inventory(path) if path.suffix.lower() == ".csv" else Corpus.read(path)


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
    from .run_report import inspection_data, inspection_text, with_supply

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
    group: Annotated[str | None, typer.Option(help="One of the fit's groups.")] = None,
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
        points = result.points_of(table)
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


@corpus_app.command("build")
def corpus_build(
    inventory: Annotated[Path, typer.Argument(help="CSV with domain, bucket, tokens and, if known, documents and path.")],
    tokenizer: Annotated[str | None, typer.Option(help="What the tokens were counted with.")] = None,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Where corpus.yaml goes.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Build a corpus from an inventory table."""
    from .corpus_text import corpus_data, corpus_text

    corpus = Corpus.from_inventory(inventory, tokenizer)
    if out is not None:
        corpus.write(out)
    show(corpus_text(corpus), corpus_data(corpus), as_json=as_json, quiet=quiet)


@corpus_app.command("show")
def corpus_show(corpus: CorpusFile, as_json: Json = False, quiet: Quiet = False, seed: Seed = 0, out: Out = None) -> None:
    """Show the cells of a corpus."""
    from .corpus_text import corpus_data, corpus_text

    found = load_corpus(corpus)
    show(corpus_text(found), corpus_data(found), as_json=as_json, quiet=quiet, out=out)


@app.command()
def plan(
    fit: FitFile,
    corpus: CorpusFile,
    flops: Annotated[float | None, typer.Option(help="Training compute, 6 N D.")] = None,
    n_params: Annotated[float | None, typer.Option(help="Fix the model size.")] = None,
    tokens: Annotated[float | None, typer.Option(help="Fix the tokens.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="The recipe in use today: YAML or CSV (cell, weight).")] = None,
    constraints: Annotated[
        Path | None, typer.Option(help="YAML: max_epochs, cell_max_epochs, min_share, max_share.")
    ] = None,
    max_epochs: Annotated[float | None, typer.Option(help="Most passes over any cell.")] = None,
    monotone: Annotated[bool, typer.Option(help="A better bucket gets at least the tokens of the next worse.")] = False,
    group: Annotated[str | None, typer.Option(help="One of the fit's groups.")] = None,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Where the plan goes: .yaml or .json.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Find the best recipe, model size and tokens for a budget, against the mixture in use today."""
    from dataclasses import replace

    from .planner import make_plan

    rules = Constraints.read(constraints) if constraints else Constraints()
    rules = replace(rules, max_epochs=max_epochs or rules.max_epochs, monotone=monotone or rules.monotone)
    if max_epochs is not None and not max_epochs > 0:
        raise BudgetError(f"--max-epochs {max_epochs:g} is no cap: give a number above 0.")
    found = make_plan(
        read_predictor(fit),
        load_corpus(corpus),
        Budget(flops, n_params, tokens),
        baseline=None if baseline is None else Recipe.read(baseline),
        constraints=rules,
        group=group,
        seed=seed,
    )
    if out is not None:
        found.write(out)
    show(str(found), found.to_dict(), as_json=as_json, quiet=quiet)
    leave(not found.supported)


@app.command()
def export(
    plan: Annotated[Path, typer.Argument(help="A plan written by `infolaw plan --out`.")],
    corpus: Annotated[Path, typer.Option(help="The corpus of the plan: paths are taken from its cells.")],
    to: Annotated[str, typer.Option(help="megatron or hf.")],
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Where the trainer's file goes.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Write a plan in a trainer's own format."""
    from infolaw.files import write_atomically

    from .exporters import export as export_recipe

    found, supply = Plan.read(plan), load_corpus(corpus)
    weights = Recipe(found.weights).array(supply.names)
    text = export_recipe(weights, supply, found.tokens, to, seed=seed)
    if out is not None:
        write_atomically(out, text)
    show(text.rstrip("\n"), {"to": to, "text": text}, as_json=as_json, quiet=quiet or out is not None)


@app.command()
def plot(
    kind: Annotated[
        str, typer.Argument(help="extrapolation, info, residuals (of a fit); isoflop (of runs); ledger (of a plan).")
    ],
    file: Annotated[Path, typer.Argument(help="A fit, run logs or a plan.")],
    out: Annotated[Path, typer.Option(help="Where the picture goes: .png, .svg or .pdf.")],
    holdout: Annotated[str, typer.Option(help="For extrapolation: the runs to predict, or none.")] = DEFAULT_HOLDOUT,
    target: Target = None,
    where: Where = None,
    as_json: Json = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Draw a picture."""
    from infolaw.plots import save

    from .pictures import draw

    save(draw(kind, file, holdout=holdout, target=target, where=where, seed=seed), out)
    show(f"{kind}: {out}", {"kind": kind, "out": str(out)}, as_json=as_json, quiet=quiet)


def main() -> None:
    """Run the command."""
    app()
