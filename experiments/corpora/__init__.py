"""Corpora: text that this machine has, or that its package manager ships, as documents to train small models on.

Reading order: `catalogue` (which files are which domain), `places` (files installed), `debian` (packages unpacked
without installing), `extract` (from a file to plain text), `pieces` (to documents), `duplicates`, `harvest` (what is
taken), `machine` and `own` (from where), `building` (all of it in one folder), `store` (what that folder holds).
"""

from __future__ import annotations

from .building import build
from .config import CorpusConfig
from .store import CorpusFolder, read_corpus

__all__ = ["CorpusConfig", "CorpusFolder", "build", "read_corpus"]
