"""What a sample is asked for, and the copy table that gives it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..sampling.buckets import bucket_table
from ..sampling.copy_table import CopyTable
from ..sampling.merged import MergedHistogram
from ..sampling.params import SamplerParams
from .tasks import fingerprint_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..sampling.criteria import Criteria

EDGES = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Ranks between the buckets of a report, unless the corpus says otherwise."""


@dataclass(frozen=True)
class Request:
    """Sampler parameters, or a recipe and its tokens.

    Parameters
    ----------
    params : SamplerParams, optional
    weights : mapping of str to float, optional
        A recipe: share of the tokens by cell; exactly one of the two.
    tokens : int, optional
        What the sample comes to, every copy counted [tokens]. A recipe needs it; parameters are scaled to it.
    max_epochs : int, optional
        More copies of a document are refused.
    edges : tuple of float
        Rank edges of the quality buckets, 0 to 1.
    stated_buckets : int, optional
        Where documents state their bucket and the recipe weighs by it: how many there are.
    before : Request, optional
        The stage before, drawn with the same seed: what it leaves unread comes first, and only then all over again.

    Raises
    ------
    RecipeError
        If neither or both of parameters and weights are given, or a recipe without tokens.
    """

    params: SamplerParams | None = None
    weights: Mapping[str, float] | None = None
    tokens: int | None = None
    max_epochs: int | None = None
    edges: tuple[float, ...] = EDGES
    stated_buckets: int | None = None
    before: Request | None = None

    def __post_init__(self) -> None:
        if (self.params is None) == (self.weights is None):
            raise RecipeError("A sample follows sampler parameters or a recipe; give one of them.")
        if self.weights is not None and self.tokens is None:
            raise RecipeError("A recipe says shares, not how much; give --tokens, or a plan, which has them.")
        if (self.tokens is not None and self.tokens < 1) or (self.max_epochs is not None and self.max_epochs < 1):
            raise RecipeError(f"--tokens {self.tokens} and --epochs {self.max_epochs} must be 1 or more.")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that is asked."""
        params = None if self.params is None else self.params.to_dict()
        weights = None if self.weights is None else dict(self.weights)
        rest = (
            self.tokens,
            self.max_epochs,
            self.edges,
            self.stated_buckets,
            *([self.before.fingerprint] if self.before else []),
        )
        return fingerprint_of(json.dumps(params), json.dumps(weights), *rest)

    def merge_weights(self, domains: tuple[str, ...], criteria: Criteria) -> list[list[float]] | None:
        """Criterion weights by domain, in the order of the criteria; None for equal ones, as a recipe's buckets have.

        Raises
        ------
        RecipeError
            If a domain or criterion has no parameters; the message names both sets.
        """
        if self.params is None:
            return None
        if set(self.params.criteria) != set(criteria.names):
            raise RecipeError(
                f"The parameters weigh {', '.join(self.params.criteria) or 'nothing'}; the documents are scored by "
                f"{', '.join(criteria.names) or 'nothing'}: name the same scores (--score NAME=COLUMN:higher or :lower)."
            )
        order = [self.params.criteria.index(name) for name in criteria.names]
        weights: list[list[float]] = self.params.aligned(domains).criterion_weights[:, order].tolist()
        return weights

    def table(self, merged: MergedHistogram, factor: float = 1.0) -> CopyTable:
        """Copy table, its expected tokens `factor` times what is asked.

        Raises
        ------
        RecipeError
            If a document would be read more often than `max_epochs`, or a cell cannot give its tokens.
        """
        if self.params is None:
            edges = None if self.stated_buckets is not None else self.edges
            table = CopyTable.from_recipe(dict(self.weights or {}), float(self.tokens or 0) * factor, merged, edges)
        else:
            table = CopyTable.from_params(self.params, merged)
            scale = factor * self.scale(merged)
            table = table if scale == 1 else CopyTable.from_copies(table.domains, table.copies * scale)
        if self.max_epochs is not None and table.max_copies > self.max_epochs:
            row, place = np.unravel_index(int(np.argmax(table.copies)), table.copies.shape)
            raise RecipeError(
                f"Documents of {table.domains[row]} would be read up to {table.copies[row, place]:.4g} times, so "
                f"{table.max_copies} copies of some; --epochs allows {self.max_epochs}: ask for fewer tokens, or allow more."
            )
        return table

    def scale(self, merged: MergedHistogram) -> float:
        """What copies by parameters are multiplied by to meet the tokens."""
        if self.params is None or self.tokens is None:
            return 1.0
        alone = float((CopyTable.from_params(self.params, merged).copies * merged.tokens).sum())
        if not alone:
            raise RecipeError("The parameters draw no token of these documents; raise their floor or cutoff.")
        return self.tokens / alone

    def notes(self, merged: MergedHistogram) -> list[str]:
        """What a reader must know of the table."""
        scale = self.scale(merged)
        if scale == 1 or self.tokens is None:
            return []
        return [f"the parameters alone give {self.tokens / scale:.4g} tokens; copies are multiplied by {scale:.4g}"]

    def buckets(self, merged: MergedHistogram) -> tuple[NDArray[np.int16], tuple[str, ...]]:
        """Bucket of every bin, ``(n_domains, n_bins)``, and the names of the cells, domain by bucket."""
        if self.stated_buckets is not None:
            table = np.broadcast_to(np.arange(merged.n_bins, dtype=np.int16), merged.tokens.shape)
            n_buckets = self.stated_buckets
        else:
            table, n_buckets = bucket_table(merged, self.edges), len(self.edges) - 1
        return np.ascontiguousarray(table), tuple(f"{d}/q{k}" for d in merged.domains for k in range(n_buckets))


def spread(table: CopyTable, merged: MergedHistogram) -> float:
    """Standard deviation of the tokens of a draw, from above: documents of a bin may differ [tokens]."""
    fraction: Array = table.copies % 1.0
    mean = merged.tokens / np.maximum(merged.documents, 1)
    return float(np.sqrt(4 * (mean**2 * merged.documents * fraction * (1 - fraction)).sum()))
