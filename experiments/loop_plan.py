"""The plan for a budget beyond the grid, its three rivals, and what all of them really reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infolaw import Points, Predictor
from infolaw.errors import ExperimentError
from infolaw.uncertainty import Interval
from infolaw.units import Array
from recipes import Budget, Cell, Corpus, Plan, Recipe, make_plan
from recipes.search import METHODS, Beliefs, Objective, Region, Setting
from recipes.surrogates import GaussianProcess

from .designs import Base
from .loop_grid import SEEDS
from .proxy import RunConfig, RunRecord
from .report import Check, Row

POWER = 1.959964 + 0.841621
"""Standard errors that a true difference must measure to be found at the 5 % level four times in five."""
WIDER = (1.0, 1.5, 2.0)
"""Widths that the plan may choose, in units of the grid's largest."""
PLAN = "plan"


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

    def runs(self, base: Base, n_seeds: int, natural: dict[str, float]) -> list[RunConfig]:
        """Every recipe, once a seed."""
        pool, tokens = self.corpus.total_tokens, self.plan.tokens
        labels = {name: {"design": "final", "recipe": name} for name in self.weights}
        return [
            base.run(f"final-{name}-s{seed}", self.width, tokens, weights, pool, labels[name], natural, seed)
            for name, weights in self.weights.items()
            for seed in range(n_seeds)
        ]


def contest(
    predictor: Predictor, base: Base, flops: float, pool: float, widest: int, proxies: Sequence[RunRecord], seed: int
) -> Contest:
    """Plan for a budget and a pool, and say what the plan and its rivals should reach.

    Parameters
    ----------
    predictor : Predictor
        Fitted to the grid.
    base : Base
    flops, pool : float
        Compute [FLOP], and distinct tokens that there are [tokens].
    widest : int
        Largest width of the grid.
    proxies : sequence of RunRecord
        Small runs on Dirichlet mixtures of the buckets, for the RegMix-style rival.
    seed : int
    """
    natural = base.buckets()
    corpus = Corpus(tuple(Cell(name, share * pool) for name, share in natural.items()), tokenizer="bytes")
    plans: dict[int, Plan] = {}
    for wider in WIDER:
        width = round(widest * wider / 8) * 8
        budget = Budget(flops=flops, n_params=float(base.n_params(width)))
        plans[width] = make_plan(predictor, corpus, budget, baseline=Recipe.natural(corpus), seed=seed)
    width = min(plans, key=lambda w: plans[w].loss.value)
    plan = plans[width]
    weights = {
        PLAN: dict(plan.weights),
        "natural": natural,
        "best_bucket": dict(Recipe.best_bucket(corpus).weights),
        "regmix": regmix_recipe(proxies, natural, seed),
    }
    table = np.array([[recipe.get(cell, 0.0) for cell in corpus.names] for recipe in weights.values()])
    points = Points.build(plan.n_params, plan.tokens, weights=table, unique=corpus.unique_tokens)
    value, draws = predictor.predict(points), predictor.draws(points, 1000, seed)
    ends, gaps = Interval.of(draws, 0.9), Interval.of(draws - draws[:, :1], 0.9)
    names = list(weights)
    return Contest(
        plan,
        width,
        corpus,
        weights,
        *(_by(names, column) for column in (value, ends.lower, ends.upper, value - value[0], gaps.lower, gaps.upper)),
    )


def regmix_recipe(proxies: Sequence[RunRecord], natural: dict[str, float], seed: int) -> dict[str, float]:
    """Mean of the best of many Dirichlet mixtures by a surrogate of one-pass proxies: blind to repetition, as RegMix is.

    References
    ----------
    .. [1] Liu et al. (2024), arXiv:2407.01492, with a Gaussian process in the place of its boosted trees (few proxies).
    """
    names = list(natural)
    finished = [record for record in proxies if record.status == "finished"]
    if len(finished) < len(names):
        raise ExperimentError(f"{len(finished)} proxies finished, fewer than the {len(names)} buckets: run more of them.")
    seen = np.array([[record.weights[name] for name in names] for record in finished])
    losses = np.array([[record.losses[record.target]] for record in finished])
    beliefs = Beliefs.fitted(GaussianProcess(), seen, losses)
    objective = Objective.of(("loss",), np.ones(1), np.array([losses.mean()]))
    setting = Setting(beliefs, Region.simplex(names), objective, np.array(list(natural.values())), seed)
    found = METHODS["regmix"](setting)
    return dict(zip(names, (found / found.sum()).tolist(), strict=True))


def _by(names: list[str], column: Array) -> dict[str, float]:
    return dict(zip(names, column.tolist(), strict=True))


def verdict(
    match: Contest, records: Sequence[RunRecord], sd: float, paired_sd: float
) -> tuple[tuple[Check, ...], tuple[Row, ...]]:
    """Measured against predicted: was the loss inside the interval, did the plan beat each rival.

    Parameters
    ----------
    match : Contest
    records : sequence of RunRecord
        Of its runs.
    sd, paired_sd : float
        Relative standard deviations between seeds: of a loss, and of what recipes of one seed do not share.
    """
    measured = {name: _losses(records, name) for name in match.weights}
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
                "most epochs": max(record.epochs[cell] for record in _of(records, name) for cell in record.epochs),
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


def _of(records: Sequence[RunRecord], name: str) -> list[RunRecord]:
    return [record for record in records if record.config["labels"].get("recipe") == name]


def _losses(records: Sequence[RunRecord], name: str) -> Array:
    """Losses of a recipe by seed."""
    found = sorted(_of(records, name), key=lambda record: int(record.config["seed"]))
    for record in found:
        if record.loss is None:
            raise ExperimentError(f"the verifying run {record.run_id!r} diverged: {record.reason}: lower its learning rate.")
    return np.array([record.loss for record in found], float)
