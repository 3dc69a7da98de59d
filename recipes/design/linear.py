"""What runs leave open of predictions, as a linear map of independent normal numbers."""

from __future__ import annotations

import numpy as np

from infolaw.ensemble import Ensemble
from infolaw.fitted import FittedLaw
from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.uncertainty import bounded_covariance
from infolaw.units import Array
from infolaw.weighted import WeightedFit


def directions(predictor: Predictor, points: Points, noise_sd: float) -> Array | None:
    """Log losses moved by one standard deviation of each direction, (n_directions, n_points): D' D is their covariance.

    Constants that no run decides are as open as the law's bounds. Laws of an average differ beside their constants; targets
    of a sum err each on its own. None where a predictor is none of these: its draws have to do.
    """
    if isinstance(predictor, FittedLaw):
        problem, theta = predictor.problem, predictor.theta
        root = np.linalg.cholesky(bounded_covariance(problem, theta, noise_sd))
        return np.asarray(root.T @ problem.log_jacobian(theta[None], points)[0])
    if isinstance(predictor, Ensemble):
        shares = np.array(predictor.frequencies) / np.sum(predictor.frequencies)
        logs = np.log(np.stack([member.predict(points) for member in predictor.members]))
        own = [directions(member, points, noise_sd) for member in predictor.members]
        return _stacked([*own, logs - shares @ logs], [*np.sqrt(shares), np.sqrt(shares)[:, None]])
    if isinstance(predictor, WeightedFit):
        losses = np.array(predictor.weights)[:, None] * np.stack([part.predict(points) for part in predictor.parts])
        return _stacked([directions(part, points, noise_sd) for part in predictor.parts], [*(losses / losses.sum(0))])
    return None


def _stacked(parts: list[Array | None], scales: list[Array]) -> Array | None:
    """All directions below each other, each part scaled; None if one is missing."""
    found = [scale * part for part, scale in zip(parts, scales, strict=True) if part is not None]
    return np.concatenate(found) if len(found) == len(parts) else None
