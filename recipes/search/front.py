"""The front of several targets: mixtures that no other mixture beats in all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .objective import pareto_front
from .recommend import N_TABLE, Setting

N_POINTS = 15


def front_mixtures(setting: Setting, n: int = N_POINTS) -> Array:
    """Mixtures ``(n_found, n_cells)`` on the front, by the first target from best to worst.

    The optimum is searched for under `n` weightings of the targets; what another beats in every target is left out.

    Parameters
    ----------
    setting : Setting
        Of two or more targets; its own weights only say which way each is better.
    n : int
        Weightings: evenly spaced for two targets, else every target alone and random ones.

    Raises
    ------
    RecipeError
        If there is one target only.
    """
    objective = setting.objective
    n_targets = len(objective.names)
    if n_targets < 2:
        raise RecipeError(f"a front needs two targets; there is {objective.names[0]} alone.")
    if n_targets == 2:
        first = np.linspace(0.0, 1.0, n)
        weightings = np.stack([first, 1 - first], 1)
    else:
        drawn = np.random.default_rng([setting.seed, 2]).dirichlet(np.ones(n_targets), max(n - n_targets, 0))
        weightings = np.concatenate([np.eye(n_targets), drawn])
    signs = np.where(objective.weights < 0, -1.0, 1.0)
    candidates = setting.candidates()
    predicted = setting.beliefs.predict(candidates)
    found = []
    for weighting in weightings:
        one = replace(objective, weights=signs * weighting, kind="sum", guard=False)
        order = np.argsort(one(predicted), kind="stable")[:N_TABLE]
        found.append(replace(setting, objective=one, caution=0.0).optimum(candidates[order]))
    mixtures = np.array(found)
    losses = signs * setting.beliefs.predict(mixtures)
    best = pareto_front(losses)
    return np.asarray(mixtures[best[np.argsort(losses[best, 0], kind="stable")]])
