"""The sampled documents themselves: output shards planned from the counts, then written one task each.

A document of c copies is read in the epochs 0 to c - 1, once in each, so an output shard, which belongs to one epoch,
holds it at most once. Shards fill with pieces (rows of one input shard) in a seeded order, up to a target size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError

from ..documents.reading import read_records
from ..documents.shard import Shard
from ..sampling.hashing import splitmix64
from .groups import join
from .lines import read_lines
from .manifest import Counts, read_positional_part
from .tally import Piece
from .writers import open_writer

SHARD_TOKENS = 200_000_000
"""Largest output shard, unless asked otherwise [tokens]: about 800 MB of text, 300 MB packed."""


@dataclass(frozen=True)
class Source:
    """An input shard and where its counts are.

    Attributes
    ----------
    shard : Shard
    part : Path
        Part of a positional manifest.
    place : int
        Which of the shards of that part.
    """

    shard: Shard
    part: Path
    place: int


@dataclass(frozen=True)
class OutputShard:
    """One file to write.

    Attributes
    ----------
    name : str
        Without ending: ``epoch-0-00000``.
    pieces : tuple of Piece
        All of one epoch, in the order of writing; `Piece.shard` counts through all sources.
    documents, tokens : int
        What they come to.
    """

    name: str
    pieces: tuple[Piece, ...]
    documents: int
    tokens: int


def plan_outputs(pieces: Iterable[Piece], sources: Sequence[Source], seed: int, shard_tokens: int) -> list[OutputShard]:
    """Order the pieces of every epoch by a seeded hash and fill shards with them, one after the other.

    Parameters
    ----------
    pieces : iterable of Piece
        Each of at most `shard_tokens`, single documents apart; `Piece.shard` is a place in `sources`.
    sources : sequence of Source
        Input shards.
    seed : int
        Of the order.
    shard_tokens : int
        No shard is larger, unless a single document is [tokens].
    """

    def place(piece: Piece) -> tuple[int, bytes]:
        shard = sources[piece.shard].shard
        text = f"{seed}\n{piece.epoch}\n{shard.name}\n{piece.first_row}"
        return piece.epoch, hashlib.blake2b(text.encode(), digest_size=16).digest()

    outputs: list[OutputShard] = []
    taken: list[Piece] = []
    numbers: dict[int, int] = {}

    def close() -> None:
        epoch = taken[0].epoch
        number = numbers[epoch] = numbers.get(epoch, -1) + 1
        documents, tokens = (sum(getattr(piece, name) for piece in taken) for name in ("documents", "tokens"))
        outputs.append(OutputShard(f"epoch-{epoch}-{number:05d}", tuple(taken), documents, tokens))
        taken.clear()

    for piece in sorted(pieces, key=place):
        full = taken and sum(other.tokens for other in taken) + piece.tokens > shard_tokens
        if taken and (full or taken[0].epoch != piece.epoch):
            close()
        taken.append(piece)
    if taken:
        close()
    return outputs


def write_output(output: OutputShard, sources: Mapping[int, Source], kind: str, seed: int, path: Path) -> Mapping[str, Any]:
    """Write one output shard; `sources` are those of its pieces.

    Raises
    ------
    RecipeError
        If the documents are no longer those that were counted.
    """
    documents = 0
    with open_writer(path, kind) as write:
        for piece in output.pieces:
            for records in _selected(piece, sources[piece.shard], seed):
                write(records)
                documents += records.num_rows
    if documents != output.documents:
        names = ", ".join(sorted({sources[piece.shard].shard.name for piece in output.pieces}))
        raise RecipeError(
            f"{names}: {documents} documents are there where {output.documents} were counted; the files changed since: "
            "sample again into another folder."
        )
    return {"documents": documents, "tokens": output.tokens, "epoch": output.pieces[0].epoch}


def _selected(piece: Piece, source: Source, seed: int) -> Iterator[Any]:
    """Record batches of a piece's documents, shuffled inside each batch."""
    counts = _counts(source.part)[source.place]
    shard = source.shard
    key = _key(seed, piece.epoch, shard.fingerprint)
    near = _overlapping(shard, piece)
    row = near.first_row
    for records in read_lines(near) if near.kind == "jsonl" else read_records(near):
        first, stop = max(row, piece.first_row), min(row + records.num_rows, piece.stop_row)
        if first < stop:
            rows = first + np.flatnonzero(counts[first - shard.first_row : stop - shard.first_row] > piece.epoch)
            if len(rows):
                order = np.argsort(splitmix64(rows.astype(np.uint64) ^ key))
                yield records.take(rows[order] - row)
        row += records.num_rows
        if row >= piece.stop_row:
            break


def _overlapping(shard: Shard, piece: Piece) -> Shard:
    """Row groups of a shard that hold rows of a piece, as one shard; all of a shard that has no row groups."""
    return join(
        [
            part
            for part in shard.split(1)
            if part.rows is None or (part.first_row < piece.stop_row and part.first_row + part.rows > piece.first_row)
        ]
    )


def _key(seed: int, epoch: int, fingerprint: int) -> NDArray[np.uint64]:
    words = hashlib.blake2b(f"{seed}\n{epoch}\n{fingerprint}".encode(), digest_size=8).digest()
    return np.frombuffer(words, np.uint64)


@lru_cache(maxsize=8)
def _counts(part: Path) -> list[Counts]:
    return [shard.counts for shard in read_positional_part(part)]
