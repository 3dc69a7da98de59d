"""Batched Levenberg-Marquardt with bounds for Huber's objective, in numpy: many small problems at once.

Every problem of a batch takes its own steps, so its result does not depend on its neighbours. It knows no laws.

The step solves ``(J W2 J' + damping (J W1 J' + diag)) step = -J W1 r``: W2 = psi' (1 inside the quadratic zone, 0
outside) is Newton's curvature of Huber's function, W1 = psi / r its majoriser. Far from the optimum the majoriser makes
every step a descent, near it Newton's curvature converges at once where plain re-weighting would crawl. Late steps bend with
a curved valley: half the geodesic acceleration is added (Transtrum and Sethna 2012, arXiv:1201.5885).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .objectives import huber
from .units import Array

Residuals: TypeAlias = Callable[[Array, Any], Array]
"""(theta (n_active, n_values), index of the active problems) -> residuals (n_active, n_rows)."""
Jacobian: TypeAlias = Callable[[Array, Any, Array], Array]
"""The same arguments and those residuals -> derivatives (n_active, n_values, n_rows)."""

_SHRINK, _GROW, _DAMPING, _MOST_DAMPING = 0.2, 6.0, 1e-3, 1e12
_BOUND_PASSES = 3
_BENDS_AFTER, _AHEAD, _MOST_BEND = 10, 0.1, 0.75
_PATIENCE, _STALLED = 20, 1e-6


@dataclass(frozen=True)
class Solutions:
    """Where each problem of a batch ended.

    Attributes
    ----------
    theta : ndarray, (n_batch, n_values)
    objective : ndarray, (n_batch,)
        Sum of Huber's function of the residuals; ``inf`` if no finite value was found.
    converged : ndarray of bool, (n_batch,)
    n_steps : ndarray of int, (n_batch,)
    """

    theta: Array
    objective: Array
    converged: np.ndarray[Any, np.dtype[np.bool_]]
    n_steps: np.ndarray[Any, np.dtype[np.intp]]


def minimise(
    residuals: Residuals,
    jacobian: Jacobian,
    start: Array,
    lower: Array,
    upper: Array,
    delta: Array | float = np.inf,
    max_steps: int = 100,
    tolerance: float = 1e-10,
) -> Solutions:
    """Minimise the sum of Huber's function of the residuals of each problem, within bounds.

    Parameters
    ----------
    residuals, jacobian : callable
        See `Residuals` and `Jacobian`.
    start : ndarray, (n_batch, n_values)
    lower, upper : ndarray, (n_values,)
    delta : float or ndarray (n_rows,)
        Width of the quadratic zone of each row; ``inf`` = least squares.
    max_steps : int
        Steps tried for each problem.
    tolerance : float
        A problem has converged when a step promises or brings less than this share of its objective, or twenty
        steps together less than 1e-6 of it (a flat valley).
    """
    theta = np.clip(start, lower, upper)
    everyone = np.arange(len(theta))
    r = residuals(theta, everyone)
    objective = _total(r, delta)
    damping = np.full(len(theta), _DAMPING)
    n_steps = np.zeros(len(theta), np.intp)
    converged = np.zeros(len(theta), bool)
    mark = objective.copy()
    active = everyone[np.isfinite(objective)]
    state = _Curvature.of(jacobian(theta[active], active, r[active]), r[active], delta) if len(active) else None
    while len(active) and state is not None:
        step, promise = state.step(theta[active], lower, upper, damping[active])
        late = n_steps[active] >= _BENDS_AFTER
        if late.any():
            who = active[late]
            ahead = residuals(np.clip(theta[who] + _AHEAD * step[late], lower, upper), who)
            step[late] = state.take(late).bent(step[late], ahead, damping[who])
        trial = np.clip(theta[active] + step, lower, upper)
        r_trial = residuals(trial, active)
        value = _total(r_trial, delta)
        gain = objective[active] - value
        better = gain > 0
        n_steps[active] += 1
        small = tolerance * objective[active] + 1e-300
        done = (promise <= small) | (better & (gain <= small)) | (damping[active] >= _MOST_DAMPING)
        damping[active] = np.where(better, damping[active] * _SHRINK, damping[active] * _GROW)
        moved = active[better]
        theta[moved], objective[moved] = trial[better], value[better]
        pause = n_steps[active] % _PATIENCE == 0
        done |= pause & (mark[active] - objective[active] <= max(_STALLED, tolerance) * mark[active])
        mark[active[pause]] = objective[active[pause]]
        converged[active[done]] = True
        keep = ~done & (n_steps[active] < max_steps)
        fresh = better & keep
        if fresh.any():
            slope = jacobian(theta[active[fresh]], active[fresh], r_trial[fresh])
            state.update(fresh, _Curvature.of(slope, r_trial[fresh], delta))
        if not keep.all():
            state, active = state.take(keep), active[keep]
    return Solutions(theta, objective, converged, n_steps)


def _total(residuals: Array, delta: Array | float) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        total = huber(residuals, delta).sum(-1)
    return np.where(np.isfinite(total), total, np.inf)


@dataclass
class _Curvature:
    """Gradient and both curvatures of the active problems: (n, v), (n, v, v), (n, v, v)."""

    gradient: Array
    newton: Array
    majorant: Array
    residuals: Array
    weighted: Array
    jacobian: Array

    @classmethod
    def of(cls, jacobian: Array, residuals: Array, delta: Array | float) -> _Curvature:
        size = np.abs(residuals)
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(size > delta, delta / size, 1.0)
        jacobian = np.where(np.isfinite(jacobian), jacobian, 0.0)
        turned = jacobian.transpose(0, 2, 1)
        gradient = (jacobian @ (weight * residuals)[..., None])[..., 0]
        majorant = (jacobian * weight[:, None]) @ turned
        if np.all(np.isinf(delta)):
            return cls(gradient, majorant, majorant, residuals, weight, jacobian)
        newton = (jacobian * (size <= delta)[:, None]) @ turned
        return cls(gradient, newton, majorant, residuals, weight, jacobian)

    def take(self, keep: Any) -> _Curvature:
        return _Curvature(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    def update(self, where: Any, other: _Curvature) -> None:
        for name in self.__dataclass_fields__:
            getattr(self, name)[where] = getattr(other, name)

    def bent(self, step: Array, ahead: Array, damping: Array) -> Array:
        """Steps that follow a curved valley: half the geodesic acceleration is added where it is shorter than the step."""
        straight = (step[:, None] @ self.jacobian)[:, 0]
        second = 2 / _AHEAD * ((ahead - self.residuals) / _AHEAD - straight)
        second = np.where(np.isfinite(second), second, 0.0)
        moving = step != 0
        matrix, root = self._damped(damping)
        gradient = (self.jacobian @ (self.weighted * second)[..., None])[..., 0] / root
        bend = 0.5 * _solve_free(matrix, np.where(moving, gradient, 0.0), np.zeros_like(step), ~moving)
        small = np.linalg.norm(bend, axis=1) <= _MOST_BEND * np.linalg.norm(step * root, axis=1)
        return step + np.where(small[:, None], bend / root, 0.0)

    def _damped(self, damping: Array) -> tuple[Array, Array]:
        """Curvature plus damping in units of each value's own curvature, and the root of that, (n, v, v) and (n, v)."""
        scale = np.einsum("nvv->nv", self.majorant)
        root = np.sqrt(scale + 1e-12 * scale.max(1, keepdims=True) + 1e-300)
        matrix = (self.newton + damping[:, None, None] * self.majorant) / (root[:, :, None] * root[:, None, :])
        diagonal = np.arange(root.shape[1])
        matrix[:, diagonal, diagonal] += damping[:, None] + 1e-13
        return matrix, root

    def step(self, theta: Array, lower: Array, upper: Array, damping: Array) -> tuple[Array, Array]:
        """Steps within the bounds (n, v), and the decrease that the quadratic model promises for each (n,)."""
        matrix, root = self._damped(damping)
        gradient = self.gradient / root
        low, high = (lower - theta) * root, (upper - theta) * root
        pinned = ((low >= 0) & (gradient > 0)) | ((high <= 0) & (gradient < 0))
        step = np.zeros_like(theta)
        for _ in range(_BOUND_PASSES):
            step = _solve_free(matrix, gradient, np.clip(step, low, high), pinned)
            outside = (step < low) | (step > high)
            if not (outside & ~pinned).any():
                break
            pinned |= outside
        step = np.clip(step, low, high)
        promise = -(gradient * step).sum(1) - 0.5 * (step * (matrix @ step[..., None])[..., 0]).sum(1)
        return step / root, promise


def _solve_free(matrix: Array, gradient: Array, step: Array, pinned: Any) -> Array:
    """Minimise the quadratic model over the free values, with the pinned ones held where they are."""
    fixed = np.where(pinned, step, 0.0)
    right = np.where(pinned, fixed, -gradient - np.where(pinned, 0.0, (matrix @ fixed[..., None])[..., 0]))
    free = np.where(pinned[:, :, None] | pinned[:, None, :], 0.0, matrix)
    diagonal = np.arange(step.shape[1])
    free[:, diagonal, diagonal] += pinned
    return np.asarray(np.linalg.solve(free, right[..., None])[..., 0])
