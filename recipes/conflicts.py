"""Constraints that exclude each other, told by their names in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infolaw.errors import BudgetError, RecipeError

_ROUNDING = 1e-12


def refuse_share_conflicts(
    least: Mapping[str, float],
    most: Mapping[str, float],
    fixed: Mapping[str, float],
    groups: Mapping[str, tuple[float, float]],
) -> None:
    """Raise where shares exclude each other whatever the corpus and the tokens.

    Parameters
    ----------
    least, most, fixed : mapping
        ``min_share``, ``max_share`` and ``fixed_share`` by cell.
    groups : mapping
        ``min_share`` and ``max_share`` of every group.

    Raises
    ------
    RecipeError
    """
    for cell, share in fixed.items():
        for name, given in (("min_share", least), ("max_share", most)):
            if cell in given:
                raise RecipeError(f"fixed_share of {cell} ({share:g}) and {name} of {cell} ({given[cell]:g}): keep one.")
    crossed = [(cell, low, most.get(cell, 1.0)) for cell, low in least.items()]
    crossed += [(f"group {name}", low, high) for name, (low, high) in groups.items()]
    for owner, low, high in crossed:
        if low > high:
            raise RecipeError(
                f"min_share of {owner} ({low:g}) and max_share of {owner} ({high:g}) exclude each other: lower the first or "
                "raise the second."
            )
    floors = {**least, **fixed}
    if sum(floors.values()) > 1 + _ROUNDING:
        said = ", ".join(f"{cell} {share:g}" for cell, share in floors.items())
        raise RecipeError(f"min_share and fixed_share sum to {sum(floors.values()):g}, above 1 ({said}): lower some.")


def cell_conflict(floor: str, floor_tokens: float, cap: str, passes: float, supply: float, tokens: float) -> BudgetError:
    """Say that a cell's floor lies above its cap at `tokens` trained.

    Parameters
    ----------
    floor, cap : str
        Names of the two constraints.
    floor_tokens : float
        What the floor asks for [tokens].
    passes : float
        What the cap allows [epochs].
    supply, tokens : float
        Distinct tokens of the cell, tokens trained [tokens].
    """
    asked = f"{floor} ({floor_tokens / tokens:g} of {tokens:.4g} tokens)"
    if passes == 0:
        return BudgetError(f"{asked} and {cap} exclude each other: keep one of them.")
    return BudgetError(
        f"{asked} and {cap} ({passes:g}) exclude each other: the floor reads the cell's {supply:.4g} distinct tokens "
        f"{floor_tokens / supply:.3g} times; raise the cap to that, or lower the share to {passes * supply / tokens:.3g}."
    )


def refuse_group_conflicts(
    groups: Mapping[str, tuple[Sequence[str], float, float]], lower: Mapping[str, float], upper: Mapping[str, float]
) -> None:
    """Raise where a group's bounds cannot be met by its cells.

    Parameters
    ----------
    groups : mapping
        Name -> its cells, floor and cap [tokens].
    lower, upper : mapping
        Floors and caps of the cells [tokens].

    Raises
    ------
    BudgetError
    """
    for name, (cells, floor, cap) in groups.items():
        most, least = sum(upper[cell] for cell in cells), sum(lower[cell] for cell in cells)
        said = ", ".join(cells)
        if floor > most * (1 + _ROUNDING):
            raise BudgetError(
                f"group {name} must get {floor:.4g} tokens, and the caps of its cells ({said}) allow {most:.4g}: lower its "
                "min_share, or raise max_epochs or the shares of its cells."
            )
        if cap < least * (1 - _ROUNDING):
            raise BudgetError(
                f"group {name} may get {cap:.4g} tokens, and the floors of its cells ({said}) ask for {least:.4g}: raise "
                "its max_share or lower theirs."
            )
