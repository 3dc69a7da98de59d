"""The plan for a budget beyond the grid, its three rivals, and what all of them really reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from infolaw import Points, Predictor, RunTable
from infolaw.errors import ExperimentError
from infolaw.uncertainty import Interval
from recipes import Budget, Cell, Constraints, Corpus, Plan, Recipe, make_plan
from recipes.search import METHODS, Beliefs, Objective, Region, Setting
from recipes.surrogates import GaussianProcess

from .designs import Base
from .loop_audit import FITTED_EPOCHS
from .loop_grid import SEEDS
from .proxy import RunConfig
from .report import Check, Row

POWER = 1.959964 + 0.841621
"""Standard errors that a true difference must measure to be found at the 5 % level four times in five."""
WIDER = (1.0, 1.5, 2.0)
"""Widths that the plan may choose, in units of the grid's largest."""
RULES = Constraints(max_epochs=FITTED_EPOCHS)
PLAN = "plan"


@dataclass(frozen=True)
class Ask:
    """What a plan is asked for.

    Attributes
    ----------
    flops, pool : float
        Compute [FLOP], and distinct tokens that there are [tokens].
    widest : int
        Largest width of the grid.
    seed : int
    """

    flops: float
    pool: float
    widest: int
    seed: int = 0


@dataclass(frozen=True)
class Contest:
    """Recipes at one size and budget, before any of them is trained.

    Attributes
    ----------
    plan : Plan
    width : int
    corpus : Corpus
        The pool, in quality buckets.
    weights : dict of str to dict
        Recipe by name: the plan's first.
    predicted, lower, upper : dict of str to float
        Loss, and the ends of its interval [nats/token].
    gain, gain_lower, gain_upper : dict of str to float
        What the plan should be better by than each rival, and the ends of its interval [nats/token].
    """

    plan: Plan
    width: int
    corpus: Corpus
    weights: dict[str, dict[str, float]]
    predicted: dict[str, float]
    lower: dict[str, float]
    upper: dict[str, float]
    gain: dict[str, float]
    gain_lower: dict[str, float]
    gain_upper: dict[str, float]

    def n_seeds(self, sd: float, most: int) -> int:
        """Seeds with which the gain over the natural recipe is detectable, from 4 to `most`; `sd` is relative and paired."""
        noise, gain = sd * self.predicted[PLAN], max(self.gain["natural"], 1e-12)
        return int(np.clip(math.ceil(2 * (POWER * noise / gain) ** 2), SEEDS, most))

    def detectable(self, sd: float, n_seeds: int) -> float:
        """Smallest difference of two means that so many seeds would show [nats/token]."""
        return POWER * math.sqrt(2 / n_seeds) * sd * self.predicted[PLAN]

    def runs(self, base: Base, n_seeds: int) -> list[RunConfig]:
        """Every recipe, once a seed."""
        pool, tokens, natural = self.corpus.total_tokens, self.plan.tokens, self.weights["natural"]
        labels = {name: {"design": "final", "recipe": name} for name in self.weights}
        return [
            base.run(f"final-{name}-s{seed}", self.width, tokens, weights, pool, labels[name], natural, seed)
            for name, weights in self.weights.items()
            for seed in range(n_seeds)
        ]


def contest(predictor: Predictor, base: Base, natural: Mapping[str, float], mixtures: RunTable, ask: Ask) -> Contest:
    """Plan for a budget and a pool, and say what the plan and its rivals should reach.

    Parameters
    ----------
    predictor : Predictor
        Fitted to the grid.
    base : Base
    natural : mapping of str to float
        Share of each quality bucket in the text.
    mixtures : RunTable
        Small runs on Dirichlet mixtures of the buckets, for the RegMix-style rival.
    ask : Ask
    """
    corpus = Corpus(tuple(Cell(name, share * ask.pool) for name, share in natural.items()), tokenizer="bytes")
    plans: dict[int, Plan] = {}
    for wider in WIDER:
        width = round(ask.widest * wider / 8) * 8
        budget = Budget(flops=ask.flops, n_params=float(base.n_params(width)))
        plans[width] = make_plan(
            predictor, corpus, budget, constraints=RULES, baseline=Recipe.natural(corpus), seed=ask.seed
        )
    width = min(plans, key=lambda w: plans[w].loss.value)
    weights = {
        PLAN: dict(plans[width].weights),
        "natural": dict(natural),
        "best_bucket": dict(Recipe.best_bucket(corpus).weights),
        "regmix": regmix_recipe(mixtures, natural, ask.seed),
    }
    return priced(predictor, plans[width], width, corpus, weights, ask.seed)


