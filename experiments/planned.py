"""Whose plan is best where the truth is known? Ours against others' procedures, at 10 and 100 times the runs' compute.

In 60 frozen worlds (`planned_worlds`) every method is handed the same law runs, proxies, corpus, mixture in use and cap on
passes, and plans a size and a mixture for two budgets. Its plan is judged by the world's true loss: regret is that less
the best plan's, in nats, and as compute: how many times less the best plan could be trained with and still reach the same
loss (sizes and tokens shrunk alike; never below a hundredth). Worlds of even index were used for development, odd ones are
for judgement: `which` chooses.

More worlds of the same families, cheap and unsearched, tell whether the interval at the chosen plan holds its true loss,
and whether P(beats) is honest on hard pairs alone, true gaps below three standard deviations of a run's noise: Brier skill
over the pairs' own frequency, and the slope of wins on chances. Pairs are the plan against today's mixture, the natural
one, the best buckets, and mixtures a tenth and three tenths of the way from the plan to today's.

`kept` is a folder where rivals' plans stay for the next run, `n_workers` shares the worlds out. Tiny: seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any, Literal, TypeVar

import numpy as np

from infolaw.errors import InfolawError
from infolaw.files import write_atomically
from infolaw.observations import observe
from infolaw.predictor import Predictor
from infolaw.units import Array, tokens_for
from recipes import Budget, Plan, Recipe, make_plan
from recipes.comparison import versus
from recipes.joint import fit_joint
from recipes.pricer import Pricer

from .planned_designs import law_runs, proxy_runs
from .planned_making import cheap_worlds
from .planned_report import report_of
from .planned_rivals import RIVALS, Answer, Task
from .planned_trials import CheapTrial, Pair, Trial
from .planned_worlds import FORMS, PlannedWorld, read_worlds
from .report import Report

CLAIM = "Over planted worlds our plan's mean regret is at most half of the best rival's, and its interval and chances hold."
OURS = "ours"
NEAR = (0.1, 0.3)
BOOTSTRAP, N_DRAWS, LEVEL = 100, 1000, 0.9

Item = TypeVar("Item")
Found = TypeVar("Found")
PredictorOf = Callable[[Task], Predictor]


def predictor_of(task: Task) -> Predictor:
    """Learn from the runs: what every plan below is made from."""
    return fit_joint(observe(task.runs), task.swarm, task.corpus, n_bootstrap=BOOTSTRAP, seed=task.seed)


def planned(predictor: Predictor, task: Task, budget: Budget) -> Plan:
    """Plan for one budget, held against today's mixture."""
    return make_plan(
        predictor,
        task.corpus,
        budget,
        baseline=task.baseline,
        constraints=task.constraints,
        seed=task.seed,
        details=False,
    )


def ours(task: Task, predictor: Predictor, flops: float, n_params: float) -> Plan:
    """Plan for one budget; at Chinchilla's size where the law has no optimum."""
    try:
        return planned(predictor, task, Budget(flops=flops))
    except InfolawError:
        return planned(predictor, task, Budget(flops=flops, n_params=n_params))


@dataclass(frozen=True)
class Config:
    """Worlds a family (None: all) and which; cheap worlds; rivals; paired bootstrap; processes; seed; see `kept`."""

    per_family: int | None = None
    which: Literal["all", "even", "odd"] = "all"
    families: tuple[str, ...] = tuple(FORMS)
    n_cheap: int = 400
    rivals: tuple[str, ...] = tuple(RIVALS)
    n_bootstrap: int = 4000
    n_workers: int = 1
    seed: int = 0
    learner: PredictorOf = predictor_of
    kept: Path | None = None
    """Folder of rivals' plans of earlier runs: taken from there where they are, else put there."""

    @classmethod
    def tiny(cls) -> Config:
        """Return seconds' work: a world of each of two families, four cheap ones, the rivals that take no time."""
        return cls(1, "even", ("joint", "outside"), 4, ("quality_first", "olmix", "surrogate"), n_bootstrap=200)


