"""The command that draws: plot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infolaw.cli import Json, Quiet, Seed, Target, Where, show
from infolaw.errors import RecipeError
from infolaw.validation import DEFAULT_HOLDOUT
from infolaw.weighted import read_predictor

from ..constraints import Constraints
from .corpus import load_corpus

app = typer.Typer()


@app.command()
def plot(
    kind: Annotated[
        str,
        typer.Argument(
            help="extrapolation, info, residuals (of a fit); isoflop (of runs); ledger (of a plan); with --corpus: "
            "recipe-by-budget, loss-frontier, value-of-data, isoflop-recipes (of a fit)."
        ),
    ],
    file: Annotated[Path, typer.Argument(help="A fit, run logs or a plan.")],
    out: Annotated[Path, typer.Option(help="Where the picture goes: .png, .svg or .pdf.")],
    holdout: Annotated[str, typer.Option(help="For extrapolation: the runs to predict, or none.")] = DEFAULT_HOLDOUT,
    target: Target = None,
    where: Where = None,
    corpus: Annotated[Path | None, typer.Option(help="For curves of plans: corpus.yaml or an inventory.")] = None,
    flops: Annotated[str | None, typer.Option(help="For curves of plans: a range of budgets, 1e20:1e24:9.")] = None,
    constraints: Annotated[Path | None, typer.Option(help="For curves of plans: YAML.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="For curves of plans: the recipe in use today.")] = None,
    group: Annotated[str | None, typer.Option(help="For curves of plans: one of the fit's groups.")] = None,
    n_params: Annotated[float | None, typer.Option(help="For recipe-by-budget and loss-frontier: fixes the size.")] = None,
    more: Annotated[float | None, typer.Option(help="For value-of-data: tokens more of every cell.")] = None,
    as_json: Json = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Draw a picture."""
    from infolaw.plots import save

    from ..curve_pictures import CURVES, CurveRequest, draw_curve
    from ..pictures import draw

    data = {"kind": kind, "out": str(out)}
    if kind in CURVES:
        if corpus is None:
            raise RecipeError(f"the picture {kind} needs the corpus to plan on: give --corpus FILE.")
        rules = Constraints.read(constraints) if constraints else Constraints()
        asked = CurveRequest(read_predictor(file), load_corpus(corpus), rules, flops, baseline, group, n_params, more)
        figure, drawn = draw_curve(kind, asked, seed)
        data |= drawn
    else:
        figure = draw(kind, file, holdout=holdout, target=target, where=where, seed=seed)
    save(figure, out)
    show(f"{kind}: {out}", data, as_json=as_json, quiet=quiet)
