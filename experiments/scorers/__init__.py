"""Scorers: four measures of a document's quality, and one rank and bucket made of them by the real sampler.

Reading order: `gopher`, `compression`, `ngrams`, `prose` (one criterion each, from texts to an array), `references` (the
text that two of them learn from), `clusters` (domains for corpora that name none), `merge` (criteria to rank and
bucket), `scoring` (all of it on a corpus folder).
"""

from __future__ import annotations

from .scoring import ScoreConfig, score

__all__ = ["ScoreConfig", "score"]
