"""What a law leaves unexplained, as a Gaussian process of the mixture alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import cho_solve

from infolaw.units import Array

from ..surrogates import GaussianProcess
from ..surrogates.likelihood import LEVEL_VARIANCE, Posterior

N_WAVES = 300
"""Random Fourier features of a drawn surface."""


@dataclass(frozen=True, eq=False)
class Residual:
    """Log loss less the law's, as a function of shares: it knows neither size nor tokens, and fades away from the runs.

    Attributes
    ----------
    process : GaussianProcess
        Fitted to shares and errors.
    """

    process: GaussianProcess

    @classmethod
    def fitted(cls, shares: Array, errors: Array, seed: int = 0, near: Residual | None = None) -> Residual:
        """Fit to shares (n_runs, n_cells) and errors of log loss (n_runs,).

        The search begins at `near`, what another law leaves of the same runs: a third of the time.
        """
        process = GaussianProcess(skewed=False, own_curves=False, n_doubts=1, seed=seed)
        return cls(process.fit(shares, errors) if near is None else process.fit_near(near.process, shares, errors))

    def mean(self, shares: Array) -> Array:
        """Expected residual of log loss, (n_points,)."""
        return np.asarray(self.process.predict(shares))

    def slope(self, shares: Array) -> Array:
        """Derivative of the expected residual by the shares, (n_points, n_cells)."""
        return self.process.gradient(shares)

    def surfaces(self, errors: Array, seed: int) -> Surfaces:
        """Draw surfaces, each conditioned on its own errors of the runs, (n, n_runs) [log loss].

        References
        ----------
        .. [1] Wilson et al. (2020), "Efficiently sampling functions from Gaussian process posteriors", eq. 5.
        """
        posterior: Posterior = self.process.posterior_
        unit, c, rng, n = self.process.target_, posterior.constants, np.random.default_rng([seed, 5]), len(errors)
        n_cells, df = posterior.scaled.shape[1], 2 * self.process.smoothness
        waves = np.sqrt(df / rng.chisquare(df, (N_WAVES, 1))) * rng.standard_normal((N_WAVES, n_cells))
        sizes = np.exp(c.log_amplitude) * np.sqrt(2 / N_WAVES) * rng.standard_normal((N_WAVES, n))
        levels = np.sqrt(LEVEL_VARIANCE) * rng.standard_normal(n)
        free = Surfaces(self, waves, rng.uniform(0, 2 * np.pi, N_WAVES), sizes, levels)
        noise = np.exp(c.log_noise) * np.sqrt(self.process.doubt_)[:, None] * rng.standard_normal(errors.T.shape)
        missed = (errors.T - unit.mean) / unit.scale - free.before(posterior.scaled) - noise
        return Surfaces(self, waves, free.phases, sizes, levels, np.asarray(cho_solve((posterior.factor, True), missed)))


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Drawn surfaces, each one function of the shares: waves, and what pulls each to the runs, (n_runs, n)."""

    residual: Residual
    waves: Array
    phases: Array
    sizes: Array
    levels: Array
    pull: Array | None = None

    def take(self, index: Any) -> Surfaces:
        """Return the surfaces at an index, slice or mask."""
        pull = None if self.pull is None else self.pull[:, index]
        return replace(self, sizes=self.sizes[:, index], levels=self.levels[index], pull=pull)

    def before(self, points: Array) -> Array:
        """Values before the runs at scaled points, (n_points, n)."""
        return np.asarray(np.cos(points @ self.waves.T + self.phases) @ self.sizes + self.levels)

    def __call__(self, shares: Array) -> Array:
        """Residuals of log loss at shares (n_points, n_cells), (n, n_points)."""
        posterior, unit = self.residual.process.posterior_, self.residual.process.target_
        points = posterior.scale(np.asarray(shares, float))
        drawn = self.before(points)
        if self.pull is not None:
            drawn = drawn + posterior.covariance(points, posterior.scaled) @ self.pull
        return np.asarray(unit.mean + unit.scale * drawn.T)
