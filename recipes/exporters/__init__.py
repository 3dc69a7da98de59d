"""Exporters: a recipe in a trainer's own format, one file a trainer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..corpus import Corpus
from . import hf, megatron, olmo_core, streaming

Exporter = Callable[[Array, Corpus, float, int], str]
"""``(weights (n_cells,), corpus, tokens, seed) -> text``; weights are checked, cells with weight have paths."""

EXPORTERS: dict[str, Exporter] = {
    "megatron": megatron.export,
    "olmo-core": olmo_core.export,
    "streaming": streaming.export,
    "hf": hf.export,
}
"""Name of a trainer -> its exporter."""


def export(weights: Array, corpus: Corpus, tokens: float, to: str, *, seed: int = 0) -> str:
    """Text that makes a trainer draw a recipe; the same arguments give the same bytes.

    Parameters
    ----------
    weights : ndarray, (n_cells,)
        Share of the training tokens by corpus cell, summing to one.
    corpus : Corpus
        Where the cells lie.
    tokens : float
        Training tokens, every pass counted [tokens].
    to : str
        A name in `EXPORTERS`.
    seed : int
        Of the trainer's draw, where its format has one.

    Raises
    ------
    RecipeError
        If the trainer is unknown, the weights are none, or a weighted cell lacks what the format needs.
    """
    if to not in EXPORTERS:
        raise RecipeError(f"No exporter for {to!r}; there are {', '.join(EXPORTERS)}.")
    weights = np.asarray(weights, float)
    if weights.shape != (len(corpus.cells),) or not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-6:
        raise RecipeError(f"The weights to export must be {len(corpus.cells)} shares that sum to 1, not {weights}.")
    for cell, weight in zip(corpus.cells, weights, strict=True):
        if weight > 0 and not cell.paths:
            raise RecipeError(
                f"Cell {cell.name!r} has weight {weight:.3g} but no path of its own; add its paths to the corpus, or "
                "write its documents out first with `infolaw sample PLAN PATHS --out DIR`."
            )
    return EXPORTERS[to](weights, corpus, tokens, seed)
