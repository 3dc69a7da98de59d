"""Pictures that need a corpus and a budget beside a fit, by name: what `infolaw plot` draws of plans over budgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infolaw.errors import InfolawError
from infolaw.predictor import Predictor
from infolaw.spending import budgets

from .budget import Budget
from .constraints import Constraints
from .corpus import Corpus
from .curves import isoflop_recipes, recipe_curve
from .plan_plots import isoflop_with_recipes, loss_frontier, recipe_by_budget, value_of_data
from .pricer import Pricer
from .recipe import Recipe
from .size_search import best_size
from .value import data_values, every_cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVES = ("recipe-by-budget", "loss-frontier", "value-of-data", "isoflop-recipes")
_BUDGETS = {"isoflop-recipes": 4, "value-of-data": 1}
_USUAL = 9


@dataclass(frozen=True)
class CurveRequest:
    """What a curve is about.

    Attributes
    ----------
    predictor : Predictor
    corpus : Corpus
    constraints : Constraints
    flops : str, optional
        A budget or a range, ``1e20:1e24:9``; from a tenth to a hundred times the largest run by default.
    baseline : Path, optional
    group : str, optional
    n_params : float, optional
        Fixes the model size of recipes over budgets [parameters].
    more : float, optional
        For the value of data: tokens more of every cell; 1 % of the run's by default.
    """

    predictor: Predictor
    corpus: Corpus
    constraints: Constraints
    flops: str | None = None
    baseline: Path | None = None
    group: str | None = None
    n_params: float | None = None
    more: float | None = None

    def spent(self, kind: str) -> list[float]:
        """Budgets to draw [FLOP]."""
        given = [value for value in budgets(self.flops) if value is not None]
        if given:
            return given
        high = self.predictor.support.flops[1]
        count = _BUDGETS.get(kind, _USUAL)
        return [high] if count == 1 else np.geomspace(0.1 * high, 100 * high, count).tolist()


def draw_curve(kind: str, asked: CurveRequest, seed: int = 0) -> tuple[Figure, dict[str, Any]]:
    """Draw one of `CURVES`.

    Returns
    -------
    figure : Figure
    data : dict
        What is drawn, as plain values.

    Raises
    ------
    InfolawError
        If the kind is unknown, or no budget has an answer.
    """
    pricer = Pricer.of(asked.predictor, asked.corpus, asked.constraints, asked.group)
    spent = asked.spent(kind)
    match kind:
        case "value-of-data":
            size = best_size(pricer, Budget(flops=spent[0]))
            offers = asked.constraints.offers or every_cell(pricer.corpus, asked.more or 0.01 * size[1])
            values = data_values(pricer, *size, offers, flops=spent[0], seed=seed)
            return value_of_data(values), {"values": [value.to_dict() for value in values]}
        case "isoflop-recipes":
            curves = isoflop_recipes(pricer, Budget(flops=1.0), spent)
            data = [{name: np.asarray(value).tolist() for name, value in vars(curve).items()} for curve in curves]
            return isoflop_with_recipes(curves, pricer.corpus), {"cells": list(pricer.corpus.names), "curves": data}
        case "recipe-by-budget" | "loss-frontier":
            names = pricer.corpus.names
            rival = pricer.corpus.natural if asked.baseline is None else Recipe.read(asked.baseline).array(names)
            curve = recipe_curve(pricer, Budget(flops=1.0, n_params=asked.n_params), spent, baseline=rival, seed=seed)
            drawn = loss_frontier(curve) if kind == "loss-frontier" else recipe_by_budget(curve, pricer.corpus)
            return drawn, curve.to_dict()
        case _:
            raise InfolawError(f"there is no picture {kind!r} of plans; there are {', '.join(CURVES)}.")
