"""Third pass: counts from a table, as a manifest or as counts a row; every worker does the same with the same file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..documents.mapping import Columns
from ..documents.shard import Shard
from ..sampling.copy_table import CopyTable
from .bins import Scored, read_scored
from .manifest import Counts, ShardCounts, count_type, manifest_part, write_positional
from .tally import Piece, PieceCutter, Tally
from .tasks import fingerprint_of
from .token_cut import BINS, TokenCut, cut_bins

PIECES_PER_SHARD = 4
"""Pieces of row groups are so many times smaller than an output shard."""

_loading = Lock()


@dataclass(frozen=True)
class DrawRule:
    """What decides how often a document is drawn, and which cell it counts to.

    Attributes
    ----------
    table : CopyTable
        Domain and bin to copies, those of earlier stages among them.
    buckets : (n_domains, n_bins) int16
        Quality bucket of a bin.
    n_buckets : int
    seed : int
    cut : TokenCut or None
        Last copies that are taken back to meet a token budget.
    before : DrawRule or None
        Of the stage before, with the same seed: what it has drawn is not drawn again, what it left comes first.
    """

    table: CopyTable
    buckets: NDArray[np.int16]
    n_buckets: int
    seed: int
    cut: TokenCut | None = None
    before: DrawRule | None = None

    def draw(self, scored: Scored) -> tuple[Counts, NDArray[np.int64]]:
        """Copies of every document, ``(n,)``, and the rows that have any."""
        counts, rows = self.table.draw(scored.slots, scored.ids, self.seed)
        if self.before is not None:
            counts = counts - self.before.draw(scored)[0]  # never below zero: its table is part of this one
            rows = np.flatnonzero(counts)
        if self.cut is not None and len(rows):
            counts[rows] = self.cut.apply(scored.ids[rows], counts[rows])
            rows = rows[counts[rows] > 0]
        return counts.astype(count_type(self.table.max_copies), copy=False), rows

    def cells(self, scored: Scored, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cell of the documents in `rows`: domain times `n_buckets` plus bucket."""
        slots = scored.slots[rows].astype(np.int64)
        return slots // self.table.n_bins * self.n_buckets + self.buckets.reshape(-1)[slots]

    @property
    def n_cells(self) -> int:
        """Domains times buckets."""
        return len(self.buckets) * self.n_buckets

    @property
    def mark(self) -> str:
        """Hash of all that decides."""
        cut = None if self.cut is None else self.cut.to_dict()
        return fingerprint_of(self.table.fingerprint, self.seed, cut, *([] if self.before is None else [self.before.mark]))

    def write(self, path: Path) -> None:
        """Write the rule for the workers to read."""
        path.write_bytes(self.to_bytes())

    @classmethod
    def read(cls, path: Path) -> DrawRule:
        """Inverse of `write`; a process reads the same file once."""
        with _loading:
            return _read_rule(path)

    def to_bytes(self) -> bytes:
        """Return the rule as an npz archive, that of the stage before inside it."""
        content = {"table": np.frombuffer(self.table.to_bytes(), np.uint8), "buckets": self.buckets}
        cut = -1 if self.cut is None else self.cut.first_bin
        numbers = {"n_buckets": np.array([self.n_buckets]), "seed": np.array([self.seed], np.uint64), "cut": np.array([cut])}
        before = {} if self.before is None else {"before": np.frombuffer(self.before.to_bytes(), np.uint8)}
        handle = BytesIO()
        np.savez(handle, **content, **numbers, **before)  # type: ignore[arg-type]
        return handle.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> DrawRule:
        """Inverse of `to_bytes`."""
        with np.load(BytesIO(content)) as held:
            seed, first_bin = int(held["seed"][0]), int(held["cut"][0])
            table = CopyTable.from_bytes(held["table"].tobytes())
            cut = None if first_bin < 0 else TokenCut(first_bin, seed)
            before = cls.from_bytes(held["before"].tobytes()) if "before" in held else None
            return cls(table, held["buckets"], int(held["n_buckets"][0]), seed, cut, before)


@lru_cache(maxsize=2)
def _read_rule(path: Path) -> DrawRule:
    return DrawRule.from_bytes(path.read_bytes())


