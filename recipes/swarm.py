"""Swarm: proxy runs of many recipes, as features and losses that surrogates are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infolaw import RunTable, read_runs
from infolaw.errors import RecipeError
from infolaw.units import Array

if TYPE_CHECKING:
    from .corpus import Corpus

REPRESENTATIONS = {
    "weights": "weight:",
    "params": "param:",
    "shares": "share:",
    "epochs": "epochs:",
    "ranks": "rank:",
}
"""What a recipe can be described by -> the prefix of its columns: shares of tokens, the sampler's own parameters, and
what these induce on a corpus (share, repetition and mean quality rank of each cell)."""
AMOUNTS = "amounts"
"""Tokens of each cell, weight x tokens: for swarms whose runs differ in length, as when one domain is doubled at a time."""
DOMAINS = "domains"
"""Share of each domain, its quality buckets summed: where cells are ``<domain>/q<k>``."""
FIDELITY = ("n_params", "tokens")


@dataclass(frozen=True, eq=False)
class Swarm:
    """Runs of many recipes, one row a run.

    Attributes
    ----------
    runs : RunTable
        Checked rows: ``weight:<cell>`` columns or others of `REPRESENTATIONS`, ``loss:<target>`` columns.
    """

    runs: RunTable

    def __post_init__(self) -> None:
        if not self.representations:
            raise RecipeError(
                f"{self.runs.source or 'The swarm'} has no columns that describe recipes; name them "
                f"{', '.join(f'{prefix}<name>' for prefix in REPRESENTATIONS.values())}."
            )
        if not self.targets:
            raise RecipeError(f"{self.runs.source or 'The swarm'} has no losses; name them loss:<target>.")

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        return f"Swarm({len(self)} runs, {', '.join(self.representations)}, targets={list(self.targets)})"

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the losses."""
        return tuple(self.runs.targets)

    @property
    def cells(self) -> tuple[str, ...]:
        """Cells of the mixture weights, empty if the swarm has none."""
        return tuple(self.runs.cells)

    @property
    def representations(self) -> tuple[str, ...]:
        """Which names `features` knows here."""
        columns = [str(name) for name in self.runs.frame.columns]
        found = [name for name, prefix in REPRESENTATIONS.items() if any(c.startswith(prefix) for c in columns)]
        more = [AMOUNTS] if "weights" in found and "tokens" in columns else []
        cut = any("/" in c for c in columns if c.startswith((REPRESENTATIONS["weights"], REPRESENTATIONS["shares"])))
        return (*found, *more, *([DOMAINS] if cut else []))

    @property
    def weights(self) -> Array:
        """Mixture weights, ``(n_runs, n_cells)``, rows sum to 1."""
        return self.features("weights")[0]

    @property
    def groups(self) -> NDArray[np.intp]:
        """Mixture of each run, ``(n_runs,)``: its ``mixture_id``, else runs of equal features are one mixture."""
        if "mixture_id" in self.runs.frame:
            labels = self.runs.frame["mixture_id"].astype(str).to_numpy()
            return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.intp)
        X, _ = self.features(self.representations[0])
        return np.asarray(np.unique(X.round(6), axis=0, return_inverse=True)[1].ravel(), dtype=np.intp)

    def features(self, name: str = "weights", fidelity: bool = False) -> tuple[Array, tuple[str, ...]]:
        """Return one representation of the recipes, ``(n_runs, n_features)``, and the names of its columns.

        Parameters
        ----------
        name : str
            One of `representations`, or several joined by ``+`` (``"shares+epochs"``).
        fidelity : bool
            Append ln of ``n_params`` and ``tokens``, which `MultiFidelity` tells levels apart by.

        Raises
        ------
        RecipeError
            If the swarm has no such columns, or a number is missing; the message lists what there is.
        """
        parts = [self._described(part) for part in name.split("+")]
        X = np.column_stack([values for values, _ in parts])
        columns = [column for _, names in parts for column in names]
        frame = self.runs.frame
        if fidelity:
            marks = [column for column in FIDELITY if column in frame]
            if not marks:
                raise RecipeError("This swarm has neither n_params nor tokens, so no fidelity.")
            X = np.column_stack([X, *(np.log(frame[column].to_numpy(dtype=float)) for column in marks)])
            columns += [f"ln {column}" for column in marks]
        if not np.isfinite(X).all():
            row, column = np.argwhere(~np.isfinite(X))[0]
            raise RecipeError(f"{columns[column]} is missing in row {frame.index[row]}; repair it or leave the run out.")
        return X, tuple(columns)

    def _described(self, part: str) -> tuple[Array, list[str]]:
        """Return the columns of one representation, and their names."""
        if part not in self.representations:
            raise RecipeError(f"This swarm has no {part!r}; it has {', '.join(self.representations)}.")
        if part == DOMAINS:
            return self._by_domain()
        frame, prefix = self.runs.frame, REPRESENTATIONS.get(part, REPRESENTATIONS["weights"])
        columns = [str(column) for column in frame.columns if str(column).startswith(prefix)]
        values = frame[columns].to_numpy(dtype=float)
        if part != AMOUNTS:
            return values, columns
        return values * frame["tokens"].to_numpy(dtype=float)[:, None], [f"tokens:{cell}" for cell in self.cells]

    def _by_domain(self) -> tuple[Array, list[str]]:
        """Return the share of each domain, by what sampler parameters induce, else by the weights."""
        values, columns = self._described("shares" if "shares" in self.representations else "weights")
        owners = [column.partition(":")[2].partition("/")[0] for column in columns]
        names = list(dict.fromkeys(owners))
        return values @ np.array([[owner == name for name in names] for owner in owners], float), [
            f"domain:{name}" for name in names
        ]

    def losses(self, *targets: str) -> Array:
        """Return losses ``(n_runs, n_targets)``, NaN where a run lacks one; all targets unless some are named.

        Raises
        ------
        RecipeError
            If a target is unknown, or missing in all runs.
        """
        chosen = targets or self.targets
        unknown = [target for target in chosen if target not in self.targets]
        if unknown:
            empty = [note for note in self.runs.notes if "empty" in note and f"loss:{unknown[0]}" in note]
            why = " its column is empty in all runs, so it was left out;" if empty else ""
            raise RecipeError(f"The swarm has no target {unknown[0]!r};{why} it has {', '.join(self.targets)}.")
        columns = [target if target in self.runs.frame else f"loss:{target}" for target in chosen]
        Y = self.runs.frame[columns].to_numpy(dtype=float)
        for target, column in zip(chosen, Y.T, strict=True):
            if np.isnan(column).all():
                raise RecipeError(f"Target {target!r} is missing in all {len(self)} runs; choose another.")
        return Y

    def table(self, target: str, name: str = "weights", fidelity: bool = False) -> tuple[Array, Array, NDArray[np.intp]]:
        """Return features, losses and mixtures of the runs that have `target`: what `choose_surrogate` takes."""
        y = self.losses(target)[:, 0]
        rows = np.isfinite(y)
        return self.features(name, fidelity)[0][rows], y[rows], self.groups[rows]

    def select(self, where: str | Any) -> Swarm:
        """Keep the runs for which an expression over the columns, or a boolean array, holds."""
        return Swarm(self.runs.select(where))

    def notes(self) -> tuple[str, ...]:
        """Return what a reader should know before a fit: what was settled on reading, cells never varied, few runs."""
        said = list(self.runs.notes)
        if self.cells:
            W = self.weights
            constant = [cell for cell, spread in zip(self.cells, np.ptp(W, axis=0), strict=True) if spread == 0]
            said += [f"never varied, so that nothing is known of them: {', '.join(constant)}"] if constant else []
            if len(self) <= len(self.cells):
                said.append(f"{len(self)} runs for {len(self.cells)} cells: fewer proxies than domains, beliefs decide")
        return tuple(said)

    def with_columns(self, prefix: str, names: Sequence[str], values: Array) -> Swarm:
        """Return the swarm with one more representation, say what a sampler's parameters induce on a corpus.

        Columns of that prefix that were there before are replaced.

        Raises
        ------
        RecipeError
            If `prefix` is none of `REPRESENTATIONS`' or the shape of `values` is not ``(n_runs, n_names)``.
        """
        import pandas as pd

        if prefix not in REPRESENTATIONS.values():
            raise RecipeError(f"Unknown prefix {prefix!r}; choose {', '.join(REPRESENTATIONS.values())}.")
        if np.shape(values) != (len(self), len(names)):
            raise RecipeError(f"Values of shape {np.shape(values)} for {len(self)} runs and {len(names)} names.")
        kept = self.runs.frame.drop(columns=[c for c in self.runs.frame.columns if str(c).startswith(prefix)])
        added = pd.DataFrame(np.asarray(values), kept.index, [f"{prefix}{name}" for name in names])
        frame = pd.concat([kept, added], axis=1)
        return Swarm(RunTable(frame, self.runs.notes, self.runs.source, self.runs.fingerprint))

    def with_supply(self, corpus: Corpus) -> Swarm:
        """Return the swarm with ``epochs:<cell>`` columns: weight x tokens / distinct tokens of the cell.

        Raises
        ------
        RecipeError
            If corpus and swarm do not have the same cells (both sets are named) or runs lack ``tokens``.
        """
        check_same_cells(self.cells, corpus.names)
        if "tokens" not in self.runs.frame:
            raise RecipeError("Runs have no column tokens, so epochs are unknown.")
        supply = dict(zip(corpus.names, corpus.unique_tokens, strict=True))
        trained = self.weights * self.runs.frame["tokens"].to_numpy(dtype=float)[:, None]
        return self.with_columns("epochs:", self.cells, trained / np.array([supply[cell] for cell in self.cells]))


