"""Which candidates to run together: by the regret that they take from the plan, or by what they tell of all constants.

Read `pick`, then the criteria in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infolaw.units import Array

from .beliefs import Beliefs

N_WORLDS = 256
N_CHANCES = 1024
"""Worlds in which the best decisions are counted."""
REPEATS = (1, 4)
"""So many like it are imagined when a candidate is judged: one run alone may never change a decision, four may."""
POWERS = (0.0, 0.5, 1.0)
"""Value is judged per run, per square root of a FLOP and per FLOP; the batch that is worth most is kept."""
_CRUMBS = 0.02

Worth = Callable[[Array], Array]
"""FLOP (n,) -> nats that the same FLOP would bring in the final run (n,)."""


@dataclass(frozen=True)
class Picked:
    """A batch of candidates.

    Attributes
    ----------
    index : tuple of int
        In the order of choice; a candidate that stands twice is to be run with two seeds.
    buys : tuple of float
        What each takes from the expected regret after those before it [nats/token].
    """

    index: tuple[int, ...]
    buys: tuple[float, ...]

    @property
    def total(self) -> float:
        """Regret that the batch takes away [nats/token]."""
        return float(sum(self.buys))

    def trimmed(self) -> Picked:
        """Leave out the last runs that together buy less than `_CRUMBS` of the batch."""
        n = len(self.index)
        while n and sum(self.buys[n - 1 :]) < _CRUMBS * self.total:
            n -= 1
        return Picked(self.index[:n], self.buys[:n])


@dataclass(frozen=True, eq=False)
class State:
    """Beliefs once some candidates were imagined to have been run.

    `moved` (n_worlds, n_decisions) is where the expected losses would then lie, a row an imagined set of outcomes.
    """

    beliefs: Beliefs
    moved: Array

    @classmethod
    def start(cls, beliefs: Beliefs) -> State:
        """Nothing imagined yet."""
        return cls(beliefs, np.tile(beliefs.losses - beliefs.losses[beliefs.tried.open].min(), (N_WORLDS, 1)))

    @property
    def value(self) -> float:
        """Expected loss of what would be planned, less that of the best plan of now [nats/token]."""
        return float(self.moved[:, self.beliefs.tried.open].min(1).mean())

    def pull(self, repeats: int = 1) -> Array:
        """How far one standard deviation of each candidate's outcome moves every loss, (n_decisions, n_candidates)."""
        seen = np.diag(self.beliefs.outcomes) + self.beliefs.noise / repeats
        return np.asarray(self.beliefs.shared / np.sqrt(np.maximum(seen, 1e-30)))

    def after(self, k: int, surprise: Array) -> State:
        """Imagine candidate `k` run, with a normal surprise (n_worlds,) in every world."""
        b = self.beliefs
        seen = max(float(b.outcomes[k, k] + b.noise[k]), 1e-30)
        moved = self.moved + surprise[:, None] * self.pull()[:, k]
        told = b.outcomes[k]
        beliefs = replace(
            b,
            spread=b.spread - np.outer(b.shared[:, k], b.shared[:, k]) / seen,
            shared=b.shared - np.outer(b.shared[:, k], told) / seen,
            outcomes=b.outcomes - np.outer(told, told) / seen,
            tried=b.tried.after(b.runs[k]),
        )
        return State(beliefs, moved)


Criterion = Callable[[State, Array, int], Array]
"""(state, surprise, repeats) -> value of every candidate, as one of so many alike (n_candidates,)."""


def regret(state: State, surprise: Array, repeats: int) -> Array:
    """Fall of the variance between the plan and what may be best in its place, by how likely each is.

    Additive in what runs tell, so it sees the use of a run that changes no decision alone, and free of noise of its own;
    what a run gains by opening shares that none has tried counts by its square [nats/token, squared].

    References
    ----------
    .. [1] Chaloner and Verdinelli (1995), "Bayesian experimental design: a review", Statist. Sci. 10: c-optimality.
    """
    b = state.beliefs
    plan = int(np.where(b.tried.open, b.losses, np.inf).argmin())
    told = (b.shared - b.shared[plan]) ** 2 / (np.maximum(np.diag(b.outcomes), 0.0) + b.noise / repeats)
    opened = np.where(b.tried.with_runs(b.runs), b.losses[:, None], np.inf).min(0)
    return np.asarray(_chances(b) @ told / repeats + np.maximum(b.losses[plan] - opened, 0.0) ** 2)


def knowledge_gradient(state: State, surprise: Array, repeats: int) -> Array:
    """Fall of the plan's expected regret (knowledge gradient), a share of that of all repeats.

    References
    ----------
    .. [1] Frazier, Powell and Dayanik (2009), "The knowledge-gradient policy for correlated normal beliefs", INFORMS J.
       Computing 21; repeats: Frazier and Powell (2010), "Paradoxes in learning and the marginal value of information".
    """
    pull = state.pull(repeats).astype(np.float32)
    moved, step = state.moved.astype(np.float32), surprise.astype(np.float32)[:, None]
    shut = np.where(state.beliefs.tried.with_runs(state.beliefs.runs), 0.0, np.inf).astype(np.float32)
    least = moved[:, :1] + step * pull[0]
    for k in range(1, len(pull)):
        if np.isfinite(shut[k]).any():
            np.minimum(least, moved[:, k, None] + step * pull[k] + shut[k], out=least)
    return np.asarray((state.value - least.mean(0, dtype=float)) / repeats)


