"""How well a surrogate predicts runs that it has not seen: the measures, and the report that carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from infolaw.rendering import table
from infolaw.units import Array

NORMAL_90 = 1.6448536269514722


@dataclass(frozen=True)
class Skill:
    """Held-out skill of a chosen surrogate; every number is of runs whose mixtures were not fitted.

    Attributes
    ----------
    chosen : str
        Name of the surrogate.
    candidates : mapping of str to float
        Held-out mean absolute error of each candidate [as y]; those that could not be fitted are in `notes`.
    n_runs, n_groups, n_folds : int
    mae, spearman : float
        Of the whole procedure, choice included; Spearman's correlation is 0 where all are predicted alike.
    top_recall : float
        Share of the truly best tenth of the runs that is among the predicted best tenth.
    coverage : float or None
        Share of the surrogate's own 90 % intervals that hold the measured loss; None if it states no error.
    interval_scale : float or None
        Factor on its standard deviation at which 90 % of them would.
    upward : mapping of str to float
        The direction that matters: fitted to the worse 80 %, judged on the best 20 %: ``mae``, ``bias``, ``spearman``,
        and ``regret``, the loss of the predicted best minus that of the best.
    learning_curve : tuple of (int, float)
        Runs fitted, held-out error.
    more_runs : mapping of str to float
        What 64 more runs are expected to give, from a power of the learning curve: ``n_runs``, ``mae``.
    notes : tuple of str
    """

    chosen: str
    candidates: Mapping[str, float]
    n_runs: int
    n_groups: int
    n_folds: int
    mae: float
    spearman: float
    top_recall: float
    coverage: float | None
    interval_scale: float | None
    upward: Mapping[str, float]
    learning_curve: tuple[tuple[int, float], ...]
    more_runs: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values with a schema version."""
        return {"schema_version": 1, **asdict(self)}

    def __str__(self) -> str:
        ranked = sorted(self.candidates.items(), key=lambda item: item[1])
        parts = [
            table(["surrogate", "held-out error"], [[name, f"{error:.5g}"] for name, error in ranked]),
            f"{self.chosen}: error {self.mae:.4g}, Spearman {self.spearman:.4f}, best tenth found {self.top_recall:.0%} "
            f"({self.n_folds} folds of {self.n_groups} mixtures)",
        ]
        if self.coverage is not None:
            parts.append(
                f"own 90 % intervals hold {self.coverage:.0%}; they would at {self.interval_scale:.2f} times the width"
            )
        if self.upward:
            parts.append(
                f"fitted to the worse 80 %, judged on the best 20 %: error {self.upward['mae']:.4g}, "
                f"Spearman {self.upward['spearman']:.3f}, the pick is {self.upward['regret']:.4g} above the best"
            )
        if self.more_runs:
            parts.append(f"64 more runs: error {self.mae:.4g} -> {self.more_runs['mae']:.4g} expected")
        return "\n".join([*parts, *self.notes])


def spearman(a: Array, b: Array) -> float:
    """Return Spearman's rank correlation, 0 where one side is constant.

    Examples
    --------
    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0])), 12)
    1.0
    """
    from scipy.stats import rankdata

    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def top_recall(predicted: Array, measured: Array, share: float = 0.1) -> float:
    """Return which share of the lowest measured are among the lowest predicted."""
    k = max(1, round(share * len(measured)))
    best = set(np.argsort(measured, kind="stable")[:k].tolist())
    return len(best & set(np.argsort(predicted, kind="stable")[:k].tolist())) / k


def calibration(error: Array, std: Array) -> tuple[float, float]:
    """Return the coverage of 90 % intervals and the factor on `std` that would make it 90 %."""
    ratio = np.abs(error) / np.maximum(NORMAL_90 * std, 1e-300)
    return float(np.mean(ratio <= 1)), float(np.quantile(ratio, 0.9))


def expected_error(curve: tuple[tuple[int, float], ...], n_runs: int, mae: float, more: int = 64) -> dict[str, float]:
    """Return the error expected with `more` runs, from the power of n (0 to 1) that the curve follows."""
    if len(curve) < 2 or min(error for _, error in curve) <= 0:
        return {}
    log_n, log_error = np.log(np.array(curve)).T
    slope = float(np.clip(np.polyfit(log_n, log_error, 1)[0], -1.0, 0.0))
    return {"n_runs": float(n_runs + more), "mae": mae * (1 + more / n_runs) ** slope}
