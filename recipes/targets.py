"""Several targets as a user weighs them, and the guard that none of them is worse than under today's mixture.

Read `reweighed` (the sum), then `Wished` (the worst of them, and the guard), then `choose_guarded` (a search that keeps it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from infolaw.errors import BudgetError, RecipeError
from infolaw.laws import CellValue
from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.uncertainty import EVERY
from infolaw.units import Array
from infolaw.weighted import WeightedFit

STIFFNESS = 300.0
"""Price of a target's excess over today's, per nat squared; what is left of it is met by `Wished.pressed`."""
ROUNDS = 6
"""Searches under rising pressure before the best recipe that keeps the guard is taken."""
MARGIN = 2e-5
"""How far below today's loss a target is to be, so that it ends there [nats/token]."""

Chosen = tuple[Array, Array]
"""Recipe (n_cells,) and all candidates (n_candidates, n_cells), best first."""


@dataclass(frozen=True)
class Wishes:
    """What is to be minimised of several targets.

    Attributes
    ----------
    weights : mapping of str to float
        Of each target; those of weight 0 are left out.
    kind : {"sum", "worst"}
        Their weighted sum, or the one that fares worst against today's mixture, relative to its loss there.
    guard : bool
        Whether no target may be worse than under today's mixture.
    """

    weights: Mapping[str, float]
    kind: Literal["sum", "worst"] = "sum"
    guard: bool = False

    @classmethod
    def read(cls, path: str | Path) -> Wishes:
        """Read an objective file, see `objective_file.ObjectiveFile`.

        Raises
        ------
        RecipeError
            If it is none, or says that higher is better: laws are fitted to what falls with compute.
        """
        from .objective_file import read_objective

        found: dict[str, Any] = read_objective(path)
        higher = found.pop("higher_is_better")
        if higher:
            raise RecipeError(
                f"{path}: higher_is_better names {', '.join(higher)}, but a law is fitted to what falls with compute: fit "
                f"the target '1 - {higher[0]}' and weigh that."
            )
        return cls(**found)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the provenance of a plan."""
        return {"weights": dict(self.weights), "kind": self.kind, "guard": self.guard}


def reweighed(found: Predictor, wishes: Wishes) -> WeightedFit:
    """Return the fits of the targets that are wished for, with their weights.

    Raises
    ------
    RecipeError
        If a wish names no target of the fit, or no weight is positive.
    """
    parts = found.parts if isinstance(found, WeightedFit) else (found,)
    names = [part.schema.target for part in parts]
    sizes = dict[str, float]()
    for name, weight in wishes.weights.items():
        target = next((one for one in names if one in (name, f"loss:{name}")), None)
        if target is None:
            raise RecipeError(
                f"the objective weighs {name}, and the fit has {', '.join(names)}: fit every target of the objective "
                "(`infolaw fit` with --target once for each), or leave it out."
            )
        if not 0 <= weight < np.inf:
            raise RecipeError(f"the objective weighs {name} by {weight:g}: give 0 or more, a finite number.")
        sizes[target] = weight
    total = sum(sizes.values())
    if not total > 0:
        raise RecipeError("the objective weighs no target: give one of them more than 0.")
    kept: Any = [(part, sizes[name] / total) for part, name in zip(parts, names, strict=True) if sizes.get(name, 0.0) > 0]
    return WeightedFit(tuple(part for part, _ in kept), tuple(weight for _, weight in kept))


@dataclass(frozen=True, eq=False)
class Wished(WeightedFit):
    """A predictor of what is minimised: of several targets the sum or the worst, with a price on what the guard forbids.

    The price is an augmented Lagrangian's: smooth, and exact once `pressed` has found what each target's excess costs.
    Only searches use it; what was found is priced by the targets' own predictor.

    Attributes
    ----------
    today : ndarray, (n_law_cells,)
        Mixture that targets are compared with.
    wishes : Wishes
    pressure : ndarray, (n_targets,)
        Price of each target's excess, per nat.
    """

    today: Array
    wishes: Wishes
    pressure: Array

    @classmethod
    def of(cls, predictor: Predictor, today: Array, wishes: Wishes) -> Wished:
        """Wishes about the targets of a predictor, its only one if it has no parts."""
        whole = predictor if isinstance(predictor, WeightedFit) else WeightedFit((cast(Any, predictor),), (1.0,))
        return cls(whole.parts, whole.weights, today, wishes, np.zeros(len(whole.parts)))

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        """Return None: what is wished for is not concave in the recipe."""
        return None

    def changes(self, points: Points) -> tuple[Array, Array]:
        """Change of each target against today's mixture (n_targets, n_points), and its loss there [nats/token]."""
        each, today = (np.stack([part.predict(at) for part in self.parts]) for at in (points, self._there(points)))
        return each - today, np.broadcast_to(today, each.shape)

    def predict(self, points: Points) -> Array:
        """What is minimised (n_points,) [nats/token]."""
        changes, today = self.changes(points)
        return np.asarray(self._combined(changes, today) + self._price(changes))

    def by_share(self, points: Points) -> Array:
        """Derivative of what is minimised by the share of each cell, (n_points, n_cells)."""
        changes, today = self.changes(points)
        slopes = np.stack([part.by_share(points) for part in self.parts])
        shares = np.broadcast_to(np.array(self.weights)[:, None], changes.shape)
        if self.wishes.kind == "worst":
            worst = np.arange(len(changes))[:, None] == (changes / today).argmax(0)
            shares = worst * np.tensordot(self.weights, today, 1) / today
        if self.wishes.guard:
            shares = shares + np.maximum(self.pressure[:, None] + STIFFNESS * (changes + MARGIN), 0.0)
        return np.asarray((shares[..., None] * slopes).sum(0))

    def draws(
        self, points: Points, n: int = 1000, seed: int = 0, *, model_error: bool = True, worlds: slice = EVERY
    ) -> Array:
        """What is minimised in drawn worlds (n, n_points); the guard is kept by the point prediction."""
        price, options = self._price(self.changes(points)[0]), {"model_error": model_error, "worlds": worlds}
        if self.wishes.kind == "sum":
            return np.asarray(super().draws(points, n, seed, **cast(Any, options)) + price)
        each, today = (
            np.stack([part.draws(at, n, seed, **cast(Any, options)) for part in self.parts])
            for at in (points, self._there(points))
        )
        return np.asarray(self._combined(each - today, np.broadcast_to(today, each.shape)) + price)

    def pressed(self, changes: Array) -> Wished:
        """Return the same after a recipe whose targets changed by (n_targets,) was found."""
        return replace(self, pressure=np.maximum(self.pressure + STIFFNESS * (changes + MARGIN), 0.0))

    def _there(self, points: Points) -> Points:
        """Points of today's mixture at the same sizes, one if they are all alike."""
        sizes = np.stack([points.n_params, points.tokens])
        at = points.take([0]) if (np.ptp(sizes, axis=1) == 0).all() else points
        weights = np.broadcast_to(self.today, at.weights.shape)
        return Points.build(at.n_params, at.tokens, weights=weights, unique=at.cell_unique, group=at.group)

    def _combined(self, changes: Array, today: Array) -> Array:
        before = np.tensordot(self.weights, today, 1)
        if self.wishes.kind == "worst":
            return np.asarray(before * (1.0 + (changes / today).max(0)))
        return np.asarray(before + np.tensordot(self.weights, changes, 1))

    def _price(self, changes: Array) -> Array | float:
        if not self.wishes.guard:
            return 0.0
        push = np.maximum(self.pressure[:, None] + STIFFNESS * (changes + MARGIN), 0.0)
        return np.asarray((push**2 - self.pressure[:, None] ** 2).sum(0) / (2 * STIFFNESS))


