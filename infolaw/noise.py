"""Noise of the runs: what repeated seeds say of it, and rows that are measured better than others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import RunTableError
from .objectives import HUBER_FLOOR, robust_sd
from .units import Array

if TYPE_CHECKING:
    import pandas as pd

    from .runs import RunTable

_OUTCOMES = ("run_id", "seed", "flops", "epochs", "lr_schedule_complete")
_NORMAL_95 = 1.959964
KIND_ROWS = 5.0
"""Rows at the noise of all that a kind's own is drawn to."""


@dataclass(frozen=True)
class SeedNoise:
    """Scatter of log loss between runs that are equal in everything but their seed.

    Attributes
    ----------
    sd : float
        Pooled standard deviation of log loss.
    df : int
        Its degrees of freedom: repeats beyond the first of each run.
    """

    sd: float
    df: int

    @classmethod
    def of(cls, frame: pd.DataFrame, losses: Array) -> SeedNoise | None:
        """Pool the scatter of repeated seeds; None where no run is repeated, and the noise is unknown.

        Runs are the same if they agree in sizes, weights, supplies, and every other column that can be a setting: more
        than half of its cells stand in another row too. What is nearly always distinct (a final metric, seconds, a
        name) is an outcome. Of several rows with one seed the first counts.
        """
        if "seed" not in frame:
            return None
        settings = [name for name in frame.columns if _is_setting(frame, name)]
        run = frame.groupby(settings, sort=False, dropna=False).ngroup().to_numpy()
        keys = frame.assign(_run=run).drop_duplicates(["_run", "seed"]).index
        first = frame.index.isin(keys)
        run, log_losses = run[first], np.log(losses[first])
        member = np.unique(run, return_inverse=True)[1].ravel()
        count = np.bincount(member)
        mean = np.bincount(member, log_losses) / count
        squares = float(((log_losses - mean[member]) ** 2).sum())
        df = len(run) - len(count)
        return cls(float(np.sqrt(squares / df)), df) if df else None

    def sentence(self) -> str:
        """Say how large the noise is."""
        return f"seed noise {100 * self.sd:.2g} % of the loss (repeated seeds, {self.df} degrees of freedom)"

    def excess(self, scatter: float) -> str | None:
        """Warn where a law misses the runs by more than three times their noise."""
        if scatter <= 3 * self.sd:
            return None
        return (
            f"scatter about the fit {100 * scatter:.2g} %, seed noise {100 * self.sd:.2g} %: the law misses "
            f"{scatter / max(self.sd, 1e-12):.0f} times the noise. More seeds will not help; another law, or runs nearer to "
            "the target, would."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for files."""
        return asdict(self)


def _is_setting(frame: pd.DataFrame, name: str) -> bool:
    if name in ("n_params", "tokens", "unique_tokens") or name.startswith(("weight:", "unique:")):
        return True
    if name in _OUTCOMES or name.startswith(("loss", "epochs:")):
        return False
    return bool(frame[name].duplicated(keep=False).mean() > 0.5)


def measured_sd(runs: RunTable, column: str, losses: Array) -> tuple[Array, str] | None:
    """Standard deviation of each row's log loss as the table gives it, and the columns it comes from.

    For a target ``loss`` these are ``loss_sd``, ``loss_stderr``, or the ends ``loss_lo95`` and ``loss_hi95``; for
    ``loss:T`` the same with ``:T`` at the end. A row without one gets the median of the others.

    Raises
    ------
    RunTableError
        If a standard deviation is negative.
    """
    name, _, of = column.partition(":")
    names = [f"{name}_{end}" + (f":{of}" if of else "") for end in ("sd", "stderr", "lo95", "hi95")]
    frame = runs.frame
    given = [key for key in names[:2] if key in frame]
    if given:
        values, source = frame[given[0]].to_numpy(float), given[0]
    elif names[2] in frame and names[3] in frame:
        values = (frame[names[3]].to_numpy(float) - frame[names[2]].to_numpy(float)) / (2 * _NORMAL_95)
        source = f"{names[2]} and {names[3]}"
    else:
        return None
    if not np.isfinite(values).any():
        return None
    if (values < 0).any():
        row = frame.index[int(np.argmax(values < 0))]
        raise RunTableError(f"{runs.source or 'the run table'}, row {row}: {source} gives a negative standard deviation.")
    return np.where(np.isfinite(values), values, np.nanmedian(values)) / losses, source


def row_spreads(residuals: Array, measured: Array, n_free: float) -> tuple[Array, float]:
    """Noise of each row relative to the typical row's, and the common scatter beside what was measured.

    The common standard deviation of log loss is such that the residuals over sqrt(measured^2 + common^2) have a robust
    standard deviation of 1 (Paule and Mandel's rule); 0 where the measured noise explains all.

    Parameters
    ----------
    residuals, measured : ndarray, (n_rows,)
        Of log loss.
    n_free : float
        Values that the fit has taken from the rows.
    """
    floor = np.square(measured) + HUBER_FLOOR**2
    low, high = 0.0, 10 * max(robust_sd(residuals, round(n_free)), HUBER_FLOOR)
    for _ in range(50):
        common = 0.5 * (low + high)
        total = np.sqrt(floor + common**2)
        low, high = (common, high) if robust_sd(residuals / total, round(n_free)) > 1 else (low, common)
    total = np.sqrt(floor + high**2)
    return np.asarray(total / np.median(total)), high


def kind_spreads(residuals: Array, leverage: Array, kind: Array) -> Array:
    """Noise of each row relative to the typical row's, (n_rows,), where rows of one kind share it.

    Parameters
    ----------
    residuals : ndarray, (n_rows,)
        Of log loss.
    leverage : ndarray, (n_rows,)
        Share of each row that the fit has taken from it.
    kind : ndarray of int, (n_rows,)

    Notes
    -----
    Mean squares by kind over the rows that the fit has left, their logarithms drawn to that of all rows as by `KIND_ROWS`
    rows more.
    """
    left, squares = 1.0 - leverage, np.square(residuals)
    pooled, spread = np.log(squares.sum() / left.sum()), np.empty(len(residuals))
    for one in np.unique(kind):
        own = kind == one
        n_left = left[own].sum()
        alone = np.log(max(float(squares[own].sum() / n_left), HUBER_FLOOR**2))
        spread[own] = np.exp(0.5 * (n_left * alone + KIND_ROWS * pooled) / (n_left + KIND_ROWS))
    return np.asarray(spread / np.median(spread))
