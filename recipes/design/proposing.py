"""From a predictor, a corpus and a budget to the runs to do next: `make_design` is the door, `design_runs` for planners."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infolaw.errors import BudgetError
from infolaw.predictor import Predictor
from infolaw.units import Array

from ..budget import Budget
from ..constraints import Constraints
from ..corpus import Corpus
from ..pricer import Pricer
from ..provenance import settle
from ..ratio_bound import held_to_runs
from ..recipe import Recipe
from ..size_search import best_size
from .beliefs import Beliefs, usual_noise
from .candidates import Candidates, candidates
from .decisions import Decisions, decisions, other_sizes
from .picking import METHODS, Picked, expected_regret, pick, value_of
from .proposal import Design, Proposed

MOST_RUNS = 8
NEGLIGIBLE = 0.01
"""Share of the final run's compute whose worth is the regret that is left alone."""
BEYOND = 10.0
"""Compute of the plan where none is named, in units of the largest run."""


def make_design(
    predictor: Predictor,
    corpus: Corpus,
    budget_flops: float,
    *,
    target: Budget | None = None,
    baseline: Recipe | None = None,
    constraints: Constraints | None = None,
    group: str | None = None,
    accept: Collection[str] = (),
    **options: Any,
) -> Design:
    """Choose the runs to do next for the plan that a predictor and a corpus make.

    Parameters
    ----------
    predictor : Predictor
        A fit with bootstrap replicates.
    corpus : Corpus
    budget_flops : float
        To spend on these runs [FLOP].
    target : Budget, optional
        Of the plan; by default ten times the compute of the largest run.
    baseline : Recipe, optional
        The mixture in use today: a decision that stays open.
    constraints : Constraints, optional
        Of the plan.
    group : str, optional
        One of the fit's groups.
    accept : collection of str
        What is taken in spite of a mismatch of runs and corpus; see `provenance.settle`.
    **options
        See `design_runs`.
    """
    notes = tuple(settle(predictor, corpus, accept))
    pricer = Pricer.of(predictor, corpus, constraints, group)
    if target is None:
        target = Budget(flops=BEYOND * predictor.support.flops[1])
        notes += (f"no target was named: the plan is for {target.flops:.3g} FLOP, ten times the largest run (--flops).",)
    n_params, tokens, held = held_to_runs(predictor, target, *(target.size or best_size(pricer, target)))
    weights = pricer.best_weights(n_params, tokens)
    rivals = {} if baseline is None else {"baseline": baseline.array(pricer.corpus.names)}
    others = other_sizes(target, n_params)
    found = design_runs(pricer, n_params, tokens, weights, budget_flops, rivals=rivals, elsewhere=others, **options)
    return replace(found, notes=(*notes, *held, *found.notes))


def design_runs(
    pricer: Pricer,
    n_params: float,
    tokens: float,
    weights: Array,
    budget_flops: float,
    *,
    rivals: Mapping[str, Array] | None = None,
    elsewhere: Sequence[tuple[float, float]] = (),
    most_runs: int = MOST_RUNS,
    sizes: Sequence[float] = (),
    tolerance: float | None = None,
    noise_sd: float | None = None,
    method: str = "regret",
    seed: int = 0,
) -> Design:
    """Choose the runs that take most of a plan's expected regret.

    Parameters
    ----------
    pricer : Pricer
        Predictor, corpus and constraints of the plan.
    n_params, tokens : float
    weights : ndarray, (n_cells,)
        The plan's recipe, in the corpus' cells.
    budget_flops : float
        To spend on all runs together [FLOP].
    rivals : mapping of str to ndarray, (n_cells,), optional
        Recipes that may be kept in its place: today's.
    elsewhere : sequence of (float, float)
        Other sizes and tokens that the same budget pays for, see `other_sizes`; none where the size is fixed.
    most_runs : int
        In the batch.
    sizes : sequence of float, optional
        Model sizes that can be trained [parameters].
    tolerance : float, optional
        Regret to leave alone [nats/token]; by default what one per cent more compute would bring in the final run.
    noise_sd : float, optional
        Standard deviation of log loss between equal runs; see `usual_noise` for the default.
    method : {"regret", "knowledge_gradient", "d_optimal"}
        ``d_optimal`` knows only what the runs tell of all constants: seconds cheaper, blind to the plan.
    seed : int

    Returns
    -------
    Design
        Its `sentence` says whether to run, and what that settles, or to stop.

    Raises
    ------
    BudgetError
        If the budget is none, less than the cheapest candidate, or the fit says nothing of its uncertainty.
    """
    _check(budget_flops, most_runs, tolerance, noise_sd, method)
    found = decisions(pricer, n_params, tokens, weights, rivals or {}, elsewhere, seed)
    tried = candidates(pricer, found, budget_flops, sizes=sizes, seed=seed)
    noise = usual_noise(pricer.predictor) if noise_sd is None else noise_sd
    beliefs = Beliefs.of(pricer, found, tried, noise, seed)
    worth = _Worth(pricer, found, beliefs)
    limit = worth(NEGLIGIBLE * worth.flops) if tolerance is None else tolerance
    told = beliefs.drawn or beliefs
    regret = expected_regret(told)
    index = _picked(beliefs, tried, budget_flops, most_runs, method, worth).index
    picked = Picked(index, value_of(told, index))
    stop = _stop(regret, picked, limit, worth(float(tried.flops[list(picked.index)].sum())))
    runs = () if stop else _proposed(pricer, found, tried, picked, list(rivals or {}))
    left = max(0.0, regret - picked.total) if runs else regret
    return Design(
        runs,
        regret,
        left,
        limit,
        worth(sum(run.flops for run in runs)),
        n_params,
        tokens,
        budget_flops,
        len(found),
        len(tried),
        stop,
        tuple(_notes(pricer, beliefs, limit)),
        {"seed": seed, "method": method, "corpus": pricer.corpus.fingerprint, "target": pricer.predictor.schema.target},
    )


