"""The splits that laws are judged by: which runs of which table are fitted, and which are predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from infolaw import RunTable, read_runs
from infolaw.observations import Observations, observe

from .shared import shared_runs

_PAIRS = (("hq", "mlq"), ("mq", "top"), ("lq", "nat"), ("hq", "mq"), ("mlq", "top"), ("lq", "mq"), ("nat", "top"))
_CORPORA = ("rpj", "c4_original")
N_DRAWS = 20
"""Random draws of ten runs on a new corpus."""
NEW_CORPUS_RUNS = 10


@dataclass(frozen=True)
class Case:
    """One split of one table.

    Attributes
    ----------
    name : str
        ``<table>: <split>``.
    runs : RunTable
        What is fitted, under `options` of `infolaw.fit`.
    held : RunTable
        What is predicted.
    counted : bool
        Whether it counts towards the checks; otherwise it stands apart.
    """

    name: str
    runs: RunTable
    held: RunTable
    options: Mapping[str, Any] = field(default_factory=lambda: {"target": "loss"})
    counted: bool = True

    @property
    def train(self) -> Observations:
        """The rows that are fitted."""
        return observe(self.runs, **self.options)

    @property
    def test(self) -> Observations:
        """The rows that are predicted; groups are those of these rows alone."""
        return observe(self.held, **self.options)


def datablations(folder: Path) -> list[Case]:
    """Repetition: the small, the little repeated, the cheap predict the rest."""
    runs = shared_runs(folder, "datablations.csv").select("kind == 'main' and in_authors_fit == 1")
    limit = float(np.quantile(runs.frame["flops_6nd"], 0.6))
    splits = {
        "N <= 300M -> > 600M": ("n_params <= 3e8", "n_params > 6e8"),
        "<= 4 epochs -> 4 to 40": ("epochs <= 4", "epochs > 4 and epochs <= 40"),
        "<= 20 epochs -> 20 to 60": ("epochs <= 20", "epochs > 20 and epochs <= 60"),
        "FLOP < 60 % -> above": (f"flops_6nd < {limit} and epochs <= 60", f"flops_6nd >= {limit} and epochs <= 60"),
        "<= 60 epochs -> above": ("epochs <= 60", "epochs > 60"),
    }
    return [
        Case(f"datablations: {name}", runs.select(train), runs.select(test), counted=name[:5] != "<= 60")
        for name, (train, test) in splits.items()
    ]


def tiny_lm(folder: Path) -> list[Case]:
    """Recipes: small sizes predict the largest, and small sizes of some recipes the largest of the others."""
    runs = read_runs(Path(str(files("experiments") / "data" / "tiny_lm_runs.csv"))).select("family == 'mlp' and width > 32")
    splits = {"size": ("width < 256", "width == 256")}
    for pair in _PAIRS:
        known = f"recipe not in {pair}"
        splits[f"size x {'+'.join(pair)}"] = (f"width < 256 and {known}", f"width == 256 and recipe in {pair}")
    return [Case(f"tiny_lm: {name}", runs.select(a), runs.select(b)) for name, (a, b) in splits.items()]


def marin(folder: Path) -> list[Case]:
    """Few runs on a new corpus: all comma runs and ten dclm runs predict the other dclm runs, levels pooled."""
    runs = shared_runs(folder, "marin_isoflop.csv")
    frame = runs.frame
    new = frame.index[frame["recipe"] == "dclm"]
    by_cost = frame.loc[new, "flops_6nd"].sort_values(kind="stable").index
    cheaper = by_cost[: int(0.6 * len(by_cost))]
    rng = np.random.default_rng(0)
    draws = [rng.choice(cheaper, NEW_CORPUS_RUNS, replace=False) for _ in range(N_DRAWS)]
    chosen = {"ten cheapest": by_cost[:NEW_CORPUS_RUNS], **{f"draw {k + 1}": draw for k, draw in enumerate(draws)}}
    options = {"target": "loss", "group": "recipe"}
    return [
        Case(
            f"marin: {name}",
            runs.select(~np.isin(frame.index, new) | np.isin(frame.index, known)),
            runs.select(np.isin(frame.index, new) & ~np.isin(frame.index, known)),
            options,
        )
        for name, known in chosen.items()
    ]


def gadre(folder: Path) -> list[Case]:
    """Over-training: the five small runs of the published procedure predict the longest 1.4B run and the 6.9B run."""
    runs = shared_runs(folder, "gadre_overtraining.csv")
    options = {"target": "loss:c4_val/shard-{0000000..0000010}.tar"}
    small = "(n_params < 5e8 and chinchilla_multiplier == 1) or (n_params < 2e7 and chinchilla_multiplier == 16)"
    longest = {
        corpus: runs.select(f"recipe == '{corpus}' and n_params > 1e9 and n_params < 2e9").frame["tokens"].max()
        for corpus in _CORPORA
    }
    return [
        Case(
            f"gadre: {corpus}",
            runs.select(f"recipe == '{corpus}' and ({small})"),
            runs.select(f"recipe == '{corpus}' and (n_params > 5e9 or (n_params > 1e9 and tokens == {longest[corpus]}))"),
            options,
        )
        for corpus in _CORPORA
    ]


CASES: dict[str, Callable[[Path], list[Case]]] = {
    "datablations": datablations,
    "tiny_lm": tiny_lm,
    "marin": marin,
    "gadre": gadre,
}
"""Splits by table."""
