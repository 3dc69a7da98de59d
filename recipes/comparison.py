"""What a recipe is worth against another: nats with an interval, the chance to be better, equivalent compute."""

from __future__ import annotations

import numpy as np

from infolaw.model_error import growth
from infolaw.points import Points
from infolaw.predictor import Predictor
from infolaw.uncertainty import Interval
from infolaw.units import Array
from infolaw.weighted import WeightedFit

from .over_draws import PRICING
from .plan_parts import LossEstimate, TargetChange, Versus
from .pricer import Pricer

_DRAWS = 1000
_LOG_COMPUTE = np.concatenate([np.linspace(-np.log(100.0), np.log(100.0), 401), np.log(np.geomspace(110.0, 1e6, 60))])
"""Compute that a rival may have, in units of the plan's."""
_TO_SIZE = np.linspace(0.0, 1.0, 9)
"""Share of it, in logarithms, that goes into the model's size."""


def loss_estimate(predictor: Predictor, own: Points, draws: Array, level: float, seed: int) -> LossEstimate:
    """The predicted loss at one point, its interval from draws (n,), and where the uncertainty comes from."""
    full, plain = Interval.of(draws[:, None], level), predictor.draws(own, _DRAWS, seed, model_error=False)
    bare, held = Interval.of(plain, level), predictor.heldout
    value = float(predictor.predict(own)[0])
    return LossEstimate(
        value,
        float(full.lower[0]),
        float(full.upper[0]),
        float(bare.lower[0]),
        float(bare.upper[0]),
        None if held is None else held.error_pct,
        "" if held is None else held.split,
        level,
        _parts(predictor, own, plain, value, seed),
    )


def _parts(predictor: Predictor, own: Points, plain: Array, value: float, seed: int) -> dict[str, float]:
    """Standard deviations [nats/token]: noise of one run, constants, the law's error inside the runs and beyond them."""
    parts = {"run_noise": value * predictor.noise_sd, "parameters": float(plain.std())}
    if predictor.heldout is not None:
        wrong = value * predictor.heldout.model_error.draws(own, predictor.support, _DRAWS, seed)[:, 0]
        inside = float(wrong.std() / growth(own, predictor.support)[0])
        beyond = float(np.sqrt(max(wrong.var() - inside**2, 0.0)))
        parts |= {"model_error": inside, "extrapolation": beyond}
    return parts


def versus(
    pricer: Pricer, name: str, rival: Array, n_params: float, tokens: float, losses: Array, draws: Array, level: float
) -> Versus:
    """The plan against another recipe, from predictions (2,) and draws (n, 2) of the plan and the other."""
    times = equivalent_compute(pricer, rival, n_params, tokens, float(losses[0]))
    return Versus(name, float(losses[1]), float(losses[0] - losses[1]), *_told(draws, level), times)


def _told(draws: Array, level: float) -> tuple[float, float, float]:
    """Ends of the difference between two recipes in drawn worlds (n, 2), and the chance that the first is better."""
    difference = draws[:, 0] - draws[:, 1]
    ends = Interval.of(difference[:, None], level)
    chance = (difference < 0).mean() + 0.5 * (difference == 0).mean()
    return float(ends.lower[0]), float(ends.upper[0]), float(chance)


def equivalent_compute(pricer: Pricer, weights: Array, n_params: float, tokens: float, loss: float) -> float | None:
    """How many times the compute `weights` would need to reach `loss`; None if no compute takes them there.

    More compute is spent on size, on tokens or on both, whichever serves these weights best: a mixture whose cells are worn
    out by repetition gains from a larger model alone. A million times the compute stands for any.
    """
    log_m, to_size = np.meshgrid(_LOG_COMPUTE, _TO_SIZE, indexing="ij")
    sizes, read = n_params * np.exp(to_size * log_m).ravel(), tokens * np.exp((1.0 - to_size) * log_m).ravel()
    found = pricer.predictor.predict(pricer.points(sizes, read, weights)).reshape(log_m.shape)
    best = np.minimum.accumulate(np.where(np.isfinite(found), found, np.inf).min(1))
    reached = best <= loss * (1 + 1e-12)
    if not reached.any():
        return None
    k = int(reached.argmax())
    if k == 0 or not np.isfinite(best[k - 1]):
        return float(np.exp(_LOG_COMPUTE[k]))
    part = (best[k - 1] - loss) / (best[k - 1] - best[k])
    return float(np.exp(_LOG_COMPUTE[k - 1] + part * (_LOG_COMPUTE[k] - _LOG_COMPUTE[k - 1])))


def target_changes(
    pricer: Pricer, n_params: float, tokens: float, weights: Array, level: float, seed: int
) -> tuple[TargetChange, ...]:
    """What a plan does to every target of a weighted sum against today's mixture, from both recipes (2, n_cells)."""
    whole, points = pricer.predictor, pricer.points(n_params, tokens, weights)
    if not isinstance(whole, WeightedFit) or len(whole.parts) < 2:
        return ()
    found = []
    for part, weight in zip(whole.parts, whole.weights, strict=True):
        loss, draws = part.predict(points), part.draws(points, _DRAWS, seed, worlds=PRICING)
        numbers = weight, float(loss[0]), float(loss[0] - loss[1]), *_told(draws, level)
        found.append(TargetChange(part.schema.target, *numbers))
    return tuple(found)
