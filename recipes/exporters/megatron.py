"""Megatron-LM, Megatron Bridge, NeMo: a zipped list of weights and data-set prefixes.

One pair a line. The text is both the file for ``--data-args-path`` and, unquoted, the arguments of ``--data-path``:
either is split at white space. Weights are shares of the training samples, whatever the size of the data sets, and
samples all have the same number of tokens: so they are token shares. Epochs follow from them and ``--train-samples``.
"""

from __future__ import annotations

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..cell import Cell
from ..corpus import Corpus
from .paths import path_shares


def export(weights: Array, corpus: Corpus, tokens: float, seed: int) -> str:
    """Lines ``weight prefix``; a cell with several prefixes is split by the tokens at each."""
    lines = []
    for cell, weight in zip(corpus.cells, weights, strict=True):
        if weight > 0:
            lines += [f"{weight * share:.10g} {path}" for path, share in _prefixes(cell)]
    return "\n".join(lines) + "\n"


def _prefixes(cell: Cell) -> list[tuple[str, float]]:
    """Prefixes of a cell with their shares of its tokens."""
    if broken := [path for path in cell.paths if len(path.split()) != 1]:
        raise RecipeError(f"Path {broken[0]!r} of cell {cell.name!r} has white space, where Megatron splits; rename it.")
    return path_shares(cell)
