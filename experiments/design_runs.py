"""Which runs to do next? Ours, chosen for the plan, against runs chosen for the constants (D-optimal) and at random.

In planted worlds (`planned_worlds`) a user has few runs, fits one law, and plans a run of a hundred times the compute of the
costliest at a given size. Every round buys some more runs within a budget of FLOP; their noisy outcomes are added, the law
is fitted again, the plan made again, and judged by the true loss: regret is that less the best within the same caps. All
methods see the same worlds and first runs, choose among candidates of their own fit, and may spend as much. Runs and FLOP
to half of the first regret are counted a world (one that never gets there counts as the whole course) and on the mean over
worlds; intervals are paired over worlds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from infolaw.errors import FitError
from infolaw.fitting import fit_law
from infolaw.laws import law_named
from infolaw.model_error import HeldOut
from infolaw.observations import Observations, observe
from infolaw.points import Points
from infolaw.result import FitResult
from infolaw.units import Array, tokens_for
from infolaw.validation import audit
from recipes.design.beliefs import Beliefs, usual_noise
from recipes.design.candidates import Candidates, candidates
from recipes.design.decisions import Tried, decisions, losses_of
from recipes.design.picking import expected_regret, pick
from recipes.pricer import Pricer

from .planned_designs import law_runs
from .planned_worlds import PlannedWorld, read_worlds
from .report import Check, Report, Row

CLAIM = "Runs chosen for the plan halve its regret with fewer runs than D-optimal or random ones."
OURS, RIVALS = "regret", ("d_optimal", "random")


@dataclass(frozen=True)
class Config:
    """What to run.

    Attributes
    ----------
    per_family : int, optional
        Worlds of each family; None: all that are for judgement.
    n_first : int
        Runs at the start beyond the number of cells.
    n_rounds, n_runs : int
        Rounds, and runs in each.
    share : float
        FLOP of a round, in units of the costliest run at the start.
    law : str
    n_bootstrap, n_workers, seed : int
    """

    per_family: int | None = 3
    n_first: int = 8
    n_rounds: int = 3
    n_runs: int = 4
    share: float = 1.0
    law: str = "repetition"
    n_bootstrap: int = 150
    n_workers: int = 1
    seed: int = 0

    @classmethod
    def tiny(cls) -> Config:
        """Return seconds' work: one world of each family, two rounds."""
        return cls(per_family=1, n_rounds=2, n_bootstrap=60)


@dataclass(frozen=True)
class Course:
    """One world under one method: what was true after each round, the start first.

    Attributes
    ----------
    world, family, method : str
    regret : tuple of float
        Of the plan [nats/token].
    n_runs, flops : tuple of float
        Runs and FLOP spent so far; FLOP in units of the costliest run at the start.
    expected : tuple of float
        Regret that ours expected before each round [nats/token]; empty for others.
    """

    world: str
    family: str
    method: str
    regret: tuple[float, ...]
    n_runs: tuple[float, ...]
    flops: tuple[float, ...]
    expected: tuple[float, ...] = field(default=())

    def spent_to_half(self, what: str) -> float:
        """Runs or FLOP until the regret is at most half of the first; all of the course if it never is."""
        spent = getattr(self, what)
        low = np.flatnonzero(np.array(self.regret) <= 0.5 * self.regret[0])
        return float(spent[low[0]] if len(low) else spent[-1])


Chooser = Callable[[Pricer, Candidates, Beliefs, float, int, np.random.Generator], Sequence[int]]
"""(pricer, candidates, beliefs, budget [FLOP], runs, generator) -> indices of candidates, in order."""


def at_random(
    pricer: Pricer, tried: Candidates, beliefs: Beliefs, budget: float, most: int, rng: np.random.Generator
) -> list[int]:
    """Take candidates in random order as long as they can be paid."""
    chosen, left = list[int](), budget
    for k in rng.permutation(len(tried)).tolist():
        if len(chosen) < most and tried.flops[k] <= left:
            chosen.append(k)
            left -= float(tried.flops[k])
    return chosen


def by_pick(method: str) -> Chooser:
    """Choose by a method of `recipes.design`."""

    def chosen(
        pricer: Pricer, tried: Candidates, beliefs: Beliefs, budget: float, most: int, rng: np.random.Generator
    ) -> Sequence[int]:
        return pick(beliefs, tried.flops, budget, most=most, method=method).index

    return chosen


