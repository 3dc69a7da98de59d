"""The command `infolaw`: its root, and the commands that know corpora, recipes and documents, a file each.

The commands of laws (``infolaw/cli``) are mounted beside them.
"""

from __future__ import annotations

from typing import Any

import typer

from infolaw.cli import Door
from infolaw.cli import app as laws_app

from . import corpus, design, params, pictures, planning, plans, runs, sampling, search


class Root(Door):
    """The root: it also knows ``plan diff A B`` as another spelling of ``plan-diff A B``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the arguments begin with."""
        joined = ["plan-diff", *args[2:]] if args[:2] == ["plan", "diff"] else args
        return super().resolve_command(ctx, joined)


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,
    help="Plan pre-training data: fit laws to runs, price recipes at the target scale, say how sure.",
)
app.add_typer(laws_app)
app.add_typer(runs.app)
app.add_typer(corpus.app, name="corpus")
app.add_typer(planning.app)
app.add_typer(plans.app)
app.add_typer(pictures.app)
app.add_typer(design.app)
app.add_typer(sampling.app)
app.add_typer(params.app)
app.add_typer(search.app)


def main() -> None:
    """Run the command."""
    app()
