"""Several losses as one objective: each target has its own law, and what is planned for is their weighted sum.

One law fitted to the sum would need the sum to be a law; a sum of laws needs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .api import fit
from .ensemble import Ensemble
from .errors import InfolawError
from .laws import CellValue, Law
from .model_error import HeldOut
from .points import Points, Schema, Support
from .result import FitResult
from .targets import weighted_targets
from .uncertainty import EVERY, Interval
from .units import Array

if TYPE_CHECKING:
    from .runs import RunTable

Part: TypeAlias = FitResult | Ensemble
"""What `api.fit` gives for one target."""


@dataclass(frozen=True, eq=False)
class WeightedFit:
    """Fits of several targets of the same runs, and the weight of each; a `Predictor` of the weighted sum.

    Attributes
    ----------
    parts : tuple of FitResult or Ensemble
        One a target.
    weights : tuple of float
        Sum to 1.
    """

    parts: tuple[Part, ...]
    weights: tuple[float, ...]

    @property
    def schema(self) -> Schema:
        """Cells and groups, with the weighted sum as target."""
        terms = (f"{w:.3g} {part.schema.target}" for w, part in zip(self.weights, self.parts, strict=True))
        return replace(self.parts[0].schema, target=" + ".join(terms))

    @property
    def law(self) -> str:
        """Names of the parts' laws."""
        return ", ".join(dict.fromkeys(str(getattr(part, "law", type(part).__name__)) for part in self.parts))

    @property
    def support(self) -> Support:
        """The box of the part with the fewest runs."""
        return min(self.parts, key=lambda part: len(part.observations)).support

    @property
    def no_optimum(self) -> str:
        """Why a free model size has no answer, if any part has none."""
        return next((part.no_optimum for part in self.parts if part.no_optimum), "")

    @property
    def noise_sd(self) -> float:
        """Weighted mean of the parts' noise, as if a run were lucky on all targets alike [log loss]."""
        return float(np.average([part.noise_sd for part in self.parts], weights=self.weights))

    @property
    def alone(self) -> tuple[tuple[str, Part], ...]:
        """Every target by name."""
        return tuple((part.schema.target, part) for part in self.parts) if len(self.parts) > 1 else ()

    @property
    def sees_recipe(self) -> bool:
        """Whether any part depends on the mixture or on repetition."""
        return any(part.sees_recipe for part in self.parts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of every part, with its target."""
        return tuple(f"{part.schema.target}: {text}" for part in self.parts for text in part.warnings)

    @cached_property
    def heldout(self) -> HeldOut | None:
        """Held-out error of the sum at most, as if the parts erred together; None if a part has none."""
        held = [part.heldout for part in self.parts]
        if any(one is None for one in held):
            return None
        found = [one for one in held if one is not None]
        size = np.array([w * part.observations.losses.mean() for w, part in zip(self.weights, self.parts, strict=True)])
        share = size / size.sum()

        def mean(values: list[float]) -> float:
            return float(share @ np.array(values))

        error = replace(
            found[0].model_error,
            level=mean([one.model_error.level for one in found]),
            contrast=mean([one.model_error.contrast for one in found]),
        )
        return replace(
            found[0],
            error_pct=mean([one.error_pct for one in found]),
            bias_pct=mean([one.bias_pct for one in found]),
            worst_pct=mean([one.worst_pct for one in found]),
            model_error=error,
        )

    def points(self, n_params: ArrayLike, tokens: ArrayLike, **options: Any) -> Points:
        """Points in the fits' cells; see `FitResult.points`."""
        return self.parts[0].points(n_params, tokens, **options)

    def points_of(self, runs: RunTable, group: str | None = None) -> Points:
        """Points of the rows of a run table; see `FitResult.points_of`."""
        return self.parts[0].points_of(runs, group)

    def predict(self, points: Points) -> Array:
        """Weighted sum of the losses (n_points,)."""
        return np.asarray(np.array(self.weights) @ np.stack([part.predict(points) for part in self.parts]))

    def by_share(self, points: Points) -> Array:
        """Derivative of the sum by the share of each cell at the same size and tokens, (n_points, n_cells)."""
        return np.asarray(np.tensordot(self.weights, np.stack([part.by_share(points) for part in self.parts]), 1))

    def draws(
        self, points: Points, n: int = 1000, seed: int = 0, *, model_error: bool = True, worlds: slice = EVERY
    ) -> Array:
        """Weighted sums (n, n_points); draw j is one world of every target, whose noise and errors go together.

        All parts draw with one seed: runs that are lucky on one target are lucky on the others, the cautious choice.
        """
        each = [part.draws(points, n, seed, model_error=model_error, worlds=worlds) for part in self.parts]
        return np.asarray(np.tensordot(self.weights, np.stack(each), 1))

    def interval(self, points: Points, level: float = 0.9, n: int = 1000, seed: int = 0) -> Interval:
        """Interval of the expected weighted sum, (n_points,) each end."""
        return Interval.of(self.draws(points, n, seed), level)

    def optimal_n_params(self, flops: float, points: Points) -> tuple[float, Array] | None:
        """Return the closed form of a single part; a sum has none."""
        return self.parts[0].optimal_n_params(flops, points) if len(self.parts) == 1 else None

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        """Return the value of cells for a single part; a sum has none."""
        return self.parts[0].cell_value(n_params, tokens) if len(self.parts) == 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values with a schema version, every part's fit among them."""
        return {
            "kind": "weighted_fit",
            "schema_version": 1,
            "target": self.schema.target,
            "weights": list(self.weights),
            "warnings": list(self.warnings),
            "parts": [part.to_dict() for part in self.parts],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WeightedFit:
        """Read what `to_dict` wrote."""
        if data.get("kind") != "weighted_fit" or data.get("schema_version") != 1:
            raise InfolawError(
                "this is no weighted fit of schema version 1: make one with `infolaw fit` and several --target."
            )
        return cls(tuple(_read(part) for part in data["parts"]), tuple(data["weights"]))

    def write(self, path: str | Path) -> None:
        """Write the fits as JSON, whole or not at all."""
        from .files import to_json, write_atomically

        write_atomically(path, to_json(self.to_dict()))

    def __str__(self) -> str:
        return f"objective: {self.schema.target}\n\n" + "\n\n".join(str(part) for part in self.parts)


def _read(part: dict[str, Any]) -> Part:
    return Ensemble.from_dict(part) if part.get("kind") == "ensemble" else FitResult.from_dict(part)


def fit_targets(law: str | Law, runs: RunTable, targets: Sequence[str], **options: Any) -> Part | WeightedFit:
    """Fit one target; or several, of equal weight; or those of a YAML file, with its weights; or the only loss."""
    if len(targets) > 1:
        return fit_weighted(law, runs, dict.fromkeys(targets, 1.0), **options)
    if targets and targets[0].endswith((".yaml", ".yml")):
        return fit_weighted(law, runs, targets[0], **options)
    return fit(law, runs, target=targets[0] if targets else None, **options)


def fit_weighted(law: str | Law, runs: RunTable, targets: str | Path | Mapping[str, float], **options: Any) -> WeightedFit:
    """Fit a law to each of several targets.

    Parameters
    ----------
    law : str or Law
    runs : RunTable
    targets : mapping of str to float, or path
        Weight of each target, or a YAML file of them: see `targets.weighted_targets`.
    **options
        See `api.fit`.
    """
    weights = weighted_targets(targets)
    parts = tuple(fit(law, runs, target=name, **options) for name in weights)
    return WeightedFit(parts, tuple(weights.values()))


def read_predictor(path: str | Path) -> Part | WeightedFit:
    """Read what ``infolaw fit --out`` wrote: one law, an average of several, or several targets."""
    from .files import read_json

    data = read_json(path, "a fit")
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind == "weighted_fit":
        return WeightedFit.from_dict(data)
    return _read(data) if kind in ("fit", "ensemble") else FitResult.read(path)  # which says what the file is not
