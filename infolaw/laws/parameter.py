"""The constants of a law: name, bounds, meaning, and how each is measured while fitting."""

from __future__ import annotations

from dataclasses import dataclass

from ..points import Schema
from ..units import Array


@dataclass(frozen=True)
class Centre:
    """Measure a constant at the centre of the runs: ``published = fitted + factor * slope * (ln(centre) - offset)``.

    For A in A / N^alpha: ``Centre("alpha", "n_params")`` fits ln(A / N0^alpha), the size of the term at N0 in nats.
    `of` is ``n_params`` or ``tokens``; `slope` names the constant that the published value trades against.
    """

    slope: str
    of: str
    factor: float = 1.0
    offset: float = 0.0

    def lever(self, schema: Schema) -> float:
        """Return how much the published value moves for one unit of the slope."""
        return self.factor * (float(getattr(schema, f"log_{self.of}")) - self.offset)


@dataclass(frozen=True)
class Parameter:
    """One constant of a law.

    Attributes
    ----------
    name, symbol, unit, meaning : str
        As in the paper; what a larger value means.
    bounds : (float, float)
        Range of the constant; of its value at the centre of the runs if it has a `centre`.
    start : (float, float), optional
        Range that random starts are drawn from (log-uniform if `log`), `bounds` by default.
    log : bool
        Fitted as its logarithm.
    linear : bool
        The loss is linear in it: starts get it in closed form.
    shape : tuple of str
        ``()``, ``("cell",)``, ``("domain",)``, ``("group",)`` or ``("group", "cell")``.
    centre : Centre, optional
        Where it is measured while fitting.
    alike : bool
        Its values by cell are held near their mean, see ``pooling.py``: few recipes do not tell all cells apart.
    """

    name: str
    bounds: tuple[float, float]
    meaning: str = ""
    symbol: str = ""
    unit: str = "1"
    start: tuple[float, float] | None = None
    log: bool = False
    linear: bool = False
    shape: tuple[str, ...] = ()
    centre: Centre | None = None
    alike: bool = False


@dataclass(frozen=True)
class CellValue:
    """What one more token of each cell is worth, in any unit, at given size and total tokens.

    The marginal value is ``fresh`` while tokens are new and ``fresh * drop * exp(-decay (epochs - 1))`` after.
    """

    fresh: Array
    drop: float
    decay: float
