"""What came out in one planted world: regrets of every method, intervals and chances of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """One frozen world; every tuple has one entry a budget.

    Attributes
    ----------
    world, family : str
    regret, wasted : mapping
        Method -> nats/token above the best plan; times less compute that the best plan reaches the same loss with.
    parts : mapping
        Method -> regret of its mixture at the best size, and of its size with the best mixture [nats/token].
    held : tuple
        Whether the interval of our plan holds its true loss, and the error in units of the half-width.
    seconds : mapping
        CPU of every method [s].
    """

    world: str
    family: str
    regret: Mapping[str, tuple[float, ...]]
    wasted: Mapping[str, tuple[float, ...]]
    parts: Mapping[str, tuple[tuple[float, float], ...]]
    held: tuple[tuple[bool, float], ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Pair:
    """A plan against another mixture: chance given, true gap (below 0: the plan is better), standard deviation of a run."""

    chance: float
    gap: float
    noise: float


@dataclass(frozen=True)
class CheapTrial:
    """One cheap world: whether the interval holds, the error in units of its half-width, and pairs."""

    world: str
    family: str
    held: bool
    error: float
    pairs: tuple[Pair, ...]
