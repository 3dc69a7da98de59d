"""The folder of a swarm: what lies where, and how a file appears there once and whole.

``swarm.json`` the configurations; ``claims/RUN.N`` who does attempt N; ``results/RUN.json`` the record, first come;
``failures/RUN.N.json`` why an attempt failed; ``checkpoints/RUN.npz``. Workers share nothing else, so any file system
with hard links and renames will do (local disks, NFS, Lustre).
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infolaw.errors import ExperimentError, OutputError
from infolaw.files import package_version, read_json, to_json, write_atomically
from recipes.passes.tasks import failpoint

from ..proxy import RunConfig, RunRecord

SCHEMA_VERSION = 1
FAILPOINTS = (
    "swarm-written",
    "claim-written",
    "claimed",
    "trained",
    "result-written",
    "result-published",
    "indexing",
    "indexed",
    "failure-written",
)
"""Commit steps at which a crash test may kill the process: see `recipes.passes.tasks.failpoint`."""
_TEMPORARY = ".tmp"


@dataclass(frozen=True)
class Swarm:
    """A swarm on disk.

    Attributes
    ----------
    path : Path
    configs : tuple of RunConfig
        In the order in which they are begun.
    max_attempts : int
        Attempts a run has: beyond them it has failed.
    lease_seconds : float
        A worker on another machine that gives no sign for so long counts as dead.
    checkpoint_seconds : float
        How often a run's state is written.
    """

    path: Path
    configs: tuple[RunConfig, ...]
    max_attempts: int = 8
    lease_seconds: float = 120.0
    checkpoint_seconds: float = 30.0

    @classmethod
    def read(cls, path: str | Path) -> Swarm:
        """Read ``swarm.json``.

        Raises
        ------
        ExperimentError
            If the folder holds no swarm of this schema version.
        """
        content = read_json(Path(path) / "swarm.json", "a swarm")
        if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
            raise ExperimentError(f"{path}/swarm.json is no swarm of schema version {SCHEMA_VERSION}.")
        configs = tuple(RunConfig.from_dict(entry) for entry in content["runs"])
        return cls(Path(path), configs, *(content[name] for name in ("max_attempts", "lease_seconds", "checkpoint_seconds")))

    def write(self) -> None:
        """Make the folder and write ``swarm.json``, whole or not at all.

        Raises
        ------
        ExperimentError
            If two runs bear one name.
        OutputError
            If it cannot be written.
        """
        known = {config.run_id: config for config in self.configs}
        if len(known) < len(self.configs):
            names = [config.run_id for config in self.configs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ExperimentError(f"the run {twice!r} stands twice in the swarm: give every run its own name.")
        try:
            for name in ("claims", "results", "failures", "checkpoints"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.path}: {error.strerror}. Choose another.") from None
        write_atomically(
            self.path / "swarm.json",
            to_json(
                {
                    "schema_version": SCHEMA_VERSION,
                    "provenance": {"version": package_version()},
                    "max_attempts": self.max_attempts,
                    "lease_seconds": self.lease_seconds,
                    "checkpoint_seconds": self.checkpoint_seconds,
                    "runs": [config.to_dict() for config in self.configs],
                }
            ),
        )
        failpoint("swarm-written")

    def extended(self, configs: Sequence[RunConfig]) -> Swarm:
        """Return the swarm with further runs; those it has are kept where they are.

        Raises
        ------
        ExperimentError
            If a run has the name of one of the swarm's, and another configuration.
        """
        known = {config.run_id: config for config in self.configs}
        for config in configs:
            if known.get(config.run_id, config) != config:
                raise ExperimentError(
                    f"{self.path} has a run {config.run_id!r} of another configuration: name the new one otherwise, or "
                    "choose another folder."
                )
        merged = {**known, **{config.run_id: config for config in configs}}
        return replace(self, configs=tuple(merged.values()))

    def result_path(self, run_id: str) -> Path:
        """Return the place of a record."""
        return self.path / "results" / f"{run_id}.json"

    def checkpoint_path(self, run_id: str) -> Path:
        """Return the place of the state of an unfinished run."""
        return self.path / "checkpoints" / f"{run_id}.npz"

    def failure_path(self, run_id: str, attempt: int) -> Path:
        """Return the place of the reason why an attempt failed."""
        return self.path / "failures" / f"{run_id}.{attempt}.json"

    def finished(self) -> set[str]:
        """Names of the runs that have a record."""
        return {name.removesuffix(".json") for name in _names(self.path / "results") if name.endswith(".json")}

    def attempts(self) -> dict[str, int]:
        """Last attempt claimed of each run that was begun."""
        return _last(_names(self.path / "claims"))

    def failed(self) -> dict[str, int]:
        """Last attempt that failed of each run that has failed once."""
        return _last(name.removesuffix(".json") for name in _names(self.path / "failures"))

    def failure(self, run_id: str, attempt: int) -> dict[str, Any]:
        """Read why an attempt failed: ``reason``, and ``final`` where it is not to be tried again."""
        return dict(read_json(self.failure_path(run_id, attempt), "a failure"))

    def given_up(self) -> dict[str, str]:
        """Why each run that will not be tried again has failed."""
        found = {}
        for run_id, attempt in self.failed().items():
            failure = self.failure(run_id, attempt)
            if failure["final"] and not self.result_path(run_id).exists():
                found[run_id] = str(failure["reason"])
        return found

    def record(self, run_id: str) -> RunRecord:
        """Read the record of a finished run."""
        return RunRecord.from_dict(read_json(self.result_path(run_id), "a run record"))

    def sweep(self) -> None:
        """Remove what killed workers left; only when no worker is at work."""
        for folder in ("claims", "results", "failures"):
            for left in (self.path / folder).glob(f".*{_TEMPORARY}"):
                left.unlink(missing_ok=True)
        finished = self.finished()
        for left in (self.path / "checkpoints").glob("*.npz"):
            if left.stem in finished:
                left.unlink(missing_ok=True)


def publish(path: Path, content: dict[str, Any], step: str) -> bool:
    """Write a file that nobody has written yet; False where somebody has.

    The content is synced under a name of its own and linked to `path`: of several writers one wins, and a reader sees
    the whole file or none. A link that NFS reports as failed but made is known by the number of links.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        with open(temporary, "x", encoding="utf-8") as handle:
            handle.write(json.dumps(content, indent=1, allow_nan=False) + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        failpoint(f"{step}-written")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return os.stat(temporary).st_nlink == 2
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}. Mend that and start again: finished runs are kept."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True


def _names(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if not name.startswith(".")]


def _last(names: Any) -> dict[str, int]:
    """Highest number after the last dot, by what stands before it."""
    found: dict[str, int] = {}
    for name in names:
        run_id, _, attempt = name.rpartition(".")
        found[run_id] = max(found.get(run_id, 0), int(attempt))
    return found
