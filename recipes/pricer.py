"""Price recipes with a law on a corpus: the best recipe at any size, and the best size for a budget.

The recipe is exact (water-filling) where the law is concave in it, searched where it is not; epochs are always those at
the target's tokens, not the proxies'.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from infolaw.errors import BudgetError, RecipeError
from infolaw.laws import CellValue
from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.units import Array

from .budget import Budget
from .constraints import Constraints
from .corpus import Corpus
from .grouped import check_groups
from .weight_search import Limits, best_weights

_GRID = 14
"""Sizes that the search begins with: the loss is smooth in ln N, and the best is refined between its neighbours."""
_XATOL = 3e-3
"""A third of a hundredth of a size: the loss is flat about its best."""
_HOPELESS = 0.3
"""A size so many nats above the best is searched no farther outwards."""
_FEW_STEPS, _ROUGH = 20, 1e-9
"""Recipes of sizes that are only weighed: each from its neighbour's alone, in few steps."""


@dataclass(frozen=True)
class Pricer:
    """A law, a corpus and constraints: the best recipe at any size, and the loss of any recipe.

    Attributes
    ----------
    predictor : Predictor
    corpus : Corpus
    constraints : Constraints
    group : int
        Index of the fit's group to plan for.
    """

    predictor: Predictor
    corpus: Corpus
    constraints: Constraints
    group: int = 0

    @classmethod
    def of(cls, predictor: Predictor, corpus: Corpus, constraints: Constraints | None, group: str | None) -> Pricer:
        """Pricer of one of a fit's groups, over what the constraints leave of a corpus and offer beside it.

        Raises
        ------
        RecipeError
            If the fit has groups and none, or one that it does not know, is named.
        """
        groups, rules = predictor.schema.groups, constraints or Constraints()
        if group is None and len(groups) > 1:
            raise RecipeError(f"the fit has groups {', '.join(groups)}: say with --group which one to plan for.")
        if group is not None and group not in groups:
            raise RecipeError(f"group {group!r} is none of the fitted groups: {', '.join(groups)}.")
        return cls(predictor, rules.supplied(corpus), rules, 0 if group is None else groups.index(group))

    @cached_property
    def cells(self) -> Any:
        """Index of the law's cell of every corpus cell, (n_cells,)."""
        return self.corpus.aggregate(self.predictor.schema.cells)

    @cached_property
    def _poured(self) -> tuple[Array, Array]:
        """Which law cell every corpus cell is poured into, (n_cells, n_law_cells), and what each then holds."""
        up = np.eye(len(self.predictor.schema.cells))[self.cells]
        supply = self.corpus.unique_tokens @ up
        return up, np.where(supply > 0, supply, np.inf)  # never drawn from: any supply is right

    def points(self, n_params: Array | float, tokens: Array | float, weights: Array) -> Points:
        """Points in the law's cells for corpus weights (n_points, n_cells) or (n_cells,)."""
        up, supply = self._poured
        return Points.build(n_params, tokens, weights=np.atleast_2d(weights) @ up, unique=supply, group=self.group)

    @property
    def is_blind(self) -> bool:
        """Whether the law sees no difference between recipes."""
        return not self.predictor.sees_recipe

    def best_weights(self, n_params: float, tokens: float, start: Array | None = None, *, rough: bool = False) -> Array:
        """Weights (n_cells,) that the law likes best at this size; the nearest to natural if it sees no difference.

        Exact by water-filling where the law is concave in the recipe, by search where it is not: from `start`, a recipe
        that was best at a size nearby, and many others; from `start` alone, in few steps, if it is to be `rough`.

        Raises
        ------
        BudgetError
            If no recipe meets the constraints; the message names the cells and the budget that would fit.
        """
        value = self.predictor.cell_value(n_params, tokens)
        if value is None and self.predictor.sees_recipe:
            return self._searched(n_params, tokens, start, rough)
        value = value or CellValue(np.ones(1), 1.0, 1.0)
        fresh = np.broadcast_to(value.fresh, len(self.predictor.schema.cells))[self.cells]
        return self.limits(n_params, tokens).filled(fresh, value.drop, value.decay)

    def limits(self, n_params: float, tokens: float) -> Limits:
        """What the constraints allow at this size.

        Raises
        ------
        BudgetError
            If they allow nothing.
        """
        floors, caps = self.constraints.limits(self.corpus, tokens)
        chains, supply = self.constraints.chains(self.corpus), self.corpus.unique_tokens
        groups = self.constraints.cell_groups(self.corpus, tokens)
        check_groups(self.corpus.names, supply, tokens, caps, floors, chains, groups, n_params)
        return Limits(supply, tokens, floors, caps, chains, groups)

    def tried(self, n_params: float, tokens: float) -> Limits:
        """The same, kept to the shares that runs have tried wherever the constraints leave room for them.

        A law that is not concave was fitted to mixtures, and rewards corners of the simplex that none of them was near.
        """
        limits = self.limits(n_params, tokens)
        highest = np.array([high for _, high in self.predictor.support.weights])
        within = limits.supply / np.bincount(self.cells, limits.supply, len(highest))[self.cells]
        caps = np.maximum(limits.floors, np.minimum(limits.caps, highest[self.cells] * within * tokens))
        try:
            check_groups(self.corpus.names, limits.supply, tokens, caps, limits.floors, limits.chains, limits.groups)
        except BudgetError:
            return limits
        return replace(limits, caps=caps)

    @property
    def quality(self) -> Array:
        """Quality bucket of every corpus cell, 0 = best, (n_cells,)."""
        return np.array([float((cell.bucket or "q0")[1:]) for cell in self.corpus.cells])

    def _searched(self, n_params: float, tokens: float, start: Array | None, rough: bool) -> Array:
        limits = self.tried(n_params, tokens)

        def losses(weights: Array) -> Array:
            return self.predictor.predict(self.points(n_params, tokens, weights))

        if start is None or not limits.met(start):
            return best_weights(losses, limits, limits.starts(self.quality))
        if rough:
            return best_weights(losses, limits, start[None], most=_FEW_STEPS, within=_ROUGH)
        return best_weights(losses, limits, np.vstack([start, limits.starts(self.quality)]))

    def best_size(self, budget: Budget) -> tuple[float, float]:
        """Model size and tokens of the lowest loss at a budget, each size with its own best recipe.

        Raises
        ------
        BudgetError
            If the law has no optimum, or it lies on the edge of the search, or no size meets the constraints.
        """
        from scipy.optimize import minimize_scalar

        if self.predictor.no_optimum:
            raise BudgetError(
                f"this law has no compute-optimal size: {self.predictor.no_optimum}. Fix the size with --n-params, or plan "
                "with a law that has a model term of its own, such as infolaw_e."
            )
        grid = np.log(budget.sizes(_GRID))
        losses, recipes = np.full(_GRID, np.inf), dict[int, Array | None]()
        for k in np.argsort(np.abs(grid - grid.mean()), kind="stable"):  # from the middle outwards: each from its neighbour
            inner = k - 1 if k - 1 in recipes else k + 1
            hopeless = np.isfinite(losses[inner]) and losses[inner] > losses.min() + _HOPELESS
            losses[k], recipes[k] = (losses[inner], None) if hopeless else self._best(grid[k], budget, recipes.get(inner))
        if not np.isfinite(losses).any():
            largest = float(np.exp(grid[-1]))
            self.limits(largest, budget.tokens_at(largest))  # raises with the reason
        k = int(losses.argmin())
        best = float(grid[k])
        if 0 < k < _GRID - 1:
            near, ends = recipes[k], (float(grid[k - 1]), float(grid[k + 1]))
            refined = minimize_scalar(
                lambda u: self._best(u, budget, near)[0], bounds=ends, method="bounded", options={"xatol": _XATOL}
            )
            best = float(refined.x) if refined.fun <= losses[k] else best
        else:
            ratio = budget.tokens_at(float(np.exp(best))) / np.exp(best)
            raise BudgetError(
                f"the best size for {budget.flops:g} FLOP lies on the edge of the search ({np.exp(best):.3g} parameters, "
                f"{ratio:.3g} tokens each): the law has no optimum here. Fix the size with --n-params."
            )
        n_params = float(np.exp(best))
        tokens = budget.tokens_at(n_params)
        return (
            (n_params, tokens) if budget.overtraining is None else budget.at_ratio(budget.overtraining * tokens / n_params)
        )

    def _best(self, log_n_params: float, budget: Budget, start: Array | None) -> tuple[float, Array | None]:
        """Loss and weights of a size with its best recipe; ``inf`` and None where none meets the constraints."""
        n_params = float(np.exp(log_n_params))
        tokens = budget.tokens_at(n_params)
        try:
            weights = self.best_weights(n_params, tokens, start, rough=True)
        except BudgetError:
            return float("inf"), None
        return float(self.predictor.predict(self.points(n_params, tokens, weights))[0]), weights
