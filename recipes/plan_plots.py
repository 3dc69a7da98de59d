"""Pictures of plans over budgets: recipe by budget, loss frontier, value of data, isoFLOP curves with their recipes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from infolaw.errors import RecipeError
from infolaw.plots.style import (
    AXIS_NAMES,
    COLOURS,
    FAINT,
    INK,
    MUTED,
    STYLE,
    end_labels,
    log_axis,
    new_figure,
    power,
    shades,
)
from infolaw.rendering import amount

from .corpus import Corpus
from .curves import IsoflopRecipes, RecipeCurve, grouped_shares
from .value import DataValue

MOST_BANDS = 8
"""Bands of a stacked picture; more cells are summed up."""
MOST_BARS = 20


@rc_context(STYLE)
def recipe_by_budget(curve: RecipeCurve, corpus: Corpus) -> Figure:
    """Draw the share of every cell over the budget, stacked, best bucket at the bottom; dotted beyond the runs' support."""
    if len(curve.points) < 2:
        raise RecipeError("a recipe by budget needs at least two budgets: give a range, such as --flops 1e20:1e24:9.")
    names, shares = grouped_shares(corpus, curve.shares, MOST_BANDS)
    figure, (axes,) = new_figure(7.4, 4.2)
    colours = _bands(corpus, names)
    edges = np.column_stack([np.zeros(len(shares)), np.cumsum(shares, axis=1)])
    for k, colour in enumerate(colours):
        axes.fill_between(curve.flops, edges[:, k], edges[:, k + 1], color=colour, lw=0.6, ec="white", zorder=1)
    log_axis(axes, "x", curve.flops, counts=False)
    axes.set(xlim=(curve.flops[0], curve.flops[-1]), ylim=(0, 1), xlabel=AXIS_NAMES["flops"], ylabel="share of the tokens")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    middles = 0.5 * (edges[-1, 1:] + edges[-1, :-1])
    shown = [k for k in range(len(names)) if shares[-1, k] > 0.002]
    end_labels(axes, [(middles[k], f"{names[k]} {shares[-1, k]:.0%}", _ink(colours[k])) for k in shown])
    best = _best_cells(corpus)
    half = curve.overtaken(best) if best else None
    if half is not None:
        axes.axvline(half, color=INK, lw=1.2, zorder=3)
        axes.annotate(
            f"diversity overtakes quality:\n{_short(best)} below half at {power(half)} FLOP",
            (half, 0.97),
            (6, 0),
            textcoords="offset points",
            va="top",
            fontsize=9,
            bbox={"fc": "white", "ec": "none", "alpha": 0.85, "pad": 2},
            zorder=4,
        )
    _unsupported(axes, curve, 1.012, "bottom", "#FFFFFF90")
    axes.set_title("The best recipe at each budget")
    return figure


@rc_context(STYLE)
def loss_frontier(curve: RecipeCurve) -> Figure:
    """Draw the lowest loss at each budget with its interval, and below it by how much it beats the baseline's recipe."""
    gains = [point.gain is not None for point in curve.points]
    figure = Figure(figsize=(7.2, 6.0 if all(gains) else 4.2), layout="constrained")
    if all(gains):
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.6, 1.0))
        _gain(below, curve)
    else:
        axes = below = figure.subplots()
    losses, lower, upper = (np.array([getattr(p, name) for p in curve.points]) for name in ("loss", "lower", "upper"))
    axes.fill_between(curve.flops, lower, upper, color=COLOURS[0], alpha=0.18, lw=0, label="90 % interval")
    axes.plot(curve.flops, losses, color=COLOURS[0], lw=2, label="best recipe at its best size")
    log_axis(axes, "x", curve.flops, counts=False)
    room = 0.3 * float(np.ptp(losses)) + 1.5 * float(np.median(upper - lower))
    axes.set_ylim(max(float(lower.min()), float(losses.min()) - room) - 0.1 * room, float(losses.max()) + room)
    axes.set(ylabel="loss [nats/token]")
    below.set_xlabel(AXIS_NAMES["flops"])
    _sizes(axes, curve)
    _unsupported(axes, curve, 0.97, "top")
    axes.legend(loc="lower left")
    axes.set_title("The lowest loss at each budget (above: its size and tokens)")
    return figure


def _gain(axes: Axes, curve: RecipeCurve) -> None:
    gain, lower, upper = (
        np.array([getattr(p, name) for p in curve.points], float) * 1e3 for name in ("gain", "gain_lower", "gain_upper")
    )
    axes.fill_between(curve.flops, lower, upper, color=COLOURS[1], alpha=0.18, lw=0)
    axes.plot(curve.flops, gain, color=COLOURS[1], lw=2)
    axes.axhline(0, color=MUTED, lw=0.8)
    room = float(np.abs(gain).max()) + 1.5 * float(np.median(upper - lower))
    axes.set_ylim(max(float(lower.min()), -room), min(float(upper.max()), room))
    axes.set_ylabel("gain over the baseline\n[thousandths of a nat]")


