"""Region: the mixtures that may be proposed: shares within floors and caps, sums of groups within theirs, one in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infolaw.errors import BudgetError, RecipeError
from infolaw.units import Array

from ..constraints import Constraints
from ..corpus import Corpus

_BISECTIONS = 60
_ROUNDS = 200
_EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class Group:
    """Cells whose shares together stay between two limits.

    Attributes
    ----------
    name : str
    members : ndarray of int, (n_members,)
        Indices of the cells.
    low, high : float
        Limits of the sum of their shares.
    """

    name: str
    members: Any
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Region:
    """Mixtures (n_cells,) that sum to one within `lower` and `upper`, and within the limits of every group.

    Attributes
    ----------
    names : tuple of str
        Cells, in the order of every weight vector.
    lower, upper : ndarray, (n_cells,)
        Shares.
    groups : tuple of Group

    Raises
    ------
    BudgetError
        If no mixture meets the limits; the message names the cells that bind.
    """

    names: tuple[str, ...]
    lower: Array
    upper: Array
    groups: tuple[Group, ...] = ()

    def __post_init__(self) -> None:
        crossed = np.flatnonzero(self.lower > self.upper)
        if len(crossed):
            k = int(crossed[0])
            raise BudgetError(
                f"{self.names[k]} must get at least {self.lower[k]:.4g} of the tokens and may get at most "
                f"{self.upper[k]:.4g}: lower its floor or raise its cap."
            )
        if self.upper.sum() < 1 - _EXACT:
            tight = ", ".join(f"{self.names[k]} ({self.upper[k]:.3g})" for k in np.argsort(self.upper, kind="stable")[:4])
            raise BudgetError(
                f"the caps of all {len(self.names)} cells allow {self.upper.sum():.3g} of the tokens, tightest {tight}: "
                "allow more epochs, ask for fewer tokens, or raise a cap."
            )
        if self.lower.sum() > 1 + _EXACT:
            large = ", ".join(f"{self.names[k]} ({self.lower[k]:.3g})" for k in np.argsort(-self.lower, kind="stable")[:4])
            raise BudgetError(
                f"the floors together ask for {self.lower.sum():.3g} of the tokens, largest {large}: lower a floor."
            )
        if self.groups and not self._meets(self.project(self.centre[None])).all():
            said = ", ".join(f"{group.name} [{group.low:g}, {group.high:g}]" for group in self.groups)
            raise BudgetError(
                f"no mixture meets the limits of the groups {said} and of their cells together: widen one of them."
            )

    @classmethod
    def simplex(cls, names: Sequence[str]) -> Region:
        """Every mixture."""
        return cls(tuple(names), np.zeros(len(names)), np.ones(len(names)))

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        tokens: float,
        constraints: Constraints | None = None,
        groups: Mapping[str, tuple[Sequence[str], float, float]] | None = None,
    ) -> Region:
        """Mixtures that `corpus` can supply to a run of `tokens` under `constraints`.

        Parameters
        ----------
        corpus : Corpus
        tokens : float
            Training tokens of the *target* run [tokens]: caps on epochs become caps on shares there.
        constraints : Constraints, optional
        groups : mapping, optional
            Name to (cells, least share, most share) of their sum.
        """
        rules = constraints or Constraints()
        floors, caps = rules.limits(rules.supplied(corpus), tokens)
        found = [Group(g.name, np.array(g.cells), g.floor, g.cap) for g in rules.cell_groups(corpus, 1.0)]
        for name, (cells, low, high) in (groups or {}).items():
            unknown = [cell for cell in cells if cell not in corpus.names]
            if unknown or not 0 <= low <= high <= 1:
                raise RecipeError(
                    f"group {name!r} of {', '.join(cells)} within [{low:g}, {high:g}]: cells are {', '.join(corpus.names)}, "
                    "limits are shares, the lower one first."
                )
            found.append(Group(name, np.array([corpus.names.index(cell) for cell in cells]), low, high))
        return cls(corpus.names, floors / tokens, np.minimum(caps / tokens, 1.0), tuple(found))

    @property
    def centre(self) -> Array:
        """A mixture between floors and caps, (n_cells,)."""
        room = self.upper - self.lower
        return np.asarray(self.lower + room * (1 - self.lower.sum()) / max(room.sum(), 1e-300))

    def project(self, weights: Array) -> Array:
        """Nearest mixtures that are allowed, (n_points, n_cells): exact without groups, by Dykstra's rounds with them."""
        found = self._project_box(np.atleast_2d(weights))
        if not self.groups:
            return found
        memory = [np.zeros_like(found) for _ in range(len(self.groups) + 1)]
        for _ in range(_ROUNDS):
            for k, kept in enumerate(memory):
                shifted = found + kept
                found = self._project_box(shifted) if k == 0 else _project_group(shifted, self.groups[k - 1])
                memory[k] = shifted - found
            if self._meets(found, 1e-7).all():
                break
        return self._project_box(found)

    def _project_box(self, weights: Array) -> Array:
        low = (weights - self.upper).min(1, keepdims=True)
        high = (weights - self.lower).max(1, keepdims=True)
        for _ in range(_BISECTIONS):
            shift = (low + high) / 2
            too_much = np.clip(weights - shift, self.lower, self.upper).sum(1, keepdims=True) > 1
            low, high = np.where(too_much, shift, low), np.where(too_much, high, shift)
        return np.asarray(np.clip(weights - (low + high) / 2, self.lower, self.upper))

    def _meets(self, weights: Array, slack: float = 1e-6) -> np.ndarray[Any, np.dtype[np.bool_]]:
        good = (np.abs(weights.sum(1) - 1) <= slack) & (
            (weights >= self.lower - slack) & (weights <= self.upper + slack)
        ).all(1)
        for group in self.groups:
            total = weights[:, group.members].sum(1)
            good &= (total >= group.low - slack) & (total <= group.high + slack)
        return np.asarray(good)

    def holds(self, weights: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each mixture (n_points, n_cells) is allowed, up to 1e-6."""
        return self._meets(np.atleast_2d(weights))


def _project_group(weights: Array, group: Group) -> Array:
    total = weights[:, group.members].sum(1)
    moved = weights.copy()
    moved[:, group.members] += ((np.clip(total, group.low, group.high) - total) / len(group.members))[:, None]
    return moved
