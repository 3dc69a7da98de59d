"""How tokens of one set of cells fall into another: up by name, down by what the corpus holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..corpus import Corpus


def pouring(cells: Sequence[str], into: Sequence[str], corpus: Corpus) -> Array:
    """Share of the tokens of each of `cells` that falls into each of `into`, ``(n_cells, n_into)``; rows sum to 1.

    A cell split by the corpus is split as the corpus holds it: inside a domain, buckets by their distinct tokens.

    Raises
    ------
    RecipeError
        If the corpus has nothing of one of the cells, or does not know cells of these names.

    Examples
    --------
    >>> from recipes import Cell
    >>> corpus = Corpus((Cell("web/q0", 1e9), Cell("web/q1", 3e9), Cell("code/q0", 1e9)))
    >>> pouring(["web", "code"], ["q0", "q1"], corpus).tolist()
    [[0.25, 0.75], [1.0, 0.0]]
    """
    if set(cells) == set(into):
        return np.array([[float(a == b) for b in into] for a in cells])
    held = np.zeros((len(cells), len(into)))
    np.add.at(held, (corpus.aggregate(cells), corpus.aggregate(into)), corpus.unique_tokens)
    total = held.sum(1, keepdims=True)
    empty = [cell for cell, tokens in zip(cells, total[:, 0], strict=True) if not tokens > 0]
    if empty:
        raise RecipeError(
            f"The corpus ({', '.join(corpus.names)}) holds nothing of the runs' cells {', '.join(empty)}: use the corpus of "
            "these runs, or leave the runs that draw from them out."
        )
    return np.asarray(held / total)


def is_whole(table: Array) -> bool:
    """Whether each cell falls into one cell alone."""
    return bool((table.max(1) >= 1 - 1e-12).all())
