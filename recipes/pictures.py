"""Pictures by name, from files: what the command `plot` draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from infolaw.ensemble import Ensemble
from infolaw.errors import InfolawError
from infolaw.isoflop import isoflop
from infolaw.plots import extrapolation, info_collapse, residuals
from infolaw.plots import isoflop as isoflop_picture
from infolaw.readers import read_runs
from infolaw.result import FitResult
from infolaw.validation import refit_without
from infolaw.weighted import WeightedFit, read_predictor

from .plan import Plan
from .plots import ledger

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("extrapolation", "info", "residuals", "isoflop", "ledger")


def draw(kind: str, file: Path, *, holdout: str, target: str | None, where: str | None, seed: int) -> Figure:
    """Draw one of `KINDS` from a file.

    Raises
    ------
    InfolawError
        If the kind is unknown, or the file is not of the kind that it needs.
    """
    match kind:
        case "extrapolation":
            return _extrapolation(_of_one_target(file), holdout, seed)
        case "info":
            return info_collapse(_single(file))
        case "residuals":
            return residuals(_single(file))
        case "isoflop":
            return isoflop_picture(isoflop(read_runs(file), target=target, where=where, seed=seed))
        case "ledger":
            return ledger(Plan.read(file).ledger)
        case _:
            raise InfolawError(
                f"there is no picture {kind!r}; there are {', '.join(KINDS)}, and of plans over budgets, with --corpus, "
                "recipe-by-budget, loss-frontier, value-of-data and isoflop-recipes."
            )


def _of_one_target(file: Path) -> FitResult | Ensemble:
    found = read_predictor(file)
    if isinstance(found, WeightedFit):
        raise InfolawError(f"{file} holds several targets: fit one of them with `--target NAME` to draw it.")
    return found


def _single(file: Path) -> FitResult:
    """One law: of an average, the first."""
    found = _of_one_target(file)
    return found.chosen[0] if isinstance(found, Ensemble) else found


def _extrapolation(fit: FitResult | Ensemble, holdout: str, seed: int) -> Figure:
    """Curves of a fit that has not seen the held-out runs, so that a reader sees how far it was right."""
    if holdout == "none":
        return extrapolation(fit, fit.observations, seed=seed)
    members = fit.members if isinstance(fit, Ensemble) else (fit,)
    parts = [refit_without(member, holdout) for member in members]
    trained: FitResult | Ensemble = parts[0][0]
    if isinstance(fit, Ensemble):
        trained = replace(fit, members=tuple(part[0] for part in parts))
    return extrapolation(trained.with_heldout(fit.heldout), parts[0][0].observations, heldout=parts[0][1], seed=seed)
