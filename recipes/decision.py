"""The decision of a plan: size and recipe, chosen over drawn worlds by what the user wishes for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from infolaw.units import Array

from .alternatives import MOVED, equal_recipes, prices
from .budget import Budget
from .over_draws import Risk, Worlds, best_size_over, chosen_weights
from .plan_parts import Price
from .pricer import Pricer
from .ratio_bound import held_to_runs
from .targets import Chosen, Wished, Wishes, choose_guarded


@dataclass(frozen=True, eq=False)
class Decision:
    """Size and recipe.

    Attributes
    ----------
    n_params, tokens : float
    weights : ndarray, (n_cells,)
    candidates : ndarray, (n_candidates, n_cells)
        What it was chosen from, best first.
    pricer : Pricer
        With what was minimised as its predictor.
    notes : tuple of str
    """

    n_params: float
    tokens: float
    weights: Array
    candidates: Array
    pricer: Pricer
    notes: tuple[str, ...] = ()

    @property
    def wished(self) -> Wished | None:
        """What was wished for, if it was not the predicted loss itself."""
        return self.pricer.predictor if isinstance(self.pricer.predictor, Wished) else None

    def equals(self, seed: int) -> tuple[Mapping[str, float], ...]:
        """Recipes that cannot be told from this one, and keep the guard where there is one."""
        found = equal_recipes(self.pricer, self.n_params, self.tokens, self.candidates, seed)
        if self.wished is None or not self.wished.wishes.guard:
            return found
        return tuple(one for one in found if self._changes(self.wished, np.array(list(one.values()))).max() <= 1e-6)

    def prices(self) -> tuple[Price, ...]:
        """What every constraint that binds costs, and the guard, dearest first."""
        found = prices(self.pricer, self.n_params, self.tokens, self.weights)
        if self.wished is None or not self.wished.wishes.guard:
            return found
        free = replace(self.wished, wishes=replace(self.wished.wishes, guard=False))
        alone = replace(self.pricer, predictor=free)
        best = alone.best_weights(self.n_params, self.tokens, self.weights)
        now, then = free.predict(alone.points(self.n_params, self.tokens, np.vstack([self.weights, best])))
        cost = Price("no target worse than under today's mixture", float(now - then))
        return tuple(sorted((*found, *([cost] if cost.cost > MOVED * now / 100 else [])), key=lambda price: -price.cost))

    def _changes(self, wished: Wished, weights: Array) -> Array:
        return wished.changes(self.pricer.points(self.n_params, self.tokens, weights))[0]


def decide(
    pricer: Pricer, budget: Budget, rivals: Mapping[str, Array], risk: Risk, wishes: Wishes | None, seed: int
) -> Decision:
    """Choose size and recipe.

    Parameters
    ----------
    pricer : Pricer
    budget : Budget
    rivals : mapping of str to ndarray, (n_cells,)
        Recipes that are candidates too; the first is today's.
    risk : Risk
    wishes : Wishes, optional
        Without them the predicted loss is minimised.
    seed : int

    Raises
    ------
    BudgetError
        If nothing meets the constraints, or the guard under them.
    """
    today = next(iter(rivals.values()))
    aims_at_loss = wishes is None or (wishes.kind == "sum" and not wishes.guard)
    if wishes is not None and not aims_at_loss and not pricer.is_blind:
        shares = pricer.points(1.0, 1.0, today).weights[0]
        pricer = replace(pricer, predictor=Wished.of(pricer.predictor, shares, wishes))
    n_params, tokens = budget.size or best_size_over(pricer, budget, today, risk, seed)
    n_params, tokens, notes = held_to_runs(pricer.predictor, budget, n_params, tokens)
    place = partial(pricer.points, n_params, tokens)

    def choose(pricer: Pricer) -> Chosen:
        best = pricer.best_weights(n_params, tokens)
        if pricer.is_blind:
            return best, best[None]
        worlds = Worlds(pricer.predictor, place, today, risk, seed)
        return chosen_weights(worlds, pricer.tried(n_params, tokens), [best, *rivals.values()])

    wished = pricer.predictor
    if not (isinstance(wished, Wished) and wished.wishes.guard):
        return Decision(n_params, tokens, *choose(pricer), pricer, notes)
    chosen, pressed = choose_guarded(
        wished,
        lambda one: choose(replace(pricer, predictor=one)),
        lambda one, table: Worlds(one, place, today, risk, seed).values(table),
        place,
    )
    return Decision(n_params, tokens, *chosen, replace(pricer, predictor=pressed), notes)
