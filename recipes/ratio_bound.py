"""How far a free size may go from the tokens per parameter that runs have weighed."""

from __future__ import annotations

import numpy as np

from infolaw.predictor import Predictor

from .budget import Budget
from .mismatch import runs_of

BEYOND = 2.0
"""How many times outside the tokens per parameter of the runs a free size may lie: a law is extrapolated in compute, but
the balance of size and tokens only as far as runs have weighed them."""


def held_to_runs(
    predictor: Predictor, budget: Budget, n_params: float, tokens: float
) -> tuple[float, float, tuple[str, ...]]:
    """Hold a size that the budget leaves open to the ratios of the runs.

    Returns
    -------
    n_params, tokens : float
        As given where the budget fixes them, or runs have weighed their ratio.
    notes : tuple of str
        What was held, and how to overrule it.
    """
    seen = runs_of(predictor)
    if budget.size is not None or seen is None:
        return n_params, tokens, ()
    times = budget.overtraining or 1.0
    ratio, tried = tokens / n_params / times, seen.tokens / seen.n_params
    low, high = float(tried.min()), float(tried.max())
    held = float(np.clip(ratio, low / BEYOND, high * BEYOND))
    if held == ratio:
        return n_params, tokens, ()
    return *budget.at_ratio(held * times), (
        f"the law's own best size is {budget.at_ratio(ratio)[0]:.3g} parameters on {ratio:.2g} tokens each, of which runs "
        f"of {low:.3g} to {high:.3g} tokens a parameter say nothing: the optimum is held at {held:.3g} a parameter, "
        f"{BEYOND:g} times beyond them (--tokens-per-param overrules it; runs there would tell).",
    )
