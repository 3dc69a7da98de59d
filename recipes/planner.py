"""The plan: the best recipe, size and tokens for a budget, priced, and held against the mixture in use today.

Read `make_plan` first; ``pricer.py`` finds recipe and size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.uncertainty import Interval
from infolaw.units import Array

from .budget import Budget
from .constraints import Constraints
from .corpus import Corpus
from .mismatch import find_mismatch, runs_of
from .plan import LossEstimate, Plan, Versus
from .pricer import Pricer
from .recipe import Recipe, ledger

_DRAWS = 1000
_MOST_COMPUTE = 100.0


def make_plan(
    predictor: Predictor,
    corpus: Corpus,
    budget: Budget,
    *,
    baseline: Recipe | None = None,
    constraints: Constraints | None = None,
    group: str | None = None,
    proxy_tokens: float | None = None,
    level: float = 0.9,
    seed: int = 0,
    provenance: dict[str, Any] | None = None,
) -> Plan:
    """Find the recipe, model size and tokens that a law likes best, and say how far to trust it.

    Parameters
    ----------
    predictor : Predictor
        A fit, with its held-out error.
    corpus : Corpus
        Cells at least as fine as the law's; finer ones are summed up.
    budget : Budget
    baseline : Recipe, optional
        The mixture in use today: the comparison that matters.
    constraints : Constraints, optional
    group : str, optional
        One of the fit's groups.
    proxy_tokens : float, optional
        Tokens of new proxies, for which matched pools are told; the median of the runs by default.
    level, seed
        Of the intervals.
    provenance : dict, optional
        Kept in the plan.

    Returns
    -------
    Plan

    Raises
    ------
    BudgetError, RecipeError
        One sentence each, naming cells and the budget that would fit.
    """
    pricer = Pricer.of(predictor, corpus, constraints, group)
    corpus = pricer.corpus
    n_params, tokens = budget.size or pricer.best_size(budget)
    weights = pricer.best_weights(n_params, tokens)
    rivals = _rivals(corpus, baseline)
    stacked = np.vstack([weights, *rivals.values()])
    points = pricer.points(n_params, tokens, stacked)
    draws = predictor.draws(points, _DRAWS, seed)
    loss = _price(predictor, points, draws, level, seed)
    versus = tuple(
        _versus(pricer, name, rivals[name], n_params, tokens, predictor.predict(points)[[0, k]], draws[:, [0, k]], level)
        for k, name in enumerate(rivals, start=1)
    )
    own = points.take([0])
    complaints = predictor.support.complaints(own, predictor.schema.cells)
    seen, cells = runs_of(predictor), predictor.schema.cells
    repeats = None if seen is None else find_mismatch(seen, cells, corpus, weights, tokens, proxy_tokens)
    differs = [] if repeats is None else [text for text in (repeats.warning(),) if text]
    return Plan(
        n_params,
        tokens,
        budget.spent(n_params, tokens),
        dict(zip(corpus.names, weights.tolist(), strict=True)),
        ledger(weights, corpus, tokens),
        loss,
        versus,
        {name: float(value[0]) for name, value in predictor.support.factors(own).items()},
        (*_notes(pricer), *complaints, *differs),
        not complaints,
        getattr(predictor, "law", type(predictor).__name__),
        {
            "seed": seed,
            "corpus": corpus.fingerprint,
            "target": predictor.schema.target,
            "budget": budget.to_dict(),
            "constraints": pricer.constraints.to_dict(),
            **(provenance or {}),
        },
        None if repeats is None else repeats.to_dict(),
    )


def _rivals(corpus: Corpus, baseline: Recipe | None) -> dict[str, Array]:
    """Return the recipes that a plan is held against, today's first."""
    rivals = {} if baseline is None else {"baseline": baseline.array(corpus.names)}
    if baseline is None or np.abs(rivals["baseline"] - corpus.natural).max() > 1e-9:
        rivals["natural"] = corpus.natural
    if corpus.buckets and all(cell.bucket for cell in corpus.cells):
        rivals["best_bucket"] = Recipe.best_bucket(corpus).array(corpus.names)
    return rivals


def _price(predictor: Predictor, points: Points, draws: Array, level: float, seed: int) -> LossEstimate:
    own = points.take([0])
    full = Interval.of(draws[:, :1], level)
    noise = Interval.of(predictor.draws(own, _DRAWS, seed, model_error=False), level)
    held = predictor.heldout
    return LossEstimate(
        float(predictor.predict(own)[0]),
        float(full.lower[0]),
        float(full.upper[0]),
        float(noise.lower[0]),
        float(noise.upper[0]),
        None if held is None else held.error_pct,
        "" if held is None else held.split,
        level,
    )


def _versus(
    pricer: Pricer, name: str, rival: Array, n_params: float, tokens: float, losses: Array, draws: Array, level: float
) -> Versus:
    difference = draws[:, 0] - draws[:, 1]
    ends = Interval.of(difference[:, None], level)
    return Versus(
        name,
        float(losses[1]),
        float(losses[0] - losses[1]),
        float(ends.lower[0]),
        float(ends.upper[0]),
        float((difference < 0).mean() + 0.5 * (difference == 0).mean()),
        equivalent_compute(pricer, rival, n_params, tokens, float(losses[0])),
    )


def equivalent_compute(pricer: Pricer, weights: Array, n_params: float, tokens: float, loss: float) -> float | None:
    """How many times the compute `weights` would need to reach `loss`, growing N and D alike; None beyond 100 times."""
    log_m = np.linspace(-np.log(_MOST_COMPUTE), np.log(_MOST_COMPUTE), 4001)
    grow = np.exp(0.5 * log_m)
    reached = pricer.predictor.predict(pricer.points(n_params * grow, tokens * grow, weights)) <= loss * (1 + 1e-12)
    return float(np.exp(log_m[int(reached.argmax())])) if reached.any() else None


def _notes(pricer: Pricer) -> list[str]:
    predictor, notes = pricer.predictor, []
    if pricer.is_blind:
        notes.append(
            "the law sees neither quality nor repetition: every recipe is equal to it, and the natural mix is planned "
            "as far as the constraints allow. Fit a law over buckets, such as infolaw_e, to choose a recipe."
        )
    if predictor.heldout is None:
        notes.append(
            "no held-out error was measured: the interval shows the noise of the runs only, and is too narrow. Fit with a "
            "hold-out (the default of `infolaw fit`)."
        )
    used = {predictor.schema.cells[k] for k in pricer.cells}
    absent = [cell for cell in predictor.schema.cells if cell not in used]
    if absent:
        notes.append(f"the corpus holds nothing of the law's cells {', '.join(absent)}: they are not drawn from.")
    return notes
