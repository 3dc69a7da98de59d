"""Commands that fit laws, describe them and hold them against runs: laws, fit, compare, accuracy."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from ..api import compare as compare_runs
from ..laws import LAWS
from ..priors import parsed_priors
from ..progress import on_stderr
from ..validation import DEFAULT_HOLDOUT
from ..weighted import fit_targets
from .options import (
    Column,
    Columns,
    Derive,
    Duplicates,
    Group,
    Json,
    Out,
    Quiet,
    Rows,
    RunFiles,
    Schedules,
    Seed,
    Target,
    Targets,
    Where,
    leave,
    load_runs,
    show,
)

app = typer.Typer()


@app.command()
def laws(as_json: Json = False, out: Out = None, quiet: Quiet = False, seed: Seed = 0) -> None:
    """Describe the family of laws: formula, constants, columns each needs, paper."""
    from ..reports import law_data, laws_text

    show(laws_text(LAWS.values()), {"laws": [law_data(law) for law in LAWS.values()]}, as_json=as_json, quiet=quiet, out=out)


@app.command()
def fit(
    runs: RunFiles,
    law: Annotated[str, typer.Option(help="auto, or a law's name, with settings if wanted: infolaw_e:growth=log.")] = "auto",
    target: Targets = None,
    where: Where = None,
    group: Group = None,
    schedules: Schedules = "finished",
    rows: Rows = "all",
    holdout: Annotated[str, typer.Option(help="Runs held out for the audit, or none.")] = DEFAULT_HOLDOUT,
    huber_delta: Annotated[float | None, typer.Option(help="Huber width in log loss; 1e-3 to replicate papers.")] = None,
    prior: Annotated[list[str] | None, typer.Option(help="Belief in a constant, value and sd: alpha=0.34:0.1.")] = None,
    pooling: Annotated[bool, typer.Option(help="Groups with few runs borrow from the others.")] = True,
    bootstrap: Annotated[int, typer.Option(help="Refits for the intervals.", min=10)] = 1000,
    column: Column = None,
    columns: Columns = None,
    derive: Derive = None,
    duplicates: Duplicates = "error",
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Fit a law to runs: constants with intervals, status, warnings, in-sample and held-out error."""
    table = load_runs(runs, columns, column, derive, duplicates, rows)
    result = fit_targets(
        law,
        table,
        target or [],
        where=where,
        group=group,
        schedules=cast(Any, schedules),
        heldout=None if holdout == "none" else holdout,
        huber_delta=huber_delta,
        priors=parsed_priors(prior or ()),
        pooling=pooling,
        progress=on_stderr(quiet),
        bootstrap=bootstrap,
        seed=seed,
    )
    show(str(result), result.to_dict(), as_json=as_json, quiet=quiet, out=out)


@app.command()
def accuracy(
    runs: RunFiles,
    law: Annotated[str, typer.Option(help="Law of the loss.")],
    column_of: Annotated[str, typer.Option("--accuracy", help="Column of accuracies, shares from 0 to 1.")],
    n_params: Annotated[float, typer.Option(help="Size to predict.")],
    tokens: Annotated[float, typer.Option(help="Tokens to predict.")],
    target: Target = None,
    where: Where = None,
    rows: Rows = "all",
    floor: Annotated[float | None, typer.Option(help="Accuracy by chance, where it is known.")] = None,
    ceiling: Annotated[float, typer.Option(help="Best accuracy there can be.")] = 1.0,
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Predict a benchmark's accuracy in two steps: a law of the loss, and a curve from loss to accuracy."""
    from ..accuracy import fit_two_step

    table = load_runs(runs, None, None, None, "error", rows)
    options = {"target": target, "where": where, "floor": floor, "ceiling": ceiling, "seed": seed}
    steps = fit_two_step(law, table, column_of, **cast(Any, options))
    found = steps.at(steps.law.points(n_params, tokens), seed=seed)
    said = "accuracy {accuracy:.3g} (90 % interval {lower:.3g} to {upper:.3g}), loss {loss:.4g}".format(**found)
    text = "\n".join([said, str(steps.curve), *(f"outside    {complaint}" for complaint in found["complaints"])])
    show(text, found, as_json=as_json, quiet=quiet, out=out)
    leave(bool(found["complaints"]))


@app.command()
def compare(
    runs: RunFiles,
    laws: Annotated[str | None, typer.Option(help="Names of laws, separated by commas; all by default.")] = None,
    holdout: Annotated[
        str, typer.Option(help="largest-flops:0.3, largest-n-params:0.3, most-epochs:0.3, or group.")
    ] = DEFAULT_HOLDOUT,
    train: Annotated[str | None, typer.Option(help="Rows to fit, instead of a hold-out.")] = None,
    test: Annotated[str | None, typer.Option(help="Rows to predict.")] = None,
    target: Target = None,
    where: Where = None,
    group: Group = None,
    schedules: Schedules = "finished",
    rows: Rows = "all",
    column: Column = None,
    columns: Columns = None,
    derive: Derive = None,
    duplicates: Duplicates = "error",
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Rank the laws by their error on runs they have not seen; the baseline is always among them."""
    from ..reports import scores_data, scores_text

    table = load_runs(runs, columns, column, derive, duplicates, rows)
    scores = compare_runs(
        table,
        laws.split(",") if laws else None,
        holdout_by=holdout,
        train=train,
        test=test,
        target=target,
        where=where,
        group=group,
        schedules=cast(Any, schedules),
        seed=seed,
    )
    show(scores_text(scores), scores_data(scores), as_json=as_json, quiet=quiet, out=out)
