"""Commands that make plans and hand them on: plan, export, plot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infolaw.cli import FitFile, Json, Quiet, Seed, Target, Where, leave, show
from infolaw.errors import BudgetError
from infolaw.validation import DEFAULT_HOLDOUT
from infolaw.weighted import read_predictor

from ..budget import Budget, Constraints
from ..plan import Plan
from ..recipe import Recipe
from .corpus import CorpusFile, load_corpus

app = typer.Typer()


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

    from ..planner import make_plan

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

    from ..exporters import export as export_recipe

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

    from ..pictures import draw

    save(draw(kind, file, holdout=holdout, target=target, where=where, seed=seed), out)
    show(f"{kind}: {out}", {"kind": kind, "out": str(out)}, as_json=as_json, quiet=quiet)
