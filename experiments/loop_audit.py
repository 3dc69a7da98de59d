"""What laws say of runs that they have not seen: unseen recipes, sizes, repetition, and size and recipe at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from infolaw import RunTable, fit
from infolaw.errors import FitError, LawError
from infolaw.noise import SeedNoise
from infolaw.observations import observe
from infolaw.units import Array

from .designs import Grid
from .report import Check, Row

FITTED_EPOCHS = 40.0
"""Runs that repeat a bucket more often are not fitted: there a loss goes up by nats, and seeds part by 5 %."""
REPETITIONS = ((8.5, 20.0), (20.0, 40.0), (40.0, 130.0))
"""Most epochs of the fitted runs, and of those they are held against."""
MOST_EPOCHS = 20.0
"""The headline is of runs that repeat no bucket more often than this."""
HEADLINE = "unseen size x recipe, <= 20 epochs"
PAPER = "Zhou, Liu et al. 2026, arXiv:2605.02364: .262 % and .959 % on its own runs"


def parts_of(runs: RunTable, grid: Grid) -> dict[str, Array]:
    """Masks of the rows, (n_rows,): ``fitted``, and what is held out by its kind."""
    frame = runs.frame
    new_size = (frame["width"] == max(grid.widths)).to_numpy()
    new_recipe = frame["recipe"].isin(grid.held).to_numpy()
    most = most_epochs(runs)
    new_passes = most > FITTED_EPOCHS
    parts: dict[str, Any] = {
        "fitted": ~new_size & ~new_recipe & ~new_passes,
        "unseen recipe": new_recipe & ~new_size & ~new_passes,
        "unseen size": new_size & ~new_recipe & ~new_passes,
        "unseen repetition": new_passes & ~new_size & ~new_recipe,
        "unseen size x recipe": new_size & new_recipe & ~new_passes,
        HEADLINE: new_size & new_recipe & (most <= MOST_EPOCHS),
    }
    return {name: mask for name, mask in parts.items() if mask.any()}


def most_epochs(runs: RunTable) -> Array:
    """Passes over the bucket that each run repeats most, (n_rows,)."""
    return runs.frame.filter(regex="^epochs:").max(axis=1).to_numpy(float)


def audit_repetition(runs: RunTable, laws: Sequence[str], seed: int) -> tuple[Row, ...]:
    """Mean absolute error [%] on runs that repeat a bucket more often than any fitted one, all sizes and recipes fitted."""
    most, seen = most_epochs(runs), observe(runs)
    rows: list[Row] = []
    for law in laws:
        row: dict[str, float | str] = {"law": law}
        for least, limit in REPETITIONS:
            held = (most > least) & (most <= limit)
            if not held.any():
                continue
            try:
                found = fit(law, runs.select(most <= least), heldout=None, bootstrap=0, seed=seed)
            except (FitError, LawError) as error:
                row[f"{least:g} -> {limit:g} epochs ({held.sum()})"] = str(error)[:40]
                continue
            errors = 100 * np.abs(found.predict(seen.points) / seen.losses - 1)
            row[f"{least:g} -> {limit:g} epochs ({held.sum()})"] = float(errors[held].mean())
        rows.append(row)
    return tuple(rows)


def audit_laws(runs: RunTable, grid: Grid, laws: Sequence[str], seed: int) -> tuple[tuple[Row, ...], dict[str, float]]:
    """Mean absolute error [%] of each law on each part, and the errors of the headline [%] by law."""
    parts = parts_of(runs, grid)
    seen = observe(runs)
    rows: list[Row] = []
    headline: dict[str, float] = {}
    for law in laws:
        try:
            found = fit(law, runs.select(parts["fitted"]), heldout=None, bootstrap=0, seed=seed)
        except (FitError, LawError) as error:
            rows.append({"law": law, **{name: str(error)[:40] for name in parts}})
            continue
        errors = 100 * np.abs(found.predict(seen.points) / seen.losses - 1)
        row: dict[str, float | str] = {"law": law}
        for name, mask in parts.items():
            row[name] = float(errors[mask].mean())
        rows.append(row)
        headline[law] = float(row.get(HEADLINE, np.nan))
    counts = {name: float(mask.sum()) for name, mask in parts.items()}
    return (*rows, {"law": "(runs)", **counts}), headline


def large_runs(runs: RunTable, grid: Grid) -> RunTable:
    """Return the larger half of the sizes where no bucket is repeated often: small models and small pools are noisier."""
    widths = runs.frame["width"].to_numpy()
    return runs.select((widths >= sorted(grid.widths)[len(grid.widths) // 2]) & (most_epochs(runs) <= MOST_EPOCHS))


def seed_sd(runs: RunTable) -> tuple[float, int]:
    """Relative standard deviation of the loss between seeds, and its degrees of freedom.

    Raises
    ------
    FitError
        If no run is repeated.
    """
    keep = ["run_id", "width", "n_params", "tokens", "recipe", "kappa", "seed", "loss"]
    noise = SeedNoise.of(runs.frame[keep], runs.frame["loss"].to_numpy(float))
    if noise is None:
        raise FitError("no run of the grid is repeated with another seed, so the noise is unknown: add seeds.")
    return noise.sd, noise.df


def paired_sd(runs: RunTable) -> tuple[float, int]:
    """Relative standard deviation of a recipe's loss once what its seed shares with other recipes is taken out.

    A seed gives all recipes the same pool and the same initial weights, so differences between recipes of one seed are
    surer than the runs themselves: residuals of log loss from the means of recipe and of seed, in every size.

    Raises
    ------
    FitError
        If no two recipes share two seeds.
    """
    squares, df = 0.0, 0
    for _, part in runs.frame[runs.frame["kappa"] == 1].groupby(["width", "tokens"]):
        table = part.pivot_table(index="recipe", columns="seed", values="loss").dropna(thresh=2).dropna(axis=1)
        rows, columns = table.shape
        if min(rows, columns) > 1:
            values = np.log(table.to_numpy(float))
            rest = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
            squares, df = squares + float((rest**2).sum()), df + (rows - 1) * (columns - 1)
    if not df:
        raise FitError("no two recipes of the grid share two seeds, so the noise of their difference is unknown: add seeds.")
    return float(np.sqrt(squares / df)), df


def audit_checks(headline: dict[str, float], law: str, sd: float) -> tuple[Check, ...]:
    """The headline against its targets: 1 %, and three standard deviations between seeds."""
    got = headline.get(law, float("nan"))
    return (
        Check(f"{HEADLINE}: mean error of {law} [%]", 1.0, got, "at most", source=PAPER),
        Check("the same, in standard deviations between seeds", 3.0, got / (100 * sd), "at most", source="own target"),
    )
