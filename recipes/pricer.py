"""Price recipes with a law on a corpus: the best recipe at any size.

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

from .constraints import Constraints
from .corpus import Corpus
from .gradient_search import descend
from .grouped import check_groups
from .weight_search import Limits, best_weights

_FEW_STEPS, _ROUGH = 30, 1e-8
"""Recipes of sizes that are only weighed: from one start alone, in few steps."""


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

    def best_weights_each(self, sizes: Array, tokens: Array, start: Array) -> tuple[Array, Array]:
        """Weights (n_sizes, n_cells) that are good at each size and its tokens, and whether any meet the constraints there.

        Exact where the law is concave in the recipe; else searched from `start` (n_cells,), a recipe that is good at one of
        the sizes, all at once where the constraints are bounds alone.
        """
        limits = [self._limits_if_any(*at) for at in zip(sizes, tokens, strict=True)]
        met = np.array([one is not None for one in limits])
        recipes = np.tile(start, (len(sizes), 1))
        known = [one for one in limits if one is not None]
        if not known:
            return recipes, met
        searched = self.predictor.sees_recipe and self.predictor.cell_value(sizes[met][0], tokens[met][0]) is None
        if not searched or any(len(one.rules[1]) for one in known):
            each = [self.best_weights(*at, start, rough=True) for at in zip(sizes[met], tokens[met], strict=True)]
            recipes[met] = np.array(each)
            return recipes, met

        def at(weights: Array, index: Any) -> Points:
            return self.points(sizes[met][index], tokens[met][index], weights)

        def values(weights: Array, index: Any) -> Array:
            return self.predictor.predict(at(weights, index))

        def slopes(weights: Array, index: Any) -> Array:
            return self._by_weight(at(weights, index))

        low, high = np.array([one.low for one in known]), np.array([one.high for one in known])
        recipes[met] = descend(values, slopes, recipes[met], low, high, known[0].metric, _FEW_STEPS, _ROUGH)[0]
        return recipes, met

    def _limits_if_any(self, n_params: float, tokens: float) -> Limits | None:
        try:
            return self.tried(float(n_params), float(tokens)) if np.isfinite(tokens) else None
        except BudgetError:
            return None

    def _by_weight(self, points: Points) -> Array:
        """Derivative of the loss by the corpus' weights, (n_points, n_cells)."""
        return np.asarray(self.predictor.by_share(points)[:, self.cells])

    def _searched(self, n_params: float, tokens: float, start: Array | None, rough: bool) -> Array:
        limits = self.tried(n_params, tokens)

        def losses(weights: Array) -> Array:
            return self.predictor.predict(self.points(n_params, tokens, weights))

        def slopes(weights: Array) -> Array:
            return self._by_weight(self.points(n_params, tokens, weights))

        if start is None or not limits.met(start):
            return best_weights(losses, limits, limits.starts(self.quality), slopes=slopes)
        if rough:
            return best_weights(losses, limits, start[None], most=_FEW_STEPS, within=_ROUGH, slopes=slopes)
        return best_weights(losses, limits, np.vstack([start, limits.starts(self.quality)]), slopes=slopes)