def choose_guarded(
    wished: Wished,
    choose: Callable[[Wished], Chosen],
    judge: Callable[[Wished, Array], Array],
    place: Callable[[Array], Points],
) -> tuple[Chosen, Wished]:
    """Choose a recipe under rising pressure until no target is worse than under today's mixture.

    Parameters
    ----------
    wished : Wished
    choose : callable
        Searches by a predictor.
    judge : callable
        (predictor, weights (n_points, n_cells)) -> what decides among them, (n_points,).
    place : callable
        Weights (n_points, n_cells) -> Points.

    Returns
    -------
    Chosen, Wished
        Of all recipes that were looked at and keep the guard; and the predictor under the last pressure.

    Raises
    ------
    BudgetError
        If none keeps it; the message names the target that misses it by most in the recipe that misses it by least.
    """
    kept, nearest = list[Array](), np.full(len(wished.pressure), np.inf)
    for _ in range(ROUNDS):
        best, candidates = choose(wished)
        table = np.vstack([best, candidates])
        changes = wished.changes(place(table))[0]
        kept += list(table[changes.max(0) <= 0.0])
        nearest = min([nearest, *changes.T], key=np.max)
        slack = (changes[:, 0] < -10 * MARGIN) & (wished.pressure > 0)  # pressed harder than it needs
        if changes[:, 0].max() <= 0.0 and not slack.any():
            break
        wished = wished.pressed(changes[:, 0])
    if not kept:
        raise BudgetError(
            f"under these constraints no recipe was found that keeps every target as good as under today's mixture: at best "
            f"{wished.parts[int(nearest.argmax())].schema.target} is {nearest.max():.2g} nats/token worse; ease the "
            "constraints, or plan without the guard."
        )
    table = np.array(kept)
    order = np.argsort(judge(replace(wished, wishes=replace(wished.wishes, guard=False)), table), kind="stable")
    return (table[order[0]], table[order]), wished