class _Worth:
    """Nats that further FLOP would bring in the final run, its recipe and proportions kept."""

    def __init__(self, pricer: Pricer, found: Decisions, beliefs: Beliefs) -> None:
        k = int(np.where(beliefs.tried.open, beliefs.losses, np.inf).argmin())
        self.flops = float(6 * found.n_params[k] * found.tokens[k])
        grow = np.sqrt(1 + NEGLIGIBLE)
        sizes = found.n_params[k] * np.array([1.0, grow]), found.tokens[k] * np.array([1.0, grow])
        loss = pricer.predictor.predict(pricer.points(*sizes, found.weights[k]))
        self.slope = max(0.0, float((loss[0] - loss[1]) / np.log1p(NEGLIGIBLE)))

    def each(self, flops: Array) -> Array:
        """For several amounts of FLOP."""
        return np.asarray(self.slope * np.log1p(flops / self.flops))

    def __call__(self, flops: float) -> float:
        return float(self.each(np.array([flops]))[0])


def _picked(beliefs: Beliefs, tried: Candidates, budget: float, most: int, method: str, worth: _Worth) -> Picked:
    if method != "d_optimal":
        return pick(beliefs, tried.flops, budget, most=most, method=method, worth=worth.each).trimmed()
    return pick(beliefs, tried.flops, budget, most=most, method=method)


def _check(budget: float, most: int, tolerance: float | None, noise_sd: float | None, method: str) -> None:
    if not 0 < budget < np.inf:
        raise BudgetError(f"a budget of {budget:g} FLOP buys no run: give a positive finite number (--budget-flops 1e19).")
    if most < 1:
        raise BudgetError(f"{most} runs are none: let the batch hold at least 1.")
    for name, value in (("tolerance", tolerance), ("noise_sd", noise_sd)):
        if value is not None and not 0 <= value < np.inf:
            raise BudgetError(f"{name} = {value:g} must be a finite number, 0 or more.")
    if method not in METHODS:
        raise BudgetError(f"there is no method {method!r}: the methods are {', '.join(METHODS)}.")


def _stop(regret: float, picked: Picked, tolerance: float, worth: float) -> str:
    """Say why more runs are not worth their FLOP; nothing if they are."""
    if regret <= tolerance:
        return (
            f"more runs won't change the decision: the plan's expected regret is {regret:.2g} nats/token, below the "
            f"{tolerance:.2g} that are left alone (what 1 % more compute would bring, or --tolerance)"
        )
    if picked.total <= max(tolerance, worth):
        return (
            f"more runs within this budget won't change the decision: of an expected regret of {regret:.2g} nats/token the "
            f"best batch takes {picked.total:.2g}, and {max(tolerance, worth):.2g} are left alone, or what its FLOP would "
            "bring in the final run"
        )
    return ""


def _proposed(
    pricer: Pricer, found: Decisions, tried: Candidates, picked: Picked, rivals: Sequence[str]
) -> tuple[Proposed, ...]:
    names, runs = pricer.corpus.names, list[Proposed]()
    points = tried.points(pricer)
    supply, recipes = pricer.corpus.unique_tokens, _recipe_names(tried, picked, found, rivals)
    for number, (k, buys) in enumerate(zip(picked.index, picked.buys, strict=True), start=1):
        runs.append(
            Proposed(
                f"next{number}",
                float(tried.n_params[k]),
                float(tried.tokens[k]),
                float(tried.flops[k]),
                dict(zip(names, tried.weights[k].tolist(), strict=True)),
                dict(zip(names, (tried.pool[k] * supply).tolist(), strict=True)),
                float(points.cell_epochs[k].max()),
                float(tried.pool[k]),
                picked.index[: number - 1].count(k),
                recipes[number - 1],
                buys,
            )
        )
    return tuple(runs)


def _recipe_names(tried: Candidates, picked: Picked, found: Decisions, rivals: Sequence[str]) -> list[str]:
    """Where each run's recipe comes from; recipes of one kind are numbered in order of appearance."""
    kept, names = ["plan", *rivals], dict[tuple[float, ...], str]()
    for k in picked.index:
        same = np.flatnonzero(np.abs(found.weights - tried.weights[k]).max(1) < 1e-9)
        kind = "proxy" if not len(same) else kept[same[0]] if same[0] < len(kept) else "other"
        number = 1 + sum(name.startswith(kind) for name in names.values())
        names.setdefault(tuple(tried.weights[k].tolist()), kind if kind in kept else f"{kind}{number}")
    return [names[tuple(tried.weights[k].tolist())] for k in picked.index]


def _notes(pricer: Pricer, beliefs: Beliefs, tolerance: float) -> list[str]:
    notes = []
    better = float(beliefs.losses[0] - beliefs.losses[beliefs.tried.open].min())
    if better > tolerance:
        notes.append(
            f"on average over the draws another decision is {better:.2g} nats/token better than the plan: regret is counted "
            "from that one."
        )
    if pricer.predictor.heldout is None:
        notes.append("no held-out error was measured: the error of the law itself is not counted.")
    if pricer.is_blind:
        notes.append("the law sees no difference between recipes: only the size is weighed.")
    return notes