def check_same_cells(swarm: Sequence[str], corpus: Sequence[str]) -> None:
    """Refuse a corpus whose cells are not the swarm's; the message names both sets."""
    if set(swarm) != set(corpus):
        raise RecipeError(
            f"The swarm's domains are {', '.join(swarm)}; the corpus has {', '.join(corpus)}. Only in the swarm: "
            f"{', '.join(sorted(set(swarm) - set(corpus))) or 'none'}; only in the corpus: "
            f"{', '.join(sorted(set(corpus) - set(swarm))) or 'none'}. Rename or aggregate one of them."
        )


def read_swarm(*paths: str | Path, **options: Any) -> Swarm:
    """Read a swarm: RegMix's config and result tables, Olmix's ``ratios.csv`` and ``metrics.csv``, or one wide table.

    Parameters
    ----------
    *paths : path
        Files that `infolaw.read_runs` knows; several are joined where their format says on what.
    **options
        Of `infolaw.read_runs`: ``columns``, ``column`` (a number is a constant: ``column={"n_params": 1e6}``), ``where``...

    Raises
    ------
    RunTableError, RecipeError
        One sentence: the file, row, column, value, rule and remedy; weights further from one than 3 % are refused.
    """
    return Swarm(read_runs(*(Path(path) for path in paths), **options))
