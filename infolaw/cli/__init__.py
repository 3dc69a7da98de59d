"""Commands of laws (``laws.py``) and of sizes (``sizes.py``). Mounted side by side with those of recipes.

A body parses, makes one library call, prints and returns. Results go to stdout, an `InfolawError` is one sentence on
stderr and exit code 2; exit code 3 says: answered, but outside what the runs support. Read ``options.py`` first.
"""

from __future__ import annotations

import typer

from . import laws, sizes
from .hours import Device, FlopsPerSecond, GpuHours, Hours, Mfu
from .options import (
    Column,
    Columns,
    Derive,
    Door,
    Duplicates,
    FitFile,
    Group,
    Json,
    Out,
    Quiet,
    Rows,
    RunFiles,
    Schedules,
    Seed,
    Target,
    Targets,
    Where,
    column_pairs,
    leave,
    load_runs,
    show,
)

__all__ = [
    "Column",
    "Columns",
    "Derive",
    "Device",
    "Door",
    "Duplicates",
    "FitFile",
    "FlopsPerSecond",
    "GpuHours",
    "Group",
    "Hours",
    "Json",
    "Mfu",
    "Out",
    "Quiet",
    "Rows",
    "RunFiles",
    "Schedules",
    "Seed",
    "Target",
    "Targets",
    "Where",
    "app",
    "column_pairs",
    "leave",
    "load_runs",
    "show",
]

app = typer.Typer(cls=Door, no_args_is_help=True, add_completion=False)
app.add_typer(laws.app)
app.add_typer(sizes.app)
