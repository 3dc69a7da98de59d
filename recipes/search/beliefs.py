"""Beliefs: what fitted surrogates say of any mixture, as means and as whole surfaces drawn at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..surrogates import GaussianProcess, Surrogate
from ..surrogates.gaussian_process import fit_together
from .calibration import upward_scale

Features = Callable[[Array], Array]
"""Mixtures (n_points, n_cells) -> what the surrogates were fitted on (n_points, n_features)."""


def same(weights: Array) -> Array:
    """Features that are the weights themselves."""
    return weights


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Surrogates of one or several targets over the same mixtures.

    Attributes
    ----------
    targets : tuple of str
    surrogates : tuple of Surrogate
        Fitted, one a target.
    seen : ndarray, (n_seen, n_cells)
        The mixtures they were fitted on.
    losses : ndarray, (n_seen, n_targets)
    features : callable
        See `Features`.
    runs : tuple of two ndarrays, optional
        Features and losses that the surrogates were fitted on, where these are more than `seen` (other sizes, say).
    scale : ndarray, (n_targets,), optional
        Factor on the spread of drawn surfaces: what held-out runs say the surrogates' own spread should be taken times.
    """

    targets: tuple[str, ...]
    surrogates: tuple[Surrogate, ...]
    seen: Array
    losses: Array
    features: Features = same
    runs: tuple[Array, Array] | None = None
    scale: Array | None = None

    @classmethod
    def fitted(
        cls,
        surrogate: Surrogate,
        seen: Array,
        losses: Array,
        targets: Sequence[str] = ("loss",),
        features: Features = same,
    ) -> Beliefs:
        """Fit a copy of `surrogate` to every target.

        Raises
        ------
        RecipeError
            If shapes differ.
        """
        from sklearn.base import clone

        losses = np.asarray(losses, float)
        losses = losses[:, None] if losses.ndim == 1 else losses
        if losses.shape != (len(seen), len(targets)):
            raise RecipeError(f"{len(seen)} mixtures and {len(targets)} targets, but losses of shape {losses.shape}.")
        shown = features(seen)
        fits = tuple(clone(surrogate) for _ in targets)
        if isinstance(surrogate, GaussianProcess):
            fit_together(fits, shown, losses)  # which runs to trust is one question for all targets
        else:
            for fit, column in zip(fits, losses.T, strict=True):
                fit.fit(shown, column)
        return cls(tuple(targets), fits, np.asarray(seen, float), losses, features)

    def calibrated(self) -> Beliefs:
        """Return beliefs whose surfaces are as wide as the best runs ask for, see `calibration.upward_scale`."""
        shown, losses = self.runs or (self.features(self.seen), self.losses)
        factor = upward_scale(self.surrogates, shown, losses)
        return replace(self, scale=factor * (np.ones(len(self.targets)) if self.scale is None else self.scale))

    def predict(self, weights: Array) -> Array:
        """Expected targets (n_points, n_targets)."""
        shown = self.features(weights)
        return np.stack([surrogate.predict(shown) for surrogate in self.surrogates], -1)

    @property
    def has_spread(self) -> bool:
        """Whether every surrogate knows its own error."""
        return all(surrogate.has_std for surrogate in self.surrogates)

    def spread(self, weights: Array) -> Array | None:
        """Standard deviation of a new run's targets, (n_points, n_targets); None if a surrogate does not know it."""
        if not self.has_spread:
            return None
        shown = self.features(weights)
        return np.stack([surrogate.predict(shown, return_std=True)[1] for surrogate in self.surrogates], -1)

    def gradient(self, weights: Array) -> Array | None:
        """Derivatives of the expected targets by the shares, (n_points, n_cells, n_targets); None if not known exactly."""
        if self.features is not same or not all(hasattr(surrogate, "gradient") for surrogate in self.surrogates):
            return None
        surrogates: Any = self.surrogates
        return np.stack([surrogate.gradient(weights) for surrogate in surrogates], -1)

    @property
    def noise(self) -> Array:
        """Standard deviation of a repeated run, (n_targets,): the surrogate's, or that of its left-out residuals."""
        found = [getattr(s, "noise_", None) for s in self.surrogates]
        spread = self.losses.std(0)
        return np.array([max(float(spread[k] * 1e-3 if n is None else n), 1e-12) for k, n in enumerate(found)])

    def draws(self, weights: Array, n: int, seed: int) -> Array:
        """Targets (n, n_points, n_targets) without noise; draw j is one world for all mixtures.

        Surrogates that know their own uncertainty are asked for surfaces; others are fitted again to resampled runs.
        """
        shown = self.features(weights)
        drawn = np.stack([self._surfaces(k, shown, n, seed) for k in range(len(self.targets))], -1)
        if self.scale is None:
            return drawn
        expected = self.predict(weights)
        return np.asarray(expected + (drawn - expected) * self.scale)

    def _surfaces(self, k: int, shown: Array, n: int, seed: int) -> Array:
        surrogate: Any = self.surrogates[k]
        if hasattr(surrogate, "draws"):
            return np.asarray(surrogate.draws(shown, n, seed + k))
        from sklearn.base import clone

        rng = np.random.default_rng([seed, k])
        fitted_on, losses = self.runs or (self.features(self.seen), self.losses)
        refits = []
        for _ in range(min(n, MOST_REFITS)):
            rows = rng.integers(0, len(fitted_on), len(fitted_on))
            refits.append(clone(surrogate).fit(fitted_on[rows], losses[rows, k]).predict(shown))
        return np.stack(refits)[np.arange(n) % len(refits)]


MOST_REFITS = 50
"""Fits to resampled runs that stand for the uncertainty of a surrogate that does not state its own."""


def distance(weights: Array, seen: Array) -> Array:
    """How far each mixture (n_points, n_cells) is from the nearest one seen, in units of how far those are apart.

    Hellinger's distance; the unit is the median over the seen of the distance to their own nearest neighbour. Above 2
    a prediction leaves the cloud of the proxies.
    """
    a, b = np.sqrt(np.maximum(weights, 0)), np.sqrt(np.maximum(seen, 0))
    apart = np.sqrt(np.maximum(2 - 2 * b @ b.T, 0))
    np.fill_diagonal(apart, np.inf)
    unit = max(float(np.median(apart.min(1))), 1e-9)
    return np.asarray(np.sqrt(np.maximum(2 - 2 * a @ b.T, 0)).min(1) / unit)
