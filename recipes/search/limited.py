"""The optimum where targets hold each other back: the worst of them counts, or none may be worse than today.

Both make kinks, on which a descent along one slope stalls. So the worst target becomes one more unknown that no target may
exceed, and every target a limit with exact slopes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from infolaw.units import Array

from .descent import group_rules, settled

if TYPE_CHECKING:
    from .recommend import Setting

N_STARTS, MOST_STEPS = 5, 100


def limited_optimum(setting: Setting, starts: Array) -> Array:
    """Return the best mixture (n_cells,) that sequential quadratic programming reaches, never worse than the best start.

    Parameters
    ----------
    setting : Setting
        Whose surrogates give exact slopes.
    starts : ndarray, (n_starts, n_cells)
        Allowed mixtures; the best few are improved.
    """
    starts = starts[np.argsort(setting.values(starts), kind="stable")[:N_STARTS]]
    found = settled(setting.values, setting.region, starts, np.array([_Programme(setting).solved(w) for w in starts]))
    return np.asarray(found[int(np.argmin(setting.values(found)))])


class _Programme:
    """Unknowns ``(n_cells + 1,)``: the shares, and a level that the worst target stays below."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.objective = setting, setting.objective
        size = np.abs(self.objective.weights)
        self.used = size > 0
        self.pull = np.where(self.objective.kind == "sum", size, 0.0)
        self.level = 0.0 if self.objective.kind == "sum" else 1.0

    def solved(self, start: Array) -> Array:
        """Shares that the programme reaches from `start`."""
        from scipy.optimize import minimize

        worst = self._changes(start)[self.used].max()
        bounds = [*zip(self.setting.region.lower, self.setting.region.upper, strict=True), (None, None)]
        found: Any = minimize(
            self._value,
            np.append(start, worst),
            jac=True,
            method="SLSQP",
            bounds=bounds,
            constraints=self._rules(len(start)),
            options={"maxiter": MOST_STEPS, "ftol": 1e-9},
        )
        return np.where(np.isfinite(found.x[:-1]), found.x[:-1], start)

    def _changes(self, weights: Array) -> Array:
        """Targets less today's, in their units and below 0 where better, ``(n_targets,)``."""
        return np.asarray(self.objective.changes(self.setting.beliefs.predict(np.maximum(weights, 0.0)[None])[0]))

    def _slopes(self, weights: Array) -> Array:
        """Their derivatives by the shares, ``(n_cells, n_targets)``."""
        slopes: Any = self.setting.beliefs.gradient(np.maximum(weights, 0.0)[None])
        return np.asarray(slopes[0] / self.objective.scale * np.sign(self.objective.weights))

    def _value(self, x: Array) -> tuple[float, Array]:
        weights = np.maximum(x[:-1], 0.0)[None]
        value = float(self._changes(x[:-1]) @ self.pull + self.level * x[-1] + self.setting.extra(weights)[0])
        slope = self._slopes(x[:-1]) @ self.pull + self.setting.extra_slopes(weights)[0]
        return value, np.append(slope, self.level)

    def _rules(self, n_cells: int) -> list[Any]:
        rules: list[Any] = [
            {"type": "eq", "fun": lambda x: x[:-1].sum() - 1.0, "jac": lambda x: np.append(np.ones(n_cells), 0.0)},
            *group_rules(self.setting.region, n_cells + 1),
        ]
        limits = [self.level] * (self.objective.kind == "worst") + [0.0] * self.objective.guard
        for level in limits:
            rules.append(
                {
                    "type": "ineq",
                    "fun": lambda x, level=level: level * x[-1] - self._changes(x[:-1])[self.used],
                    "jac": lambda x, level=level: np.column_stack(
                        [-self._slopes(x[:-1])[:, self.used].T, np.full(int(self.used.sum()), level)]
                    ),
                }
            )
        return rules
