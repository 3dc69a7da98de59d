"""Recipe: the share of the training tokens that each cell gets; ledger: what that means for a corpus."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array, epochs

from .corpus import Corpus

SUM_TOLERANCE = 0.03
"""Weights whose sum is off one by no more are renormalised (published tables are rounded); by more, refused."""


@dataclass(frozen=True)
class Recipe:
    """Weights of the cells: shares of the training tokens, not of documents.

    Parameters
    ----------
    weights : mapping of str to float
        Cell to share; not negative, summing to one (off by up to 3 %: renormalised, `given_sum` keeps what it was).

    Raises
    ------
    RecipeError
        If a weight is negative or not finite, or the sum is off one by more than 3 %.
    """

    weights: Mapping[str, float]
    given_sum: float = field(init=False, compare=False, default=1.0)

    def __post_init__(self) -> None:
        bad = [f"{cell} = {weight}" for cell, weight in self.weights.items() if not 0 <= weight < math.inf]
        if bad:
            raise RecipeError(f"The weight {bad[0]} is not a share; weights are finite and not negative.")
        total = math.fsum(self.weights.values())
        if abs(total - 1) > SUM_TOLERANCE:
            raise RecipeError(f"The weights of the recipe sum to {total:g}, not to 1; divide each by the sum.")
        object.__setattr__(self, "weights", {cell: float(weight / total) for cell, weight in self.weights.items()})
        object.__setattr__(self, "given_sum", total)

    @classmethod
    def natural(cls, corpus: Corpus) -> Recipe:
        """Every cell by its share in the distinct tokens."""
        return cls.from_array(corpus.names, corpus.natural)

    @classmethod
    def best_bucket(cls, corpus: Corpus) -> Recipe:
        """Only the best bucket of every domain, domains by their share in the distinct tokens.

        Raises
        ------
        RecipeError
            If a cell of the corpus has no bucket.
        """
        plain = [cell.name for cell in corpus.cells if cell.bucket is None]
        if plain:
            raise RecipeError(f"The best bucket needs a corpus in buckets; these cells have none: {', '.join(plain)}.")
        worst_first = sorted(corpus.cells, key=lambda cell: corpus.buckets.index(cell.bucket or ""), reverse=True)
        best = {cell.domain: cell.name for cell in worst_first}  # the last, and best, of a domain stays
        weights = dict.fromkeys(corpus.names, 0.0)
        for cell, share in zip(corpus.cells, corpus.natural, strict=True):
            weights[best[cell.domain]] += float(share)
        return cls(weights)

    @classmethod
    def from_array(cls, cells: Sequence[str], weights: Array) -> Recipe:
        """Recipe of `weights` ``(n_cells,)`` in the order of `cells`."""
        return cls(dict(zip(cells, np.asarray(weights, float).tolist(), strict=True)))

    def array(self, cells: Sequence[str]) -> Array:
        """Weights in the order of `cells`, ``(n_cells,)``; a cell that the recipe leaves out has 0.

        Raises
        ------
        RecipeError
            If the recipe weighs a cell that is not among `cells`.
        """
        unknown = [cell for cell in self.weights if cell not in cells]
        if unknown:
            raise RecipeError(f"The recipe weighs {', '.join(unknown)}; the cells are {', '.join(cells)}: use these names.")
        return np.array([self.weights.get(cell, 0.0) for cell in cells])

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """Read a recipe: YAML (schema_version 1, weights) or a CSV with the columns cell and weight."""
        from .files import RecipeFile, named_place, read_pairs, read_yaml

        with named_place(path):
            is_table = Path(path).suffix.lower() == ".csv"
            return cls(read_pairs(path, "weight", "a recipe table") if is_table else read_yaml(path, RecipeFile).weights)

    def write(self, path: str | Path) -> None:
        """Write the recipe as YAML, or as a two-column table where `path` ends in .csv, whole or not at all."""
        from infolaw.files import write_atomically

        from .files import RecipeFile, write_yaml

        if Path(path).suffix.lower() == ".csv":
            table = io.StringIO()
            csv.writer(table, lineterminator="\n").writerows([("cell", "weight"), *self.weights.items()])
            write_atomically(path, table.getvalue())
        else:
            write_yaml(path, RecipeFile(schema_version=1, weights=dict(self.weights)))


@dataclass(frozen=True)
class LedgerRow:
    """What a recipe does to one cell; token counts in tokens, shares in [0, 1].

    `marginal` is the fall of the loss by one more distinct token of the cell, the recipe as it is [nats/token for a token]:
    0 where the cell is not read to its end.
    """

    cell: str
    weight: float
    available: float
    trained: float
    epochs: float
    unique: float
    unique_share: float
    marginal: float = 0.0


def ledger(weights: Array, corpus: Corpus, tokens: float, marginal: Array | None = None) -> tuple[LedgerRow, ...]:
    """Account of a run of `tokens` by `weights`: one row a cell of the corpus.

    Parameters
    ----------
    weights : ndarray, (n_cells,)
        Share of the training tokens by corpus cell.
    corpus : Corpus
        What is available.
    tokens : float
        Training tokens, every pass counted [tokens].
    marginal : ndarray, (n_cells,), optional
        Worth of one more distinct token of each cell; 0 by default.

    Returns
    -------
    tuple of LedgerRow
        ``trained = weight * tokens``, ``unique = min(trained, available)``, ``epochs = trained / unique`` or 0.
    """
    trained = np.asarray(weights, float) * tokens
    available = corpus.unique_tokens
    unique = np.minimum(trained, available)
    worth = np.zeros(len(available)) if marginal is None else marginal
    columns = np.stack([weights, available, trained, epochs(trained, available), unique, unique / available, worth], axis=1)
    return tuple(LedgerRow(name, *row) for name, row in zip(corpus.names, columns.tolist(), strict=True))
