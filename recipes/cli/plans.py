"""Commands about plans that are made: plan-diff, check, value, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    Where,
    leave,
    load_runs,
    show,
)
from infolaw.weighted import read_predictor

from ..constraints import Constraints
from ..plan import Plan
from .corpus import CorpusFile, load_corpus

app = typer.Typer()


@app.command("plan-diff")
def compare_plans(
    first: Annotated[Path, typer.Argument(help="A plan written by `infolaw plan --out`.")],
    second: Annotated[Path, typer.Argument(help="Another plan.")],
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Say what differs between two plans; also spelt `infolaw plan diff FIRST SECOND`."""
    from ..plan_diff import plan_diff

    found = plan_diff(Plan.read(first), Plan.read(second))
    show(str(found), found.to_dict(), as_json=as_json, quiet=quiet, out=out)


@app.command()
def check(
    plan: Annotated[Path, typer.Argument(help="A plan written by `infolaw plan --out`.")],
    runs: RunFiles,
    run: Annotated[list[str] | None, typer.Option(help="The runs done by the plan; without it, those of its size.")] = None,
    where: Where = None,
    baseline_run: Annotated[list[str] | None, typer.Option(help="Runs of the mixture of today at the same size.")] = None,
    column: Column = None,
    columns: Columns = None,
    derive: Derive = None,
    duplicates: Duplicates = "error",
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Hold runs really done against their plan: sizes, tokens and epochs a cell, loss inside the interval or not."""
    from ..checking import check as check_runs
    from ..checking import named_runs, runs_of_plan

    found, logs = Plan.read(plan), load_runs(runs, columns, column, derive, duplicates, "all")
    chosen = named_runs(logs, run) if run else logs
    chosen = chosen.select(where) if where else chosen
    if not run and not where:
        chosen = runs_of_plan(found, logs)
    told = check_runs(found, chosen, baseline=named_runs(logs, baseline_run) if baseline_run else None)
    show(str(told), told.to_dict(), as_json=as_json, quiet=quiet, out=out)
    leave(not told.is_good)


@app.command()
def value(
    plan: Annotated[Path, typer.Argument(help="A plan written by `infolaw plan --out`: size, tokens, constraints.")],
    fit: FitFile,
    corpus: CorpusFile,
    constraints: Annotated[Path | None, typer.Option(help="YAML with offers; else the plan's constraints.")] = None,
    more: Annotated[
        float | None, typer.Option(help="Tokens more of every cell; 1 % of the plan's where nothing is on offer.")
    ] = None,
    as_json: Json = False,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Say what more data are worth in loss and in compute: offers, or as many tokens of every cell."""
    from ..pricer import Pricer
    from ..value import data_values, every_cell, values_text

    found = Plan.read(plan)
    rules = Constraints.read(constraints) if constraints else Constraints.from_dict(found.provenance["constraints"])
    supply = rules.supplied(load_corpus(corpus))
    each = more or (None if rules.offers else 0.01 * found.tokens)
    offers = (*rules.offers, *(() if each is None else every_cell(supply, each)))
    pricer = Pricer(read_predictor(fit), supply, rules)
    values = data_values(pricer, found.n_params, found.tokens, offers, flops=found.flops, seed=seed)
    data = {"n_params": found.n_params, "tokens": found.tokens, "values": [one.to_dict() for one in values]}
    show(values_text(values), data, as_json=as_json, quiet=quiet, out=out)


@app.command()
def export(
    plan: Annotated[Path, typer.Argument(help="A plan written by `infolaw plan --out`.")],
    corpus: Annotated[Path, typer.Option(help="The corpus of the plan: paths are taken from its cells.")],
    to: Annotated[str, typer.Option(help="megatron, olmo-core, streaming or hf.")],
    stage: Annotated[int | None, typer.Option(help="Of a staged plan: this stage alone, 1 is the first.")] = None,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Where the trainer's file goes.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Write a plan in a trainer's own format; of a staged plan one file a stage, and their schedule."""
    from infolaw.files import write_atomically

    from ..exporters.stages import export_plan, export_stages

    found, supply = Plan.read(plan), load_corpus(corpus)
    if found.schedule is not None and stage is None:
        text = export_stages(found, supply, to, out, seed=seed)
    else:
        text = export_plan(found, supply, to, stage, seed=seed)
        if out is not None:
            write_atomically(out, text)
    show(text.rstrip("\n"), {"to": to, "text": text}, as_json=as_json, quiet=quiet or out is not None)
