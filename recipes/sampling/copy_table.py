"""CopyTable: the copies that a document may expect, by domain and bin, and the draw.

Both kinds of recipe end here: QuaDMix parameters (eq. 3) and weights of cells (a step function of rank). The table is
computed once and stored; from then on the draw is integer arithmetic: ``copies = (expected + key) >> 53`` with
`expected` in units of 2^-53 copies and `key` uniform in [0, 2^53), which is the whole part and one more with exactly
the probability of the fraction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..cell import Cell
from .buckets import bucket_sums, bucket_table
from .domains import Slots, slots_of
from .hashing import Keys, seed_key
from .merged import MergedHistogram
from .order_keys import Integers
from .packing import digest, pack, unpack
from .params import SamplerParams

FRACTION_BITS = 53
MOST_COPIES = 2046
"""More copies of one document than this are refused: 11 bits hold the whole part."""
KIND, SCHEMA_VERSION = "copy table", 1


@dataclass(frozen=True, eq=False)
class CopyTable:
    """Expected copies by domain and bin, in units of 2^-53.

    Attributes
    ----------
    domains : tuple of str
    fixed : (n_domains, n_bins) uint64
    """

    domains: tuple[str, ...]
    fixed: Keys = field(repr=False)

    @classmethod
    def from_copies(cls, domains: Sequence[str], copies: ArrayLike) -> CopyTable:
        """Table of expected copies ``(n_domains, n_bins)``, each in [0, 2046].

        Raises
        ------
        RecipeError
            If one is not; the message names the domain.
        """
        values = np.asarray(copies, np.float64)
        bad = ~((values >= 0) & (values <= MOST_COPIES)).all(axis=1)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise RecipeError(
                f"Domain {domains[row]!r} would take up to {values[row].max():g} copies of a document; "
                f"between 0 and {MOST_COPIES} are possible: want fewer tokens of it."
            )
        return cls(tuple(domains), np.floor(np.ldexp(values, FRACTION_BITS)).astype(np.uint64))

    @classmethod
    def from_params(cls, params: SamplerParams, merged: MergedHistogram) -> CopyTable:
        """Table of QuaDMix parameters: eq. 3 at the rank (eq. 2) of each bin.

        Parameters
        ----------
        params : SamplerParams
            At least for the domains of `merged`.
        merged : MergedHistogram
            Of the score merged with these parameters' criterion weights.
        """
        return cls.from_copies(merged.domains, params.aligned(merged.domains).expected_copies(merged.rank))

    @classmethod
    def from_recipe(
        cls, weights: Mapping[str, float], tokens: float, merged: MergedHistogram, edges: Sequence[float] | None = None
    ) -> CopyTable:
        """Table of a recipe: every cell gives ``weights[cell] * tokens``, whatever it holds.

        Parameters
        ----------
        weights : mapping of str to float
            Share of the tokens by cell: ``<domain>``, ``q<K>`` or ``<domain>/q<K>``.
        tokens : float
            Tokens of the whole sample, every pass counted [tokens].
        merged : MergedHistogram
            Of the score that the buckets are cut by. Where documents state their bucket: of those buckets as bins.
        edges : sequence of float, optional
            Rank edges of the buckets, 0 to 1; without them, bin k is bucket k.

        Raises
        ------
        RecipeError
            If a cell is unknown, lies inside another, or holds no tokens; the message names it.
        """
        n_buckets = merged.n_bins if edges is None else len(edges) - 1
        if edges is None:
            buckets = np.broadcast_to(np.arange(merged.n_bins, dtype=np.int16), merged.tokens.shape)
        else:
            buckets = bucket_table(merged, edges)
        available = bucket_sums(merged.tokens, buckets, n_buckets)
        copies, taken = np.zeros(available.shape), np.zeros(available.shape, bool)
        for name, weight in weights.items():
            mask = _cell_mask(name, merged.domains, n_buckets)
            if np.any(taken & mask):
                raise RecipeError(f"Cell {name!r} overlaps another cell of the recipe; weigh each document once.")
            taken |= mask
            held = float(available[mask].sum())
            if weight > 0 and not held:
                raise RecipeError(
                    f"The recipe wants {weight * tokens:.4g} tokens of cell {name!r}, and no document with tokens falls "
                    "into it (tied scores are never split over buckets); give it weight 0 or draw other bucket edges."
                )
            copies[mask] = weight * tokens / held if held else 0.0
        return cls.from_copies(merged.domains, np.take_along_axis(copies, buckets.astype(np.intp), axis=1))

    def joined(self, other: CopyTable) -> CopyTable:
        """Table of both, one after the other; copies of a document add up.

        Raises
        ------
        RecipeError
            If a document would get more than 2046 copies.
        """
        if self.max_copies + other.max_copies > MOST_COPIES:
            raise RecipeError(f"Stages together would take more than {MOST_COPIES} copies of a document; want fewer tokens.")
        return CopyTable(self.domains, self.fixed + other.fixed)

    @property
    def n_bins(self) -> int:
        """Bins a domain."""
        return int(self.fixed.shape[1])

    @property
    def base(self) -> NDArray[np.uint16]:
        """Copies that every document of the bin gets, ``(n_domains, n_bins)``."""
        return (self.fixed >> np.uint64(FRACTION_BITS)).astype(np.uint16)

    @property
    def threshold(self) -> Keys:
        """Probability of one more copy times 2^53, ``(n_domains, n_bins)``."""
        return self.fixed & np.uint64(2**FRACTION_BITS - 1)

    @property
    def copies(self) -> Array:
        """Expected copies, ``(n_domains, n_bins)``."""
        return np.ldexp(self.fixed.astype(np.float64), -FRACTION_BITS)

    @cached_property
    def max_copies(self) -> int:
        """Most copies that any document can get."""
        most = int(self.fixed.max(initial=0))
        return -(-most >> FRACTION_BITS)

    def counts(self, domain: NDArray[np.integer], bins: NDArray[np.integer], ids: Keys, seed: int) -> NDArray[np.uint16]:
        """Copies of each document, ``(n,)``: a function of seed, id, domain and bin, and of nothing else.

        Parameters
        ----------
        domain : (n,) integers
            Index into `domains`.
        bins : (n,) integers
        ids : (n,) uint64
        seed : int
        """
        return self.draw(slots_of(domain, len(self.domains), bins, self.n_bins), ids, seed)[0]

    def draw(self, slots: Slots, ids: Keys, seed: int) -> tuple[NDArray[np.uint16], Integers]:
        """As `counts`, of documents in the slots (domain times `n_bins`, plus bin) given, and the rows drawn at all."""
        from .draw_kernels import draw_copies

        fixed = np.ascontiguousarray(self.fixed).reshape(-1)
        if slots.max(initial=0) >= fixed.size:
            raise RecipeError(f"Documents lie in slot {slots.max()}, the table has {fixed.size}: make both of one profile.")
        counts, rows = np.empty(len(ids), np.uint16), np.empty(len(ids), np.int64)
        n_drawn = draw_copies(slots, np.ascontiguousarray(ids, np.uint64), seed_key(seed), fixed, counts, rows)
        return counts, rows[:n_drawn]

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the content: tables with the same fingerprint draw the same."""
        return digest(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the table as an npz archive of its runs of equal copies."""
        change = np.ones(self.fixed.shape, bool)
        change[:, 1:] = self.fixed[:, 1:] != self.fixed[:, :-1]
        start = np.flatnonzero(change)
        arrays = {"start": start, "fixed": self.fixed.reshape(-1)[start]}
        return pack(KIND, SCHEMA_VERSION, {"domains": list(self.domains), "n_bins": self.n_bins}, arrays)

    @classmethod
    def from_bytes(cls, content: bytes) -> CopyTable:
        """Inverse of `to_bytes`; `RecipeError` if the bytes are no copy table."""
        meta, arrays = unpack(content, KIND, SCHEMA_VERSION)
        shape = (len(meta["domains"]), meta["n_bins"])
        lengths = np.diff(np.append(arrays["start"], shape[0] * shape[1]))
        return cls(tuple(meta["domains"]), np.repeat(arrays["fixed"], lengths).reshape(shape))


def _cell_mask(name: str, domains: Sequence[str], n_buckets: int) -> NDArray[np.bool_]:
    """Which domains and buckets a cell covers, ``(n_domains, n_buckets)``."""
    cell = Cell(name, 1.0)
    mask = np.ones((len(domains), n_buckets), bool)
    if name in domains:  # a domain may itself be called q0
        mask &= np.array(domains)[:, None] == name
        return mask
    bucket = int(cell.bucket[1:]) if cell.bucket else 0
    if (cell.domain is not None and cell.domain not in domains) or bucket >= n_buckets:
        raise RecipeError(
            f"The recipe weighs the cell {name!r}; the corpus has the domains {', '.join(domains)} and "
            f"{n_buckets} buckets: use these names."
        )
    if cell.domain is not None:
        mask &= np.array(domains)[:, None] == cell.domain
    if cell.bucket is not None:
        mask &= np.arange(n_buckets) == bucket
    return mask
