"""Documents as they are taken: cut, compared with all before them, counted by domain."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from .config import CorpusConfig
from .duplicates import Seen
from .pieces import cleaned, cut

Row = tuple[str, str, str, str, int]
"""id, domain, source, text, tokens."""


@dataclass
class Harvest:
    """Documents taken so far, by domain, and what was left out."""

    config: CorpusConfig
    seen: Seen
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    sizes: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def is_full(self, domain: str) -> bool:
        """Whether a domain has as much as it may hold."""
        return self.sizes[domain] >= self.config.max_domain_bytes

    def take(self, domain: str, source: str, text: str) -> int:
        """Cut a text into documents and keep the new ones, up to the share of one file; returns the bytes kept."""
        kept, most = 0, self.config.max_file_share * self.config.max_domain_bytes
        for number, piece in enumerate(cut(cleaned(text), self.config.piece_bytes)):
            verdict = self.seen.add(piece)
            size = len(piece.encode())
            self.left_out[domain][verdict] += verdict != "new"
            if verdict == "new":
                self.rows[domain].append((f"{source}/{number}", domain, source, piece, size))
                kept += size
            if kept >= most:
                break
        self.sizes[domain] += kept
        return kept
