"""The command `infolaw`: its root, and the commands that know corpora, recipes and documents, a file each.

The commands of laws (``infolaw/cli.py``) are mounted beside them.
"""

from __future__ import annotations

import typer

from infolaw.cli import Door
from infolaw.cli import app as laws_app

from . import corpus, planning, runs, sampling, search

app = typer.Typer(
    cls=Door,
    no_args_is_help=True,
    add_completion=False,
    help="Plan pre-training data: fit laws to runs, price recipes at the target scale, say how sure.",
)
app.add_typer(laws_app)
app.add_typer(runs.app)
app.add_typer(corpus.app, name="corpus")
app.add_typer(planning.app)
app.add_typer(sampling.app)
app.add_typer(search.app)


def main() -> None:
    """Run the command."""
    app()
