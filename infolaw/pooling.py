"""Partial pooling: each group's levels are held near the mean of all groups, as near as the groups show to be alike.

A group with many runs keeps its own levels; a group with few borrows from the others. How far groups differ is one
spread a constant, estimated from the runs. Cells of a constant that is `alike` are held near their mean by `CELL_SPREAD`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .laws import BoundLaw, Parameter
from .objectives import ExtraRows
from .problem import Problem
from .units import Array

SPREADS = np.geomspace(1e-3, 1.0, 7)
"""Standard deviations over groups that are tried: shares of a log-scaled constant, of the typical loss for the others."""
DEMAND = 2.0
"""Gain in twice the log likelihood that a log-scaled constant must bring to spread wider: a level explains first."""
CELL_SPREAD = 0.1
"""Standard deviation of an `alike` constant over cells, as a share of the typical loss."""
_FIRST = 0.1
_SWEEPS = 2


@dataclass(frozen=True, eq=False)
class Pooling:
    """How far each constant with a value of its own for every group spreads over the groups.

    Attributes
    ----------
    bound : BoundLaw
    typical_loss : float
        [nats/token]; the unit of the spread of constants that are fitted as they are, such as E.
    spreads : dict of str to float
        Standard deviation over groups by constant; empty without groups.
    priors : ExtraRows
        Rows that hold constants for other reasons.
    """

    bound: BoundLaw
    typical_loss: float
    spreads: dict[str, float]
    priors: ExtraRows

    @classmethod
    def start(cls, bound: BoundLaw, losses: Array, priors: ExtraRows, *, pooled: bool) -> Pooling:
        """Begin with the same wide spread for every constant that differs by group; without any if not `pooled`."""
        own = [p.name for p in bound.parameters if pooled and p.shape[:1] == ("group",)]
        typical = float(np.exp(np.log(losses).mean()))
        return cls(bound, typical, dict.fromkeys(own, _FIRST), priors.joined(cell_rows(bound, typical)))

    def rows(self, noise: float) -> ExtraRows:
        """Deviation of every group from the mean of the groups in units of the spread, and the priors."""
        matrix = np.concatenate(
            [np.zeros((0, len(self.bound.names))), *(self._centring(p) / self.spreads[p.name] for p in self._pooled)]
        )
        return ExtraRows(matrix, np.zeros(len(matrix)), noise).joined(self.priors)

    @property
    def _pooled(self) -> list[Parameter]:
        return [p for p in self.bound.parameters if p.name in self.spreads]

    def _centring(self, parameter: Parameter) -> Array:
        """Deviations of a constant's groups from their mean as rows over the vector; each cell has its own mean."""
        n_groups = self.bound.schema.length("group")
        own = self.bound.slices[parameter.name]
        matrix = np.zeros((own.stop - own.start, len(self.bound.names)))
        matrix[:, own] = np.kron(np.eye(n_groups) - 1 / n_groups, np.eye((own.stop - own.start) // n_groups))
        return matrix / (1.0 if parameter.log else self.typical_loss)

    def estimated(self, problem: Problem, theta: Array) -> Pooling:
        """Choose the spreads by marginal likelihood, the law made linear at `theta`: from alike to ever more different.

        References
        ----------
        .. [1] Lindstrom and Bates (1990), "Nonlinear Mixed Effects Models for Repeated Measures Data", Biometrics 46.
        """
        residuals, jacobian = problem.standardised(theta)
        weight = np.minimum(1.0, problem.delta / np.maximum(np.abs(residuals), 1e-300)) / problem.extra.noise**2
        prior = self.priors.matrix
        curvature = (jacobian * weight) @ jacobian.T + prior.T @ prior
        gradient = (jacobian * weight) @ residuals + prior.T @ (prior @ theta - self.priors.centre)
        root = np.sqrt(np.diag(curvature))
        root[root == 0] = 1.0  # a value that no run moves
        curvature += np.diag(1e-10 * root**2)
        penalty = {p.name: (m := self._centring(p)).T @ m for p in self._pooled}
        n_groups = self.bound.schema.length("group")
        rank = {p.name: len(self._centring(p)) * (n_groups - 1) // n_groups for p in self._pooled}
        spreads = dict.fromkeys(self.spreads, float(SPREADS[0]))

        def deviance(name: str, spread: float) -> float:
            """Minus twice the log marginal likelihood."""
            tried = {**spreads, name: spread}
            held = sum((penalty[key] / value**2 for key, value in tried.items()), np.zeros_like(curvature))
            slope, bend = (gradient + held @ theta) / root, (curvature + held) / np.outer(root, root)
            width = sum(2 * rank[key] * np.log(value) for key, value in tried.items())
            fit = theta @ held @ theta - slope @ np.linalg.solve(bend + 1e-14 * np.trace(bend) * np.eye(len(bend)), slope)
            return float(fit + np.linalg.slogdet(bend)[1] + width)

        for _ in range(_SWEEPS):
            for parameter in self._pooled:
                found = np.array([deviance(parameter.name, float(spread)) for spread in SPREADS])
                enough = found <= found.min() + (DEMAND if parameter.log else 0.0)
                spreads[parameter.name] = float(SPREADS[enough.argmax()])
        return replace(self, spreads=spreads)

    def sentence(self) -> str:
        """Say how far the groups differ."""
        said = [
            f"{p.name} {self.spreads[p.name]:.2g} of itself"
            if p.log
            else f"{p.name} {self.spreads[p.name] * self.typical_loss:.2g}"
            for p in self._pooled
        ]
        return (
            f"{self.bound.schema.length('group')} groups are pooled, a group with few runs borrows from the others; "
            f"standard deviation between groups: {', '.join(said)} (estimated; `--no-pooling` fits every group alone)"
        )


def cell_rows(bound: BoundLaw, typical_loss: float) -> ExtraRows:
    """Deviations of the cells of every `alike` constant from their mean, in units of their spread."""
    rows = ExtraRows.none(len(bound.names))
    for parameter in bound.parameters:
        if parameter.alike and parameter.shape[-1:] == ("cell",):
            n_cells, own = bound.schema.length("cell"), bound.slices[parameter.name]
            matrix = np.zeros((own.stop - own.start, len(bound.names)))
            apart = np.eye(n_cells) - 1 / n_cells
            matrix[:, own] = np.kron(np.eye(len(matrix) // n_cells), apart) / (CELL_SPREAD * typical_loss)
            rows = rows.joined(ExtraRows(matrix, np.zeros(len(matrix))))
    return rows
