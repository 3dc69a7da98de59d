"""The plan: a recipe, a model size and a token count, what they reach, and how they stand against today's mixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infolaw.errors import RecipeError

from .plan_parts import LossEstimate, Price, Sensitivity, TargetChange, Versus
from .recipe import LedgerRow


@dataclass(frozen=True)
class Plan:
    """What to train: sizes, recipe, ledger, prediction, and what a reader must know before trusting it.

    Attributes
    ----------
    n_params, tokens, flops : float
        [parameters], [tokens], [FLOP].
    weights : mapping
        Share of the training tokens by corpus cell.
    ledger : tuple of LedgerRow
        What the recipe does to every cell.
    loss : LossEstimate
    versus : tuple of Versus
        Today's mixture first, if it was given.
    extrapolation : mapping
        How many times outside the runs the plan lies, by quantity.
    warnings : tuple of str
    supported : bool
        Whether the runs support the prediction.
    law : str
    equals : tuple of mapping
        Recipes that cannot be told from the plan's.
    prices : tuple of Price
        What every constraint that binds costs.
    sensitivities : tuple of Sensitivity
        What each part of the prediction alone would have planned.
    provenance : mapping
        What the plan was made from.
    mismatch : mapping, optional
        How runs and target repeat, cell by cell, and the pools of matched proxies; see `mismatch.Mismatch`.
    schedule : mapping, optional
        The plan in stages; see `stages.Schedule`.
    targets : tuple of TargetChange
        Where several targets were weighed, what becomes of each.
    sampler : mapping, optional
        What draws it from documents: copies by cell, and the nearest sampler parameters; see `carried.carried_out`.
    next_runs : mapping, optional
        Whether more runs would change it: the sentence of a design, its FLOP, and the regret before and after.
    """

    n_params: float
    tokens: float
    flops: float
    weights: Mapping[str, float]
    ledger: tuple[LedgerRow, ...]
    loss: LossEstimate
    versus: tuple[Versus, ...]
    extrapolation: Mapping[str, float]
    warnings: tuple[str, ...]
    supported: bool
    law: str
    equals: tuple[Mapping[str, float], ...] = ()
    prices: tuple[Price, ...] = ()
    sensitivities: tuple[Sensitivity, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    mismatch: Mapping[str, Any] | None = None
    schedule: Mapping[str, Any] | None = None
    targets: tuple[TargetChange, ...] = ()
    sampler: Mapping[str, Any] | None = None
    next_runs: Mapping[str, Any] | None = None

    @property
    def epochs(self) -> dict[str, float]:
        """Passes over every cell."""
        return {row.cell: row.epochs for row in self.ledger}

    def stages_until(self, number: int) -> list[tuple[dict[str, float], int]]:
        """Recipe and tokens of its stages up to one, 1 is the first; before them what the run had consumed, if anything.

        Raises
        ------
        RecipeError
            If it has no such stage.
        """
        schedule: Mapping[str, Any] = self.schedule or {"stages": [], "consumed": {}}
        if not 1 <= number <= len(schedule["stages"]):
            raise RecipeError(
                f"the plan has {len(schedule['stages'])} stages, so there is no stage {number}; plan with --stages 0.8,0.2."
            )
        total = sum(schedule["consumed"].values())
        consumed = {cell: read / total for cell, read in schedule["consumed"].items()} if total else {}
        return [
            *([(consumed, round(total))] if total else []),
            *(
                ({cell["cell"]: cell["weight"] for cell in stage["cells"]}, round(stage["end"] - stage["start"]))
                for stage in schedule["stages"][:number]
            ),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain values with a schema version."""
        return {
            "kind": "plan",
            "schema_version": 1,
            "n_params": self.n_params,
            "tokens": self.tokens,
            "flops": self.flops,
            "loss": self.loss.value,
            "lower": self.loss.lower,
            "upper": self.loss.upper,
            "interval": asdict(self.loss),
            "weights": dict(self.weights),
            "epochs": self.epochs,
            "ledger": [asdict(row) for row in self.ledger],
            "versus": [asdict(rival) for rival in self.versus],
            "equivalents": {rival.name: rival.equivalent_compute for rival in self.versus},
            "extrapolation": dict(self.extrapolation),
            "supported": self.supported,
            "warnings": list(self.warnings),
            "law": self.law,
            "equals": [dict(weights) for weights in self.equals],
            "prices": [asdict(price) for price in self.prices],
            "sensitivities": [asdict(one) for one in self.sensitivities],
            "provenance": dict(self.provenance),
            "mismatch": None if self.mismatch is None else dict(self.mismatch),
            "schedule": None if self.schedule is None else dict(self.schedule),
            "targets": [asdict(one) for one in self.targets],
            "sampler": None if self.sampler is None else dict(self.sampler),
            "next_runs": None if self.next_runs is None else dict(self.next_runs),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Read what `to_dict` wrote.

        Raises
        ------
        RecipeError
            If it is no plan of schema version 1; the message names the field.
        """
        from .plan_file import PlanFile, checked

        file = checked(PlanFile, data)
        return cls(
            file.n_params,
            file.tokens,
            file.flops,
            file.weights,
            tuple(LedgerRow(**row.model_dump()) for row in file.ledger),
            LossEstimate(**file.interval.model_dump()),
            tuple(Versus(**rival.model_dump()) for rival in file.versus),
            file.extrapolation,
            tuple(file.warnings),
            file.supported,
            file.law,
            tuple(file.equals),
            tuple(Price(**price.model_dump()) for price in file.prices),
            tuple(Sensitivity(**one.model_dump()) for one in file.sensitivities),
            file.provenance,
            None if file.mismatch is None else file.mismatch.model_dump(),
            None if file.schedule is None else file.schedule.model_dump(),
            tuple(TargetChange(**one.model_dump()) for one in file.targets),
            None if file.sampler is None else file.sampler.model_dump(),
            None if file.next_runs is None else file.next_runs.model_dump(),
        )

    @classmethod
    def read(cls, path: str | Path) -> Plan:
        """Read a plan from YAML or JSON."""
        from .plan_file import read_mapping

        return cls.from_dict(read_mapping(path))

    def write(self, path: str | Path) -> None:
        """Write the plan as YAML, or as JSON where `path` ends in .json, whole or not at all."""
        from .plan_file import write_mapping

        write_mapping(path, self.to_dict())

    def __str__(self) -> str:
        from .plan_text import plan_text

        return plan_text(self.to_dict())
