"""OLMo-core: the sources of a mixture as YAML, as its ``SourceMixtureList`` reads them.

Paths are pre-tokenised numpy files. The builder counts their tokens itself and refuses a source that cannot fill its share
within ``max_repetition_ratio``; so that is what the plan reads of a cell, with a little room for counts that differ.
"""

from __future__ import annotations

import math

from infolaw.units import Array, epochs

from ..corpus import Corpus

_ROOM = 1.02
"""Factor on the epochs, for counts of tokens that differ from the corpus'."""

_HEADER = """\
# Written by infolaw for OLMo-core: {tokens:.6g} tokens, {n_cells} of {n_all} cells; a SourceMixtureList.
# Give SourceMixtureDatasetConfig requested_tokens={requested}, seed={seed}.
# Releases that know max_repetitions and source_configs instead: rename max_repetition_ratio and sources.
"""


def export(weights: Array, corpus: Corpus, tokens: float, seed: int) -> str:
    """YAML with one source a cell, in the order of the corpus."""
    import yaml

    passes = epochs(weights * tokens, corpus.unique_tokens)
    sources = [
        {
            "source_name": cell.name,
            "target_ratio": float(f"{weight:.12g}"),
            "paths": list(cell.paths),
            "max_repetition_ratio": math.ceil(1e3 * max(passed * _ROOM, 1.0)) / 1e3 if passed > 1 else 1.0,
            "max_source_fraction": 1.0,
        }
        for cell, weight, passed in zip(corpus.cells, weights.tolist(), passes.tolist(), strict=True)
        if weight > 0
    ]
    header = _HEADER.format(tokens=tokens, n_cells=len(sources), n_all=len(corpus.cells), requested=round(tokens), seed=seed)
    return header + yaml.safe_dump({"sources": sources}, sort_keys=False, allow_unicode=True)
