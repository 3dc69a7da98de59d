"""Command ``python -m experiments``: list, run NAME, table. The one place of experiments that writes files and prints."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from infolaw.cli import Door
from infolaw.errors import ExperimentError, OutputError
from infolaw.files import to_json, write_atomically

from . import EXPERIMENTS, REPLICATIONS
from .report import Check, Report, check_table

app = typer.Typer(cls=Door, no_args_is_help=True, add_completion=False)

Tiny = Annotated[bool, typer.Option("--tiny", help="Seconds instead of minutes: fewer seeds, fewer grid points.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def module_of(name: str) -> Any:
    """Import one experiment.

    Raises
    ------
    ExperimentError
        If there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise ExperimentError(f"there is no experiment {name!r}: the experiments are {', '.join(EXPERIMENTS)}.")
    return importlib.import_module(EXPERIMENTS[name])


def report_of(name: str, tiny: bool, **changes: Any) -> Report:
    """Run one experiment, its settings changed where `changes` are given.

    Raises
    ------
    ExperimentError
        If there is no such experiment, or it has no such setting.
    """
    module = module_of(name)
    config = module.Config.tiny() if tiny else module.Config()
    given = {key: value for key, value in changes.items() if value is not None}
    strange = [key for key in given if not hasattr(config, key)]
    if strange:
        raise ExperimentError(f"experiment {name!r} has no setting --{strange[0]}: leave it out.")
    report: Report = module.run(replace(config, **given))
    return report


@app.command("list")
def list_(json: Json = False) -> None:
    """Every experiment and what it claims."""
    claims = {name: module_of(name).CLAIM for name in EXPERIMENTS}
    typer.echo(to_json(claims) if json else "\n".join(f"{name:18}{claim}" for name, claim in claims.items()))


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="See `list`.")],
    tiny: Tiny = False,
    out: Annotated[Path | None, typer.Option(help="Folder for NAME.json and NAME.txt; made if it is not there.")] = None,
    hours: Annotated[float | None, typer.Option(help="Of first_loop: how long the grid may train.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Of first_loop: where corpus and runs lie; carried on with.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="Of first_loop: a corpus folder that is there already.")] = None,
    workers: Annotated[int | None, typer.Option(help="Of first_loop: processes that train.")] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Of first_loop: train nothing, judge the shipped runs.")
    ] = False,
    json: Json = False,
) -> None:
    """Run one experiment and print what came out; a failed check is a result, not an error."""
    report = report_of(name, tiny, hours=hours, folder=folder, corpus=corpus, workers=workers, shipped=shipped or None)
    if out is not None:
        write_report(report, out, name)
    typer.echo(to_json(report.to_dict()) if json else str(report))


@app.command()
def table(
    names: Annotated[list[str] | None, typer.Argument(help="Experiments; the replications of papers by default.")] = None,
    tiny: Tiny = False,
    json: Json = False,
) -> None:
    """Run experiments and print one table: claim, published, ours, verdict."""
    checks: list[Check] = [check for name in names or REPLICATIONS for check in report_of(name, tiny).checks]
    typer.echo(to_json([check.to_dict() for check in checks]) if json else check_table(checks))


def write_report(report: Report, folder: Path, name: str) -> None:
    """Write a report as JSON and as text, each appearing whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}. Choose another for --out.") from None
    write_atomically(folder / f"{name}.json", to_json(report.to_dict()))
    write_atomically(folder / f"{name}.txt", f"{report}\n")


if __name__ == "__main__":
    app(prog_name="python -m experiments")