CHOOSERS: Mapping[str, Chooser] = {OURS: by_pick(OURS), "d_optimal": by_pick("d_optimal"), "random": at_random}


def run(config: Config) -> Report:
    """Follow every world under every method, and compare."""
    worlds = worlds_of(config)
    jobs = [(world, method) for world in worlds for method in CHOOSERS]
    work = partial(course, config=config)
    if config.n_workers > 1:
        with ProcessPoolExecutor(config.n_workers) as executor:
            courses = list(executor.map(work, jobs))
    else:
        courses = list(map(work, jobs))
    return report_of(courses)


def worlds_of(config: Config) -> list[PlannedWorld]:
    """Worlds of odd index, which are for judgement, family by family in turn."""
    every = read_worlds()[1::2]
    families = dict.fromkeys(world.family for world in every)
    return [one for name in families for one in [w for w in every if w.family == name][: config.per_family]]


def course(job: tuple[PlannedWorld, str], config: Config) -> Course:
    """Follow one world under one method."""
    world, method = job
    rng = np.random.default_rng([config.seed, *world.name.encode()])
    seen = first_runs(world, config, rng)
    n_params = float(world.best_n_params[-1])
    tokens = float(tokens_for(world.budgets[-1], n_params))
    budget = config.share * world.max_flops
    regret, n_runs, flops, expected = list[float](), [0.0], [0.0], list[float]()
    heldout = first_error(seen, config)
    for number in range(config.n_rounds + 1):
        fitted = refitted(seen, config).with_heldout(heldout)
        pricer = Pricer(fitted, world.corpus, world.constraints)
        weights = pricer.best_weights(n_params, tokens)
        rivals = {"today": world.today}
        found = decisions(pricer, n_params, tokens, weights, rivals, seed=number)
        losses = losses_of(pricer, found, number).mean(0)
        planned = found.weights[np.where(Tried.of(pricer, found).open, losses, np.inf).argmin()]
        regret.append(float(world.loss(n_params, tokens, planned)[0]) - world.best_loss(-1))
        if number == config.n_rounds:
            break
        tried = candidates(pricer, found, budget, seed=number)
        beliefs = Beliefs.of(pricer, found, tried, usual_noise(fitted), number, doubt=method != "d_optimal")
        expected.append(expected_regret(beliefs.drawn or beliefs))
        chosen = CHOOSERS[method](pricer, tried, beliefs, budget, config.n_runs, rng)
        runs = tried.take(np.array(chosen, np.intp))
        seen = seen if not len(runs) else added(seen, world, runs.points(pricer), rng)
        n_runs.append(n_runs[-1] + len(runs))
        flops.append(flops[-1] + float(runs.flops.sum()) / world.max_flops)
    said = tuple(expected) if method == OURS else ()
    return Course(world.name, world.family, method, tuple(regret), tuple(n_runs), tuple(flops), said)


def first_runs(world: PlannedWorld, config: Config, rng: np.random.Generator) -> Observations:
    """Draw the runs that a user has: some of the table of law runs."""
    every = observe(law_runs(world, rng))
    n = min(len(every), len(world.cells) + config.n_first)
    return every.take(np.sort(rng.permutation(len(every))[:n]))


def refitted(seen: Observations, config: Config) -> FitResult:
    """Fit the law to what was seen so far."""
    return fit_law(law_named(config.law), seen, n_starts=16, n_bootstrap=config.n_bootstrap, seed=config.seed)


def first_error(seen: Observations, config: Config) -> HeldOut | None:
    """Error of the law on held-out runs of the start; kept for the course, since audits are what costs most."""
    try:
        return audit(refitted(seen, config), "largest-flops:0.3", n_starts=16).heldout
    except FitError:
        return None


def added(seen: Observations, world: PlannedWorld, points: Points, rng: np.random.Generator) -> Observations:
    """Run the chosen points: their losses with noise, beside what was seen."""
    n, before = len(points), len(seen)
    losses = world.losses(points) * np.exp(world.noise_runs * rng.standard_normal(n))
    names = ("n_params", "tokens", "cell_tokens", "cell_unique", "group")
    every = Points(*(np.concatenate([getattr(seen.points, name), getattr(points, name)]) for name in names))
    run_id = np.concatenate([seen.run_id, np.array([f"next{before + k}" for k in range(n)])])
    row = np.concatenate([seen.row, seen.row.max() + 1 + np.arange(n)])
    return replace(seen, points=every, losses=np.concatenate([seen.losses, losses]), run_id=run_id, row=row)


