"""Sigma of eq. 1: raw score to a 24-bit integer, 0 = best, by a stored integer table a domain and criterion.

An order key (exact bits of the score) is cut into a bin of the profile's histogram and a place in that bin; the
table holds the value at the bin's lower end and its rise over the bin, and the place interpolates. All of it is
integer arithmetic, so that every machine and every order of documents gives the same. Where the sample shows that
documents do not lie evenly in a heavy bin (tied scores, an outlier far from a crowd), its own steps are used instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError

from .criteria import Criteria
from .histogram import N_BINS, SLOT_BITS, Histograms
from .order_keys import Floats, Integers, order_keys, scores_of
from .packing import read_arrays, write_arrays
from .profile import Profile
from .sketch import Sketch

SIGMA_BITS = 24
WORST = (1 << SIGMA_BITS) - 1
PLACE_BITS = 24
ROW_BITS = SLOT_BITS + PLACE_BITS
PLACE = (1 << PLACE_BITS) - 1
RISE = (1 << 32) - 1
STEP_BITS = 16

UNEVEN = 3e-4
"""A bin is refined where the sample leaves the straight line by more than this share of the domain's tokens."""
SIGNIFICANT = 1.7
"""... and by more than this many times n^-1/2 (Kolmogorov-Smirnov at about 1 %); both fall to 0 as the sample nears
the whole domain, so that small domains have exact ranks."""
ZSCORE_RANGE = 8.0
"""z-scores beyond this many standard deviations are all the same."""
TINY_SCALE = 1e-300


@dataclass(frozen=True)
class Normaliser:
    """The tables of one profile; made by `from_profile`.

    Attributes
    ----------
    domains : tuple of str
    criteria : Criteria
    shifts, offsets : (n_domains * n_criteria,) int64
        ``(key >> shift) - offset`` is row, bin and place in one integer, 14 + 24 bits below the row.
    table : (n_domains * n_criteria * N_BINS,) int64
        Value at the bin's lower end times 2^32, plus the rise over the bin. Where the bin is refined, the complement of
        its first step times 2^16, plus the number of its steps.
    step_at, step_value : (n_steps,) int64
        Refined bins: from `step_at` on, the value is `step_value`.
    """

    domains: tuple[str, ...]
    criteria: Criteria
    shifts: Integers
    offsets: Integers
    table: Integers
    step_at: Integers
    step_value: Integers

    @classmethod
    def from_profile(cls, profile: Profile) -> Normaliser:
        """Tables of a profile, by the normalisation that its criteria declare.

        Raises
        ------
        RecipeError
            If z-scores or min-max are asked for where a domain holds infinite scores.
        """
        held = profile.histograms.pressed()
        n_rows, n_criteria = len(held.levels), len(profile.criteria)
        bases = np.where(held.tokens.any(axis=1), held.bases, 0)
        table = np.zeros((n_rows, N_BINS), np.int64)
        steps: list[tuple[Integers, Integers]] = []
        n_steps = 0
        sample = Sketch.empty(n_criteria)
        for row in range(n_rows):
            d, c = divmod(row, n_criteria)
            sample = profile.sketch(profile.domains[d]) if c == 0 else sample
            if held.window(row) is None:
                continue
            if profile.criteria.normalisation == "rank":
                given = (sample, sample.scores[:, c], int(profile.tokens[d]), int(profile.documents[d]))
                table[row], at, value = _rank_row(held, row, *given)
                table[row][table[row] < 0] -= n_steps << STEP_BITS
                n_steps += len(at)
                steps.append((at, value))
            else:
                try:
                    table[row] = _scaled_row(held, row, profile.criteria.normalisation)
                except OverflowError:
                    raise RecipeError(
                        f"Domain {profile.domains[d]!r} holds infinite scores {profile.criteria.names[c]!r}, which have "
                        f"no {profile.criteria.normalisation}; use the normalisation rank, or repair them."
                    ) from None
        offsets = (bases << PLACE_BITS) - (np.arange(n_rows) << ROW_BITS)
        at = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in steps)])
        value = np.concatenate([np.zeros(0, np.int64), *(part[1] for part in steps)])
        shifts = held.levels - PLACE_BITS
        return cls(profile.domains, profile.criteria, shifts, offsets, table.reshape(-1), at, value)

    def write(self, path: Path) -> None:
        """Write the tables for workers to read."""
        names = ("shifts", "offsets", "table", "step_at", "step_value")
        meta = {"domains": list(self.domains), "criteria": self.criteria.to_dict()}
        write_arrays(path, meta, {name: getattr(self, name) for name in names})

    @classmethod
    def read(cls, path: Path) -> Normaliser:
        """Inverse of `write`."""
        meta, arrays = read_arrays(path)
        return cls(tuple(meta["domains"]), Criteria.from_dict(meta["criteria"]), **arrays)

    def sigma(self, domain: NDArray[np.integer], criterion: int, scores: Floats) -> Integers:
        """Value of each document in one criterion, ``(n,)``: 0 best, 2^24 - 1 worst.

        Parameters
        ----------
        domain : (n,) int64
            Index into `domains`.
        criterion : int
            Index into the criteria.
        scores : (n,) float64
            Raw scores; NaN = missing: the worst.

        Raises
        ------
        RecipeError
            If a score is missing where the criteria refuse that.
        """
        from .score_kernels import sigma_all

        self.refuse_missing(criterion, scores)
        n = len(domain)
        rows = (np.asarray(domain) * len(self.criteria) + criterion).astype(np.int32)
        column, sign = np.ascontiguousarray(scores, np.float64), self.criteria.signs[criterion]
        values = np.empty(n, np.int64)
        sigma_all(rows, column, sign, self.tables, values, np.empty(n, np.int64), np.empty(n + 1, np.int32))
        return values

    @property
    def tables(self) -> tuple[Integers, Integers, Integers, Integers, Integers]:
        """What sigma of a score is computed from, as the compiled loops take it."""
        return self.shifts, self.offsets, self.table, self.step_at, self.step_value

    def refuse_missing(self, criterion: int, scores: Floats) -> None:
        """Raise `RecipeError` if a score is missing where the criteria refuse that."""
        if self.criteria.missing != "refuse":
            return
        absent = int(np.isnan(scores).sum())
        if absent:
            name = self.criteria.names[criterion]
            raise RecipeError(f"{absent} documents have no score {name!r}; repair it, or let it be the worst.")