def run(config: Config) -> Report:
    """Hand out the runs, ask every method, judge by the truth."""
    trials = _each(partial(trial, config=config), planned_worlds(config), config.n_workers)
    cheap = _each(partial(cheap_trial, config=config), list(cheap_worlds(config.n_cheap)), config.n_workers)
    return report_of(CLAIM, trials, cheap, config.rivals, config.n_bootstrap)


def planned_worlds(config: Config) -> list[PlannedWorld]:
    """Return the frozen worlds that are asked for."""
    found = [one for k, one in enumerate(read_worlds()) if config.which in ("all", ("even", "odd")[k % 2])]
    return [one for name in config.families for one in [w for w in found if w.family == name][: config.per_family]]


def _each(work: Callable[[Item], Found], items: Sequence[Item], n_workers: int) -> list[Found]:
    if n_workers == 1:
        return list(map(work, items))
    with ProcessPoolExecutor(n_workers) as executor:
        return list(executor.map(work, items))


def task_of(world: PlannedWorld, seed: int, budgets: Array | None = None) -> Task:
    """Draw what the user of a world has."""
    rng = np.random.default_rng([seed, *world.name.encode()])
    runs, swarm = law_runs(world, rng), proxy_runs(world, rng)
    flops = tuple((world.budgets if budgets is None else budgets).tolist())
    return Task(runs, swarm, world.corpus, world.baseline, world.constraints, flops, seed)


def trial(world: PlannedWorld, config: Config) -> Trial:
    """Ask every method about one world."""
    task, seconds = task_of(world, config.seed), dict[str, float]()
    answers: dict[str, list[Answer]] = {}
    for name in config.rivals:
        start = process_time()
        answers[name] = _rival(name, world, task, config)
        seconds[name] = process_time() - start
    start = process_time()
    predictor = config.learner(task)
    plans = [ours(task, predictor, *at) for at in zip(task.budgets, task.sizes, strict=True)]
    seconds[OURS] = process_time() - start
    answers = {OURS: [Answer(plan.n_params, weights_of(plan, world)) for plan in plans], **answers}
    losses = {
        name: tuple(loss_of(world, *at) for at in zip(task.budgets, each, strict=True)) for name, each in answers.items()
    }
    best = tuple(world.best_loss(k) for k in range(len(task.budgets)))
    return Trial(
        world.name,
        world.family,
        {name: tuple(np.subtract(each, best).tolist()) for name, each in losses.items()},
        {name: tuple(wasted(world, k, loss) for k, loss in enumerate(each)) for name, each in losses.items()},
        {name: tuple(mismatch(world, k, answer) for k, answer in enumerate(each)) for name, each in answers.items()},
        tuple(_holds(plan, loss) for plan, loss in zip(plans, losses[OURS], strict=True)),
        seconds,
    )


def loss_of(world: PlannedWorld, flops: float, answer: Answer) -> float:
    """True loss of a plan [nats/token]."""
    return float(world.loss(answer.n_params, tokens_for(flops, answer.n_params), answer.weights)[0])


def weights_of(plan: Plan, world: PlannedWorld) -> Array:
    """Shares of a plan, ``(n_cells,)``."""
    return np.array([plan.weights[cell] for cell in world.cells])


def wasted(world: PlannedWorld, k: int, loss: float) -> float:
    """How many times less compute the best plan of budget `k` would reach `loss` with; at most 100."""
    shrink = np.exp(-np.linspace(0.0, np.log(100.0), 2001))
    n = float(world.best_n_params[k])
    tokens = float(tokens_for(world.budgets[k], n))
    reached = world.loss(n * np.sqrt(shrink), tokens * np.sqrt(shrink), world.best[k]) <= loss + 1e-12
    return float(1.0 / shrink[reached].min()) if reached.any() else 1.0


