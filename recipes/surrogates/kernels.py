"""Matern kernels of the squared distance, with their derivative by it."""

from __future__ import annotations

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

SMOOTHNESS = (1.5, 2.5)


def squared_distances(a: Array, b: Array) -> Array:
    """Return squared distances of rows, ``(n_a, n_b)``."""
    square = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T)
    return np.asarray(np.maximum(square, 0.0, out=square))


def matern(square: Array, smoothness: float) -> tuple[Array, Array]:
    """Return the kernel of amplitude 1 and its derivative by the squared distance, both of the shape of `square`.

    Raises
    ------
    RecipeError
        If `smoothness` is neither 1.5 nor 2.5.
    """
    if smoothness not in SMOOTHNESS:
        raise RecipeError(f"A Matern kernel of smoothness {smoothness:g} is not offered; choose 1.5 or 2.5.")
    r = np.sqrt(2 * smoothness * square)
    decay = np.exp(-r)
    if smoothness == 1.5:
        return (1 + r) * decay, -1.5 * decay
    slope = (1 + r) * decay
    return slope + (r * r / 3) * decay, -5 / 6 * slope
