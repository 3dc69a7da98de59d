"""Pictures of a search: predicted against measured, what each cell does, the recommended mixture, a front of two targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from infolaw.plots import save
from infolaw.plots.style import COLOURS, FAINT, INK, MUTED, STYLE, new_figure
from infolaw.units import Array

from .search import Beliefs, Recommendation, Setting, front_mixtures
from .searching import Found

__all__ = ["cell_effects", "front", "predicted_against_measured", "recommended_mixture", "save", "save_all"]

_ROW = 0.3
_POINTS = 41
_COLUMNS = 4
_CANDIDATES = 2000


@rc_context(STYLE)
def predicted_against_measured(predicted: Array, measured: Array, target: str = "loss") -> Figure:
    """Draw held-out predictions against what was measured.

    Parameters
    ----------
    predicted, measured : ndarray, (n_runs,)
        Of runs that the surrogate had not seen, such as ``surrogate.left_out_``.
    target : str
        What was measured, with its unit.
    """
    figure, (axes,) = new_figure(4.8, 4.6)
    ends = [float(min(predicted.min(), measured.min())), float(max(predicted.max(), measured.max()))]
    axes.plot(ends, ends, color=FAINT, lw=1.2, zorder=1)
    axes.plot(measured, predicted, "o", ms=4, color=COLOURS[0], alpha=0.7, mec="white", mew=0.4, zorder=2)
    off = float(np.abs(predicted - measured).mean())
    ranks = np.corrcoef(np.argsort(np.argsort(predicted)), np.argsort(np.argsort(measured)))[0, 1]
    axes.annotate(
        f"{len(measured)} runs, each left out\nmean error {off:.3g}\nrank correlation {ranks:.3f}",
        (0.04, 0.96),
        xycoords="axes fraction",
        va="top",
        color=INK,
    )
    axes.set_xlabel(f"measured {target}")
    axes.set_ylabel(f"predicted {target}")
    axes.set_aspect("equal")
    return figure


@rc_context(STYLE)
def recommended_mixture(found: Recommendation, prior: Array, prior_name: str = "today") -> Figure:
    """Draw the recommended share of every cell with its 90 % interval, beside the mixture it would replace."""
    order = np.argsort(-found.weights, kind="stable")
    y = np.arange(len(order))
    figure, (axes,) = new_figure(7.0, 1.2 + _ROW * len(order))
    ends = np.stack([found.weights - found.lower, found.upper - found.weights])[:, order]
    axes.errorbar(
        found.weights[order], y, xerr=np.maximum(ends, 0), fmt="o", color=COLOURS[0], ms=6, lw=1.6, label="recommended, 90 %"
    )
    axes.plot(prior[order], y, "|", color=COLOURS[1], ms=13, mew=2.2, label=prior_name)
    axes.hlines(y, 0, np.maximum(found.upper, prior)[order], color=FAINT, lw=0.6, zorder=0)
    axes.set_yticks(y, [found.cells[k] for k in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    _in_percent(axes.xaxis, 7)
    axes.set_xlabel("share of the training tokens [%]")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


@rc_context(STYLE)
def cell_effects(beliefs: Beliefs, cells: tuple[str, ...], about: Array, target: int = 0, n_draws: int = 100) -> Figure:
    """Draw the predicted target as the share of each cell changes, the others keeping their proportions.

    Parameters
    ----------
    beliefs : Beliefs
    cells : tuple of str
    about : ndarray, (n_cells,)
        The mixture that is changed.
    target : int
        Which target.
    n_draws : int
        Surfaces of the 90 % band.
    """
    n_rows = -(-len(cells) // _COLUMNS)
    figure = new_figure(10.0, 0.6 + 1.75 * n_rows)[0]
    figure.clear()
    grid = figure.subplots(n_rows, _COLUMNS, sharey=True, squeeze=False).ravel()
    for k, axes in enumerate(grid[: len(cells)]):
        shares = np.linspace(0.0, max(float(np.quantile(beliefs.seen[:, k], 0.98)), 1.1 * about[k]), _POINTS)
        rest = np.delete(about, k)
        weights = np.insert(shares[:, None].repeat(len(rest), 1) * 0, k, shares, axis=1)
        weights[:, np.arange(len(about)) != k] = (1 - shares)[:, None] * rest / max(rest.sum(), 1e-12)
        draws = beliefs.draws(weights, n_draws, 0)[..., target]
        axes.fill_between(shares, *np.quantile(draws, [0.05, 0.95], axis=0), color=COLOURS[0], alpha=0.18, lw=0)
        axes.plot(shares, beliefs.predict(weights)[:, target], color=COLOURS[0], lw=1.8)
        axes.axvline(about[k], color=COLOURS[1], lw=1.2)
        axes.set_title(cells[k], fontsize=9.5, color=INK)
        _in_percent(axes.xaxis, 4)
        axes.tick_params(labelsize=8)
    for axes in grid[len(cells) :]:
        axes.set_visible(False)
    figure.supxlabel("share of the cell, the others in proportion [%]  (line: the mixture it starts from)", fontsize=9.5)
    figure.supylabel(f"predicted {beliefs.targets[target]}", fontsize=9.5)
    return figure


@rc_context(STYLE)
def front(setting: Setting, marked: dict[str, Array], targets: tuple[int, int] = (0, 1)) -> Figure:
    """Draw what candidates promise in two targets, the mixtures that nothing beats in both, and marked mixtures.

    Parameters
    ----------
    setting : Setting
        Of two targets or more.
    marked : dict of str to ndarray (n_cells,)
    targets : tuple of two int
        Which of them.

    Raises
    ------
    RecipeError
        If there is one target only.
    """
    best = front_mixtures(setting)
    beliefs, at = setting.beliefs, list(targets)
    figure, (axes,) = new_figure(6.0, 4.6)
    axes.plot(*beliefs.predict(setting.candidates(_CANDIDATES))[:, at].T, ".", color=FAINT, ms=3, zorder=1)
    losses = beliefs.predict(best)[:, at]
    losses = losses[np.argsort(losses[:, 0], kind="stable")]
    axes.plot(*losses.T, "-o", ms=3.5, color=COLOURS[0], lw=1.8, zorder=2, label="no mixture is better in both")
    for (name, weights), colour in zip(marked.items(), COLOURS[1:], strict=False):
        point = beliefs.predict(np.asarray(weights)[None])[0, at]
        axes.plot(*point, "o", ms=8, color=colour, mec="white", zorder=3, label=name)
    axes.set_xlabel(f"predicted {beliefs.targets[targets[0]]}")
    axes.set_ylabel(f"predicted {beliefs.targets[targets[1]]}")
    axes.tick_params(colors=MUTED)
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def save_all(found: Found, folder: Path) -> None:
    """Write every picture that the answer allows into a folder, as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    setting, best = found.setting, found.recommendation
    today = next((rival.name for rival in best.rivals), "today")
    save(recommended_mixture(best, found.today, today), folder / "mixture.png")
    for k, target in enumerate(best.targets):
        name = "".join(letter if letter.isalnum() else "_" for letter in target)
        save(cell_effects(setting.beliefs, best.cells, best.weights, k), folder / f"effects_{name}.png")
        left_out = getattr(setting.beliefs.surrogates[k], "left_out_", None)
        if left_out is not None and len(left_out) == len(setting.beliefs.losses):
            drawn = predicted_against_measured(np.asarray(left_out), setting.beliefs.losses[:, k], target)
            save(drawn, folder / f"predicted_{name}.png")
    if len(best.targets) > 1:
        save(front(setting, {"recommended": best.weights, today: found.today}), folder / "front.png")


def _in_percent(axis: Axis, n_ticks: int) -> None:
    axis.set_major_locator(MaxNLocator(n_ticks, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(PercentFormatter(1.0))
