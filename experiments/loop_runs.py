"""The runs of the loop: trained by a swarm and written as tables, or read back from a folder that has them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from infolaw import RunTable, read_runs
from infolaw.errors import ExperimentError
from infolaw.files import read_json, write_atomically

from .designs import Base, Grid, infolaw_design, quadmix_design, regmix_design
from .proxy import RunConfig, RunRecord
from .swarm import Outcome, Progress, curves, export_runs, run_swarm

FINAL = "final"
TABLES = ("infolaw", "regmix-buckets", "regmix-domains", "quadmix", FINAL)
"""Designs, each in a table ``runs-<design>.csv``."""
SAMPLED = 32.0
"""Tokens that QuaDMix's sampler draws from, of those trained on: some dozens of documents in the smallest cells."""


@dataclass(frozen=True)
class Proxies:
    """How many small runs there are of each design of mixtures.

    Attributes
    ----------
    buckets, domains : int
        On Dirichlet mixtures of quality buckets, and of domains.
    transfer : int
        How many of the mixtures of domains are trained at the second largest width too.
    quadmix : int
        On what QuaDMix's sampler draws.
    """

    buckets: int = 64
    domains: int = 64
    transfer: int = 12
    quadmix: int = 96

    @property
    def small(self) -> int:
        """Those of the second smallest width."""
        return self.buckets + self.domains + self.quadmix


@dataclass(frozen=True)
class Loop:
    """What was trained.

    Attributes
    ----------
    base : Base
    grid : Grid
    natural : dict of str to float
        Share of each quality bucket in the text.
    tables : dict of str to RunTable
        Runs by design.
    failures : dict of str to str
        Why other runs failed.
    """

    base: Base
    grid: Grid
    natural: dict[str, float]
    tables: dict[str, RunTable] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def with_finals(self, table: RunTable) -> Loop:
        """The same with the runs that verify the plan."""
        return replace(self, tables={**self.tables, FINAL: table})


def train_grid(folder: Path, base: Base, grid: Grid, proxies: Proxies, workers: int, seed: int) -> Loop:
    """Train every run of the designs, and write ``runs-<design>.csv`` and ``curves.csv``."""
    configs = designed(base, grid, proxies, seed)
    outcome = train(folder / "grid", sorted(configs, key=_turn), workers)
    of_design: dict[str, list[RunRecord]] = {}
    order = {run.run_id: k for k, run in enumerate(configs)}
    for record in sorted(outcome.records, key=lambda record: order[record.run_id]):
        of_design.setdefault(record.config["labels"]["design"], []).append(record)
    tables = {design: export_runs(records, place_of(folder, design)) for design, records in of_design.items()}
    write_atomically(folder / "curves.csv", curves(of_design["infolaw"]).to_csv(index=False))
    return Loop(base, grid, base.buckets(), tables, outcome.failures)


def train_finals(folder: Path, configs: Sequence[RunConfig], mark: str, workers: int) -> RunTable:
    """Train the runs that verify a plan, and write ``runs-final.csv``.

    Raises
    ------
    ExperimentError
        If one of them fails or diverges.
    """
    outcome = train(folder / f"final-{mark}", configs, workers)
    for name, reason in outcome.failures.items():
        raise ExperimentError(f"the verifying run {name!r} failed: {reason}")
    for record in outcome.records:
        if record.loss is None:
            raise ExperimentError(f"the verifying run {record.run_id!r} diverged: {record.reason}: lower its learning rate.")
    return export_runs(outcome.records, place_of(folder, FINAL))


def read_loop(folder: Path, options: Mapping[str, object]) -> Loop:
    """Read the tables that a loop wrote.

    Raises
    ------
    ExperimentError
        If the folder lacks the grid, the mixtures, or the runs that verify the plan.
    """
    for design in ("infolaw", "regmix-buckets", FINAL):
        if not place_of(folder, design).is_file():
            raise ExperimentError(f"there is no file {place_of(folder, design)}: train the loop first, without --shipped.")
    tables = {design: read_runs(place_of(folder, design)) for design in TABLES if place_of(folder, design).is_file()}
    frame = tables["infolaw"].frame
    unique = tables[FINAL].frame.filter(regex="^unique:").iloc[0]
    natural = {str(name).removeprefix("unique:"): float(held / unique.sum()) for name, held in unique.items()}
    return Loop(Base("", options), Grid(tuple(sorted(set(frame["width"])))), natural, tables)


def joined(tables: Sequence[RunTable], source: str) -> RunTable:
    """Rows of several tables."""
    import pandas as pd

    return RunTable.from_frame(pd.concat([table.frame for table in tables], ignore_index=True), source=source)


def place_of(folder: Path, design: str) -> Path:
    """File of a design's table."""
    return folder / f"runs-{design}.csv"


def designed(base: Base, grid: Grid, proxies: Proxies, seed: int) -> list[RunConfig]:
    """Every proxy run: the grid, then the designs of mixtures and of sampler parameters."""
    small, large = sorted(grid.widths)[1], sorted(grid.widths)[-2]
    configs = [
        *infolaw_design(base, grid),
        *regmix_design(base, proxies.buckets, small, grid.middle, over="buckets", seed=seed),
    ]
    for n, width in ((proxies.domains, small), (proxies.transfer, large)):
        if n:
            configs += regmix_design(base, n, width, grid.middle, seed=seed)
    if proxies.quadmix:
        criteria = criteria_of(Path(base.corpus))
        configs += quadmix_design(base, proxies.quadmix, small, grid.middle, criteria, pool=SAMPLED, seed=seed)
    return configs


def criteria_of(corpus: Path) -> dict[str, str]:
    """Columns with scores, and which way each is better, from ``corpus.json``."""
    content = read_json(corpus / "corpus.json", "the manifest of a corpus")
    if not content.get("scores"):
        raise ExperimentError(f"{corpus} is not scored: score it, or ask for no QuaDMix proxies.")
    return {entry["column"]: entry["better"] for entry in content["scores"]["criteria"]}


def train(path: Path, configs: Sequence[RunConfig], workers: int) -> Outcome:
    """Train runs in a swarm's folder; those that it has are not trained again."""
    return run_swarm(path, configs, workers=workers, tell=_tell(path.name))


def _turn(run: RunConfig) -> tuple[bool, int]:
    """Order of the runs: mixtures first, since they are soon done, then the largest first, so that no worker ends late."""
    return run.labels["design"] == "infolaw", -run.width * run.tokens


def _tell(name: str) -> Callable[[Progress], None] | None:
    """Return a function that shows the progress of a swarm, where somebody watches."""
    if not sys.stderr.isatty():
        return None

    def tell(progress: Progress) -> None:
        sys.stderr.write(
            f"\r{name}: {progress}\033[K" + ("\n" if progress.finished + progress.failed == progress.total else "")
        )
        sys.stderr.flush()

    return tell
