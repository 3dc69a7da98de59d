"""Best size for a budget, each size with its own best recipe: many sizes at once, then ever closer to the best."""

from __future__ import annotations

import numpy as np

from infolaw.errors import BudgetError
from infolaw.units import Array

from .budget import Budget
from .pricer import Pricer

_GRID = 14
"""Sizes that the search begins with: the loss is smooth in ln N, and the best is refined between its neighbours."""
_BETWEEN = 7
"""Sizes of each round between the neighbours of the best."""
_ROUNDS = 2


def best_size(pricer: Pricer, budget: Budget) -> tuple[float, float]:
    """Model size and tokens of the lowest loss at a budget, see `best_size_and_recipe`."""
    n_params, tokens, _ = best_size_and_recipe(pricer, budget)
    return n_params, tokens


def best_size_and_recipe(pricer: Pricer, budget: Budget) -> tuple[float, float, Array]:
    """Model size and tokens of the lowest loss at a budget, each size with its own best recipe, and a recipe nearly as good.

    Raises
    ------
    BudgetError
        If the law has no optimum, or it lies on the edge of the search, or no size meets the constraints.
    """
    if pricer.predictor.no_optimum:
        raise BudgetError(
            f"this law has no compute-optimal size: {pricer.predictor.no_optimum}. Fix the size with --n-params, or plan "
            "with a law that has a model term of its own, such as infolaw_e."
        )
    grid = np.log(budget.sizes(_GRID))
    start = _from_the_middle(pricer, budget, grid)
    losses, recipes = recipes_at(pricer, budget, np.exp(grid), start)
    k = int(losses.argmin())
    if not 0 < k < _GRID - 1:
        size = float(np.exp(grid[k]))
        raise BudgetError(
            f"the best size for {budget.flops:g} FLOP lies on the edge of the search ({size:.3g} parameters, "
            f"{budget.tokens_at(size) / size:.3g} tokens each): the law has no optimum here. Fix the size with --n-params."
        )
    for _ in range(_ROUNDS):
        start, grid = recipes[k], np.linspace(grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)], _BETWEEN)
        losses, recipes = recipes_at(pricer, budget, np.exp(grid), start)
        k = int(losses.argmin())
    n_params = float(np.exp(_vertex(grid, losses, k)))
    tokens = budget.tokens_at(n_params)
    if budget.overtraining is not None:
        n_params, tokens = budget.at_ratio(budget.overtraining * tokens / n_params)
    return n_params, tokens, recipes[k]


def recipes_at(pricer: Pricer, budget: Budget, sizes: Array, start: Array) -> tuple[Array, Array]:
    """Losses (n_sizes,) of sizes with their best recipes (n_sizes, n_cells); ``inf`` where none meets the constraints."""
    tokens = np.array([_tokens_at(budget, float(size)) for size in sizes])
    recipes, met = pricer.best_weights_each(sizes, tokens, start)
    losses = np.full(len(sizes), np.inf)
    if met.any():
        losses[met] = pricer.predictor.predict(pricer.points(sizes[met], tokens[met], recipes[met]))
    return np.where(np.isfinite(losses), losses, np.inf), recipes


def _tokens_at(budget: Budget, size: float) -> float:
    """Tokens that are left for a size; NaN if none are."""
    try:
        return budget.tokens_at(size)
    except BudgetError:
        return float("nan")


def _from_the_middle(pricer: Pricer, budget: Budget, grid: Array) -> Array:
    """Best recipe of the size nearest to the middle that has one."""
    reason: BudgetError | None = None
    for u in grid[np.argsort(np.abs(grid - grid.mean()), kind="stable")]:
        try:
            return pricer.best_weights(float(np.exp(u)), budget.tokens_at(float(np.exp(u))))
        except BudgetError as error:
            reason = error
    largest = float(np.exp(grid[-1]))
    pricer.limits(largest, budget.tokens_at(largest))  # raises with the reason
    raise reason or BudgetError("no size meets the constraints.")


def _vertex(grid: Array, losses: Array, k: int) -> float:
    """Lowest point of the parabola through the best of evenly spaced values and its neighbours."""
    if not 0 < k < len(grid) - 1 or not np.isfinite(losses[k - 1 : k + 2]).all():
        return float(grid[k])
    left, here, right = losses[k - 1 : k + 2]
    bend = left - 2 * here + right
    return float(grid[k] + (0.5 * (left - right) / bend if bend > 0 else 0.0) * (grid[1] - grid[0]))
