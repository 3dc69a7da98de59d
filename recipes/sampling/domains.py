"""Matching the domains of a batch with those of a table, and checking a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError

from ..batch import Batch
from .criteria import Criteria
from .order_keys import Domains

Slots = NDArray[np.uint32]
"""Domain and bin in one number: tables have at most 2^24 of them."""


def domain_indices(names: Sequence[str], known: Sequence[str]) -> Domains:
    """Index into `known` of each of `names`, ``(len(names),)``; -1 where it is not there."""
    position = {name: index for index, name in enumerate(known)}
    return np.array([position.get(name, -1) for name in names], dtype=np.int32)


def present(codes: NDArray[np.integer], n_names: int) -> NDArray[np.bool_]:
    """Which of the codes 0 to `n_names` - 1 occur, ``(n_names,)``; none may lie outside."""
    from .sample_kernels import mark_codes

    seen = np.zeros(n_names, np.bool_)
    mark_codes(np.ascontiguousarray(codes, np.int32), seen)
    return seen


def translated(codes: NDArray[np.integer], index: Domains) -> Domains:
    """What stands in `index` at each of the codes, ``(n,)``; `RecipeError` if one lies outside."""
    from .sample_kernels import translate

    if len(codes) and not 0 <= codes.min() <= codes.max() < len(index):
        raise RecipeError(f"Documents have domain codes {codes.min()} to {codes.max()}; {len(index)} domains are named.")
    found = np.empty(len(codes), np.int32)
    translate(np.ascontiguousarray(codes, np.int32), index, found)
    return found


def known_domains(domain: NDArray[np.integer], names: Sequence[str], known: Sequence[str], what: str) -> Domains:
    """Index into `known` of the domain of each document, ``(n,)``.

    Raises
    ------
    RecipeError
        If a document has a domain that is not `known`; the message names both sets.
    """
    index = domain_indices(names, known)
    found = translated(domain, index)
    if index.min(initial=0) < 0 and found.min(initial=0) < 0:
        lost = sorted({names[code] for code in np.unique(np.asarray(domain)[found < 0])})
        raise RecipeError(
            f"The documents hold the domain {', '.join(lost)}, which the {what} does not know; it knows "
            f"{', '.join(known)}. Rename the domain, or make the {what} with it."
        )
    return found


def check_batch(batch: Batch, criteria: Criteria) -> None:
    """Raise `RecipeError` if a batch breaks a rule; the message gives the row inside the batch."""
    n = len(batch)
    if batch.scores.shape != (n, len(criteria)) or len(batch.tokens) != n or len(batch.domain) != n:
        raise RecipeError(
            f"A batch has {n} ids, {len(batch.domain)} domains, {len(batch.tokens)} tokens and scores of shape "
            f"{batch.scores.shape}; {len(criteria)} criteria are declared: give one value each a document."
        )
    if not n:
        return
    if batch.tokens.min() < 0:
        row = int(np.flatnonzero(batch.tokens < 0)[0])
        raise RecipeError(f"Row {row} has {batch.tokens[row]} tokens; tokens are 0 or more: repair the column.")
    if batch.domain.min() < 0 or batch.domain.max() >= len(batch.domains):
        row = int(np.flatnonzero((batch.domain < 0) | (batch.domain >= len(batch.domains)))[0])
        raise RecipeError(f"Row {row} has no domain (code {batch.domain[row]}); give every document one.")
    if criteria.missing == "refuse" and np.isnan(batch.scores).any():
        row, column = np.argwhere(np.isnan(batch.scores))[0]
        raise RecipeError(
            f"Row {row} has no score {criteria.names[column]!r}; repair it, or let missing scores count as the worst."
        )


def slots_of(domain: NDArray[np.integer], n_domains: int, bins: NDArray[np.integer], n_bins: int) -> Slots:
    """Slot in a table of each document, ``(n,)``: domain times `n_bins`, plus bin.

    Raises
    ------
    RecipeError
        If a document lies in no domain or bin of the table: compiled loops do not look.
    """
    for name, places, size in (("domain", domain, n_domains), ("bin", bins, n_bins)):
        if places.size and not 0 <= int(places.min()) <= int(places.max()) < size:
            raise RecipeError(
                f"Documents lie in {name}s {places.min()} to {places.max()}, the table has {size}: make both of one profile."
            )
    return (domain.astype(np.int64) * n_bins + bins).astype(np.uint32)
