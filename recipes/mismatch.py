"""Epochs of every cell in the runs against those at the target, and the pools that make new proxies repeat alike.

A proxy that draws from the whole corpus reads every document once; the target reads the scarce cells many times. What the
proxy then says of a scarce cell is not about the target. The remedy is to subsample: if every cell is cut to the fraction
D_proxy / D_target of its tokens, any recipe repeats in the proxy as it does at the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from infolaw.observations import Observations
from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.rendering import amount
from infolaw.units import Array

from .corpus import Corpus

SLACK = 1.25
"""Factor by which epochs may differ and still count as alike."""
_SHOWN = 6


@dataclass(frozen=True)
class CellEpochs:
    """Passes over one cell: range over the runs that drew from it, and at the target; 0 = not drawn from."""

    cell: str
    lowest: float
    highest: float
    target: float

    @property
    def is_beyond(self) -> bool:
        """Whether the target repeats the cell more than any run did."""
        return self.target > max(self.highest, 1.0) * SLACK

    @property
    def is_below(self) -> bool:
        """Whether every run repeated the cell more than the target does."""
        return 0 < self.target < self.lowest / SLACK


@dataclass(frozen=True)
class Mismatch:
    """How runs and target repeat, cell by cell, and what would make proxies match.

    Attributes
    ----------
    cells : tuple of CellEpochs
        In the law's cells.
    proxy_tokens, target_tokens : float
        Tokens of a proxy, and of the target [tokens].
    pools : dict
        Tokens to keep of every corpus cell, so that a proxy of `proxy_tokens` repeats as the target does [tokens].
    """

    cells: tuple[CellEpochs, ...]
    proxy_tokens: float
    target_tokens: float
    pools: dict[str, float]

    @property
    def is_matched(self) -> bool:
        """Whether the runs have repeated every cell about as the target does."""
        return not any(cell.is_beyond or cell.is_below for cell in self.cells)

    def warning(self) -> str | None:
        """One sentence on the cells that differ, or None."""
        differing = sorted((c for c in self.cells if c.is_beyond), key=lambda c: -c.target / max(c.highest, 1.0))
        below = [c for c in self.cells if c.is_below]
        if not differing and not below:
            return None
        at_target = "{0.cell} is read {0.target:.3g} times at the target and at "
        said = [(at_target + "most {0.highest:.3g} times in the runs").format(cell) for cell in differing[:3]]
        said += [(at_target + "least {0.lowest:.3g} times in the runs").format(cell) for cell in below[:3]]
        rest = len(differing) + len(below) - len(said)
        more = f", and {rest} cells more" if rest else ""
        return f"mismatch of repetition: {'; '.join(said)}{more}: what the runs say of these cells is extrapolated."

    def remedy(self) -> str:
        """One sentence on the pools of matched proxies."""
        pools = [f"{cell} {amount(tokens)}" for cell, tokens in list(self.pools.items())[:_SHOWN]]
        more = f" and {len(self.pools) - _SHOWN} more" if len(self.pools) > _SHOWN else ""
        share, said = self.proxy_tokens / self.target_tokens, ", ".join(pools)
        return (
            f"matched proxies of {amount(self.proxy_tokens)} tokens: keep {share:.3g} of every cell ({said}{more} tokens) "
            "and draw from those, then any recipe repeats as at the target."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "cells": [asdict(cell) for cell in self.cells]}


def observations_of(predictor: Predictor) -> Observations | None:
    """Return the rows that a predictor was fitted to, where it keeps them."""
    part = getattr(predictor, "parts", (predictor,))[0]
    found: Observations | None = getattr(part, "observations", None)
    return found


def runs_of(predictor: Predictor) -> Points | None:
    """Return the runs that a predictor was fitted to, where it keeps them."""
    seen = observations_of(predictor)
    return None if seen is None else seen.points


def find_mismatch(
    runs: Points, cells: Sequence[str], corpus: Corpus, weights: Array, tokens: float, proxy_tokens: float | None = None
) -> Mismatch:
    """Compare the epochs of runs with those of a recipe at its target.

    Parameters
    ----------
    runs : Points
        Runs in the cells of the law.
    cells : sequence of str
        Names of those cells; the corpus' cells are summed up to them.
    corpus : Corpus
    weights : ndarray, (n_cells of the corpus,)
        Recipe at the target.
    tokens : float
        Tokens of the target [tokens].
    proxy_tokens : float, optional
        Tokens of the proxies to match [tokens]; the median of the runs by default.

    Returns
    -------
    Mismatch
    """
    up = corpus.aggregate(cells)
    trained = np.bincount(up, np.asarray(weights) * tokens, len(cells))
    supply = np.bincount(up, corpus.unique_tokens, len(cells))
    target = np.where(trained > 0, np.maximum(trained / np.where(supply > 0, supply, np.inf), 1.0), 0.0)
    drawn = runs.cell_tokens > 0
    lowest = np.where(drawn.any(0), np.where(drawn, runs.cell_epochs, np.inf).min(0), 0.0)
    highest = runs.cell_epochs.max(0)
    rows = zip(cells, lowest.tolist(), highest.tolist(), target.tolist(), strict=True)
    size = float(np.median(runs.tokens)) if proxy_tokens is None else proxy_tokens
    kept = corpus.unique_tokens * min(size / tokens, 1.0)
    return Mismatch(
        tuple(CellEpochs(*row) for row in rows), size, tokens, dict(zip(corpus.names, kept.tolist(), strict=True))
    )
