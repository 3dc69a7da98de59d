"""The command `design`: which runs to do next, what each buys, or when to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infolaw.cli import Device, FitFile, FlopsPerSecond, GpuHours, Hours, Json, Mfu, Quiet, Seed, show
from infolaw.compute import FlopCount
from infolaw.errors import BudgetError, RecipeError

from ..constraints import Constraints
from ..recipe import Recipe
from .budgets import InferenceTokens, NParams, Overtraining, Tokens, TokensPerParam, budget_of
from .corpus import CorpusFile, load_corpus

app = typer.Typer()


@app.command()
def design(
    fit: FitFile,
    corpus: CorpusFile,
    budget_flops: Annotated[float | None, typer.Option(help="FLOP to spend on the runs to do next, all together.")] = None,
    budget_gpu_hours: Annotated[
        float | None, typer.Option(help="Instead of --budget-flops: device-hours, with --device and --mfu.")
    ] = None,
    flops: Annotated[
        float | None, typer.Option(help="Of the plan: compute, training and serving; by default 10x the largest run.")
    ] = None,
    gpu_hours: GpuHours = None,
    device: Device = None,
    mfu: Mfu = None,
    flops_per_second: FlopsPerSecond = None,
    n_params: NParams = None,
    tokens: Tokens = None,
    tokens_per_param: TokensPerParam = None,
    overtraining: Overtraining = None,
    inference_tokens: InferenceTokens = 0.0,
    baseline: Annotated[Path | None, typer.Option(help="The recipe in use today: YAML or CSV (cell, weight).")] = None,
    constraints: Annotated[Path | None, typer.Option(help="YAML: what the plan must respect.")] = None,
    max_epochs: Annotated[float | None, typer.Option(help="Of the plan: most passes over any cell.")] = None,
    surrogate: Annotated[
        list[Path] | None, typer.Option(help="Mixture proxies beside the fit's runs; repeat the option for more files.")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="Take in spite of a mismatch: tokenizer, loss-unit, buckets or cells.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="One of the fit's groups.")] = None,
    size: Annotated[list[float] | None, typer.Option(help="A model size that can be trained; repeat for more.")] = None,
    most_runs: Annotated[int, typer.Option(help="Most runs in the batch.")] = 8,
    tolerance: Annotated[
        float | None, typer.Option(help="Regret to leave alone, nats/token; by default the worth of 1 % more compute.")
    ] = None,
    noise: Annotated[
        float | None, typer.Option(help="Standard deviation of log loss between equal runs; by default the fit's scatter.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="regret (of the plan), knowledge_gradient (of the next run alone), d_optimal (of all).")
    ] = "regret",
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="The runs to do, as a run table (.csv) or whole (.json).")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Choose the runs to do next within a budget, by what they take from the plan's expected regret; or say to stop."""
    from dataclasses import replace

    from infolaw.progress import on_stderr

    from ..design import make_design
    from ..joint import predictor_of

    if out is not None and out.suffix.lower() not in (".csv", ".json"):
        raise RecipeError(f"--out {out}: a design is written as .csv (a run table) or .json.")
    rules = Constraints.read(constraints) if constraints else Constraints()
    rate, supply = (device, mfu, flops_per_second), load_corpus(corpus)
    runs = Hours(budget_gpu_hours, *(rate if budget_gpu_hours is not None else (None, None, None)), "budget-gpu-hours")
    plan = Hours(gpu_hours, *(rate if gpu_hours is not None or budget_gpu_hours is None else (None, None, None)))
    spent = runs.flops(budget_flops)
    if spent is None:
        raise BudgetError("nothing is to be spent on runs: give --budget-flops, or --budget-gpu-hours with a device.")
    sizes = {
        "flops": flops,
        "n_params": n_params,
        "tokens": tokens,
        "tokens_per_param": tokens_per_param,
        "overtraining": overtraining,
    }
    is_named = any(value is not None for value in (gpu_hours, *sizes.values()))
    found = make_design(
        predictor_of(fit, surrogate, supply, group, seed, on_stderr(quiet)),
        supply,
        spent,
        target=budget_of(sizes, plan, inference_tokens, FlopCount()) if is_named else None,
        baseline=None if baseline is None else Recipe.read(baseline),
        constraints=replace(rules, max_epochs=rules.max_epochs if max_epochs is None else max_epochs),
        group=group,
        accept=accept or (),
        sizes=size or (),
        most_runs=most_runs,
        tolerance=tolerance,
        noise_sd=noise,
        method=method,
        seed=seed,
    )
    if out is not None:
        found.write(out)
    show(str(found), found.to_dict(), as_json=as_json, quiet=quiet)
