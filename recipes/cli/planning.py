"""The command `plan`: size, recipe and tokens for a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infolaw.cli import (
    Device,
    FitFile,
    FlopsPerSecond,
    GpuHours,
    Hours,
    Json,
    Mfu,
    Quiet,
    Seed,
    leave,
    show,
)
from infolaw.errors import BudgetError
from infolaw.progress import on_stderr
from infolaw.weighted import read_predictor

from ..constraints import Constraints
from ..corpus import Corpus
from ..recipe import Recipe
from .budgets import (
    ActiveParams,
    ActiveShare,
    Context,
    Depth,
    Embeddings,
    Exact,
    Flops,
    InferenceTokens,
    NParams,
    Overtraining,
    Tokens,
    TokensPerParam,
    Vocabulary,
    Width,
    budget_of,
    count_of,
)
from .corpus import CorpusFile, load_corpus

app = typer.Typer()


@app.command()
def plan(
    fit: FitFile,
    corpus: CorpusFile,
    flops: Flops = None,
    n_params: NParams = None,
    tokens: Tokens = None,
    gpu_hours: GpuHours = None,
    device: Device = None,
    mfu: Mfu = None,
    flops_per_second: FlopsPerSecond = None,
    inference_tokens: InferenceTokens = 0.0,
    tokens_per_param: TokensPerParam = None,
    overtraining: Overtraining = None,
    exact: Exact = False,
    n_params_active: ActiveParams = None,
    active_share: ActiveShare = None,
    context: Context = 4096.0,
    vocabulary: Vocabulary = 50304.0,
    depth: Depth = None,
    width: Width = None,
    embeddings: Embeddings = "tied",
    baseline: Annotated[Path | None, typer.Option(help="The recipe in use today: YAML or CSV (cell, weight).")] = None,
    objective: Annotated[
        Path | None, typer.Option(help="YAML: weights of the fit's targets, kind (sum, worst), guard (none worse).")
    ] = None,
    constraints: Annotated[
        Path | None, typer.Option(help="YAML: caps, floors, fixed shares, exclusions, groups, unique tokens, offers.")
    ] = None,
    max_epochs: Annotated[float | None, typer.Option(help="Most passes over any cell.")] = None,
    monotone: Annotated[bool, typer.Option(help="A better bucket gets at least the tokens of the next worse.")] = False,
    surrogate: Annotated[
        list[Path] | None,
        typer.Option(help="Mixture proxies beside the fit's runs; repeat the option for more files."),
    ] = None,
    risk: Annotated[float, typer.Option(help="Quantile of the loss against today's that is minimised; 0: its mean.")] = 0.6,
    group: Annotated[str | None, typer.Option(help="One of the fit's groups.")] = None,
    stages: Annotated[str | None, typer.Option(help="Shares of the stages, as 0.8,0.2: a recipe for each.")] = None,
    decay_weight: Annotated[
        float, typer.Option(help="With --stages: how many times a token of the last stage counts; the law sees no order.")
    ] = 1.0,
    consumed: Annotated[
        Path | None, typer.Option(help="What the run has read already: CSV (cell, tokens); plans the rest of it.")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="Take in spite of a mismatch: tokenizer, loss-unit, buckets or cells.")
    ] = None,
    design_flops: Annotated[
        float | None, typer.Option(help="FLOP that could go into more runs first: says whether they would change the plan.")
    ] = None,
    proxy_tokens: Annotated[float | None, typer.Option(help="Tokens of new proxies: tells their matched pools.")] = None,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Where the plan goes: .yaml or .json.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Find the best recipe, model size and tokens for a budget, against the mixture in use today."""
    from ..carried import carried_out
    from ..joint import predictor_of
    from ..over_draws import Risk
    from ..planner import make_plan
    from ..stages import parse_stages
    from ..targets import Wishes

    architecture = {
        "context": context,
        "vocabulary": vocabulary,
        "depth": depth,
        "width": width,
        "embeddings": embeddings,
    }
    sizes = {
        "flops": flops,
        "n_params": n_params,
        "tokens": tokens,
        "tokens_per_param": tokens_per_param,
        "overtraining": overtraining,
    }
    supply, notes = _supply(corpus, fit)
    wishes = None if objective is None else Wishes.read(objective)
    planned = make_plan(
        predictor_of(fit, surrogate, supply, group, seed, on_stderr(quiet), wishes),
        supply,
        budget_of(
            sizes,
            Hours(gpu_hours, device, mfu, flops_per_second),
            inference_tokens,
            count_of(exact, n_params, n_params_active, active_share, architecture),
        ),
        baseline=None if baseline is None else Recipe.read(baseline),
        constraints=_rules(constraints, max_epochs, monotone, consumed),
        group=group,
        proxy_tokens=proxy_tokens,
        design_flops=design_flops,
        risk=Risk(risk or None),
        wishes=wishes,
        stages=parse_stages(stages) if stages else (1.0,) if consumed else None,
        decay_weight=decay_weight,
        accept=accept or (),
        notes=notes,
        seed=seed,
    )
    found = carried_out(planned, supply, corpus)
    if out is not None:
        found.write(out)
    show(str(found), found.to_dict(), as_json=as_json, quiet=quiet)
    leave(not found.supported)


def _supply(corpus: Path, fit: Path) -> tuple[Corpus, list[str]]:
    """Return the corpus, cut into the buckets of the fit's runs where these differ, and what was settled."""
    supply = load_corpus(corpus)
    if supply.bucket_definition is None:
        return supply, []
    from ..provenance import evidence_behind
    from ..recut import fitting_corpus

    return fitting_corpus(corpus, supply, evidence_behind(read_predictor(fit)))


def _rules(file: Path | None, max_epochs: float | None, monotone: bool, consumed: Path | None) -> Constraints:
    """Return the constraints of a file, with those of the command line in their place."""
    from dataclasses import replace

    from ..consumed_file import read_consumed

    rules = Constraints.read(file) if file else Constraints()
    if max_epochs is not None and not max_epochs > 0:
        raise BudgetError(f"--max-epochs {max_epochs:g} is no cap: give a number above 0.")
    read = rules.consumed if consumed is None else read_consumed(consumed)
    return replace(rules, max_epochs=max_epochs or rules.max_epochs, monotone=monotone or rules.monotone, consumed=read)
