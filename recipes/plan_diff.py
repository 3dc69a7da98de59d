"""What differs between two plans: sizes, shares and epochs of cells, predicted loss, warnings, what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infolaw.rendering import amount, table

from .plan import Plan

SAME = 1e-9
"""Relative difference below which two numbers are the same."""


@dataclass(frozen=True)
class CellChange:
    """Share and epochs of one cell in two plans; None where a plan does not know the cell."""

    cell: str
    weights: tuple[float | None, float | None]
    epochs: tuple[float | None, float | None]


@dataclass(frozen=True)
class PlanDiff:
    """Two plans, side by side.

    Attributes
    ----------
    numbers : mapping
        Name -> (first, second), for what is not the same: sizes, loss and its interval.
    cells : tuple of CellChange
        Cells that are not the same, the largest change of share first.
    only_first, only_second : tuple of str
        Warnings that only one of the plans gives.
    provenance : mapping
        Key -> (first, second), for what they were made from and is not the same.
    """

    numbers: Mapping[str, tuple[float, float]]
    cells: tuple[CellChange, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    provenance: Mapping[str, tuple[Any, Any]]

    @property
    def is_same(self) -> bool:
        """Whether the plans agree in all of it."""
        return not (self.numbers or self.cells or self.only_first or self.only_second or self.provenance)

    @property
    def moved(self) -> float:
        """Share of the tokens that stand in other cells."""
        return 0.5 * sum(abs((b or 0.0) - (a or 0.0)) for a, b in (cell.weights for cell in self.cells))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"same": self.is_same, "moved": self.moved, **asdict(self)}

    def __str__(self) -> str:
        if self.is_same:
            return "the plans are the same"
        lines = [f"{100 * self.moved:.3g} % of the tokens move to other cells"]
        if self.numbers:
            rows = [[name, _number(a), _number(b), _ratio(name, a, b)] for name, (a, b) in self.numbers.items()]
            lines += ["", table(["", "A", "B", "change"], rows)]
        if self.cells:
            rows = [[c.cell, *map(_share, c.weights), _change(c.weights), *map(_passes, c.epochs)] for c in self.cells]
            lines += ["", table(["cell", "weight A", "B", "change", "epochs A", "B"], rows)]
        lines += [f"only A     warning: {text}" for text in self.only_first]
        lines += [f"only B     warning: {text}" for text in self.only_second]
        lines += [f"made from   {key}: {a} -> {b}" for key, (a, b) in self.provenance.items()]
        return "\n".join(lines)


def plan_diff(first: Plan, second: Plan) -> PlanDiff:
    """Compare two plans."""
    numbers = {}
    for name in ("n_params", "tokens", "flops", "loss", "lower", "upper"):
        a, b = first.to_dict()[name], second.to_dict()[name]
        if _differs(a, b):
            numbers[name] = (a, b)
    ledgers = [{row.cell: row for row in plan.ledger} for plan in (first, second)]
    cells = []
    for cell in dict.fromkeys([*ledgers[0], *ledgers[1]]):
        rows = [ledger.get(cell) for ledger in ledgers]
        shares, passes = ([None if r is None else getattr(r, name) for r in rows] for name in ("weight", "epochs"))
        if _differs(*shares) or _differs(*passes):
            cells.append(CellChange(cell, (shares[0], shares[1]), (passes[0], passes[1])))
    cells.sort(key=lambda c: -abs((c.weights[1] or 0.0) - (c.weights[0] or 0.0)))
    made = [{"law": plan.law, **_flat(plan.provenance)} for plan in (first, second)]
    changed = {key: (made[0].get(key), made[1].get(key)) for key in dict.fromkeys([*made[0], *made[1]])}
    return PlanDiff(
        numbers,
        tuple(cells),
        tuple(text for text in first.warnings if text not in second.warnings),
        tuple(text for text in second.warnings if text not in first.warnings),
        {key: pair for key, pair in changed.items() if pair[0] != pair[1]},
    )


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _differs(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is not b
    return abs(a - b) > SAME * max(abs(a), abs(b))


def _number(value: float) -> str:
    return amount(value) if value >= 1e3 else f"{value:.4f}"


def _ratio(name: str, a: float, b: float) -> str:
    return f"{b - a:+.4f}" if name in ("loss", "lower", "upper") else f"x {b / a:.3g}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _change(pair: tuple[float | None, float | None]) -> str:
    return f"{(pair[1] or 0.0) - (pair[0] or 0.0):+.4f}"


def _passes(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