def report_of(courses: Sequence[Course]) -> Report:
    """Runs and FLOP to half of the regret by method, and ours against each rival, paired over worlds."""
    tables: dict[str, tuple[Row, ...]] = {"Mean regret by round [nats/token]": _by_round(courses)}
    checks, rows = list[Check](), list[Row]()
    for method in CHOOSERS:
        mine = [one for one in courses if one.method == method]
        curve, spent = (np.mean([getattr(one, name) for one in mine], axis=0) for name in ("regret", "n_runs"))
        halved = np.flatnonzero(curve <= 0.5 * curve[0])
        rows.append(
            {
                "method": method,
                "runs to half, mean over worlds": float(np.mean([one.spent_to_half("n_runs") for one in mine])),
                "FLOP to half": float(np.mean([one.spent_to_half("flops") for one in mine])),
                "worlds halved": float(np.mean([min(one.regret) <= 0.5 * one.regret[0] for one in mine])),
                "runs until the mean is halved": float(spent[halved[0]]) if len(halved) else float("nan"),
                "last mean regret": float(curve[-1]),
            }
        )
    tables["To half of the first regret"] = tuple(rows)
    for rival in RIVALS:
        for what, unit in (("n_runs", "runs"), ("flops", "FLOP")):
            ratio, low, high = _ratio(courses, rival, lambda one, what=what: one.spent_to_half(what))  # type: ignore[misc]
            name = f"{unit} to half of the regret, ours / {rival} (95 %: {low:.2f} to {high:.2f})"
            checks.append(Check(name, 1.0, ratio, "at most", source="own target"))
        ratio, low, high = _ratio(courses, rival, lambda one: float(np.mean(one.regret[1:])))
        name = f"mean regret over the rounds, ours / {rival} (95 %: {low:.2f} to {high:.2f})"
        checks.append(Check(name, 1.0, ratio, "at most", source="own target"))
    tables["Expected against true regret before each round, ours [nats/token]"] = _honesty(courses)
    return Report(CLAIM, tuple(checks), tables)


def _by_round(courses: Sequence[Course]) -> tuple[Row, ...]:
    """One row a method and family, one column a round."""
    families = ("all", *dict.fromkeys(one.family for one in courses))
    rows = list[Row]()
    for family in families:
        for method in CHOOSERS:
            mine = [one.regret for one in courses if one.method == method and family in ("all", one.family)]
            means = np.mean(mine, axis=0).tolist()
            rows.append({"family": family, "method": method} | {f"round {k}": value for k, value in enumerate(means)})
    return tuple(rows)


def _ratio(courses: Sequence[Course], rival: str, of: Callable[[Course], float]) -> tuple[float, float, float]:
    """Ratio of means over worlds, ours over a rival's, with a 95 % interval by worlds drawn again."""
    worlds = dict.fromkeys(one.world for one in courses)
    found = {(one.world, one.method): of(one) for one in courses}
    pairs = np.array([[found[world, OURS], found[world, rival]] for world in worlds])
    draws = np.random.default_rng(0).integers(0, len(pairs), (4000, len(pairs)))
    means = pairs[draws].mean(1)
    low, high = np.quantile(means[:, 0] / means[:, 1], [0.025, 0.975])
    return float(pairs[:, 0].mean() / pairs[:, 1].mean()), float(low), float(high)


def _honesty(courses: Sequence[Course]) -> tuple[Row, ...]:
    """Mean regret that was expected, and the true one, by family."""
    rows = list[Row]()
    for family in ("all", *dict.fromkeys(one.family for one in courses)):
        mine = [one for one in courses if one.method == OURS and family in ("all", one.family)]
        expected: Array = np.array([one.expected for one in mine])
        true: Array = np.array([one.regret[: len(one.expected)] for one in mine])
        rows.append({"family": family, "expected": float(expected.mean()), "true": float(true.mean())})
    return tuple(rows)
