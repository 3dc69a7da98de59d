"""Commands that say how large a model, on how many tokens, and what runs tell of it: allocate, identify, isoflop."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from ..allocation import allocate as find_allocation
from ..isoflop import isoflop as find_isoflop
from ..result import FitResult
from ..spending import budgets
from ..weighted import read_predictor
from .hours import Device, FlopsPerSecond, GpuHours, Hours, Mfu
from .options import (
    Column,
    Columns,
    Derive,
    Duplicates,
    FitFile,
    Json,
    Out,
    Quiet,
    RunFiles,
    Schedules,
    Seed,
    Target,
    Where,
    leave,
    load_runs,
    show,
)

app = typer.Typer()


@app.command()
def allocate(
    fit: FitFile,
    flops: Annotated[str | None, typer.Option(help="Budget in FLOP, or a range of budgets: 1e20:1e24:5.")] = None,
    gpu_hours: GpuHours = None,
    device: Device = None,
    mfu: Mfu = None,
    flops_per_second: FlopsPerSecond = None,
    n_params: Annotated[float | None, typer.Option(help="Fix the model size.")] = None,
    target_loss: Annotated[float | None, typer.Option(help="Loss to reach at least cost, instead of a budget.")] = None,
    inference_tokens: Annotated[float, typer.Option(help="Tokens served over the model's life.")] = 0.0,
    unique_tokens: Annotated[float | None, typer.Option(help="Distinct tokens there are.")] = None,
    group: Annotated[str | None, typer.Option(help="One of the fit's groups.")] = None,
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Find the best model size and tokens for a budget, with intervals and the flat range."""
    from ..reports import allocations_data, allocations_text

    hours, given = Hours(gpu_hours, device, mfu, flops_per_second), budgets(flops)
    spent = [hours.flops(budget) for budget in given]
    predictor = read_predictor(fit)
    options = {"n_params": n_params, "inference_tokens": inference_tokens, "unique_tokens": unique_tokens, "group": group}
    found = [
        find_allocation(predictor, flops=budget, target_loss=target_loss, seed=seed, **cast(Any, options))
        for budget in spent
    ]
    show(allocations_text(found), allocations_data(found), as_json=as_json, quiet=quiet, out=out)
    leave(any(one.is_outside for one in found))


@app.command()
def identify(
    fit: FitFile,
    about: Annotated[str | None, typer.Option(help="Constant that the next run should settle, such as R_D.")] = None,
    n_params: Annotated[float | None, typer.Option(help="Size of a prediction that it should sharpen.")] = None,
    tokens: Annotated[float | None, typer.Option(help="Tokens of that prediction.")] = None,
    unique_tokens: Annotated[float | None, typer.Option(help="Distinct tokens of that prediction.")] = None,
    reach: Annotated[float, typer.Option(help="How many times outside the runs the next run may lie.")] = 4.0,
    level: Annotated[float, typer.Option(help="Level of the ranges.")] = 0.9,
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Say what the runs tell of each constant, what they cannot tell apart, and which single run would tell most."""
    from ..identifiability import identifiability, place
    from ..reports import identifiability_text

    fitted = FitResult.read(fit)
    found = identifiability(fitted, about or place(fitted, n_params, tokens, unique_tokens), level=level, reach=reach)
    show(identifiability_text(found), found.to_dict(), as_json=as_json, quiet=quiet, out=out)
    leave(bool(found.complaints))


@app.command()
def isoflop(
    runs: RunFiles,
    target: Target = None,
    where: Where = None,
    schedules: Schedules = "finished",
    column: Column = None,
    columns: Columns = None,
    derive: Derive = None,
    duplicates: Duplicates = "error",
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Find the best size at each budget of an isoFLOP design, and the exponents over budgets."""
    from ..reports import isoflop_text

    table = load_runs(runs, columns, column, derive, duplicates, "all")
    found = find_isoflop(table, target=target, where=where, schedules=schedules, seed=seed)
    show(isoflop_text(found), found.to_dict(), as_json=as_json, quiet=quiet, out=out)