def count_last_copies(shards: Sequence[Shard], columns: Columns, partial: Path, rule: Path, path: Path) -> Mapping[str, Any]:
    """Tell the tokens of a draw, and write those of one copy of every document by its place in the order of cuts."""
    drawn = DrawRule.read(rule)
    last, total = np.zeros(BINS, np.int64), 0
    for _, _, scored in read_scored(shards, columns, partial):
        counts, rows = drawn.draw(scored)
        np.add.at(last, cut_bins(scored.ids[rows], drawn.seed), scored.tokens[rows])
        total += int((scored.tokens[rows] * counts[rows]).sum())
    path.write_bytes(pa.compress(last.tobytes(), "lz4", asbytes=True))
    return {"tokens": total}


def sum_last_copies(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Sum of what `count_last_copies` wrote, ``(BINS,)``."""
    total = np.zeros(BINS, np.int64)
    for path in paths:
        total += np.frombuffer(pa.decompress(path.read_bytes(), 8 * BINS, "lz4", asbytes=True), np.int64)
    return total


def draw_shards(
    shards: Sequence[Shard],
    columns: Columns,
    partial: Path,
    rule: Path,
    kind: str,
    shard_tokens: int | None,
    path: Path,
) -> Mapping[str, Any]:
    """Draw the documents of `shards` and write a part of a manifest.

    Parameters
    ----------
    partial : Path
        Written by `recipes.passes.bins.score_shards` for the same shards.
    rule : Path
        Of a `DrawRule`.
    kind : str
        ``manifest``, else positional.
    shard_tokens : int, optional
        Cut pieces for output shards of so many tokens, where documents are to be written.

    Returns
    -------
    mapping
        ``tally`` and ``pieces``.
    """
    drawn = DrawRule.read(rule)
    tally = Tally.empty(drawn.n_cells)
    pieces = _Pieces(shards, shard_tokens)
    origin = {"seed": drawn.seed, "ids": id_rule(columns)}
    writing = manifest_part if kind == "manifest" else _positional_part
    with writing(path, drawn.table.max_copies, {**origin, "shards": list(shards)} if kind != "manifest" else origin) as add:
        for place, row, scored in read_scored(shards, columns, partial):
            counts, rows = drawn.draw(scored)
            tally.add(scored.ids[rows], counts[rows], scored.tokens[rows], drawn.cells(scored, rows))
            pieces.add(place, row, counts, scored.tokens)
            if kind == "manifest":
                add(scored.ids[rows], counts[rows])
            else:
                add(place, counts)
    return {"tally": tally.facts(), "pieces": pieces.facts()}


def id_rule(columns: Columns) -> str:
    """What the ids of a manifest are: a sentence for its readers."""
    if columns.id is None:
        return "splitmix64 of (file fingerprint, row): this manifest is tied to these very files"
    return f"column {columns.id}: whole numbers modulo 2^64 as they stand, text by XXH64 of its UTF-8 bytes"


@contextmanager
def _positional_part(path: Path, max_copies: int, origin: Mapping[str, Any]) -> Iterator[Any]:
    shards: list[Shard] = origin["shards"]
    held: list[list[Counts]] = [[np.empty(0, count_type(max_copies))] for _ in shards]
    yield lambda place, counts: held[place].append(counts)
    counts = [np.concatenate(parts) for parts in held]
    rows = [
        ShardCounts(shard.name, shard.first_row, len(found), f"{shard.fingerprint:016x}", found)
        for shard, found in zip(shards, counts, strict=True)
    ]
    write_positional(path, rows, {name: value for name, value in origin.items() if name != "shards"})


@dataclass
class _Pieces:
    """Pieces of several shards, read one after the other.

    Row groups are read where they are needed, so their pieces are small: output shards mix sources, and little room is
    left at their ends. Lines are read from the begin of their file, so their pieces are large.
    """

    shards: Sequence[Shard]
    shard_tokens: int | None
    done: list[Piece] = field(default_factory=list)
    cutter: PieceCutter | None = None

    def add(self, place: int, row: int, counts: Counts, tokens: NDArray[np.int64]) -> None:
        if self.shard_tokens is None:
            return
        if self.cutter is None or self.cutter.shard != place:
            self._finish()
            parts = 1 if self.shards[place].kind == "jsonl" else PIECES_PER_SHARD
            self.cutter = PieceCutter(place, max(1, self.shard_tokens // parts))
        self.cutter.add(row, counts, tokens)

    def facts(self) -> list[list[int]]:
        self._finish()
        return [[p.epoch, p.shard, p.first_row, p.stop_row, p.documents, p.tokens] for p in self.done]

    def _finish(self) -> None:
        if self.cutter is not None:
            self.done.extend(self.cutter.finish())
        self.cutter = None
