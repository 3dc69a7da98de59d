"""The plan: the best recipe, size and tokens for a budget, priced, and held against the mixture in use today.

Read `make_plan` first; ``pricer.py`` finds recipe and size by the point prediction, ``decision.py`` chooses over drawn
worlds by what is wished for, ``comparison.py`` prices what was chosen, ``alternatives.py`` says what else could have been.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from infolaw.errors import BudgetError
from infolaw.predictor import Predictor
from infolaw.units import Array

from .alternatives import sensitivities
from .budget import Budget
from .comparison import loss_estimate, target_changes, versus
from .constraints import Constraints
from .corpus import Corpus
from .decision import Decision, decide
from .design import design_runs
from .design.decisions import other_sizes
from .mismatch import find_mismatch, runs_of
from .over_draws import PRICING, Risk
from .plan import Plan
from .pricer import Pricer
from .provenance import settle
from .recipe import Recipe, ledger
from .stages import make_schedule
from .targets import Wishes
from .value import marginal_values

_DRAWS = 1000


def make_plan(
    predictor: Predictor,
    corpus: Corpus,
    budget: Budget,
    *,
    baseline: Recipe | None = None,
    constraints: Constraints | None = None,
    group: str | None = None,
    proxy_tokens: float | None = None,
    risk: Risk | None = None,
    wishes: Wishes | None = None,
    stages: Sequence[float] | None = None,
    decay_weight: float = 1.0,
    design_flops: float | None = None,
    accept: Collection[str] = (),
    notes: Sequence[str] = (),
    level: float = 0.9,
    seed: int = 0,
    details: bool = True,
    provenance: dict[str, Any] | None = None,
) -> Plan:
    """Find the recipe, model size and tokens that reach the lowest expected loss, and say how far to trust it.

    Parameters
    ----------
    predictor : Predictor
        A fit with its held-out error, or a joint prediction of law and proxies (`recipes.joint.fit_joint`).
    corpus : Corpus
        Cells at least as fine as the predictor's; finer ones are summed up.
    budget : Budget
    baseline : Recipe, optional
        The mixture in use today: the comparison that matters.
    constraints : Constraints, optional
    group : str, optional
        One of the fit's groups.
    proxy_tokens : float, optional
        Tokens of new proxies, for which matched pools are told; the median of the runs by default.
    risk : Risk, optional
        What is minimised over drawn worlds: a quantile of the loss against today's recipe, or the mean.
    wishes : Wishes, optional
        How several targets are combined, and whether none may be worse than under today's mixture; the predictor is one of
        these targets (`targets.reweighed`).
    stages : sequence of float, optional
        Shares of the stages in the tokens still to be read: the plan is split into them, see `stages.make_schedule`.
    decay_weight : float
        How many times a token of the last stage counts.
    design_flops : float, optional
        FLOP that could be spent on more runs before this one: the plan then says whether they would change it.
    accept : collection of str
        What is taken in spite of a mismatch of runs and corpus; see `provenance.settle`.
    notes : sequence of str
        What was settled before, for the plan's warnings.
    level, seed
        Of the intervals.
    details : bool
        Whether to work out what each constraint costs, recipes as good, and which assumption would change the decision.
    provenance : dict, optional
        Kept in the plan.

    Returns
    -------
    Plan

    Raises
    ------
    BudgetError, RecipeError
        One sentence each, naming cells and the budget that would fit.

    Notes
    -----
    Half of the drawn worlds choose, the other half prices (`over_draws`).
    """
    told = (*notes, *settle(predictor, corpus, accept))
    pricer = Pricer.of(predictor, corpus, constraints, group)
    corpus = pricer.corpus
    if pricer.constraints.consumed and budget.n_params is None:
        raise BudgetError("what was consumed was read by a model that has a size: fix it with --n-params.")
    rivals = _rivals(corpus, baseline)
    found = decide(pricer, budget, rivals, risk or Risk(), wishes, seed)
    n_params, tokens, weights = found.n_params, found.tokens, found.weights
    stacked = np.vstack([weights, *rivals.values()])
    points = pricer.points(n_params, tokens, stacked)
    expected = predictor.predict(points)
    draws = predictor.draws(points, _DRAWS, seed, worlds=PRICING)
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
        ledger(weights, corpus, tokens, marginal_values(pricer, n_params, tokens, weights)),
        loss_estimate(predictor, own, draws[:, 0], level, seed),
        tuple(
            versus(pricer, name, rivals[name], n_params, tokens, expected[[0, k]], draws[:, [0, k]], level)
            for k, name in enumerate(rivals, start=1)
        ),
        {name: float(value[0]) for name, value in predictor.support.factors(own).items()},
        (*told, *found.notes, *_notes(pricer), *complaints, *differs),
        not complaints,
        getattr(predictor, "law", type(predictor).__name__),
        found.equals(seed) if details else (),
        found.prices() if details else (),
        sensitivities(pricer, n_params, tokens, weights) if details else (),
        {
            "seed": seed,
            "corpus": corpus.fingerprint,
            "target": predictor.schema.target,
            "budget": budget.to_dict(),
            "constraints": pricer.constraints.to_dict(),
            **({} if wishes is None else {"objective": wishes.to_dict()}),
            **(provenance or {}),
        },
        None if repeats is None else repeats.to_dict(),
        None if stages is None else make_schedule(pricer, n_params, tokens, weights, stages, decay_weight).to_dict(),
        target_changes(pricer, n_params, tokens, np.vstack([weights, next(iter(rivals.values()))]), level, seed),
        next_runs=None if design_flops is None else _next_runs(pricer, budget, found, rivals, design_flops, seed),
    )


def _rivals(corpus: Corpus, baseline: Recipe | None) -> dict[str, Array]:
    """Return the recipes that a plan is held against, today's first."""
    rivals = {} if baseline is None else {"baseline": baseline.array(corpus.names)}
    if baseline is None or np.abs(rivals["baseline"] - corpus.natural).max() > 1e-9:
        rivals["natural"] = corpus.natural
    if corpus.buckets and all(cell.bucket for cell in corpus.cells):
        rivals["best_bucket"] = Recipe.best_bucket(corpus).array(corpus.names)
    return rivals


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
    return notes


def _next_runs(
    pricer: Pricer, budget: Budget, found: Decision, rivals: dict[str, Array], flops: float, seed: int
) -> dict[str, Any]:
    """Return what a design says of the plan."""
    size = found.n_params, found.tokens
    others = other_sizes(budget, found.n_params)
    design = design_runs(pricer, *size, found.weights, flops, rivals=rivals, elsewhere=others, seed=seed)
    return {
        "sentence": design.sentence,
        "n_runs": len(design.runs),
        "flops": design.flops,
        "regret": design.regret,
        "regret_after": design.regret_after,
    }
