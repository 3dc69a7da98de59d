"""Law runs and mixture proxies as one table, each seen in the cells of the law and in the cells of the mixtures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from infolaw import RunTable
from infolaw.errors import RecipeError
from infolaw.observations import Observations, joined_evidence, observe
from infolaw.points import Points, Schema
from infolaw.units import Array

from ..corpus import Corpus
from .cells import is_whole, pouring

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class Views:
    """How points in the finest cells are seen: by the law, and by the residual.

    Attributes
    ----------
    cells : tuple of str
        The finest cells: the law's, the proxies', or the corpus's where neither holds the other.
    to_law, to_shares : ndarray, (n_cells, n_law_cells) and (n_cells, n_share_cells)
        Which coarser cell each belongs to.
    """

    cells: tuple[str, ...]
    to_law: Array
    to_shares: Array

    def law_points(self, points: Points) -> Points:
        """Points in the law's cells."""
        return points if self.is_same else points.poured(self.to_law)

    @cached_property
    def is_same(self) -> bool:
        """Whether the law's cells are the finest, in their order."""
        return np.array_equal(self.to_law, np.eye(len(self.cells)))

    def shares(self, points: Points) -> Array:
        """Mixture as the residual sees it, (n_points, n_share_cells)."""
        return np.asarray(points.weights @ self.to_shares)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything measured of one target.

    Attributes
    ----------
    rows : Observations
        Law runs first, then proxies, in the finest cells.
    is_proxy : ndarray of bool, (n_rows,)
    views : Views
    law_schema : Schema
        Cells, groups and centre of the law.
    notes : tuple of str
    """

    rows: Observations
    is_proxy: Mask
    views: Views
    law_schema: Schema
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, seen: Observations, proxies: RunTable, corpus: Corpus, group: int = 0) -> Evidence:
        """Join the runs behind a fit with proxies of the same target.

        Parameters
        ----------
        seen : Observations
            Rows of the fit.
        proxies : RunTable
            Needs ``n_params``, ``tokens``, ``weight:`` columns and the fit's target; without ``unique:`` columns every
            token is taken as seen once.
        corpus : Corpus
            Says how cells of one table are made of cells of the other.
        group : int
            Index of the fit's group that the proxies belong to.

        Raises
        ------
        RecipeError, RunTableError
            If the proxies have no weights or lack the target, or cells cannot be matched.
        """
        if not proxies.cells:
            raise RecipeError(
                f"{proxies.source or 'The proxies'} have no weight: columns, so they say nothing of mixtures; name the "
                "shares weight:<cell>, or leave --surrogate out."
            )
        drawn = observe(proxies, target=seen.schema.target)
        mine, theirs = seen.schema.cells, drawn.schema.cells
        cells = _finest(mine, theirs, corpus)
        views = Views(cells, pouring(cells, mine, corpus), pouring(cells, theirs, corpus))
        small = replace(drawn.points.poured(pouring(theirs, cells, corpus)), group=np.full(len(drawn), group, np.intp))
        points = _stacked(seen.points.poured(pouring(mine, cells, corpus)), small)
        is_proxy = np.arange(len(points)) >= len(seen)
        rows = replace(
            seen,
            schema=replace(seen.schema, cells=cells),
            points=points,
            losses=np.concatenate([seen.losses, drawn.losses]),
            run_id=np.concatenate([_named("run", seen.run_id), _named("proxy", drawn.run_id)]),
            row=np.arange(1, len(points) + 1),
            measured_sd=None,
            noise_kind=is_proxy.astype(np.intp),
            evidence=joined_evidence(seen.evidence, drawn.evidence),
        )
        return cls(rows, is_proxy, views, seen.schema, _notes(mine, theirs, cells, drawn))

    @property
    def shares(self) -> Array:
        """Mixture of every row as the residual sees it, (n_rows, n_share_cells)."""
        return self.views.shares(self.rows.points)

    def law_rows(self, mask: Mask | None = None) -> Observations:
        """Rows (all, or some) in the law's cells."""
        rows = self.rows if mask is None else self.rows.take(mask)
        return replace(rows, schema=self.law_schema, points=self.views.law_points(rows.points))


def _finest(mine: tuple[str, ...], theirs: tuple[str, ...], corpus: Corpus) -> tuple[str, ...]:
    """Cells that both kinds of cells are made of."""
    if set(mine) == set(theirs) or is_whole(pouring(mine, theirs, corpus)):
        return mine
    return theirs if is_whole(pouring(theirs, mine, corpus)) else corpus.names


def _stacked(first: Points, second: Points) -> Points:
    names = ("n_params", "tokens", "cell_tokens", "cell_unique", "group")
    return Points(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


def _named(kind: str, run_id: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array([f"{kind} {name}" for name in run_id], object)


def _notes(mine: tuple[str, ...], theirs: tuple[str, ...], cells: tuple[str, ...], drawn: Observations) -> tuple[str, ...]:
    said = [f"{drawn.n_runs} proxies over {', '.join(theirs)} are used beside the runs of the law"]
    for who, own in (("law's runs", mine), ("proxies", theirs)):
        if set(own) != set(cells):
            inside = ", ".join(own) if own != ("all",) else "the whole corpus"
            said.append(f"the {who} say nothing below {inside}: inside, cells are held at the corpus's own mix")
    return tuple(said)
