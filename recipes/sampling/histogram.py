"""Token counts of scores on a grid that depends on nothing but the set of documents.

The grid of one histogram is a window of `N_BINS` bins over order keys, each 2^level keys wide, with the smallest level
at which all keys seen fit. Level and window follow from the least and the greatest key alone, and a coarser grid nests
in a finer one, so counts are exact integers, and any order, sharding and merging of the documents gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .order_keys import Floats, Integers, order_keys, scores_of

N_BINS = 1 << 14
SLOT_BITS = 14
MIN_LEVEL = 24
"""Bins are never narrower than 2^24 keys, a relative width of 4e-9 (a float32 has 6e-8)."""

CHUNK = 1 << 15
UNUSED = np.int64(1) << 62
"""Base of a histogram without tokens: no key lies inside its window."""


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

    def add(self, rows: Integers, scores: Floats, tokens: Integers) -> None:
        """Count documents: their row, oriented score (no NaN) and tokens, each ``(n,)``."""
        if tokens.size and not tokens.min():
            rows, scores, tokens = rows[tokens > 0], scores[tokens > 0], tokens[tokens > 0]
        for start in range(0, rows.size, CHUNK):
            part = slice(start, start + CHUNK)
            self._add_keys(rows[part], order_keys(scores[part]), tokens[part])

    def _add_keys(self, rows: Integers, keys: Integers, tokens: Integers) -> None:
        slots = self._slots(rows, keys)
        if slots.size and (slots.min() < 0 or slots.max() >= N_BINS):
            outside = (slots < 0) | (slots >= N_BINS)
            for row in np.unique(rows[outside]).tolist():
                found = keys[rows == row]
                self._widen(row, int(found.min()), int(found.max()))
            slots = self._slots(rows, keys)
        slots += rows << SLOT_BITS
        np.add.at(self.tokens.reshape(-1), slots, tokens)

    def _slots(self, rows: Integers, keys: Integers) -> Integers:
        slots = keys >> self.levels.take(rows)
        slots -= self.bases.take(rows)
        return slots

    def window(self, row: int) -> tuple[int, int] | None:
        """First and last occupied bin of a row, as ``key >> level``; None if it has no tokens."""
        occupied = np.flatnonzero(self.tokens[row])
        if not occupied.size:
            return None
        base = int(self.bases[row])
        return base + int(occupied[0]), base + int(occupied[-1])

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
        base = min(lows)
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
        self._widen(row, held[0] << level, ((held[1] + 1) << level) - 1, level)
        occupied = np.flatnonzero(other.tokens[other_row])
        shift = int(self.levels[row]) - level
        target = ((occupied + int(other.bases[other_row])) >> shift) - int(self.bases[row])
        np.add.at(self.tokens[row], target, other.tokens[other_row, occupied])

    def histogram(self, row: int) -> WeightedHistogram:
        """Row as a histogram over oriented scores, its bins from the first to the last with tokens."""
        held = self.window(row)
        if held is None:
            return WeightedHistogram(np.array([np.nan]), np.zeros(0, np.int64))
        first = held[0] - int(self.bases[row])
        bins = slice(first, first + held[1] - held[0] + 1)
        edges = scores_of(np.arange(held[0], held[1] + 2, dtype=np.int64) << self.levels[row])
        return WeightedHistogram(edges, self.tokens[row, bins])
