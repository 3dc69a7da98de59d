"""What else could have been planned: recipes as good, what each constraint costs, assumptions that would change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from infolaw.errors import BudgetError
from infolaw.units import Array

from .constraints import Constraints
from .over_draws import PRICING
from .plan_parts import Price, Sensitivity
from .pricer import Pricer

_DRAWS = 400
MOST_EQUALS = 4
TELLING = 0.9
"""A recipe is told from the plan's where the plan is better in more than this share of the worlds."""
APART = 0.02
"""Recipes nearer than this (largest difference of a share) are one."""
STEPS = (0.25, 0.5, 1.0)
"""How far from the plan's towards other recipes is looked."""
MOVED = 0.01
"""Costs of less than this share of a per cent of the loss are none."""


def equal_recipes(
    pricer: Pricer, n_params: float, tokens: float, candidates: Array, seed: int
) -> tuple[Mapping[str, float], ...]:
    """Recipes that cannot be told from the first of `candidates` (n, n_cells), farthest from each other first."""
    if len(candidates) < 2:
        return ()
    others = np.vstack([candidates[1:], pricer.tried(n_params, tokens).starts(pricer.quality, seed)])
    table = np.vstack([candidates[:1], *(candidates[0] + step * (others - candidates[0]) for step in STEPS)])
    draws = pricer.predictor.draws(pricer.points(n_params, tokens, table), _DRAWS, seed, worlds=PRICING)
    better = (draws[:, :1] < draws).mean(0)
    left = table[(better <= TELLING) & (np.abs(table - table[0]).max(1) > APART)]
    kept = [table[0]]
    while len(left) and len(kept) <= MOST_EQUALS:
        gaps = np.min([np.abs(left - one).max(1) for one in kept], axis=0)
        if gaps.max() < APART:
            break
        kept.append(left[int(gaps.argmax())])
    return tuple(_named(pricer, weights) for weights in kept[1:])


def prices(pricer: Pricer, n_params: float, tokens: float, weights: Array) -> tuple[Price, ...]:
    """What every constraint that binds costs, dearest first."""
    if pricer.is_blind:
        return ()
    points = pricer.points(n_params, tokens, weights)
    now = float(pricer.predictor.predict(points)[0])
    found = []
    for name, eased in _eased(pricer.constraints):
        free = replace(pricer, constraints=eased)
        try:
            best = free.best_weights(n_params, tokens, weights)
        except BudgetError:
            continue
        cost = now - float(pricer.predictor.predict(pricer.points(n_params, tokens, best))[0])
        if cost > MOVED * now / 100:
            found.append(Price(name, cost))
    return tuple(sorted(found, key=lambda price: -price.cost))


def _eased(rules: Constraints) -> list[tuple[str, Constraints]]:
    """Every constraint by name, and all others without it."""
    found: list[tuple[str, Constraints]] = []
    if rules.max_epochs is not None:
        found.append((f"at most {rules.max_epochs:g} passes over any cell", replace(rules, max_epochs=None)))
    if rules.monotone:
        found.append(("a better bucket gets at least the tokens of the next worse", replace(rules, monotone=False)))
    for name in rules.exclude:
        left = tuple(other for other in rules.exclude if other != name)
        found.append((f"{name}: excluded", replace(rules, exclude=left)))
    for name, group in rules.groups.items():
        groups = {other: value for other, value in rules.groups.items() if other != name}
        found.append((f"group {name}: {group.min_share:g} to {group.max_share:g}", replace(rules, groups=groups)))
    words_of = {
        "cell_max_epochs": "at most {:g} passes",
        "min_share": "at least {:g}",
        "max_share": "at most {:g}",
        "fixed_share": "exactly {:g}",
    }
    for kind, words in words_of.items():
        limits: Mapping[str, float] = getattr(rules, kind)
        for cell, value in limits.items():
            rest: dict[str, Any] = {kind: {k: v for k, v in limits.items() if k != cell}}
            found.append((f"{cell}: {words.format(value)}", replace(rules, **rest)))
    return found


def sensitivities(pricer: Pricer, n_params: float, tokens: float, weights: Array) -> tuple[Sensitivity, ...]:
    """What each law of the prediction alone would have planned at this size, the most contrary first."""
    members = getattr(pricer.predictor, "alone", ())
    found = []
    for name, alone in members:
        single = replace(pricer, predictor=alone)
        best = single.best_weights(n_params, tokens, weights)
        losses = alone.predict(single.points(n_params, tokens, np.vstack([best, weights])))
        shift = 0.5 * float(np.abs(best - weights).sum())
        found.append(Sensitivity(name, shift, max(0.0, float(losses[1] - losses[0])), _named(pricer, best)))
    return tuple(sorted(found, key=lambda one: -one.regret))


def _named(pricer: Pricer, weights: Array) -> dict[str, float]:
    return dict(zip(pricer.corpus.names, np.round(weights, 6).tolist(), strict=True))