@rc_context(STYLE)
def value_of_data(values: Sequence[DataValue]) -> Figure:
    """Draw what more data are worth: the fall of the best loss, and what the recipe as it is would gain for sure.

    Raises
    ------
    RecipeError
        If there are no values.
    """
    if not values:
        raise RecipeError("there are no values of data to draw.")
    shown = list(values)[:MOST_BARS]
    figure, (axes,) = new_figure(7.4, 1.5 + 0.34 * len(shown))
    y = np.arange(len(shown))[::-1]
    gains, kept = np.array([v.gain for v in shown]) * 1e3, np.array([v.kept for v in shown]) * 1e3
    ends = np.array([(v.kept_lower, v.kept_upper) for v in shown]).T * 1e3
    axes.barh(y, gains, height=0.62, color=FAINT, zorder=1, label="with a recipe found anew")
    axes.barh(y, kept, height=0.3, color=COLOURS[0], zorder=2, label="with the recipe as it is (90 % interval)")
    axes.hlines(y, *ends, color=INK, lw=1.1, zorder=3)
    far = max(float(gains.max()), float(ends.max()), 1e-12)
    for row, value, gain, top in zip(y, shown, gains, ends[1], strict=True):
        compute = "" if value.equivalent_compute is None else f"= {100 * (value.equivalent_compute - 1):.2g} % compute"
        axes.annotate(
            f"{compute}, {value.epochs:.2g} epochs",
            (max(gain, top), row),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=MUTED,
        )
    names = [
        f"{v.name}: +{amount(v.tokens)}" if v.name == v.cell else f"{v.name} ({v.cell}): +{amount(v.tokens)}" for v in shown
    ]
    axes.set_yticks(y, names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(min(0.0, float(gains.min())), 1.45 * far)
    axes.set_xlabel("fall of the loss [thousandths of a nat/token]")
    axes.set_title("What more tokens of each cell are worth")
    figure.legend(loc="outside lower left", ncols=2)
    return figure


@rc_context(STYLE)
def isoflop_with_recipes(curves: Sequence[IsoflopRecipes], corpus: Corpus) -> Figure:
    """Draw the loss over the model size at each budget, and below it how the best recipe changes along the size."""
    figure = Figure(figsize=(7.4, 6.2), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1.0))
    best = _best_cells(corpus) or [corpus.names[int(np.argmax(curves[0].weights.mean(0)))]]
    columns, ends = [corpus.names.index(cell) for cell in best], []
    for curve, colour in zip(curves, shades(len(curves)), strict=True):
        k, share = curve.best, curve.weights[:, columns].sum(1)
        for panel, values in ((axes, curve.losses), (below, share)):
            panel.plot(curve.n_params, values, color=colour, lw=1.8)
            panel.plot(curve.n_params[k], values[k], "o", color=colour, ms=6, mec="white", zorder=3)
        ends.append((float(curve.losses[-1]), f"{power(curve.flops)} FLOP", colour))
        said = f"{amount(curve.n_params[k])}, {amount(curve.tokens[k])} tokens"
        axes.annotate(
            said, (curve.n_params[k], curve.losses[k]), (0, -13), textcoords="offset points", ha="center", fontsize=8
        )
    log_axis(axes, "x", np.concatenate([curve.n_params for curve in curves]), counts=True)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.05 * (high - low), high)
    axes.set(ylabel="loss [nats/token]")
    end_labels(axes, ends)
    below.set(ylabel=f"share of {_short(best)}", xlabel=AXIS_NAMES["n_params"])
    below.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_title("Each size with its own best recipe (dots: the best size)")
    return figure


def _bands(corpus: Corpus, names: Sequence[str]) -> list[str]:
    """Colours in order of quality where the bands are buckets, else told apart."""
    if all(name in corpus.buckets for name in names):
        return shades(len(names))[::-1]
    palette = [*COLOURS, "#7F7F7F", "#C9C9C9"]
    return [palette[k % len(palette)] if name != "others" else FAINT for k, name in enumerate(names)]


def _ink(colour: str) -> str:
    """Return a text colour near a band's that reads on white."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else colour


def _best_cells(corpus: Corpus) -> list[str]:
    """Cells of the best bucket."""
    if len(corpus.buckets) < 2:
        return []
    return [cell.name for cell in corpus.cells if cell.bucket == corpus.buckets[0]]


def _short(cells: Sequence[str]) -> str:
    return cells[0] if len(cells) == 1 else cells[0].rsplit("/", 1)[-1]


def _unsupported(axes: Axes, curve: RecipeCurve, height: float, va: str, stroke: str = "#00000030") -> None:
    """Hatch the budgets that the runs do not support, and say so at a height of the axes."""
    outside = [k for k, point in enumerate(curve.points) if not point.supported]
    if not outside:
        return
    options: dict[str, Any] = {"facecolor": "none", "edgecolor": stroke, "hatch": "////", "lw": 0, "zorder": 2}
    logs = np.log(curve.flops)
    edges = np.exp(np.concatenate([logs[:1], 0.5 * (logs[1:] + logs[:-1]), logs[-1:]]))
    for k in outside:
        axes.axvspan(edges[k], edges[k + 1], **options)
    last = float(edges[outside[-1] + 1])
    axes.annotate(
        "hatched: beyond what the runs support",
        (last, height),
        xycoords=axes.get_xaxis_transform(),
        ha="right",
        va=va,
        fontsize=8.5,
        color=INK,
        bbox={"fc": "white", "ec": "none", "alpha": 0.85, "pad": 1.5},
        zorder=4,
    )


def _sizes(axes: Axes, curve: RecipeCurve) -> None:
    """Write size and tokens of a few budgets on the upper edge."""
    top = axes.secondary_xaxis("top")
    chosen = np.unique(np.linspace(0, len(curve.points) - 1, min(5, len(curve.points))).astype(int))
    points = [curve.points[k] for k in chosen]
    top.set_xticks([point.flops for point in points])
    top.minorticks_off()
    top.xaxis.set_major_formatter(FuncFormatter(lambda _, k: _size_label(points, k)))
    top.tick_params(length=3, labelsize=8, colors=MUTED, which="major")


def _size_label(points: Sequence[Any], k: int | None) -> str:
    return "" if k is None or k >= len(points) else f"{amount(points[k].n_params)}\n{amount(points[k].tokens)}"