def priced(
    predictor: Predictor, plan: Plan, width: int, corpus: Corpus, weights: dict[str, dict[str, float]], seed: int
) -> Contest:
    """What a predictor expects of recipes at the size and tokens of a plan, each alone and against the first."""
    table = np.array([[recipe.get(cell, 0.0) for cell in corpus.names] for recipe in weights.values()])
    points = Points.build(plan.n_params, plan.tokens, weights=table, unique=corpus.unique_tokens)
    value, draws = predictor.predict(points), predictor.draws(points, 1000, seed)
    ends, gaps = Interval.of(draws, 0.9), Interval.of(draws - draws[:, :1], 0.9)
    columns = (value, ends.lower, ends.upper, value - value[0], gaps.lower, gaps.upper)
    named = (dict(zip(weights, column.tolist(), strict=True)) for column in columns)
    return Contest(plan, width, corpus, weights, *named)


def trained_contest(predictor: Predictor, finals: RunTable, natural: Mapping[str, float], seed: int) -> Contest:
    """What a predictor expects of the recipes that were trained, and its own plan for their size, tokens and pool."""
    first = finals.frame.iloc[0]
    unique = {cell: float(first[f"unique:{cell}"]) for cell in natural}
    corpus = Corpus(tuple(Cell(name, held) for name, held in unique.items()), tokenizer="bytes")
    budget = Budget(n_params=float(first["n_params"]), tokens=float(first["tokens"]))
    plan = make_plan(predictor, corpus, budget, constraints=RULES, baseline=Recipe.natural(corpus), seed=seed)
    means = finals.frame.groupby("recipe", sort=False).mean(numeric_only=True)
    weights = {str(name): {cell: float(row[f"weight:{cell}"]) for cell in natural} for name, row in means.iterrows()}
    return priced(predictor, plan, int(first["width"]), corpus, weights, seed)


def regmix_recipe(mixtures: RunTable, natural: Mapping[str, float], seed: int) -> dict[str, float]:
    """Mean of the best of many Dirichlet mixtures by a surrogate of one-pass proxies: blind to repetition, as RegMix is.

    References
    ----------
    .. [1] Liu et al. (2024), arXiv:2407.01492, with a Gaussian process in the place of its boosted trees (few proxies).
    """
    names = list(natural)
    if len(mixtures) < len(names):
        raise ExperimentError(f"{len(mixtures)} proxies finished, fewer than the {len(names)} buckets: run more of them.")
    seen = mixtures.frame[[f"weight:{name}" for name in names]].to_numpy(float)
    losses = mixtures.frame[["loss"]].to_numpy(float)
    beliefs = Beliefs.fitted(GaussianProcess(), seen, losses)
    objective = Objective.of(("loss",), np.ones(1), np.array([losses.mean()]))
    setting = Setting(beliefs, Region.simplex(names), objective, np.array(list(natural.values())), seed)
    found = METHODS["regmix"](setting)
    return dict(zip(names, (found / found.sum()).tolist(), strict=True))


def verdict(match: Contest, finals: RunTable, sd: float, paired_sd: float) -> tuple[tuple[Check, ...], tuple[Row, ...]]:
    """Measured against predicted: was the loss inside the interval, did the plan beat each rival.

    Parameters
    ----------
    match : Contest
    finals : RunTable
        Its runs.
    sd, paired_sd : float
        Relative standard deviations between seeds: of a loss, and of what recipes of one seed do not share.
    """
    frame = finals.frame.sort_values("seed")
    runs = {name: frame[frame["recipe"] == name] for name in match.weights}
    measured = {name: found["loss"].to_numpy(float) for name, found in runs.items()}
    passes = [name for name in frame.columns if name.startswith("epochs:")]
    n_seeds = len(measured[PLAN])
    own, noise = measured[PLAN].mean(), sd * measured[PLAN].mean() / math.sqrt(n_seeds)
    inside = match.lower[PLAN] - 2 * noise <= own <= match.upper[PLAN] + 2 * noise
    checks = [
        Check(
            "smallest detectable difference [nats/token]",
            match.gain["natural"],
            match.detectable(paired_sd, n_seeds),
            "at most",
            source="the predicted gain over the natural recipe",
        ),
        Check("planned loss inside its 90 % interval [1 = yes]", 1.0, float(inside), "at least", source="own target"),
    ]
    rows: list[Row] = []
    for name, losses in measured.items():
        gaps = losses - measured[PLAN]
        error = float(gaps.std(ddof=1) / math.sqrt(n_seeds)) if n_seeds > 1 else math.nan
        rows.append(
            {
                "recipe": name,
                "weights": " ".join(f"{weight:.2f}" for weight in match.weights[name].values()),
                "most epochs": float(runs[name][passes].to_numpy(float).max()),
                "predicted": match.predicted[name],
                "lower": match.lower[name],
                "upper": match.upper[name],
                "measured": float(losses.mean()),
                "sd": float(losses.std(ddof=1)) if n_seeds > 1 else math.nan,
                "plan is better by": float(gaps.mean()),
                "+-": error,
                "predicted gain": match.gain[name],
                "its interval": f"{match.gain_lower[name]:.4f} to {match.gain_upper[name]:.4f}",
            }
        )
        if name != PLAN:
            source = f"{n_seeds} seeds, standard error {error:.4f}"
            checks.append(
                Check(f"plan better than {name} by [nats/token]", 0.0, float(gaps.mean()), "at least", source=source)
            )
    return tuple(checks), tuple(rows)
