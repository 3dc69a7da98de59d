"""Several fits as one predictor: the geometric mean of those chosen; draws come from all that might have been chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .errors import InfolawError
from .laws import CellValue
from .model_error import HeldOut
from .observations import Observations
from .points import Points, Schema, Support
from .result import FitResult
from .status import FitStatus
from .uncertainty import EVERY, Interval
from .units import Array

if TYPE_CHECKING:
    from .runs import RunTable


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Fits of several laws to the same runs.

    Attributes
    ----------
    members : tuple of FitResult
        At least one; all of one schema.
    weights : tuple of float
        Share of each in the prediction; 0 for laws that were nearly chosen.
    frequencies : tuple of float
        How often each would have been used, over resamples: its share of the draws.
    reason : str
        Why these, in one sentence.
    heldout : HeldOut, optional
        Error of the average on held-out runs.
    """

    members: tuple[FitResult, ...]
    weights: tuple[float, ...]
    frequencies: tuple[float, ...]
    reason: str = ""
    heldout: HeldOut | None = None

    @property
    def law(self) -> str:
        """Names of the laws that are averaged."""
        return " + ".join(member.bound.law.label for member in self.chosen)

    @property
    def chosen(self) -> tuple[FitResult, ...]:
        """The fits that are averaged."""
        return tuple(member for member, weight in zip(self.members, self.weights, strict=True) if weight > 0)

    @property
    def schema(self) -> Schema:
        """Cells, groups and target."""
        return self.members[0].schema

    @property
    def support(self) -> Support:
        """The box that the runs cover."""
        return self.members[0].support

    @property
    def observations(self) -> Observations:
        """The rows that were used."""
        return self.members[0].observations

    @property
    def n_runs(self) -> int:
        """Distinct runs used."""
        return self.members[0].n_runs

    @property
    def status(self) -> FitStatus:
        """The worst status of a member."""
        order = list(FitStatus)
        return max((member.status for member in self.members), key=order.index)

    @property
    def objective(self) -> float:
        """Mean objective of the members."""
        return float(np.mean([member.objective for member in self.members]))

    @cached_property
    def params(self) -> dict[str, float]:
        """Constants of every member, as ``law.constant``."""
        return {f"{m.bound.law.label}.{name}": value for m in self.members for name, value in m.params.items()}

    @cached_property
    def stderr(self) -> dict[str, float]:
        """Standard errors of every member's constants."""
        return {f"{m.bound.law.label}.{name}": value for m in self.members for name, value in m.stderr.items()}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why these laws, and what their fits warn of."""
        said = (f"{m.bound.law.label}: {text}" for m in self.members for text in m.warnings)
        return (f"auto: {self.reason}", *said)

    @property
    def no_optimum(self) -> str:
        """Why a free model size has no answer, if any member has none."""
        return next((member.no_optimum for member in self.members if member.no_optimum), "")

    def points(self, n_params: ArrayLike, tokens: ArrayLike, **options: Any) -> Points:
        """Points in the fits' cells; see `FitResult.points`."""
        return self.members[0].points(n_params, tokens, **options)

    def points_of(self, runs: RunTable, group: str | None = None) -> Points:
        """Points of the rows of a run table; see `FitResult.points_of`."""
        return self.members[0].points_of(runs, group)

    def predict(self, points: Points) -> Array:
        """Loss (n_points,) [nats/token]."""
        logs = [np.log(member.predict(points)) for member in self.chosen]
        return np.asarray(np.exp(np.average(logs, axis=0, weights=[w for w in self.weights if w > 0])))

    def by_share(self, points: Points) -> Array:
        """Derivative of the loss by the share of each cell at the same size and tokens, (n_points, n_cells)."""
        relative = [member.by_share(points) / member.predict(points)[:, None] for member in self.chosen]
        return np.asarray(
            self.predict(points)[:, None] * np.average(relative, axis=0, weights=[w for w in self.weights if w > 0])
        )

    def log_sd(self, points: Points) -> Array:
        """Standard error of log loss (n_points,) from the noise of the runs: root mean square over the chosen laws."""
        return np.asarray(np.sqrt(np.mean([member.log_sd(points) ** 2 for member in self.chosen], axis=0)))

    def draws(
        self, points: Points, n: int = 1000, seed: int = 0, *, model_error: bool = True, worlds: slice = EVERY
    ) -> Array:
        """Losses (n, n_points); draw j is one member's world, so that members that disagree widen the interval."""
        each = [m.draws(points, n, seed, model_error=False, worlds=worlds) for m in self.members]
        ends = np.cumsum(self.frequencies) / np.sum(self.frequencies)
        turn = np.searchsorted(ends, (np.random.default_rng([seed, 2]).permutation(n) + 0.5) / n)
        loss = np.stack(each)[np.minimum(turn, len(each) - 1)[worlds], np.arange(len(each[0]))]
        if self.heldout is None or not model_error:
            return np.asarray(loss)
        return np.asarray(loss * np.exp(self.heldout.model_error.draws(points, self.support, n, seed)[worlds]))

    def interval(self, points: Points, level: float = 0.9, n: int = 1000, seed: int = 0) -> Interval:
        """Interval of the expected loss, (n_points,) each end."""
        return Interval.of(self.draws(points, n, seed), level, self.predict(points))

    def optimal_n_params(self, flops: float, points: Points) -> tuple[float, Array] | None:
        """Return the closed form of a single member; an average has none."""
        return self.members[0].optimal_n_params(flops, points) if len(self.members) == 1 else None

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        """Return the value of cells for a single member; an average has none."""
        return self.members[0].cell_value(n_params, tokens) if len(self.members) == 1 else None

    @property
    def noise_sd(self) -> float:
        """Mean scatter of the runs about the laws that are averaged [log loss]."""
        return float(np.mean([member.noise_sd for member in self.chosen]))

    @property
    def alone(self) -> tuple[tuple[str, FitResult], ...]:
        """Every member by the name of its law."""
        return tuple((member.bound.law.label, member.with_heldout(self.heldout)) for member in self.members)

    @property
    def sees_recipe(self) -> bool:
        """Whether any member's loss depends on the mixture."""
        return any(member.sees_recipe for member in self.members)

    def with_heldout(self, heldout: HeldOut | None) -> Ensemble:
        """Return the same ensemble with what held-out runs say."""
        return replace(self, heldout=heldout)

    def to_dict(self) -> dict[str, Any]:
        """Plain values with a schema version, every member's fit among them."""
        heldout = None
        if self.heldout is not None:
            heldout = {**vars(self.heldout), "model_error": self.heldout.model_error.to_dict()}
        return {
            "kind": "ensemble",
            "schema_version": 1,
            "law": self.law,
            "reason": self.reason,
            "weights": list(self.weights),
            "frequencies": list(self.frequencies),
            "params": self.params,
            "stderr": self.stderr,
            "objective": self.objective,
            "status": self.status.value,
            "n_runs": self.n_runs,
            "heldout": heldout,
            "warnings": list(self.warnings),
            "members": [member.to_dict() for member in self.members],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Ensemble:
        """Read what `to_dict` wrote."""
        try:
            members = tuple(FitResult.from_dict(member) for member in data["members"])
            heldout = HeldOut.from_dict(data["heldout"]) if data["heldout"] is not None else None
            return cls(members, tuple(data["weights"]), tuple(data["frequencies"]), data["reason"], heldout)
        except (KeyError, TypeError) as error:
            raise InfolawError(f"this is no ensemble of schema version 1: {error} is missing or of another kind.") from None

    def write(self, path: str | Path) -> None:
        """Write the ensemble as JSON, whole or not at all."""
        from .files import to_json, write_atomically

        write_atomically(path, to_json(self.to_dict()))

    def __str__(self) -> str:
        held = ""
        if self.heldout is not None:
            held = f"held out   {self.heldout.error_pct:.3g} % mean absolute error ({self.heldout.split})\n\n"
        return f"auto: {self.reason}\n{held}" + "\n\n".join(str(member) for member in self.chosen)
