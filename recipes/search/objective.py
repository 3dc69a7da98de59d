"""What a search minimises, from predictions of several targets: a weighted sum or the worst, with or without a guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

Kind = Literal["sum", "worst"]
_STEEP = 100.0


@dataclass(frozen=True, eq=False)
class Objective:
    """Losses (..., n_targets) to one number a mixture, lower is better.

    Every target is taken relative to the baseline's in units of `scale`, so that targets of other units add up.

    Attributes
    ----------
    names : tuple of str
    weights : ndarray, (n_targets,)
        Of the user; negative where higher is better, so that lower is better for all. Their sizes sum to one.
    scale : ndarray, (n_targets,)
        Standard deviation of each target's noise, or its spread where the noise is unknown.
    baseline : ndarray, (n_targets,)
        Targets under the mixture in use today.
    kind : {"sum", "worst"}
        Weighted sum, or the target that fares worst.
    guard : bool
        Whether no target may be worse than under the baseline.
    """

    names: tuple[str, ...]
    weights: Array
    scale: Array
    baseline: Array
    kind: Kind = "sum"
    guard: bool = False

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        scale: Array,
        baseline: Array,
        weights: Mapping[str, float] | None = None,
        *,
        higher_is_better: Sequence[str] = (),
        kind: Kind = "sum",
        guard: bool = False,
    ) -> Objective:
        """Objective of targets `names`, equally weighted unless `weights` says otherwise.

        Raises
        ------
        RecipeError
            If a weight names no target, or none is positive.
        """
        given = dict.fromkeys(names, 1.0) if weights is None else dict(weights)
        unknown = [name for name in (*given, *higher_is_better) if name not in names]
        if unknown:
            raise RecipeError(f"the objective names {', '.join(unknown)}; the targets are {', '.join(names)}.")
        sizes = np.array([given.get(name, 0.0) for name in names])
        if not (np.isfinite(sizes).all() and (sizes >= 0).all() and sizes.sum() > 0):
            raise RecipeError(
                f"the weights of the objective are {sizes.tolist()}: give each target 0 or more, and one more than 0."
            )
        signs = np.array([-1.0 if name in higher_is_better else 1.0 for name in names])
        return cls(
            tuple(names), signs * sizes / sizes.sum(), np.asarray(scale, float), np.asarray(baseline, float), kind, guard
        )

    def changes(self, losses: Array) -> Array:
        """Targets (..., n_targets) less the baseline's, in units of `scale`, below 0 where better."""
        return np.asarray((np.asarray(losses) - self.baseline) / self.scale * np.sign(self.weights))

    def __call__(self, losses: Array) -> Array:
        """Objective (...,) of targets (..., n_targets)."""
        change = self.changes(losses)
        size = np.abs(self.weights)
        used = size > 0
        total = (change * size).sum(-1) if self.kind == "sum" else change[..., used].max(-1)
        if self.guard:
            total = total + _STEEP * np.maximum(change[..., used], 0.0).sum(-1)
        return np.asarray(total)

    @property
    def slope(self) -> Array | None:
        """Derivative of the objective by each target, (n_targets,), where it is the same everywhere; else None."""
        return self.weights / self.scale if self.kind == "sum" and not self.guard else None

    @property
    def unit(self) -> float:
        """Objective that one nat more in every loss adds: in all targets where lower is better."""
        return float((np.maximum(self.weights, 0.0) / self.scale).sum())

    def nats(self, value: Array | float) -> Array:
        """An objective difference in the units of the targets: exact for one target, their weighted mean scale for more."""
        size = np.abs(self.weights)
        return np.asarray(value * (size * self.scale).sum())


def pareto_front(losses: Array) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Indices of the points (n_points, n_targets), lower is better, that no other point beats in every target."""
    order = np.lexsort(losses.T[::-1])
    kept: list[int] = []
    for k in order:
        if not any(np.all(losses[j] <= losses[k]) and np.any(losses[j] < losses[k]) for j in kept):
            kept.append(int(k))
    return np.array(sorted(kept), np.intp)