def _rank_row(
    held: Histograms, row: int, sample: Sketch, scores: Floats, total: int, documents: int
) -> tuple[Integers, Integers, Integers]:
    """Table of one domain and criterion for token-weighted ranks, and its steps; `scores` are the sample's."""
    nothing = np.zeros(0, np.int64)
    below = np.concatenate([[0], np.cumsum(held.tokens[row])]) / total
    knots = np.minimum((below * (WORST + 1)).astype(np.int64), WORST)
    table = (knots[:-1] << 32) + np.diff(knots)
    present = np.flatnonzero(~np.isnan(scores) & (sample.tokens > 0))
    spots = order_keys(scores[present]) >> (held.levels[row] - PLACE_BITS)
    spots -= held.bases[row] << PLACE_BITS
    if not spots.size:
        return table, nothing, nothing
    order = np.argsort(spots)
    spots, mass = spots[order], sample.tokens[present][order].astype(np.float64)
    first = np.flatnonzero(np.diff(spots, prepend=-1))  # of the documents at each distinct spot
    spots = spots[first]
    slots = spots >> PLACE_BITS
    start = np.flatnonzero(np.diff(slots, prepend=-1))  # of the distinct spots in each bin
    width = np.diff(start, append=slots.size)
    reached = np.cumsum(np.add.reduceat(mass, first))
    before = np.append(0.0, reached)[start]
    weight = np.repeat(reached[start + width - 1] - before, width)
    steps = (reached - np.repeat(before, width)) / weight
    lower = np.append(0.0, steps[:-1])
    lower[start] = 0.0
    line = (spots & PLACE) / (PLACE + 1)
    gap = np.maximum.reduceat(np.maximum(np.abs(steps - line), np.abs(lower - line)), start)
    bins = slots[start]
    noise = SIGNIFICANT * np.sqrt(np.add.reduceat(np.square(mass), first[start])) / weight[start]
    unseen = np.sqrt(max(0.0, 1 - len(sample) / documents))  # 0: the sample is the whole domain
    uneven = (gap * np.diff(below)[bins] >= UNEVEN * unseen) & (gap >= noise * unseen)
    single = uneven & (width == 1)  # one value holds the bin: all of it has the rank of its last token
    table[bins[single]] = knots[bins[single] + 1] << 32
    refined = uneven & (width > 1)
    n_steps = width[refined] + 1
    table[bins[refined]] = ~(((np.cumsum(n_steps) - n_steps) << STEP_BITS) + n_steps)
    inside = np.repeat(refined, width)
    rise = np.diff(knots)[slots[inside]]
    at = np.concatenate([bins[refined] << PLACE_BITS, spots[inside]])
    value = np.concatenate([knots[bins[refined]], knots[slots[inside]] + (steps[inside] * rise).astype(np.int64)])
    order = np.argsort(at, kind="stable")
    return table, at[order] + (row << ROW_BITS), value[order]


def _scaled_row(held: Histograms, row: int, normalisation: str) -> Integers:
    """Table of one row for z-scores or min-max: linear in the score, mean and deviation from the histogram."""
    edges = scores_of((held.bases[row] + np.arange(N_BINS + 1)) << held.levels[row])
    occupied = np.flatnonzero(held.tokens[row])
    low, high = edges[occupied[0]], edges[occupied[-1] + 1]
    if not (np.isfinite(low) and np.isfinite(high)):
        raise OverflowError
    if normalisation == "zscore":
        weights = held.tokens[row, occupied].astype(np.float64)
        scale = max(abs(low), abs(high), TINY_SCALE)
        middle = (edges[occupied] / scale + edges[occupied + 1] / scale) / 2
        mean = float(np.average(middle, weights=weights))
        deviation = float(np.sqrt(np.average(np.square(middle - mean), weights=weights)))
        low, high = (mean - ZSCORE_RANGE * deviation) * scale, (mean + ZSCORE_RANGE * deviation) * scale
    if not high > low:
        return np.full(N_BINS, (WORST // 2) << 32, np.int64)
    knots = (_share(edges, low, high) * WORST).astype(np.int64)
    return (knots[:-1] << 32) + np.diff(knots)


def _share(edges: Floats, low: float, high: float) -> Floats:
    """Place of each edge between `low` and `high`, in [0, 1]; halved first, so that huge scores do not overflow."""
    inside = np.clip(edges, low, high)
    return (inside / 2 - low / 2) / (high / 2 - low / 2)
