"""Which bytes a run reads, in which order: a pure function of configuration and text.

A cell's pool is its first `unique` tokens. Each pass over it is shuffled by itself, the last takes as many pieces as are
left to read, and the cells' streams are laid into one another at random: repeats of a text lie a pass apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import ExperimentError
from infolaw.units import epochs
from recipes.sampling import SamplerParams, copies_key, uniform53

from .config import RunConfig
from .text import Ints, Text

Units = NDArray[np.int32]


@dataclass(frozen=True)
class Pool:
    """Pieces that a cell of a run consists of: starts and lengths, (n_pieces,); copies are listed once each."""

    starts: Ints
    lengths: Ints

    @property
    def tokens(self) -> int:
        """Bytes in the pool, every copy counted [tokens]."""
        return int(self.lengths.sum())

    def stream(self, n: int, rng: np.random.Generator, block: int) -> Units:
        """Positions of `n` units: bytes (n,) where `block` is 0, else blocks (n, block + 1) that overlap by one."""
        found, left = [], n
        while left > 0:
            order = rng.permutation(len(self.starts))
            ends = np.cumsum(self.lengths[order])
            wanted = left * max(block, 1) + (block > 0)
            order = order[: int(np.searchsorted(ends, wanted)) + 1]
            part = _positions(self.starts[order], self.lengths[order])
            part = part[:left] if not block else _blocks(part, block)[:left]
            rng.shuffle(part)
            found.append(part)
            left -= len(part)
        return np.concatenate(found)


@dataclass(frozen=True)
class Draw:
    """What a run reads.

    Attributes
    ----------
    units : ndarray of int32, (n_steps, n_units) or (n_steps, n_units, block + 1)
        Positions in the text, in the order of training.
    weights, unique, epochs : mapping of str to float
        By cell; see `RunRecord`.
    """

    units: Units
    weights: dict[str, float]
    unique: dict[str, float]
    epochs: dict[str, float]


def draw(config: RunConfig, text: Text, block: int) -> Draw:
    """Draw the units of a run.

    Parameters
    ----------
    config : RunConfig
    text : Text
    block : int
        0: a unit is a byte to be predicted from those before it; else a block of so many.

    Raises
    ------
    ExperimentError
        If a cell holds less than the pool that is asked for (the message says how much more is needed), or nothing.
    """
    per_step = config.batch // max(block, 1)
    n_units = config.n_steps * per_step
    if config.sampler is not None:
        pools, weights, unique = _sampled(config, text)
    else:
        weights = dict(config.weights)
        pools = {cell: _pool(text, cell, config.unique[cell], config) for cell in weights if weights[cell]}
        unique = {cell: float(config.unique[cell]) for cell in weights}
    counts = _shared_out(weights, n_units)
    labels = np.repeat(np.arange(len(counts), dtype=np.int16), list(counts.values()))
    np.random.default_rng([config.seed, 1]).shuffle(labels)
    units = np.empty((n_units, block + 1) if block else n_units, np.int32)
    for k, (cell, n) in enumerate(counts.items()):
        if n:
            if pools[cell].tokens <= block:
                raise ExperimentError(f"run {config.run_id!r}: the pool of {cell} is smaller than a block of {block} bytes.")
            units[labels == k] = pools[cell].stream(n, np.random.default_rng([config.seed, 2, k]), block)
    realised = {cell: n / n_units for cell, n in counts.items()}
    read = {cell: n * max(block, 1) for cell, n in counts.items()}
    passes = {cell: float(epochs(np.array(read[cell]), np.array(unique[cell]))) if read[cell] else 0.0 for cell in counts}
    return Draw(units.reshape(config.n_steps, per_step, *units.shape[1:]), realised, unique, passes)


def _pool(text: Text, cell: str, tokens: float, config: RunConfig) -> Pool:
    """First `tokens` of a cell, by pieces in the order of their hashed places."""
    starts, lengths, keys = _pieces(text, text.documents_of(cell), config.piece)
    held = int(lengths.sum())
    if held < tokens:
        raise ExperimentError(
            f"run {config.run_id!r}: cell {cell} holds {held:,} tokens and the run asks for a pool of {tokens:,.0f}: build "
            f"a corpus with {tokens - held:,.0f} tokens more in it, or ask for less."
        )
    order = np.argsort(uniform53(copies_key(keys, config.seed)), kind="stable")
    ends = np.cumsum(lengths[order])
    order = order[: int(np.searchsorted(ends, tokens)) + 1]
    starts, lengths = starts[order], lengths[order].copy()
    lengths[-1] -= max(0, int(lengths.sum() - round(tokens)))
    return Pool(starts[lengths > 0], lengths[lengths > 0])


def _pieces(text: Text, documents: Ints, piece: int) -> tuple[Ints, Ints, NDArray[np.uint64]]:
    """Starts, lengths and keys of the pieces of documents."""
    lengths = text.lengths[documents]
    n = -(-lengths // piece)
    owner = np.repeat(np.arange(len(documents)), n)
    number = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    starts = text.starts[documents][owner] + number * piece
    keys = text.ids[documents][owner] ^ (number.astype(np.uint64) << np.uint64(40))
    return starts, np.minimum(piece, lengths[owner] - number * piece), keys


def _sampled(config: RunConfig, text: Text) -> tuple[dict[str, Pool], dict[str, float], dict[str, float]]:
    """QuaDMix: copies of the documents of a pool, by domain and bucket; what is drawn is read in proportion to it."""
    from recipes.batch import Batch
    from recipes.sampling import Criteria, exact_counts

    sampler: Mapping[str, Any] = config.sampler or {}
    criteria = tuple(next(iter(sampler["domains"].values()))["criterion_weights"])
    unknown = [name for name in criteria if name not in text.scores]
    if unknown:
        raise ExperimentError(f"run {config.run_id!r}: the corpus has no score {', '.join(unknown)}; score it first.")
    order = np.argsort(uniform53(copies_key(text.ids, config.seed)), kind="stable")
    ends = np.cumsum(text.lengths[order])
    if ends[-1] < sampler["pool"]:
        raise ExperimentError(
            f"run {config.run_id!r}: the corpus holds {ends[-1]:,} tokens and the run asks for a pool of "
            f"{sampler['pool']:,.0f}: build a larger corpus, or ask for less."
        )
    held = np.sort(order[: int(np.searchsorted(ends, sampler["pool"])) + 1])
    scores = np.stack([text.scores[name][held] for name in criteria], axis=1)
    batch = Batch(text.ids[held], text.domain[held].astype(np.int32), text.domains, text.lengths[held], scores)
    used = Batch(*_used_domains(batch))
    params = SamplerParams.from_dict(sampler["domains"], criteria)
    copies = exact_counts(
        used, Criteria(criteria, tuple(sampler["better"][name] for name in criteria)), params, int(sampler["seed"])
    ).astype(int)
    pools, drawn, unique = {}, {}, {}
    for d, name in enumerate(text.domains):
        for b in text.buckets:
            here = (text.domain[held] == d) & (text.bucket[held] == b)
            if not here.any():
                continue
            chosen = held[here].repeat(copies[here])
            starts, lengths, _ = _pieces(text, chosen, config.piece)
            cell = f"{name}/q{b}"
            pools[cell], drawn[cell] = Pool(starts, lengths), float(lengths.sum())
            unique[cell] = float(text.lengths[held[here]][copies[here] > 0].sum()) or float(text.lengths[held[here]].sum())
    total = sum(drawn.values())
    if not total:
        raise ExperimentError(f"run {config.run_id!r}: the sampler draws no document from {sampler['pool']:,.0f} tokens.")
    return pools, {cell: tokens / total for cell, tokens in drawn.items()}, unique


def _used_domains(batch: Any) -> tuple[Any, ...]:
    """Fields of a batch without the domains that none of its rows has."""
    codes, domain = np.unique(batch.domain, return_inverse=True)
    return batch.ids, domain.astype(np.int32), tuple(batch.domains[c] for c in codes), batch.tokens, batch.scores


def _shared_out(weights: Mapping[str, float], n: int) -> dict[str, int]:
    """Whole numbers in proportion to the weights, by largest remainder; they sum to `n`."""
    exact = np.array(list(weights.values())) * n
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - int(counts.sum())]] += 1
    return dict(zip(weights, counts.tolist(), strict=True))


def _positions(starts: Ints, lengths: Ints) -> Units:
    """All positions of pieces, one after the other."""
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths), np.int32)


def _blocks(positions: Units, block: int) -> Units:
    """Rows of block + 1 positions that overlap by one."""
    n = (len(positions) - 1) // block
    return np.asarray(positions[(np.arange(n) * block)[:, None] + np.arange(block + 1)])
