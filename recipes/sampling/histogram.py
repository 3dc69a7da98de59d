"""Token counts of scores on a grid that depends on nothing but the set of documents.

The grid of one histogram is a window of `N_BINS` bins over order keys, each 2^level keys wide, with the smallest level
at which all keys seen fit. Level and window follow from the least and the greatest key alone, and a coarser grid nests
in a finer one, so counts are exact integers, and any order, sharding and merging of the documents gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .order_keys import Domains, Floats, Integers, scores_of

N_BINS = 1 << 14
SLOT_BITS = 14
MIN_LEVEL = 24
"""Bins are never narrower than 2^24 keys, a relative width of 4e-9 (a float32 has 6e-8)."""

UNUSED = np.int64(1) << 62
"""Base of a histogram without tokens: no key lies inside its window."""

MOST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class WeightedHistogram:
    """Counts of one criterion in one domain, lower = better.

    Attributes
    ----------
    edges : (n_bins + 1,) float64
        Oriented scores (the raw score, negated where higher is better) between bins.
    tokens : (n_bins,) int64
    """

    edges: Floats
    tokens: Integers

    def cdf(self, score: float) -> float:
        """Share of the tokens in bins up to and including the one of `score`; 0 if there are none."""
        inside = int(np.searchsorted(self.edges, score, side="right"))
        total = int(self.tokens.sum())
        return float(self.tokens[:inside].sum() / total) if total else 0.0

    def quantile(self, share: float) -> float:
        """Upper edge of the first bin at which `share` of the tokens is reached; NaN without tokens."""
        reached = np.cumsum(self.tokens)
        if not reached.size or not reached[-1]:
            return float("nan")
        place = int(np.searchsorted(reached, share * float(reached[-1]), side="left"))
        return float(self.edges[min(place, reached.size - 1) + 1])


class Histograms:
    """Histograms of many rows (one a domain and criterion), counted together.

    Documents without tokens have no weight and do not enter.

    Attributes
    ----------
    levels, bases : (n_rows,) int64
        Bin i of a row holds the keys with ``(key >> level) - base == i``.
    tokens : (n_rows, N_BINS) int64
    """

    def __init__(self, n_rows: int) -> None:
        self.levels: Integers = np.full(n_rows, MIN_LEVEL, np.int64)
        self.bases: Integers = np.full(n_rows, UNUSED, np.int64)
        self.tokens: Integers = np.zeros((n_rows, N_BINS), np.int64)

    def take(self, rows: Integers) -> Histograms:
        """Histograms whose row i is row ``rows[i]`` of these, or empty where that is -1."""
        taken = Histograms(rows.size)
        old = rows >= 0
        for name in ("levels", "bases", "tokens"):
            getattr(taken, name)[old] = getattr(self, name)[rows[old]]
        return taken

    def restore(self, levels: Integers, rows: Integers, bins: Integers, tokens: Integers) -> None:
        """Fill empty histograms with the bins (``key >> level``) that hold tokens."""
        self.levels = levels.copy()
        np.minimum.at(self.bases, rows, bins)
        self.tokens[rows, bins - self.bases[rows]] = tokens

    def add(
        self, domain: Domains, criterion: int, scores: Floats, sign: float, tokens: Integers, missing: Sequence[Integers]
    ) -> None:
        """Count documents by one criterion; arrays are ``(n,)``, contiguous.

        Rows of the histograms are domain by criterion, scores times `sign` are lower for better, and `missing`, two
        arrays ``(n_domains, n_criteria)``, takes in documents without the score, and their tokens.
        """
        from .score_kernels import add_scores

        n_criteria = missing[0].shape[1]
        left = np.empty(len(domain), np.int64)
        span = np.empty((len(self.levels), 2), np.int64)
        while True:
            span[:] = MOST, -MOST
            held = (self.levels, self.bases, self.tokens, *missing)
            n_left = add_scores(domain, n_criteria, criterion, scores, sign, tokens, *held, span, left)
            if not n_left:
                return
            for row in np.flatnonzero(span[:, 0] <= span[:, 1]).tolist():
                self._widen(row, int(span[row, 0]), int(span[row, 1]))
            rows = left[:n_left]
            domain, scores, tokens = domain[rows], scores[rows], tokens[rows]

    def window(self, row: int) -> tuple[int, int] | None:
        """First and last occupied bin of a row, as ``key >> level``; None if it has no tokens."""
        occupied = self.tokens[row] != 0
        first = int(occupied.argmax())
        if not occupied[first]:
            return None
        base = int(self.bases[row])
        return base + first, base + N_BINS - 1 - int(occupied[::-1].argmax())

    def _widen(self, row: int, least: int, greatest: int, level: int = MIN_LEVEL) -> None:
        """Move the window of a row to the smallest level that holds its documents and the keys given."""
        held, held_level = self.window(row), int(self.levels[row])
        new = max(level, held_level)
        while True:
            lows, highs = [least >> new], [greatest >> new]
            if held is not None:
                lows.append(held[0] >> (new - held_level))
                highs.append(held[1] >> (new - held_level))
            if max(highs) - min(lows) < N_BINS:
                break
            new += 1
        base = min(lows) - (N_BINS - 1 - max(highs) + min(lows)) // 2  # in the middle: later extremes fall inside
        if held is not None:
            occupied = np.flatnonzero(self.tokens[row])
            target = ((occupied + int(self.bases[row])) >> (new - held_level)) - base
            moved = np.zeros(N_BINS, np.int64)
            np.add.at(moved, target, self.tokens[row, occupied])
            self.tokens[row] = moved
        self.levels[row], self.bases[row] = new, base

    def merge_row(self, row: int, other: Histograms, other_row: int) -> None:
        """Add a row of `other` to a row of this one."""
        held = other.window(other_row)
        if held is None:
            return
        level = int(other.levels[other_row])
        base = int(self.bases[row])
        if level != int(self.levels[row]) or not base <= held[0] <= held[1] < base + N_BINS:
            self._widen(row, held[0] << level, ((held[1] + 1) << level) - 1, level)
        first, n = held[0] - int(other.bases[other_row]), held[1] - held[0] + 1
        shift = int(self.levels[row]) - level
        added, base = other.tokens[other_row, first : first + n], int(self.bases[row])
        if shift:
            np.add.at(self.tokens[row], (np.arange(held[0], held[1] + 1) >> shift) - base, added)
        else:
            self.tokens[row, held[0] - base : held[1] + 1 - base] += added

    def pressed(self) -> Histograms:
        """These histograms with every window moved to its first bin with tokens: the same for the same documents."""
        moved = Histograms(len(self.levels))
        moved.levels = self.levels.copy()
        for row in range(len(self.levels)):
            held = self.window(row)
            if held is not None:
                first = held[0] - int(self.bases[row])
                moved.bases[row] = held[0]
                moved.tokens[row, : N_BINS - first] = self.tokens[row, first:]
        return moved

    def histogram(self, row: int) -> WeightedHistogram:
        """Row as a histogram over oriented scores, its bins from the first to the last with tokens."""
        held = self.window(row)
        if held is None:
            return WeightedHistogram(np.array([np.nan]), np.zeros(0, np.int64))
        first = held[0] - int(self.bases[row])
        bins = slice(first, first + held[1] - held[0] + 1)
        edges = scores_of(np.arange(held[0], held[1] + 2, dtype=np.int64) << self.levels[row])
        return WeightedHistogram(edges, self.tokens[row, bins])
