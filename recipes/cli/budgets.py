"""Options that say what may be spent, and the budget that they make; shared by every command that plans."""

from __future__ import annotations

from typing import Annotated

import typer

from infolaw.cli import Hours
from infolaw.compute import FlopCount
from infolaw.errors import BudgetError

from ..budget import Budget

Flops = Annotated[float | None, typer.Option(help="Compute, training and serving together [FLOP].")]
NParams = Annotated[float | None, typer.Option(help="Fix the model size.")]
Tokens = Annotated[float | None, typer.Option(help="Fix the tokens.")]
InferenceTokens = Annotated[float, typer.Option(help="Tokens served over the model's life, paid from the same budget.")]
TokensPerParam = Annotated[float | None, typer.Option(help="Fix the tokens per parameter.")]
Overtraining = Annotated[float | None, typer.Option(help="Tokens per parameter over those of the law's optimum.")]
Exact = Annotated[bool, typer.Option("--exact-flops", help="Count matrices and attention instead of 6 N D.")]
ActiveParams = Annotated[float | None, typer.Option("--n-params-active", help="With --n-params: those at work on a token.")]
ActiveShare = Annotated[float | None, typer.Option(help="Mixtures of experts: parameters at work on a token over all.")]
Context = Annotated[float, typer.Option(help="Tokens in the window, for --exact-flops.")]
Vocabulary = Annotated[float, typer.Option(help="Entries of the vocabulary, for --exact-flops.")]
Depth = Annotated[float | None, typer.Option(help="Layers, for --exact-flops with --n-params.")]
Width = Annotated[float | None, typer.Option(help="Width, for --exact-flops with --n-params.")]
Embeddings = Annotated[str, typer.Option(help="How the law's N counts them: tied, untied or excluded.")]


def budget_of(sizes: dict[str, float | None], hours: Hours, inference_tokens: float, count: FlopCount) -> Budget:
    """Return the budget of the options; `sizes` are those of `Budget` by name, ``flops`` among them."""
    return Budget(
        **{**sizes, "flops": hours.flops(sizes["flops"])},
        inference_tokens=inference_tokens,
        count=count,
    )


def count_of(
    exact: bool,
    n_params: float | None,
    active: float | None,
    active_share: float | None,
    architecture: dict[str, float | str | None],
) -> FlopCount:
    """Return how FLOP are counted by the options; `architecture` are the fields of `FlopCount` by name."""
    if active is not None:
        if n_params is None or active_share is not None:
            raise BudgetError("--n-params-active needs --n-params beside it; for a free size give --active-share instead.")
        if not 0 < active <= n_params:
            raise BudgetError(f"--n-params-active {active:g} is not between 0 and --n-params {n_params:g}.")
        active_share = active / n_params
    usual = FlopCount()
    changed = [name for name, value in architecture.items() if value != getattr(usual, name)]
    if changed and not exact:
        raise BudgetError(f"--{changed[0]} counts only with --exact-flops: add it, or leave --{changed[0]} out.")
    return FlopCount(exact, 1.0 if active_share is None else active_share, **architecture)  # type: ignore[arg-type]
