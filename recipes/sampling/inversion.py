"""Inversion: the QuaDMix parameters whose draw comes nearest to wanted tokens by domain and bucket, and how near.

Expected tokens are linear in the floor and separate over domains, so each domain is a search over three numbers
(cutoff, log steepness, exponent) with the floor in closed form: a grid that closes in on its best point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from .buckets import bucket_sums
from .copy_table import CopyTable
from .induced import induced
from .merged import MergedHistogram
from .params import SamplerParams, expected_copies

GRID = (9, 7, 7)
ROUNDS = 24
SHRINK = 0.65
KNOTS = 400
"""Bins inside the cutoff are pooled to so many in every round."""
OFF = 0.01
"""A cell whose tokens miss what is wanted by more than this share is named."""
OVER = 30.0
"""Weight of tokens above a cap against tokens missed."""


@dataclass(frozen=True)
class Box:
    """Range of each parameter; by default that of Alg. 1 (copies at most 2.001, cutoff at most .1)."""

    cutoff: tuple[float, float] = (0.0, 0.1)
    steepness: tuple[float, float] = (1.0, 1000.0)
    exponent: tuple[float, float] = (0.0, 1.0)
    floor: tuple[float, float] = (0.0, 0.001)

    def __post_init__(self) -> None:
        for name in ("cutoff", "steepness", "exponent", "floor"):
            low, high = getattr(self, name)
            if not 0 <= low <= high < np.inf or (name == "steepness" and low == 0) or (name == "cutoff" and high > 1):
                raise RecipeError(f"The range of {name} is {low:g} to {high:g}; give 0 <= low <= high, finite.")


@dataclass(frozen=True)
class Inversion:
    """The nearest parameters and how far they are.

    Attributes
    ----------
    params : SamplerParams
    wanted, reached : (n_domains, n_buckets) [tokens]
        `reached` is what the copy table of `params` gives in expectation.
    sentences : tuple of str
        One for each cell that the form cannot give, and for each that a cap cut; empty where all is met.
    """

    params: SamplerParams
    wanted: Array
    reached: Array
    sentences: tuple[str, ...]

    @property
    def is_met(self) -> bool:
        """Whether every cell comes within 1 % of what is wanted."""
        return not self.sentences

    @property
    def wanted_shares(self) -> Array:
        """Wanted share of each cell in all wanted tokens."""
        return self.wanted / float(self.wanted.sum())

    @property
    def reached_shares(self) -> Array:
        """Reached share of each cell in all reached tokens."""
        return self.reached / max(float(self.reached.sum()), np.finfo(float).tiny)

    @property
    def distance(self) -> float:
        """Share of the tokens that lie in other cells than wanted (total variation), 0 to 1."""
        return float(np.abs(self.wanted_shares - self.reached_shares).sum() / 2)


def invert(
    wanted: ArrayLike,
    merged: MergedHistogram,
    criteria: Sequence[str],
    criterion_weights: ArrayLike,
    buckets: NDArray[np.int16] | None = None,
    max_epochs: ArrayLike | None = None,
    box: Box | None = None,
) -> Inversion:
    """Find the sampler parameters that come nearest to wanted tokens.

    Parameters
    ----------
    wanted : array_like, (n_domains,) or (n_domains, n_buckets)
        Tokens, every copy counted, in the order of ``merged.domains``.
    merged : MergedHistogram
        Of the score merged with `criterion_weights`.
    criteria, criterion_weights : names and (n_domains, n_criteria)
        Kept as they are.
    buckets : (n_domains, n_bins) int16, optional
        Bucket of each bin (`bucket_table`); needed where `wanted` has buckets.
    max_epochs : array_like, optional
        Most tokens of a cell per token that it holds; broadcast against `wanted`.
    box : Box, optional
        Ranges of the parameters; those of Alg. 1 by default.

    Returns
    -------
    Inversion
        Least squares in tokens within each domain. Where the form cannot give what is wanted (with the cutoff in
        [0, .1] a domain gives at most about a fifth of its tokens), ``sentences`` say so.

    Raises
    ------
    RecipeError
        If shapes do not fit, or a number is negative or not finite.
    """
    box = box or Box()
    groups = np.zeros(merged.tokens.shape, np.int16) if buckets is None else buckets
    target = np.asarray(wanted, np.float64)
    target = target[:, None] if target.ndim == 1 else target
    shape = (len(merged.domains), int(groups.max(initial=0)) + 1)
    if target.ndim == 2 and buckets is not None and shape[1] < target.shape[1]:
        shape = target.shape if target.shape[0] == shape[0] else shape
    if target.shape != shape or not np.all(np.isfinite(target) & (target >= 0)) or not target.sum() > 0:
        raise RecipeError(
            f"Wanted tokens of shape {np.shape(wanted)} do not fit {shape[0]} domains with {shape[1]} buckets, "
            "or are negative, not finite or all zero; give one number each."
        )
    available = bucket_sums(merged.tokens, groups, shape[1])
    limit = np.full(shape, np.inf) if max_epochs is None else _limits(max_epochs, shape) * available
    capped = np.minimum(target, limit)
    rank = merged.rank
    fitted = np.array(
        [_fit_domain(rank[d], merged.tokens[d].astype(float), groups[d], capped[d], limit[d], box) for d in range(shape[0])]
    )
    params = SamplerParams(merged.domains, tuple(criteria), np.asarray(criterion_weights, np.float64), *fitted.T)
    found = induced(CopyTable.from_params(params, merged), merged, groups).tokens
    reached = np.zeros(shape)
    reached[:, : found.shape[1]] = found
    return Inversion(params, target, reached, _sentences(merged.domains, target, capped, reached, available, box))


def _limits(max_epochs: ArrayLike, shape: tuple[int, ...]) -> Array:
    caps = np.asarray(max_epochs, np.float64)
    caps = caps[:, None] if caps.ndim == 1 else caps
    if np.any(np.isnan(caps) | (caps < 0)):
        raise RecipeError("Caps on epochs are not negative; repair them.")
    return np.broadcast_to(caps, shape)


def _fit_domain(
    rank: Array, tokens: Array, groups: NDArray[np.int16], wanted: Array, limit: Array, box: Box
) -> tuple[float, float, float, float]:
    """Steepness, cutoff, exponent and floor of one domain."""
    held = np.bincount(groups, tokens, wanted.size)
    if not wanted.sum() or not held.sum():
        return box.steepness[0], box.cutoff[0], box.exponent[0], box.floor[0]
    low = np.array([box.cutoff[0], np.log(box.steepness[0]), box.exponent[0]])
    high = np.array([box.cutoff[1], np.log(box.steepness[1]), box.exponent[1]])
    centre, width = (low + high) / 2, high - low
    chosen = centre, 0.0
    for _ in range(ROUNDS):
        sides = [
            np.unique(np.clip(np.linspace(-0.5, 0.5, n) * width[k] + centre[k], low[k], high[k])) for k, n in enumerate(GRID)
        ]
        ranks, pooled = _pool(rank, tokens, groups, wanted.size, (float(sides[0][0]), float(sides[0][-1])))
        points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
        cutoff, steep, exponent = points.T[:, :, None]
        given = expected_copies(ranks, np.exp(steep), cutoff, exponent, 0.0) @ pooled
        floor = np.clip((wanted - given) @ held / (held @ held), *box.floor)
        error = given + floor[:, None] * held - wanted
        over = np.maximum(given + floor[:, None] * held - limit, 0.0)
        cost = np.square(error).sum(axis=1) + OVER * np.square(over).sum(axis=1)
        place = int(np.argmin(cost))
        chosen = points[place], float(floor[place])  # the last one stays on the grid, and is counted ever finer
        centre, width = chosen[0], width * SHRINK
    (cutoff_, steep_, exponent_), floor_ = chosen
    steepness = float(np.clip(np.exp(steep_), *box.steepness))
    return steepness, float(cutoff_), float(exponent_), floor_


def _pool(
    rank: Array, tokens: Array, groups: NDArray[np.int16], n_buckets: int, cutoffs: tuple[float, float]
) -> tuple[Array, Array]:
    """Bins pooled to about `KNOTS` ranks: ranks ``(k,)``, tokens ``(k, n_buckets)``.

    Half of them lie below the least cutoff to be tried, half between it and the greatest; bins beyond are left out.
    """
    low, high = cutoffs
    inside = (tokens > 0) & (rank <= high)
    if not inside.any():
        return np.zeros(1), np.zeros((1, n_buckets))
    knots = np.concatenate([np.linspace(0, low, KNOTS // 2), np.linspace(low, high, KNOTS // 2)])
    cell = np.searchsorted(knots, rank[inside], side="right") - 1
    held = np.bincount(cell, tokens[inside], KNOTS)
    ranks = np.bincount(cell, tokens[inside] * rank[inside], KNOTS) / np.maximum(held, 1.0)
    spots = cell * n_buckets + groups[inside]
    pooled = np.bincount(spots, tokens[inside], KNOTS * n_buckets).astype(np.float64).reshape(KNOTS, n_buckets)
    return ranks[held > 0], pooled[held > 0]


def _sentences(
    domains: Sequence[str], wanted: Array, capped: Array, reached: Array, available: Array, box: Box
) -> tuple[str, ...]:
    said = []
    for d, domain in enumerate(domains):
        for k in range(wanted.shape[1]):
            name = domain if wanted.shape[1] == 1 else f"{domain}/q{k}"
            if capped[d, k] < wanted[d, k] * (1 - OFF):
                said.append(
                    f"{name}: {wanted[d, k]:.4g} tokens are wanted, and the cap on epochs allows {capped[d, k]:.4g} of "
                    f"the {available[d, k]:.4g} there are."
                )
            if abs(reached[d, k] - capped[d, k]) > OFF * max(capped[d, k], 0.1 * capped[d].sum()):
                said.append(
                    f"{name}: {capped[d, k]:.4g} tokens are wanted, and the nearest this form comes is "
                    f"{reached[d, k]:.4g} (cutoff at most {box.cutoff[1]:g}, copies at most "
                    f"{2 ** box.exponent[1] + box.floor[1]:.4g}, floor at most {box.floor[1]:g}); a recipe, which "
                    "compiles to a table of its own, can give it."
                )
    return tuple(said)