def _chances(beliefs: Beliefs) -> Array:
    """How often each decision is the best, (n_decisions,)."""
    best = _worlds(beliefs, N_CHANCES).argmin(1)
    return np.asarray(np.bincount(best, minlength=len(beliefs.losses)) / N_CHANCES)


def _worlds(beliefs: Beliefs, n: int) -> Array:
    """Losses of all decisions in drawn worlds, (n, n_decisions)."""
    values, vectors = np.linalg.eigh(beliefs.spread)
    half = np.random.default_rng(0).standard_normal((n // 2, len(values))) * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(np.concatenate([half, -half]) @ vectors.T + beliefs.losses)


def d_optimal(state: State, surprise: Array, repeats: int) -> Array:
    """Half the logarithm by which the joint variance of all constants falls; knows nothing of the plan."""
    b = state.beliefs
    return np.asarray(0.5 * np.log1p(repeats * np.maximum(np.diag(b.outcomes), 0.0) / b.noise) / repeats)


METHODS: dict[str, Criterion] = {"regret": regret, "knowledge_gradient": knowledge_gradient, "d_optimal": d_optimal}


def pick(
    beliefs: Beliefs, flops: Array, budget: float, *, most: int, method: str = "regret", worth: Worth | None = None
) -> Picked:
    """Choose a batch one by one, each given those before it.

    Parameters
    ----------
    beliefs : Beliefs
    flops : ndarray, (n_candidates,)
        Cost of each [FLOP].
    budget : float
        Of the batch [FLOP].
    most : int
        Runs in the batch.
    method : {"regret", "knowledge_gradient", "d_optimal"}
    worth : callable, optional
        See `Worth`; a candidate that buys less than its own FLOP would buy in the final run is not chosen.
    """
    rng = np.random.default_rng(0)
    half = rng.standard_normal((N_WORLDS // 2, most))
    surprises = np.concatenate([half, -half])
    repeats = REPEATS if method == "knowledge_gradient" else (1,)
    batches = [_batch(beliefs, flops, budget, surprises, METHODS[method], repeats, power, worth) for power in POWERS]
    if worth is None:
        return max(batches, key=lambda batch: batch[1])[0]
    costs = worth(np.array([flops[list(picked.index)].sum() for picked, _ in batches]))
    return batches[int(np.argmax([picked.total - cost for (picked, _), cost in zip(batches, costs, strict=True)]))][0]


def _batch(
    beliefs: Beliefs,
    flops: Array,
    budget: float,
    surprises: Array,
    criterion: Criterion,
    repeats: Sequence[int],
    power: float,
    worth: Worth | None,
) -> tuple[Picked, float]:
    """One greedy batch at one price of FLOP, and its value by its own criterion."""
    state, left, score = State.start(beliefs), budget, 0.0
    index, buys = list[int](), list[float]()
    least = np.zeros(len(flops)) if worth is None else worth(flops)
    for number, surprise in enumerate(surprises.T):
        best = alone = np.full(len(flops), -np.inf)
        pays = worth is None or _pays(state, surprise, least)
        for n in repeats:
            can = (n * flops <= left * (1 + 1e-9)) & (n <= surprises.shape[1] - number) & pays
            value = criterion(state, surprise, n)
            alone = value if n == 1 else alone
            best = np.where(can & (value > 0), np.maximum(best, value), best)
        if not np.isfinite(best).any() and worth is None:  # nothing is seen to change the plan: learn what can be learnt
            best = np.where(flops <= left * (1 + 1e-9), d_optimal(state, surprise, 1), -np.inf)
        if not np.isfinite(best).any():
            break
        k = int((best / flops**power).argmax())
        score += float(alone[k])
        after = state.after(k, surprise)
        buys.append(state.value - after.value)
        index.append(k)
        state, left = after, left - flops[k]
    return Picked(tuple(index), tuple(buys)), score


def _pays(state: State, surprise: Array, least: Array) -> Any:
    """Which candidates, one or several alike, take more from the regret than `least` (n_candidates,) each."""
    return np.any([knowledge_gradient(state, surprise, n) > least for n in REPEATS], axis=0)


def value_of(beliefs: Beliefs, index: Sequence[int]) -> tuple[float, ...]:
    """What each run of a batch takes from the expected regret after those before it [nats/token]."""
    half = np.random.default_rng(0).standard_normal((N_WORLDS // 2, max(1, len(index))))
    state, buys = State.start(beliefs), list[float]()
    for k, surprise in zip(index, np.concatenate([half, -half]).T, strict=False):
        after = state.after(k, surprise)
        buys.append(state.value - after.value)
        state = after
    return tuple(buys)


def expected_regret(beliefs: Beliefs, n: int = 8192) -> float:
    """Loss of the best open decision above the best in each world, on average over worlds [nats/token]."""
    return float(beliefs.losses[beliefs.tried.open].min() - _worlds(beliefs, n).min(1).mean())
