"""What a draw comes to: documents and tokens by cell, an order-free digest, and pieces small enough to be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .manifest import Counts

Ints = NDArray[np.int64]
COLUMNS = ("documents", "unique_tokens", "copies", "tokens")


@dataclass(frozen=True)
class Tally:
    """Sums over drawn documents; any order and any grouping of the documents gives the same.

    Attributes
    ----------
    cells : (n_cells, 4) int64
        Drawn documents, their tokens counted once, copies, tokens of all copies.
    digest : (2,) uint64
        Sum and exclusive-or, over documents, of a hash of (id, count): equal for equal manifests, whatever their order.
    """

    cells: Ints
    digest: NDArray[np.uint64]

    @classmethod
    def empty(cls, n_cells: int) -> Tally:
        """Of no documents."""
        return cls(np.zeros((n_cells, len(COLUMNS)), np.int64), np.zeros(2, np.uint64))

    def add(self, ids: NDArray[np.uint64], counts: Counts, tokens: Ints, cells: NDArray[np.integer[Any]]) -> None:
        """Add drawn documents, counts above zero only; arrays are ``(n,)``."""
        from ..sampling.draw_kernels import tally_drawn

        numbers = (np.ascontiguousarray(ids, np.uint64), np.ascontiguousarray(counts, np.uint16))
        tally_drawn(*numbers, tokens, np.ascontiguousarray(cells, np.int64), self.cells, self.digest)

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return {"cells": self.cells.tolist(), "digest": [int(word) for word in self.digest]}

    @classmethod
    def merged(cls, facts: Iterable[Mapping[str, Any]], n_cells: int) -> Tally:
        """Sum of what several tasks told."""
        total = cls.empty(n_cells)
        for fact in facts:
            total.cells[:] += np.array(fact["cells"], np.int64).reshape(n_cells, len(COLUMNS))
            words = np.array(fact["digest"], np.uint64)
            total.digest[:1] += words[:1]
            total.digest[1:] ^= words[1:]
        return total

    @property
    def totals(self) -> dict[str, int]:
        """Sum over cells, by name of the column."""
        return dict(zip(COLUMNS, self.cells.sum(axis=0).tolist(), strict=True))

    @property
    def fingerprint(self) -> str:
        """The digest in hexadecimal, with the number of documents."""
        return f"{int(self.cells[:, 0].sum()):x}-{int(self.digest[0]):016x}{int(self.digest[1]):016x}"


@dataclass(frozen=True)
class Piece:
    """Rows of one shard that one epoch reads, few enough for an output shard.

    Attributes
    ----------
    epoch : int
        Holds the documents with more copies than this.
    shard : int
        Which of the shards.
    first_row, stop_row : int
        Rows of the file.
    documents, tokens : int
        What they come to.
    """

    epoch: int
    shard: int
    first_row: int
    stop_row: int
    documents: int
    tokens: int


@dataclass
class PieceCutter:
    """Cuts the drawn documents of one shard into pieces of at most `limit` tokens, epoch by epoch.

    A piece ends before a block (rows read together) that no longer fits; a block larger than the limit is cut inside;
    a single document larger than the limit is a piece of its own.
    """

    shard: int
    limit: int
    pieces: list[Piece] = field(default_factory=list)
    _open: dict[int, Piece] = field(default_factory=dict)

    def add(self, first_row: int, counts: Counts, tokens: Ints) -> None:
        """Add a block of rows of the shard, in file order."""
        for epoch in range(int(counts.max(initial=0))):
            rows = np.flatnonzero(counts > epoch)
            sums = np.cumsum(tokens[rows])
            begun = self._open.get(epoch)
            if begun is not None and begun.tokens + int(sums[-1]) > self.limit:
                self.pieces.append(self._open.pop(epoch))
            begin, before = 0, 0
            while begin < len(rows):
                have = self._open[epoch].tokens if epoch in self._open else 0
                end = int(np.searchsorted(sums, before + self.limit - have, side="right"))
                end = max(end, begin + 1)
                self._extend(
                    epoch, first_row + rows[begin], first_row + rows[end - 1] + 1, end - begin, int(sums[end - 1]) - before
                )
                if end < len(rows):
                    self.pieces.append(self._open.pop(epoch))
                begin, before = end, int(sums[end - 1])

    def finish(self) -> list[Piece]:
        """All pieces of the shard, in order of epoch and row."""
        self.pieces.extend(self._open.values())
        self._open.clear()
        return sorted(self.pieces, key=lambda piece: (piece.epoch, piece.first_row))

    def _extend(self, epoch: int, first: int, stop: int, documents: int, tokens: int) -> None:
        begun = self._open.get(epoch, Piece(epoch, self.shard, int(first), int(stop), 0, 0))
        self._open[epoch] = Piece(
            epoch, self.shard, begun.first_row, int(stop), begun.documents + documents, begun.tokens + tokens
        )
