"""Fit a law again to parts of its runs, all parts in one batch: hold-outs at a fraction of the price of fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .problem import Problem, Rows
from .result import FitResult
from .starts import draw_starts
from .status import FitStatus, Starts
from .units import Array

N_STARTS, N_REFINED = 32, 6
"""Random shapes, and those of them refined for each part, beside the fit to all runs."""
N_PURSUED = 3
"""Of these, how many go on from where they are after the first steps."""
_FIRST_STEPS, _MOST_STEPS, _TOLERANCE = 8, 150, 1e-8
_SAME = 1e-4
"""Objectives that differ by less (relative) are of one valley, and then a random shape's end is taken."""


def refit(fit: FitResult, parts: Sequence[Rows], *, n_bootstrap: int = 1000, seed: int = 0) -> list[FitResult | None]:
    """Fit the law of a fit to parts of its runs, in one batch of starts.

    Starts are random shapes, and the fit's own vector in case they miss the best valley: where a part says nothing of a
    constant, its value is not to be the one that the runs held out have set. Width of Huber's function, noise and spreads
    between groups are the fit's.

    Parameters
    ----------
    fit : FitResult
        To all runs, ``n_rows`` rows.
    parts : sequence of ndarray of bool, (n_rows,)
        Which runs each part holds.
    n_bootstrap, seed : int
        Of the fits; the seed also of the random shapes.

    Returns
    -------
    list of FitResult or None, n_parts
        None where a part has fewer runs than there are values to fit, or no finite objective.
    """
    problem, seen, n_parts = fit.problem, fit.observations, len(parts)
    masks = np.stack(list(parts))
    random = draw_starts(fit.bound, seen.points, seen.losses, N_STARTS, np.random.default_rng([seed, 8]))
    squares = np.minimum(np.abs(problem.residuals(random)), 1.0) ** 2
    first = np.where(np.isfinite(squares), squares, 1.0) @ masks.T
    best = np.argsort(first, axis=0, kind="stable")[:N_REFINED].T
    starts = np.concatenate([random[best], np.tile(fit.theta, (n_parts, 1, 1))], 1)
    theta, objective, _ = _solved(problem, masks, starts, _FIRST_STEPS)
    ahead = np.sort(np.argsort(objective, axis=1, kind="stable")[:, :N_PURSUED], axis=1)
    theta, objective, done = _solved(problem, masks, np.take_along_axis(theta, ahead[..., None], 1), _MOST_STEPS)
    n_held = int(np.linalg.matrix_rank(problem.extra.matrix)) if len(problem.extra) else 0
    found = list[FitResult | None]()
    for k, rows in enumerate(parts):
        at = int((objective[k] <= objective[k].min() * (1 + _SAME)).argmax())
        options: Any = {"seed": seed, "n_bootstrap": n_bootstrap, "heldout": None, "stored": None, "warnings": ()}
        status = FitStatus.CONVERGED if done[k, at] else FitStatus.MAX_ITER
        reached = Starts(tuple(np.sort(objective[k]).tolist()), N_STARTS)
        found.append(
            replace(
                fit,
                problem=problem.part(rows),
                theta=theta[k, at],
                objective=float(objective[k, at]),
                status=status,
                starts=reached,
                observations=seen.take(rows),
                **options,
            )
            if rows.sum() >= problem.n_values - n_held and np.isfinite(objective[k, at])
            else None
        )
    return found


def _solved(problem: Problem, parts: Rows, starts: Array, max_steps: int) -> tuple[Array, Array, Rows]:
    """Vectors (n_parts, n_starts, n_values), objectives and whether converged (n_parts, n_starts) of every start."""
    n_parts, n_starts, n_values = starts.shape
    kept = np.repeat(parts, n_starts, axis=0)
    found = problem.solve(starts.reshape(-1, n_values), kept=kept, max_steps=max_steps, tolerance=_TOLERANCE)
    shape = (n_parts, n_starts)
    return found.theta.reshape(starts.shape), found.objective.reshape(shape), found.converged.reshape(shape)
