"""What a recipe must respect: caps, floors, fixed shares and exclusions by cell and by group of cells; data on offer.

`Constraints` is read from a file; `limits`, `groups` and `chains` are what it asks of a corpus at a number of tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from infolaw.errors import BudgetError, RecipeError
from infolaw.units import Array

from .conflicts import cell_conflict, refuse_share_conflicts
from .corpus import Corpus
from .grouped import CellGroup


@dataclass(frozen=True)
class ShareGroup:
    """Cells whose summed share is bounded; `cells` may also name a domain or a bucket, meaning all its cells."""

    cells: tuple[str, ...]
    min_share: float = 0.0
    max_share: float = 1.0


@dataclass(frozen=True)
class Offer:
    """Data that could be bought: more tokens of a cell of the corpus [tokens], at a price in any currency."""

    cell: str
    tokens: float
    price: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.tokens < np.inf:
            raise RecipeError(f"the offer of {self.cell} has {self.tokens:g} tokens: give a number above 0, such as 1e9.")
        if self.price is not None and not 0 <= self.price < np.inf:
            raise RecipeError(f"the offer of {self.cell} has the price {self.price:g}: give 0 or more, or leave it out.")


@dataclass(frozen=True)
class Constraints:
    """What a recipe must respect.

    Parameters
    ----------
    max_epochs : float, optional
        Most passes over any cell.
    cell_max_epochs : mapping, optional
        The same for single cells.
    min_share, max_share, fixed_share : mapping, optional
        Floor, cap and exact value of the share of the training tokens, by cell.
    exclude : tuple of str, optional
        Cells, domains or buckets that are not drawn from.
    groups : mapping of str to ShareGroup, optional
        Bounds on sums of shares; no cell in two groups.
    unique_tokens : mapping, optional
        Distinct tokens of a cell, instead of what the corpus says [tokens].
    monotone : bool
        Whether a better bucket must get at least the tokens of the next worse one of its domain (InfoLaw's LayerMix,
        arXiv:2605.02364).
    offers : tuple of Offer, optional
        Data that could be bought; they change no plan, their worth is told.
    consumed : mapping, optional
        Tokens of each cell that the run has read already: floors on what it reads in all [tokens].

    Raises
    ------
    RecipeError
        If a number is unusable, or two constraints exclude each other; the message names both.
    """

    max_epochs: float | None = None
    cell_max_epochs: Mapping[str, float] = field(default_factory=dict)
    min_share: Mapping[str, float] = field(default_factory=dict)
    max_share: Mapping[str, float] = field(default_factory=dict)
    fixed_share: Mapping[str, float] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    groups: Mapping[str, ShareGroup] = field(default_factory=dict)
    unique_tokens: Mapping[str, float] = field(default_factory=dict)
    monotone: bool = False
    offers: tuple[Offer, ...] = ()
    consumed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, epochs in {"max_epochs": self.max_epochs, **self.cell_max_epochs}.items():
            if epochs is not None and not epochs > 0:
                raise RecipeError(f"{name}: {epochs:g} epochs is no cap; give a number above 0.")
        bounds = {f"group {name}": share for name, g in self.groups.items() for share in (g.min_share, g.max_share)}
        for owner, share in [*self.min_share.items(), *self.max_share.items(), *self.fixed_share.items(), *bounds.items()]:
            if not 0 <= share <= 1:
                raise RecipeError(f"the share {share:g} of {owner!r} is not between 0 and 1.")
        shares = {name: (group.min_share, group.max_share) for name, group in self.groups.items()}
        refuse_share_conflicts(self.min_share, self.max_share, self.fixed_share, shares)

    def limits(self, corpus: Corpus, tokens: float) -> tuple[Array, Array]:
        """Floors and caps of every cell at `tokens` trained, each (n_cells,) [tokens].

        Raises
        ------
        RecipeError
            If a constraint names no cell of the corpus.
        BudgetError
            If a floor lies above a cap at this many tokens; the message names both constraints.
        """
        self._refuse_unknown(corpus)
        cap = np.inf if self.max_epochs is None else self.max_epochs
        excluded = {name for given in self.exclude for name in members(corpus, given)}
        epochs = np.array([self.cell_max_epochs.get(cell, cap) for cell in corpus.names])
        floor_of, cap_of = {**self.min_share, **self.fixed_share}, {**self.max_share, **self.fixed_share}
        cap_of |= dict.fromkeys(excluded, 0.0)
        floors = np.array([floor_of.get(cell, 0.0) for cell in corpus.names]) * tokens
        shares = np.array([cap_of.get(cell, np.inf) for cell in corpus.names]) * tokens
        caps = np.minimum(epochs * corpus.unique_tokens, shares)
        floors = np.maximum(floors, self._read(corpus, tokens, caps))
        crossed = np.flatnonzero(floors > caps * (1 + 1e-12))
        if len(crossed):
            k = int(crossed[0])
            raise self._conflict(corpus.names[k], excluded, floors[k], corpus.unique_tokens[k], tokens)
        return floors, caps

    def _read(self, corpus: Corpus, tokens: float, caps: Array) -> Array:
        """Tokens of each cell that were consumed, (n_cells,); refused where a cap or the run is smaller."""
        read = np.array([self.consumed.get(cell, 0.0) for cell in corpus.names])
        over = np.flatnonzero(read > caps * (1 + 1e-9))
        if len(over):
            k = int(over[0])
            passes = read[k] / corpus.unique_tokens[k]
            raise BudgetError(
                f"{read[k]:.4g} tokens of {corpus.names[k]} were consumed already ({passes:.3g} passes), and the caps allow "
                f"{caps[k]:.4g} in the whole run: raise the cap, or lengthen the run."
            )
        if read.sum() >= tokens:
            raise BudgetError(
                f"{read.sum():.4g} tokens were consumed already, the whole run has {tokens:.4g}: give the tokens of the "
                "whole run, what was consumed among them."
            )
        return read

    def _conflict(self, cell: str, excluded: set[str], floor: float, supply: float, tokens: float) -> BudgetError:
        kind = "fixed_share" if cell in self.fixed_share else "min_share"
        if cell in excluded:
            cap, passes = f"the exclusion of {cell}", 0.0
        elif cell in self.cell_max_epochs:
            cap, passes = f"cell_max_epochs of {cell}", self.cell_max_epochs[cell]
        else:
            cap, passes = "max_epochs", float(self.max_epochs or np.inf)
        return cell_conflict(f"{kind} of {cell}", floor, cap, passes, supply, tokens)

    def cell_groups(self, corpus: Corpus, tokens: float) -> tuple[CellGroup, ...]:
        """Groups of cells with their floors and caps at `tokens` trained [tokens]."""
        position = {name: index for index, name in enumerate(corpus.names)}
        return tuple(
            CellGroup(
                name,
                tuple(dict.fromkeys(position[cell] for given in group.cells for cell in members(corpus, given))),
                group.min_share * tokens,
                group.max_share * tokens,
            )
            for name, group in self.groups.items()
        )

    def chains(self, corpus: Corpus) -> list[list[int]]:
        """Cells of each domain from its best bucket to its worst, where the recipe must be monotone."""
        if not self.monotone:
            return []
        plain = [cell.name for cell in corpus.cells if cell.bucket is None]
        if plain:
            raise RecipeError(f"a monotone recipe needs a corpus in buckets; these cells have none: {', '.join(plain)}.")
        order = sorted(range(len(corpus.cells)), key=lambda k: int((corpus.cells[k].bucket or "q0")[1:]))
        domains = dict.fromkeys(cell.domain for cell in corpus.cells)
        return [[k for k in order if corpus.cells[k].domain == domain] for domain in domains]

    def supplied(self, corpus: Corpus) -> Corpus:
        """Return the corpus with the distinct tokens that the constraints state."""
        if not self.unique_tokens:
            return corpus
        self._refuse_unknown(corpus)
        cells = [
            cell if cell.name not in self.unique_tokens else replace(cell, unique_tokens=self.unique_tokens[cell.name])
            for cell in corpus.cells
        ]
        return replace(corpus, cells=tuple(cells))

    def _refuse_unknown(self, corpus: Corpus) -> None:
        cells = [
            *self.cell_max_epochs,
            *self.min_share,
            *self.max_share,
            *self.fixed_share,
            *self.unique_tokens,
            *self.consumed,
        ]
        sets = [*self.exclude, *(cell for group in self.groups.values() for cell in group.cells)]
        unknown = [name for name in cells if name not in corpus.names]
        unknown += [name for name in sets if not members(corpus, name)]
        if unknown:
            names = ", ".join(dict.fromkeys(unknown))
            raise RecipeError(f"the constraints name {names}; the cells are {', '.join(corpus.names)}: use these names.")

    def to_dict(self) -> dict[str, Any]:
        """Return what was set, as plain values: the content of a constraints file."""
        usual, data = Constraints(), {}
        for name, value in vars(self).items():
            if value != getattr(usual, name):
                data[name] = value
        if self.groups:
            data["groups"] = {name: {**vars(group), "cells": list(group.cells)} for name, group in self.groups.items()}
        if self.offers:
            data["offers"] = [dict(vars(offer)) for offer in self.offers]
        if self.exclude:
            data["exclude"] = list(self.exclude)
        return {"schema_version": 1, **data}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Constraints:
        """Read what `to_dict` wrote, or the content of a file."""
        from .files import ConstraintsFile

        fields = ConstraintsFile.model_validate(data).model_dump(exclude={"schema_version"})
        groups = {name: ShareGroup(**group) for name, group in _settled(fields["groups"]).items()}
        return cls(**{**fields, "groups": groups, "offers": tuple(Offer(**offer) for offer in fields["offers"])})

    @classmethod
    def read(cls, path: str | Path) -> Constraints:
        """Read a YAML file with the fields of this class and ``schema_version: 1``."""
        from .files import ConstraintsFile, named_place, read_yaml

        with named_place(path):
            return cls.from_dict(read_yaml(path, ConstraintsFile).model_dump())


def members(corpus: Corpus, name: str) -> list[str]:
    """Cells that a name stands for: the cell itself, or all of a domain or a bucket."""
    if name in corpus.names:
        return [name]
    return [cell.name for cell in corpus.cells if name in (cell.domain, cell.bucket)]


def _settled(groups: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Write a fixed share of a group as its floor and cap."""
    found = {}
    for name, group in groups.items():
        fixed = group.pop("fixed_share")
        if fixed is not None and (group["min_share"], group["max_share"]) != (0.0, 1.0):
            raise RecipeError(f"group {name!r} has a fixed_share and a min_share or max_share; keep one of them.")
        found[name] = group if fixed is None else {**group, "min_share": fixed, "max_share": fixed}
    return found
