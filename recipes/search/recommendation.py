"""What a search recommends, and how sure it is: intervals of weights, chances against baselines, equals, prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infolaw.units import Array

from ..recipe import Recipe

FAR = 2.0
"""Distance from the proxies, in their own spacing, from which a mixture is outside what was tried."""


@dataclass(frozen=True)
class Rival:
    """The recommended mixture against another one.

    Attributes
    ----------
    name : str
    difference, lower, upper : float
        Recommended less rival, in the units of the target (their weighted mean for several); below 0 is better.
    p_better : float
        Chance that the recommended mixture is truly better.
    """

    name: str
    difference: float
    lower: float
    upper: float
    p_better: float


@dataclass(frozen=True)
class Price:
    """What one constraint costs: the predicted objective with it less that without it, in the units of the target."""

    constraint: str
    cost: float


@dataclass(frozen=True, eq=False)
class Recommendation:
    """A mixture to train on, with what is not known of it.

    Attributes
    ----------
    cells : tuple of str
    weights : ndarray, (n_cells,)
    lower, upper : ndarray, (n_cells,)
        90 % of the best mixtures of drawn surfaces.
    targets : tuple of str
    predicted, predicted_lower, predicted_upper : ndarray, (n_targets,)
        Targets under the recommended mixture, without the noise of a run.
    rivals : tuple of Rival
        Today's mixture, the natural one, the best proxy.
    equals : ndarray, (n_equals, n_cells)
        Mixtures that are not told from it: a repeated run could turn the order.
    distance : float
        From the proxies seen, see `beliefs.distance`.
    prices : tuple of Price
    warnings : tuple of str
    provenance : mapping
        Version, seed, method, fingerprints of swarm and corpus.
    """

    cells: tuple[str, ...]
    weights: Array
    lower: Array
    upper: Array
    targets: tuple[str, ...]
    predicted: Array
    predicted_lower: Array
    predicted_upper: Array
    rivals: tuple[Rival, ...]
    equals: Array
    distance: float
    prices: tuple[Price, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, Any] | None = None

    @property
    def is_far(self) -> bool:
        """Whether it lies outside what the proxies tried."""
        return self.distance > FAR

    @property
    def recipe(self) -> Recipe:
        """The weights as a recipe."""
        return Recipe.from_array(self.cells, self.weights)

    def to_dict(self) -> dict[str, Any]:
        """Plain values with a schema version."""
        return {
            "kind": "recommendation",
            "schema_version": 1,
            "weights": {
                cell: {"value": float(w), "lower": float(a), "upper": float(b)}
                for cell, w, a, b in zip(self.cells, self.weights, self.lower, self.upper, strict=True)
            },
            "targets": {
                name: {"value": float(p), "lower": float(a), "upper": float(b)}
                for name, p, a, b in zip(
                    self.targets, self.predicted, self.predicted_lower, self.predicted_upper, strict=True
                )
            },
            "rivals": [vars(rival) for rival in self.rivals],
            "equals": [dict(zip(self.cells, row, strict=True)) for row in self.equals.tolist()],
            "distance": self.distance,
            "prices": [vars(price) for price in self.prices],
            "warnings": list(self.warnings),
            "provenance": dict(self.provenance or {}),
        }

    def write(self, path: str | Path) -> None:
        """Write it as JSON, whole or not at all; a path that ends in .yaml or .csv gets the recipe alone."""
        from infolaw.files import to_json, write_atomically

        if Path(path).suffix.lower() in {".yaml", ".yml", ".csv"}:
            self.recipe.write(path)
        else:
            write_atomically(path, to_json(self.to_dict()))

    def __str__(self) -> str:
        from infolaw.rendering import table

        lines = [
            f"{r.difference:+.4f} ({r.lower:+.4f} to {r.upper:+.4f}) against {r.name}, P(better) {r.p_better:.2f}"
            for r in self.rivals
        ]
        order = np.argsort(-self.weights, kind="stable")
        spread = self.equals if len(self.equals) else self.weights[None]
        rows = [
            [self.cells[k], f"{self.weights[k]:.3f}", f"{self.lower[k]:.3f}", f"{self.upper[k]:.3f}"]
            + [f"{spread[:, k].min():.3f} to {spread[:, k].max():.3f}"]
            for k in order
        ]
        said = [
            f"{name}  {p:.4f} (90 % {a:.4f} to {b:.4f})"
            for name, p, a, b in zip(self.targets, self.predicted, self.predicted_lower, self.predicted_upper, strict=True)
        ]
        priced = [f"price      {price.constraint}: {price.cost:.4f}" for price in self.prices]
        near = f"distance   {self.distance:.2f} of the usual distance between neighbouring proxies"
        parts = [
            *lines,
            "",
            table(["cell", "weight", "5 %", "95 %", f"among {len(self.equals)} equals"], rows),
            "",
            *said,
            near,
        ]
        return "\n".join([*parts, *priced, *(f"warning    {text}" for text in self.warnings)])