def mismatch(world: PlannedWorld, k: int, answer: Answer) -> tuple[float, float]:
    """Regret that remains with the best size and this mixture, and with this size and the best mixture [nats/token].

    Each within the same budget; they say whether size or mixture is at fault, and need not add up.
    """
    flops, best = float(world.budgets[k]), float(world.best_n_params[k])
    mixture = loss_of(world, flops, Answer(best, answer.weights)) - world.best_loss(k)
    return mixture, loss_of(world, flops, Answer(answer.n_params, world.best[k])) - world.best_loss(k)


def _holds(plan: Plan, loss: float) -> tuple[bool, float]:
    """Whether the plan's interval holds the true loss, and its error in units of the interval's half-width."""
    half = 0.5 * (plan.loss.upper - plan.loss.lower)
    return plan.loss.lower <= loss <= plan.loss.upper, (loss - plan.loss.value) / half


def cheap_trial(world: PlannedWorld, config: Config) -> CheapTrial:
    """Plan in a cheap world for one of its budgets; hold the interval and the chances against the truth."""
    k = len(world.name) % 2
    task = task_of(world, config.seed, world.budgets[[k]])
    predictor = config.learner(task)
    plan = ours(task, predictor, task.budgets[0], task.sizes[0])
    weights = weights_of(plan, world)
    held, error = _holds(plan, loss_of(world, task.budgets[0], Answer(plan.n_params, weights)))
    pairs = _pairs(world, plan, {"baseline": world.today, "natural": world.natural, "best_bucket": _best_buckets(task)})
    pairs += [_near(world, task, predictor, plan, (1 - part) * weights + part * world.today) for part in NEAR]
    return CheapTrial(world.name, world.family, held, error, tuple(pairs))


def _near(world: PlannedWorld, task: Task, predictor: Predictor, plan: Plan, weights: Array) -> Pair:
    """Hold a plan against one more mixture, as `make_plan` does."""
    pricer = Pricer.of(predictor, task.corpus, task.constraints, None)
    points = pricer.points(plan.n_params, plan.tokens, np.stack([weights_of(plan, world), weights]))
    draws = predictor.draws(points, N_DRAWS, task.seed)[1::2]
    found = versus(pricer, "near", weights, plan.n_params, plan.tokens, predictor.predict(points), draws, LEVEL)
    return _pair(world, plan, weights, found.p_better)


def _best_buckets(task: Task) -> Array | None:
    cells = task.corpus.cells
    return Recipe.best_bucket(task.corpus).array(task.corpus.names) if all(cell.bucket for cell in cells) else None


def _pairs(world: PlannedWorld, plan: Plan, others: Mapping[str, Array | None]) -> list[Pair]:
    """Return the chance that a plan gave itself against each mixture, and the true gap at its size."""
    found = [(others.get(rival.name), rival.p_better) for rival in plan.versus]
    return [_pair(world, plan, weights, chance) for weights, chance in found if weights is not None]


def _pair(world: PlannedWorld, plan: Plan, weights: Array, chance: float) -> Pair:
    both = np.stack([weights_of(plan, world), weights])
    own, other = world.loss(plan.n_params, plan.tokens, both)
    return Pair(chance, float(own - other), float(world.noise_runs * own))


def _rival(name: str, world: PlannedWorld, task: Task, config: Config) -> list[Answer]:
    """Plans of one rival, from the folder of those kept if there is one."""
    if config.kept is None:
        return RIVALS[name](task)
    path = config.kept / f"{world.name}-seed{config.seed}-{name}.json"
    if not path.is_file():
        config.kept.mkdir(parents=True, exist_ok=True)
        found = [{name: np.asarray(value).tolist() for name, value in asdict(one).items()} for one in RIVALS[name](task)]
        write_atomically(path, json.dumps(found))
    kept: list[dict[str, Any]] = json.loads(path.read_text())
    return [Answer(one["n_params"], np.array(one["weights"])) for one in kept]
