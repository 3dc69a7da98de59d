"""Index: what the coordinator has read of a swarm, in SQLite on a local disk. It can be lost: the files are the truth."""

from __future__ import annotations

import getpass
import hashlib
import json
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infolaw.errors import OutputError
from recipes.passes.tasks import failpoint

from .folder import Swarm

_TABLE = """CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, written INTEGER NOT NULL, status TEXT NOT NULL, flops REAL NOT NULL, seconds REAL NOT NULL,
    record TEXT NOT NULL)"""


@dataclass(frozen=True)
class Index:
    """Records read so far.

    Attributes
    ----------
    path : Path
        SQLite file; only one coordinator writes it, no worker touches it.
    """

    path: Path

    @classmethod
    def of(cls, swarm: Swarm, path: Path | None = None) -> Index:
        """Index of a swarm, by default in this machine's folder for temporary files."""
        if path is None:
            mark = hashlib.sha256(str(swarm.path.resolve()).encode()).hexdigest()[:16]
            path = Path(tempfile.gettempdir()) / f"infolaw-swarm-{getpass.getuser()}-{mark}.sqlite"
        return cls(path)

    def update(self, swarm: Swarm) -> list[dict[str, Any]]:
        """Read the records that are new, forget those that are gone; return the rows, without the records.

        Raises
        ------
        OutputError
            If the index cannot be written.
        """
        names = swarm.finished()
        times = {name: swarm.result_path(name).stat().st_mtime_ns for name in names}
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
                connection.execute(_TABLE)
                known = dict(connection.execute("SELECT run_id, written FROM runs").fetchall())
                gone = [(name,) for name in known if known[name] != times.get(name)]
                connection.executemany("DELETE FROM runs WHERE run_id = ?", gone)
                new = [self._row(swarm, name, times[name]) for name in sorted(times) if known.get(name) != times[name]]
                connection.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", new)
                failpoint("indexing")
            failpoint("indexed")
            with closing(sqlite3.connect(self.path, timeout=30)) as connection:
                rows = connection.execute("SELECT run_id, status, flops, seconds FROM runs").fetchall()
        except sqlite3.DatabaseError as error:
            raise OutputError(f"the index {self.path} is of no use: {error}. Remove it, or choose another place.") from None
        return [dict(zip(("run_id", "status", "flops", "seconds"), row, strict=True)) for row in rows]

    @staticmethod
    def _row(swarm: Swarm, name: str, written: int) -> tuple[Any, ...]:
        record = swarm.record(name)
        return name, written, record.status, record.flops, record.seconds, json.dumps(record.to_dict())

    def records(self) -> dict[str, dict[str, Any]]:
        """Records by run, as `RunRecord.to_dict` gives them."""
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            return {name: json.loads(text) for name, text in connection.execute("SELECT run_id, record FROM runs")}
