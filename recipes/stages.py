"""A plan in stages: what each stage reads, with the tokens left in every cell carried on; the totals are the plan's.

A law over total tokens cannot see their order. What is known of order is that the end counts for more: mixing the best
data into the decay of the learning rate beats reading them evenly (Hu et al. 2024, MiniCPM, arXiv:2404.06395, section 5).
How much more is for the user to say: with `decay_weight` W a token of the last stage counts W times one before it,
repetition counts as it happens, and the last stage reads what then lowers the loss most out of the plan's totals. In no
stage does a cell's share leave the range from 1/W to W times its share of what is left: runs have not shown what an extreme
order does. With W = 1 every stage has the plan's recipe. Stages are planned again from what has been consumed
(`Constraints.consumed`), as TiKMiX does between stages (Wang et al. 2025, arXiv:2508.17677), here with the law in place of
measured influence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from infolaw.errors import RecipeError
from infolaw.points import Points
from infolaw.units import Array

from .pricer import Pricer
from .weight_search import Limits, best_weights


@dataclass(frozen=True)
class StageCell:
    """One cell in one stage [tokens]: read in it, never read before it, never read after it; epochs so far."""

    cell: str
    weight: float
    trained: float
    unread_before: float
    unread_after: float
    epochs_after: float


@dataclass(frozen=True)
class Stage:
    """One stage of a run: from the token `start` to `end`, its recipe, and what it leaves of every cell."""

    number: int
    start: float
    end: float
    cells: tuple[StageCell, ...]

    @property
    def weights(self) -> dict[str, float]:
        """Shares of the stage's tokens, by cell."""
        return {cell.cell: cell.weight for cell in self.cells}


@dataclass(frozen=True)
class Schedule:
    """Stages of a run.

    Attributes
    ----------
    stages : tuple of Stage
    decay_weight : float
        How many times a token of the last stage counts.
    gain : float
        Fall of the loss against the same recipe in every stage, if that weight is right [nats/token].
    consumed : mapping
        Tokens of each cell read before the first stage.
    """

    stages: tuple[Stage, ...]
    decay_weight: float
    gain: float
    consumed: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "consumed": dict(self.consumed)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schedule:
        """Read what `to_dict` wrote."""
        stages = [Stage(**{**one, "cells": tuple(StageCell(**cell) for cell in one["cells"])}) for one in data["stages"]]
        return cls(tuple(stages), data["decay_weight"], data["gain"], data["consumed"])


def parse_stages(text: str) -> tuple[float, ...]:
    """Shares of the stages from ``0.8,0.2``.

    Raises
    ------
    RecipeError
        If they are no positive numbers that sum to one.

    Examples
    --------
    >>> parse_stages("0.8,0.2")
    (0.8, 0.2)
    """
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise RecipeError(f"--stages {text!r} is no list of shares that sum to 1: write such as 0.8,0.2.")
    return shares


def make_schedule(
    pricer: Pricer, n_params: float, tokens: float, weights: Array, shares: Sequence[float], decay_weight: float = 1.0
) -> Schedule:
    """Split a plan into stages.

    Parameters
    ----------
    pricer : Pricer
        Law, corpus and constraints of the plan; ``constraints.consumed`` has been read already.
    n_params, tokens : float
        Size and tokens of the whole run.
    weights : ndarray, (n_cells,)
        Recipe of the whole run.
    shares : sequence of float
        Of each stage in the tokens that are still to be read, in order, summing to one.
    decay_weight : float
        How many times a token of the last stage counts; at least 1.

    Raises
    ------
    RecipeError
        If the weight is below 1, or nothing is left to read.
    """
    if not 1 <= decay_weight < np.inf:
        raise RecipeError(f"--decay-weight {decay_weight:g} must be 1 (order does not matter) or more.")
    names = pricer.corpus.names
    before = np.array([pricer.constraints.consumed.get(name, 0.0) for name in names])
    left = np.maximum(weights * tokens - before, 0.0)
    if left.sum() <= 0:
        raise RecipeError(f"{before.sum():.4g} tokens were consumed of {tokens:.4g}: nothing is left to plan.")
    last, gain = _last(pricer, n_params, tokens, weights, left, float(shares[-1]), decay_weight)
    early = (left - last) / max(1.0 - shares[-1], 1e-12)
    reads = [*(early * share for share in shares[:-1]), last]
    stages, done = [], before
    for number, read in enumerate(reads, start=1):
        stages.append(_stage(pricer, number, done, read))
        done = done + read
    return Schedule(tuple(stages), decay_weight, gain, dict(pricer.constraints.consumed))


def _last(
    pricer: Pricer, n_params: float, tokens: float, weights: Array, left: Array, share: float, decay_weight: float
) -> tuple[Array, float]:
    """Tokens of each cell in the last stage, and what the order gains if the weight is right."""
    even = left * share
    if decay_weight == 1 or share >= 1 or pricer.is_blind:
        return even, 0.0
    total, size = weights * tokens, float(even.sum())

    def losses(recipes: Array) -> Array:
        return pricer.predictor.predict(weighed(pricer, n_params, total, recipes * size, decay_weight))

    early = 1.0 - share
    most = min(decay_weight, (1.0 - early / decay_weight) / share)
    least = max(1.0 / decay_weight, (1.0 - early * decay_weight) / share)
    limits = Limits(np.maximum(left, 1e-9 * size), size, least * even, most * even)
    starts = np.vstack([even / size, limits.starts(pricer.quality)])
    best = best_weights(losses, limits, starts)
    gain = losses(np.vstack([even / size, best]))
    return best * size, float(gain[0] - gain[1])


def weighed(pricer: Pricer, n_params: float, total: Array, late: Array, decay_weight: float) -> Points:
    """Points of runs whose late tokens count `decay_weight` times; passes over a cell stay what they are.

    Parameters
    ----------
    total : ndarray, (n_cells,)
        Tokens of each cell in the whole run.
    late : ndarray, (n_points, n_cells)
        Those of them in the last stage.
    """
    counted = total + (decay_weight - 1.0) * np.atleast_2d(late)
    counted = counted * (total.sum() / counted.sum(1, keepdims=True))
    onto = np.eye(len(pricer.predictor.schema.cells))[pricer.cells]
    cells, read, supply = counted @ onto, total @ onto, pricer.corpus.unique_tokens @ onto
    supply = np.where(read > 0, supply * cells / np.where(read > 0, read, 1.0), np.inf)
    n = len(counted)
    return Points(
        np.full(n, n_params), cells.sum(1), cells, np.where(cells > 0, supply, np.inf), np.full(n, pricer.group, np.intp)
    )


def _stage(pricer: Pricer, number: int, done: Array, read: Array) -> Stage:
    supply, after = pricer.corpus.unique_tokens, done + read
    columns = np.stack(
        [read / read.sum(), read, np.maximum(supply - done, 0.0), np.maximum(supply - after, 0.0), after / supply], axis=1
    )
    cells = tuple(StageCell(name, *row) for name, row in zip(pricer.corpus.names, columns.tolist(), strict=True))
    return Stage(number, float(done.sum()), float(after.sum()), cells)
