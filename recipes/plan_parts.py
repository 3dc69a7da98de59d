"""What a plan says of its recipe: against others, its loss, what constraints cost, what would change it, each target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Versus:
    """The plan against another recipe at the same size and tokens.

    Attributes
    ----------
    name : str
        ``baseline`` (the mixture in use today), ``natural`` or ``best_bucket``.
    loss : float
        What the other recipe is predicted to reach [nats/token].
    difference, lower, upper : float
        Plan minus other [nats/token], with its interval; below 0 the plan is better.
    p_better : float
        Share of the draws in which the plan is better.
    equivalent_compute : float or None
        How many times the budget the other recipe would need to reach the plan's loss, spent as serves it best; None: no
        compute takes it there.
    """

    name: str
    loss: float
    difference: float
    lower: float
    upper: float
    p_better: float
    equivalent_compute: float | None


@dataclass(frozen=True)
class LossEstimate:
    """Predicted loss, and where its uncertainty comes from [nats/token].

    Attributes
    ----------
    value : float
    lower, upper : float
        Interval from bootstrap and held-out error together.
    bootstrap_lower, bootstrap_upper : float
        From the noise of the runs alone.
    heldout_pct : float or None
        Mean absolute error on runs that the law did not see [%], None if it was not measured.
    heldout_split : str
        Which runs those were.
    level : float
    parts : mapping of str to float
        Standard deviations [nats/token]: ``run_noise`` (of one run; not in the interval), ``parameters``, ``model_error``
        (inside the runs), ``extrapolation``.
    """

    value: float
    lower: float
    upper: float
    bootstrap_lower: float
    bootstrap_upper: float
    heldout_pct: float | None
    heldout_split: str
    level: float
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Price:
    """What a constraint costs: `cost` [nats/token] that the best recipe without it would save."""

    constraint: str
    cost: float


@dataclass(frozen=True)
class Sensitivity:
    """What would be planned if one part of the prediction were all of it.

    Attributes
    ----------
    assumption : str
    shift : float
        Share of the tokens that would move to other cells, 0 to 1.
    regret : float
        What the plan would lose against that recipe if the assumption held [nats/token].
    weights : mapping of str to float
    """

    assumption: str
    shift: float
    regret: float
    weights: Mapping[str, float]


@dataclass(frozen=True)
class TargetChange:
    """One target of a weighted sum under the plan.

    Attributes
    ----------
    target : str
    weight : float
        In the sum.
    loss : float
        Under the plan [nats/token].
    difference, lower, upper : float
        Plan minus today's mixture [nats/token], with its interval.
    p_better : float
    """

    target: str
    weight: float
    loss: float
    difference: float
    lower: float
    upper: float
    p_better: float
