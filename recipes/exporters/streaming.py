"""MosaicML Streaming: a Python script with a ``StreamingDataset`` of one stream a path.

``proportion`` is a share of the *samples* of an epoch. Shards that pack tokens into samples of one length, as those for
language models do, make it a share of the tokens. One epoch of the data set is the whole run: streams planned at several
passes are repeated inside it, evenly (``sampling_method="balanced"``).
"""

from __future__ import annotations

from infolaw.units import Array, epochs

from ..corpus import Corpus
from .paths import path_shares

_SCRIPT = """\
# Written by infolaw: {tokens:.6g} tokens, {n_cells} of {n_all} cells. Needs mosaicml-streaming >= 0.7.
# Samples must all hold SAMPLE_TOKENS tokens: proportions are shares of the samples.
from streaming import Stream, StreamingDataset

SAMPLE_TOKENS = 4096  # as your shards were packed
BATCH_SIZE = 1  # samples a device
EPOCH_SIZE = round({exact!r} / SAMPLE_TOKENS)  # one epoch is the whole run

STREAMS = [
{streams}
]

dataset = StreamingDataset(
    streams=STREAMS,
    epoch_size=EPOCH_SIZE,
    batch_size=BATCH_SIZE,
    sampling_method="balanced",
    shuffle=True,
    shuffle_seed={seed},
)
"""


def export(weights: Array, corpus: Corpus, tokens: float, seed: int) -> str:
    """Script that defines ``dataset``; a cell with several paths is split by the tokens at each."""
    passes = epochs(weights * tokens, corpus.unique_tokens).tolist()
    lines = []
    for cell, weight, passed in zip(corpus.cells, weights.tolist(), passes, strict=True):
        if weight > 0:
            lines.append(f"    # {cell.name}: {weight:.6g} of the tokens, {passed:.3g} epochs")
            for path, share in path_shares(cell):
                place = "remote" if "://" in path else "local"
                lines.append(f"    Stream({place}={path!r}, proportion={weight * share:.12g}),")
    n_cells = int((weights > 0).sum())
    return _SCRIPT.format(
        tokens=tokens, n_cells=n_cells, n_all=len(corpus.cells), exact=float(tokens), streams="\n".join(lines), seed=seed
    )
