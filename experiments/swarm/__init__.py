"""Swarms: many proxy runs by any number of workers that may die at any time.

Read `folder` (what lies on disk), `claims` (who does what), `worker`, then `coordinator` (the door) with `index` and
`launch`; `table` makes the run table.
"""

from __future__ import annotations

from .coordinator import Outcome, Progress, prepare, run_swarm
from .folder import FAILPOINTS, Swarm
from .launch import slurm_script
from .table import curves, export_runs, frame, run_table
from .worker import work

__all__ = [
    "FAILPOINTS",
    "Outcome",
    "Progress",
    "Swarm",
    "curves",
    "export_runs",
    "frame",
    "prepare",
    "run_swarm",
    "run_table",
    "slurm_script",
    "work",
]
