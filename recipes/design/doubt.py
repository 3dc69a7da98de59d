"""What held-out runs say may be wrong with a law beside its constants: a process over sizes and recipes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infolaw.model_error import ModelError, growth
from infolaw.points import Points, Support
from infolaw.predictor import Predictor
from infolaw.units import Array


@dataclass(frozen=True, eq=False)
class Doubt:
    """A normal process of errors of log loss, of the size that `ModelError` was measured to have.

    Two places share it by ``exp(-distance)``, the distance in size and tokens in units of what still counts as supported, so
    a run tells of the plan's error only as far as it goes to where the plan is. At one place it has a tilt, linear in the
    shares, which grows away from the box of the runs; and outside the box a level that all recipes share: inside, the
    scatter about the fit already holds it.

    Attributes
    ----------
    level, tilt : float
        Standard deviations.
    support : Support
    """

    level: float
    tilt: float
    support: Support

    @classmethod
    def of(cls, predictor: Predictor) -> Doubt:
        """Take what held-out runs say; nothing where none were asked."""
        if predictor.heldout is None:
            return cls(0.0, 0.0, predictor.support)
        error = predictor.heldout.model_error
        heavy = float(np.sqrt(ModelError.DF / (ModelError.DF - 2)))  # the variance of Student's t
        return cls(heavy * error.level, heavy * error.contrast / error.spread, predictor.support)

    def between(self, one: Points, other: Points) -> Array:
        """Covariance before any run, (n_one, n_other)."""
        apart = sum(
            np.abs(getattr(one, f"log_{name}")[:, None] - getattr(other, f"log_{name}")) / np.log(Support.REACH[name])
            for name in ("n_params", "tokens")
        )
        left, right = (points.weights - 1.0 / points.weights.shape[1] for points in (one, other))
        grown = [growth(points, self.support) for points in (one, other)]
        beyond = [np.sqrt(np.maximum(np.square(factor) - 1.0, 0.0)) for factor in grown]
        errors = self.tilt**2 * (left @ right.T) * np.outer(*grown) + self.level**2 * np.outer(*beyond)
        return np.asarray(np.exp(-np.asarray(apart)) * errors)

    def left(self, points: Points, seen: Points | None, noise_sd: float) -> Array:
        """Covariance (n_points, n_points) that the runs `seen` leave."""
        before = self.between(points, points)
        if seen is None:
            return before
        told = self.between(seen, points)
        among = self.between(seen, seen) + (noise_sd**2 + 1e-10) * np.eye(len(seen))
        return np.asarray(before - told.T @ np.linalg.solve(among, told))
