"""What every command shares: the door, its options, and how results leave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import InfolawError, RunTableError
from ..readers import read_runs
from ..runs import RunTable
from ..smoothing import chosen_rows


class Door(TyperGroup):
    """A group of commands that turns an `InfolawError` into one sentence and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except InfolawError as error:
            typer.secho(f"error: {error}", fg="red", err=True)
            raise typer.Exit(2) from None


RunFiles = Annotated[list[Path], typer.Argument(help="Run logs: CSV, JSONL, parquet; several files are joined or stacked.")]
FitFile = Annotated[Path, typer.Argument(help="A fit written by `infolaw fit --out`.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Out = Annotated[Path | None, typer.Option(help="Write the result to this file.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No text on stdout; errors are still said.")]
Target = Annotated[str | None, typer.Option(help="Which loss, where there are several; a unique part of its name.")]
Where = Annotated[str | None, typer.Option(help="Rows to keep, such as \"kind == 'main' and epochs <= 20\".")]
Group = Annotated[str | None, typer.Option(help="Column whose values share exponents but not levels.")]
Schedules = Annotated[str, typer.Option(help="finished: leave out rows inside a learning-rate schedule; all: use them.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="Loss, column, '1 - accuracy', 'bpb(c4, 4.3)'; several, or a YAML file: weighted sum."),
]
Rows = Annotated[str, typer.Option(help="all rows, the final one of each run, or smoothed:0.05, means at its end.")]
Column = Annotated[list[str] | None, typer.Option(help='n_params="Model Size", or a constant: tokens=1e9.')]
Columns = Annotated[Path | None, typer.Option(help="YAML file that maps columns.")]
Derive = Annotated[list[str] | None, typer.Option(help='A derivation by name: "tokens = flops / (6 n_params)".')]
Duplicates = Annotated[str, typer.Option(help="Rows with one (run_id, tokens): error, first, last, mean.")]


def load_runs(
    paths: list[Path], columns: Path | None, column: list[str] | None, derive: list[str] | None, duplicates: str, rows: str
) -> RunTable:
    """Read run logs with the options that every command shares."""
    runs = read_runs(*paths, columns=columns, column=column_pairs(column), derive=derive or (), duplicates=duplicates)
    return chosen_rows(runs, rows)


def column_pairs(column: list[str] | None) -> dict[str, str | float]:
    """Parse NAME=COLUMN pairs."""
    pairs = [item.partition("=") for item in column or ()]
    bad = [name for name, equals, _ in pairs if not equals]
    if bad:
        raise RunTableError(f"--column {bad[0]!r} has no '=': write NAME=COLUMN, such as n_params=\"Model Size\".")
    return {name: value for name, _, value in pairs}


def show(text: str, data: dict[str, Any], *, as_json: bool, quiet: bool, out: Path | None = None) -> None:
    """Print the text or the JSON of a result, and write it to a file if asked."""
    from ..files import to_json, write_atomically

    if out is not None:
        write_atomically(out, to_json(data))
    if as_json:
        typer.echo(to_json(data), nl=False)
    elif not quiet:
        typer.echo(text)


def leave(outside: bool) -> None:
    """Exit with 3 where the runs do not support what was asked."""
    if outside:
        raise typer.Exit(3)
