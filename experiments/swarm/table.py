"""From records to the run table that laws are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infolaw import RunTable
from infolaw.errors import ExperimentError

from ..proxy.record import PLACE_AND_TIME, RunRecord

if TYPE_CHECKING:
    import pandas as pd


def run_table(records: Sequence[RunRecord], source: str = "swarm") -> RunTable:
    """Make a run table of the runs that finished; its notes say which diverged and are left out.

    Raises
    ------
    ExperimentError
        If no run finished, or the runs are of different cells.
    """
    finished = [record for record in records if record.status == "finished"]
    diverged = [record.run_id for record in records if record.status == "diverged"]
    if not finished:
        raise ExperimentError(f"{source}: none of {len(records)} runs finished, so there is nothing to fit.")
    cells = {tuple(record.weights) for record in finished}
    if len(cells) > 1:
        first, second, *_ = sorted(cells, key=len)
        raise ExperimentError(
            f"{source}: the runs are of different cells, such as {', '.join(first)} and {', '.join(second[:6])}: make one "
            "table of each design."
        )
    notes = [f"left out because they diverged: {', '.join(diverged)}"] if diverged else []
    return RunTable.from_frame(frame(finished), source=source, notes=notes)


def frame(records: Sequence[RunRecord], *, place_and_time: bool = True) -> pd.DataFrame:
    """One row a record, in their order; without `place_and_time` two runs of one swarm give the same rows."""
    import pandas as pd

    rows = pd.DataFrame([{**record.row(), "status": record.status} for record in records])
    return rows if place_and_time else rows.drop(columns=list(PLACE_AND_TIME))


def curves(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a point of a training curve: run_id, tokens [tokens], train_loss [nats/token]."""
    import pandas as pd

    points = [(record.run_id, tokens, loss) for record in records for tokens, loss in record.curve]
    return pd.DataFrame(points, columns=["run_id", "tokens", "train_loss"])


def export_runs(records: Sequence[RunRecord], path: str | Path) -> RunTable:
    """Write the run table of the finished runs as CSV, whole or not at all; `infolaw.read_runs` takes it.

    Seven digits of every number but the weights, which sum to 1; no places and no times: a swarm that is done again gives
    the same bytes.
    """
    table = run_table(records, str(path))
    rows = table.frame.drop(columns=list(PLACE_AND_TIME), errors="ignore")
    numbers = [name for name in rows.select_dtypes("float").columns if not name.startswith("weight:")]
    rows[numbers] = rows[numbers].map(lambda value: float(f"{value:.7g}"))
    short = RunTable.from_frame(rows, source=str(path), notes=table.notes)
    short.to_csv(path)
    return short
