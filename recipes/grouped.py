"""Water-filling with groups of cells whose sums are bounded: exact, by settling one side's groups after another.

The value of a group as a function of its sum is concave, so the groups are like single cells with a floor and a cap. Solve
without their bounds; if the sums above their caps exceed by more than those below their floors fall short, the former
belong at their caps for good, else the latter at their floors; go on with the rest (Bitran & Hax 1981, Management Science
27:431).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from infolaw.errors import BudgetError, RecipeError
from infolaw.units import Array

from .conflicts import refuse_group_conflicts
from .feasible import check_feasible
from .waterfill import waterfill

_ROUNDING = 1e-10


@dataclass(frozen=True)
class CellGroup:
    """Cells, by index, whose summed tokens lie between `floor` and `cap` [tokens]."""

    name: str
    cells: tuple[int, ...]
    floor: float
    cap: float


def fill(
    fresh: ArrayLike,
    drop: float,
    decay: float,
    supply: ArrayLike,
    total: float,
    *,
    max_tokens: Array,
    min_tokens: Array,
    chains: Sequence[Sequence[int]] = (),
    groups: Sequence[CellGroup] = (),
) -> Array:
    """`waterfill` under bounds on groups of cells.

    Parameters
    ----------
    groups : sequence of CellGroup
        No cell in two of them; a chain lies within one group or outside all.

    Others as in `waterfill`.

    Returns
    -------
    ndarray, (n_cells,)
        Tokens [tokens], summing to `total`.

    Raises
    ------
    BudgetError
        If no choice meets caps, floors and groups; `check_groups` names them.
    """
    supply = np.asarray(supply, float)
    fresh = np.broadcast_to(np.asarray(fresh, float), supply.shape)

    def solved(cells: Any, amount: float) -> Array:
        if amount <= _ROUNDING * total:
            return np.asarray(min_tokens[cells])
        place = {int(cell): index for index, cell in enumerate(cells)}
        inner = [[place[k] for k in chain] for chain in chains if chain[0] in place]
        caps, floors = max_tokens[cells], min_tokens[cells]
        amount = float(np.clip(amount, floors.sum(), caps.sum()))  # the sums of bounds, but for rounding
        return waterfill(fresh[cells], drop, decay, supply[cells], amount, max_tokens=caps, min_tokens=floors, chains=inner)

    drawn, free, left, open_groups = np.zeros(len(supply)), np.arange(len(supply)), total, list(groups)
    while True:
        drawn[free] = solved(free, left)
        sums = [float(drawn[list(group.cells)].sum()) for group in open_groups]
        over = [max(s - group.cap, 0.0) for s, group in zip(sums, open_groups, strict=True)]
        under = [max(group.floor - s, 0.0) for s, group in zip(sums, open_groups, strict=True)]
        if sum(over) + sum(under) <= _ROUNDING * total:
            return drawn
        excess, is_over = (over, True) if sum(over) >= sum(under) else (under, False)
        settled = [group for group, by in zip(open_groups, excess, strict=True) if by > 0]
        for group in settled:
            cells, bound = np.array(group.cells), group.cap if is_over else group.floor
            drawn[cells] = solved(cells, bound)
            free, left = np.setdiff1d(free, cells), left - bound
        open_groups = [group for group in open_groups if group not in settled]


def check_groups(
    names: Sequence[str],
    supply: Array,
    total: float,
    caps: Array,
    floors: Array,
    chains: Sequence[Sequence[int]],
    groups: Sequence[CellGroup],
    n_params: float | None = None,
) -> None:
    """Raise unless `total` fits between floors and caps of cells and groups; see `feasible.check_feasible`.

    Raises
    ------
    BudgetError
        Naming cells, groups and the remedy.
    RecipeError
        If a cell stands in two groups, or a chain leaves its group.
    """
    lower, upper = check_feasible(names, supply, total, caps, floors, chains=chains, n_params=n_params)
    if not groups:
        return
    owner: dict[int, str] = {}
    for group in groups:
        for cell in group.cells:
            if cell in owner:
                raise RecipeError(
                    f"cell {names[cell]!r} stands in the groups {owner[cell]} and {group.name}: keep it in one."
                )
            owner[cell] = group.name
    for chain in chains:
        inside = {owner.get(cell) for cell in chain}
        if len(inside) > 1:
            cut = next(name for name in inside if name)
            raise RecipeError(
                f"group {cut} cuts through the domain of {names[chain[0]]}, whose buckets must be monotone: put whole "
                "domains into groups, or leave out monotone."
            )
    lows, highs = dict(zip(names, lower, strict=True)), dict(zip(names, upper, strict=True))
    refuse_group_conflicts({g.name: ([names[k] for k in g.cells], g.floor, g.cap) for g in groups}, lows, highs)
    rest = [k for k in range(len(names)) if k not in owner]
    least = sum(max(g.floor, lower[list(g.cells)].sum()) for g in groups) + lower[rest].sum()
    most = sum(min(g.cap, upper[list(g.cells)].sum()) for g in groups) + upper[rest].sum()
    said = ", ".join(f"{g.name} ({g.floor / total:.3g} to {g.cap / total:.3g})" for g in groups)
    if not least * (1 - _ROUNDING) <= total <= most * (1 + _ROUNDING):
        raise BudgetError(
            f"the groups {said} and the cells outside them take between {least:.4g} and {most:.4g} tokens, not "
            f"{total:.4g}: widen the groups' shares or change the tokens."
        )
