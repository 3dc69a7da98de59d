"""The coordinator: writes the swarm, starts workers, reads what comes back, tells how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infolaw.errors import ExperimentError

from ..proxy import RunConfig, RunRecord
from ..proxy.sizes import size_of
from .folder import Swarm
from .index import Index
from .launch import run_dask, run_processes


@dataclass(frozen=True)
class Progress:
    """How far a swarm is.

    Attributes
    ----------
    finished, failed, total : int
        Runs; a run that diverged has finished.
    flops, total_flops : float
        Done, and to do in all (runs of unknown size left out) [FLOP].
    seconds : float
        Processor time of the finished runs.
    seconds_left : float or None
        At the pace since this coordinator began; None before the first run has finished.
    """

    finished: int
    failed: int
    total: int
    flops: float
    total_flops: float
    seconds: float
    seconds_left: float | None

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", {self.seconds_left:,.0f} s left"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.finished}/{self.total} runs{failed}, {self.flops:.2e} of {self.total_flops:.2e} FLOP{left}"


@dataclass(frozen=True)
class Outcome:
    """What a swarm has come to.

    Attributes
    ----------
    records : tuple of RunRecord
        Of the runs that were asked for and have one, in their order.
    failures : dict of str to str
        Why each other run failed.
    """

    records: tuple[RunRecord, ...]
    failures: dict[str, str]


def run_swarm(
    path: str | Path,
    configs: Sequence[RunConfig] = (),
    *,
    workers: int = 2,
    executor: str = "processes",
    index: Path | None = None,
    tell: Callable[[Progress], None] | None = None,
    poll_seconds: float = 0.5,
    **options: Any,
) -> Outcome:
    """Do all runs of a swarm; call it again after any interruption and it goes on.

    Parameters
    ----------
    path : str or Path
        Folder of the swarm; made if it is not there.
    configs : sequence of RunConfig
        Runs; those that the folder has already are not repeated. None: those that it has.
    workers : int
    executor : str
        ``processes`` of this machine, ``dask`` or ``dask=ADDRESS``. Workers may also be started elsewhere, by
        ``python -m experiments.swarm FOLDER`` or `slurm_script`, at the same time.
    index : Path, optional
        SQLite file on a local disk; by default in the folder for temporary files.
    tell : callable, optional
        Told the progress now and then.
    poll_seconds : float
        How often.
    **options
        Of a swarm that is made new: see `prepare`.

    Returns
    -------
    Outcome

    Raises
    ------
    ExperimentError, OutputError
        If a run's name stands for two configurations, workers only die, or nothing can be written.
    """
    if workers < 1:
        raise ExperimentError(f"{workers} workers do nothing: ask for at least 1.")
    swarm = prepare(path, configs, **options)
    place = Index.of(swarm, index)
    begin, total = time.monotonic(), _flops_of(swarm.configs)
    at_begin: list[float] = []

    def tick() -> int:
        rows = place.update(swarm)
        flops = sum(row["flops"] for row in rows)
        at_begin[:] = at_begin or [flops]
        new, seconds = flops - at_begin[0], time.monotonic() - begin
        left = seconds * max(total - flops, 0.0) / new if new > 0 else None
        failed = len(swarm.given_up())
        if tell is not None:
            tell(Progress(len(rows), failed, len(swarm.configs), flops, total, sum(r["seconds"] for r in rows), left))
        return len(rows) + failed

    if tick() < len(swarm.configs):
        if executor == "processes":
            run_processes(swarm.path, workers, tick, poll_seconds)
        else:
            run_dask(swarm.path, workers, executor, tick, poll_seconds)
        tick()
        swarm.sweep()
    found = place.records()
    asked = [config.run_id for config in configs or swarm.configs]
    records = tuple(RunRecord.from_dict(found[name]) for name in asked if name in found)
    return Outcome(records, {name: reason for name, reason in swarm.given_up().items() if name in asked})


def prepare(path: str | Path, configs: Sequence[RunConfig] = (), **options: Any) -> Swarm:
    """Write the swarm of a folder, or add runs to the one that it holds, without starting a worker.

    `options` are ``max_attempts``, ``lease_seconds`` and ``checkpoint_seconds`` of a swarm that is made new.
    """
    place = Path(path)
    old = Swarm.read(place) if (place / "swarm.json").exists() else None
    swarm = Swarm(place, tuple(configs), **options) if old is None else old.extended(configs)
    if not swarm.configs:
        raise ExperimentError(f"{place} holds no swarm and no runs were given: give configurations.")
    if swarm != old:
        swarm.write()
    return swarm


def _flops_of(configs: Sequence[RunConfig]) -> float:
    known = [config for config in configs if config.backend != "external"]
    return float(sum(size_of(config).flops_per_token * config.n_steps * config.batch for config in known))
