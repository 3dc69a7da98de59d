"""The sampler without bins: ranks by sorting all documents in memory, for small corpora and to check the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..batch import Batch
from .copy_table import FRACTION_BITS, CopyTable
from .criteria import Criteria
from .domains import check_batch, known_domains
from .hashing import copies_key, uniform53
from .order_keys import Floats, Integers
from .params import SHAPES, SamplerParams, expected_copies


def exact_ranks(batch: Batch, criteria: Criteria, params: SamplerParams) -> Array:
    """Rank of each document in its domain, ``(n,)``: eq. 1 and 2 in float64, by sorting.

    Parameters
    ----------
    batch : Batch
        The whole corpus.
    criteria : Criteria
        With the normalisation ``"rank"``; the names are those of `params`.
    params : SamplerParams
        Gives the criterion weights.

    Raises
    ------
    RecipeError
        If the batch breaks a rule, or a domain has no parameters.
    """
    check_batch(batch, criteria)
    if criteria.normalisation != "rank":
        raise RecipeError(f"Exact ranks need the normalisation 'rank', not {criteria.normalisation!r}.")
    if params.criteria != criteria.names:
        raise RecipeError(
            f"The parameters weigh {', '.join(params.criteria)}; the documents have {', '.join(criteria.names)}."
        )
    domain = known_domains(batch.domain, batch.domains, params.domains, "sampler parameters")
    ranks = np.ones(len(batch))
    for d in np.unique(domain):
        rows = np.flatnonzero(domain == d)
        weights = params.criterion_weights[d] / max(params.criterion_weights[d].sum(), np.finfo(float).tiny)
        merged = np.zeros(rows.size)
        for c, sign in enumerate(criteria.signs):
            merged += weights[c] * inclusive_rank(batch.scores[rows, c] * sign, batch.tokens[rows])
        ranks[rows] = inclusive_rank(merged, batch.tokens[rows])
    return ranks


def inclusive_rank(values: Floats, tokens: Integers) -> Array:
    """Share of the tokens whose value is no greater, ``(n,)``; NaN ranks last; 1 throughout if there are no tokens."""
    total = int(tokens.sum())
    if not total:
        return np.ones(len(values))
    order = np.argsort(values, kind="stable")  # NaN comes last
    ranked = values[order]
    new = np.flatnonzero((ranked[1:] != ranked[:-1]) & ~(np.isnan(ranked[1:]) & np.isnan(ranked[:-1])))
    ends = np.append(new, len(values) - 1)
    reached = np.cumsum(tokens[order])[ends] / total
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(reached, np.diff(ends, prepend=-1))
    return ranks


def exact_counts(batch: Batch, criteria: Criteria, params: SamplerParams, seed: int) -> NDArray[np.uint16]:
    """Copies of each document, ``(n,)``: eq. 3 at the exact rank, drawn by the same keys as `CopyTable.counts`."""
    domain = known_domains(batch.domain, batch.domains, params.domains, "sampler parameters")
    shapes = (getattr(params, name)[domain] for name in SHAPES)
    copies = expected_copies(exact_ranks(batch, criteria, params), *shapes)
    fixed = CopyTable.from_copies(("all",), copies[None, :]).fixed[0]
    counts: NDArray[np.uint16] = ((fixed + uniform53(copies_key(batch.ids, seed))) >> np.uint64(FRACTION_BITS)).astype(
        np.uint16
    )
    return counts
