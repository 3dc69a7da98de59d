"""Planted truths: whose recipe is best where the truth is known? Ours against RegMix's, QuaDMix's and Olmix's procedures.

In 64 frozen worlds (`planted_worlds`) each method is handed the same proxy runs, designed as RegMix's, and what a user knows
of the target: the supply and the passes allowed. Its recipe is judged by the world's true loss: regret is that less the
best within the same caps, at the target scale and at the proxies' own. A method that knew the proxies' truth exactly would
still err at the target, which repeats data and values domains a little otherwise: row "best of the proxies' truth".

P(beats baseline) is judged on hard pairs alone, true gaps below three standard deviations of a run's noise, by Brier skill
over their own frequency; baselines are every rival's recipe, means of these and of the best proxies, and mixtures a part of
the way from the recommended recipe to a rival's (a second question to the method). Intervals must hold the true loss that a
proxy run of the recommended recipe would have, noise aside.

Half an hour on one core, all but minutes of it the rivals' trees: `n_workers` shares it out, and `kept` is a folder where
rivals' recipes stay for the next run. Tiny: seconds, and too few worlds to judge by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np

from infolaw.files import write_atomically
from infolaw.units import Array

from .planted_designs import capped, proxies
from .planted_rivals import RIVALS, Answer
from .planted_worlds import INSIDE, SHAPES, Scale, Setting, World, read_worlds
from .report import Check, Report, Row
from .scoring import brier_skill as skill_of
from .scoring import ratio_to_best

CLAIM = "With 64 and with 128 proxies our recipe's mean regret over planted worlds is at most half of the best rival's."
NAMED = ("regmix", "quadmix", "olmix", "uniform", "prior")
"""Rivals of the claim; `log_linear` and `best_proxy` stand beside them."""
OURS, ORACLE = "ours", "best of the proxies' truth"
LEVEL, HARD, NEAR = 0.9, 3.0, (0.1, 0.3)
SCALES: tuple[Scale, ...] = ("target", "proxy")

Recommender = Callable[[Array, Array, Setting, np.random.Generator], Answer]


def ours(X: Array, y: Array, setting: Setting, rng: np.random.Generator) -> Answer:
    """Recommend by this project: a Gaussian process a target, a search within the caps, surfaces drawn."""
    from recipes.search import Beliefs, Objective, Region, Repetition, recommend
    from recipes.search import Setting as Search
    from recipes.surrogates import GaussianProcess

    names = tuple(f"domain {k}" for k in range(X.shape[1]))
    targets = tuple(f"target {k}" for k in range(y.shape[1]))
    beliefs = Beliefs.fitted(GaussianProcess(), X, y, targets).calibrated()
    weights = dict(zip(targets, setting.importance.tolist(), strict=True))
    objective = Objective.of(targets, np.ones(len(targets)), beliefs.predict(setting.prior[None])[0], weights)
    region = Region(names, np.zeros(len(names)), setting.caps)
    repetition = None if setting.simulated else Repetition(setting.supply)
    search = Search(beliefs, region, objective, setting.prior, int(rng.integers(2**31)), repetition)
    found = recommend(search, setting.baselines, prices=False)
    chances = {rival.name: rival.p_better for rival in found.rivals if rival.name in setting.baselines}
    return Answer(found.weights, found.predicted_lower, found.predicted_upper, chances)


@dataclass(frozen=True)
class Config:
    """Proxies a world; worlds a family (None: all); rivals; draws of the paired bootstrap; processes; seed; see `kept`."""

    n_proxies: tuple[int, ...] = (64, 128)
    per_family: int | None = None
    families: tuple[str, ...] = tuple(SHAPES)
    rivals: tuple[str, ...] = tuple(RIVALS)
    n_bootstrap: int = 4000
    n_workers: int = 1
    seed: int = 0
    recommender: Recommender = ours
    kept: Path | None = None
    """Folder of rivals' recipes of earlier runs: taken from there where they are, else put there."""

    @classmethod
    def tiny(cls) -> Config:
        """Return seconds' work: a world of each of two families, the rivals that need no trees."""
        quick = ("olmix", "uniform", "prior", "best_proxy")
        return cls((64,), 1, ("log_linear", "low_rank"), quick, n_bootstrap=200)


@dataclass(frozen=True)
class Pair:
    """A recommended recipe against a baseline: the chance it was given, and the true gaps, below 0 if it is better."""

    chance: float
    gap: Mapping[Scale, float]
    hard: float


@dataclass(frozen=True)
class Trial:
    """One world with one set of proxies: regrets by scale and method, pairs, which intervals held, seconds a method."""

    world: str
    family: str
    n_proxies: int
    regret: Mapping[Scale, Mapping[str, float]]
    pairs: tuple[Pair, ...]
    held: tuple[bool, ...]
    seconds: Mapping[str, float]


def run(config: Config) -> Report:
    """Draw proxies, ask every method, judge by the truth."""
    chosen = _chosen(config)
    jobs = [(world, n) for n in config.n_proxies for world in chosen]
    work = partial(trial, config=config)
    if config.n_workers > 1:
        with ProcessPoolExecutor(config.n_workers) as executor:
            trials = list(executor.map(work, jobs))
    else:
        trials = list(map(work, jobs))
    return report_of(trials, config)


def trial(job: tuple[World, int], config: Config) -> Trial:
    """Ask every method about one world."""
    world, n = job
    at = [config.seed, n, *world.name.encode()]
    rng = np.random.default_rng(at)
    X = proxies(world.setting, n, rng)
    y = world.measured(X, rng)
    found, seconds = dict[str, Array](), dict[str, float]()
    for name in config.rivals:
        start = process_time()
        found[name] = _rival(name, X, y, world, config)
        seconds[name] = process_time() - start
    start = process_time()
    setting = replace(world.setting, baselines=baselines(found, X, y, world.setting))
    answer = config.recommender(X, y, setting, np.random.default_rng([*at, 99]))
    seconds[OURS] = process_time() - start
    found = {OURS: answer.weights, **found, ORACLE: world.best[0]}
    names, table = tuple(found), np.stack(list(found.values()))
    regret = {scale: dict(zip(names, world.regret(table, scale).tolist(), strict=True)) for scale in SCALES}
    pairs = _pairs(world, answer, setting.baselines)
    if pairs:
        setting = replace(setting, baselines=nearby(answer.weights, found, config.rivals))
        pairs += _pairs(world, config.recommender(X, y, setting, np.random.default_rng([*at, 99])), setting.baselines)
    return Trial(world.name, world.family, n, regret, pairs, _held(world, answer), seconds)


def _rival(name: str, X: Array, y: Array, world: World, config: Config) -> Array:
    """Weights of one rival, from the folder of those kept if there is one."""
    at = [config.seed, len(X), *world.name.encode(), *name.encode()]
    if config.kept is None:
        return RIVALS[name](X, y, world.setting, np.random.default_rng(at))
    path = config.kept / f"{world.name}-{len(X)}-seed{config.seed}-{name}.json"
    if not path.is_file():
        weights = RIVALS[name](X, y, world.setting, np.random.default_rng(at))
        config.kept.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(weights.tolist()))
    return np.array(json.loads(path.read_text()))


def baselines(found: Mapping[str, Array], X: Array, y: Array, setting: Setting) -> dict[str, Array]:
    """Mixtures to be compared with: every rival's, the mean of these, and the mean of the five best proxies."""
    five = X[np.argsort(y @ setting.importance, kind="stable")[:5]].mean(0)
    return {**found, "mean of rivals": np.mean(list(found.values()), 0), "five best": capped(five + 1e-9, setting.caps)}


def nearby(weights: Array, found: Mapping[str, Array], others: Sequence[str]) -> dict[str, Array]:
    """Mixtures a tenth and three tenths of the way from the recommended one to every rival's: few gaps here are wide."""
    return {f"{part:g} {name}": (1 - part) * weights + part * found[name] for name in others for part in NEAR}


def _pairs(world: World, answer: Answer, others: Mapping[str, Array]) -> tuple[Pair, ...]:
    if answer.p_better is None:
        return ()
    gaps = {
        name: {scale: float(world.loss(answer.weights, scale)[0] - world.loss(weights, scale)[0]) for scale in SCALES}
        for name, weights in others.items()
    }
    return tuple(Pair(answer.p_better[name], gaps[name], HARD * world.noise) for name in others if name in answer.p_better)


def _held(world: World, answer: Answer) -> tuple[bool, ...]:
    """Whether the interval of each target holds its true loss in a proxy run."""
    if answer.lower is None or answer.upper is None:
        return ()
    truth = (world.losses(answer.weights[None], "proxy") @ world.targets.T)[0]
    return tuple(bool(held) for held in (answer.lower <= truth) & (truth <= answer.upper))


def report_of(trials: Sequence[Trial], config: Config) -> Report:
    """Regrets by family, ratios with intervals, skill and coverage."""
    tables: dict[str, tuple[Row, ...]] = {}
    checks: list[Check] = []
    scores: list[Row] = []
    rivals = tuple(name for name in NAMED if name in config.rivals)
    for n in config.n_proxies:
        here = [one for one in trials if one.n_proxies == n]
        for scale in SCALES:
            title = f"Mean regret at the {scale} scale [nats/token], {n} proxies, {len(here)} worlds"
            tables[title] = regret_table(here, scale)
            ratio = ratio_of(here, rivals, scale, config.n_bootstrap)
            name = f"regret at the {scale} scale, ours / best rival, {n} proxies"
            checks.append(Check(name, 0.5, ratio[0], "at most", source="own target"))
            strict = ratio_of(here, config.rivals, scale, config.n_bootstrap)
            skill, n_pairs = brier_skill([pair for one in here for pair in one.pairs], scale)
            checks.append(Check(f"Brier skill on hard pairs at the {scale} scale, {n} proxies", 0.0, skill, "at least"))
            scores.append(
                {
                    "scale": scale,
                    "proxies": n,
                    "ours / best rival": ratio[0],
                    "2.5 %": ratio[1],
                    "97.5 %": ratio[2],
                    "beside log_linear, best_proxy": strict[0],
                    "hard pairs": n_pairs,
                    "Brier skill": skill,
                }
            )
        held = [hit for one in here for hit in one.held]
        share = float(np.mean(held)) if held else float("nan")
        slack = 1.64 * float(np.sqrt(LEVEL * (1 - LEVEL) / max(len(held), 1)))
        checks.append(Check(f"coverage of the recommended recipe's loss, {n} proxies", LEVEL, share, tolerance=slack))
    tables["Ours against the best rival, paired over worlds"] = tuple(scores)
    tables["Seconds a world [CPU], mean"] = (_mean_of(one.seconds for one in trials),)
    best = min(min(one.regret["target"].values()) for one in trials)
    checks.append(Check("lowest regret of any method at the target scale [nats]", -1e-4, best, "at least"))
    return Report(CLAIM, tuple(checks), tables, _TEXT)


def regret_table(trials: Sequence[Trial], scale: Scale) -> tuple[Row, ...]:
    """One row a method: mean regret over all worlds, in our surrogates' families, outside them, and by family."""
    groups: dict[str, tuple[str, ...]] = {"all": tuple(SHAPES), "inside": INSIDE}
    groups |= {"outside": tuple(family for family in SHAPES if family not in INSIDE)}
    groups |= {family: (family,) for family in SHAPES if any(one.family == family for one in trials)}
    rows: list[Row] = []
    for name in trials[0].regret[scale]:
        means = {}
        for title, families in groups.items():
            values = [one.regret[scale][name] for one in trials if one.family in families]
            means[title] = float(np.mean(values)) if values else float("nan")
        rows.append({"method": name, **means})
    return tuple(rows)


def ratio_of(trials: Sequence[Trial], rivals: Sequence[str], scale: Scale, n_bootstrap: int) -> tuple[float, float, float]:
    """Our mean regret over that of the best rival, with a 95 % interval over worlds; the best is chosen in every draw."""
    table = np.array([[one.regret[scale][name] for name in (OURS, *rivals)] for one in trials])
    return ratio_to_best(table, n_bootstrap)


def brier_skill(pairs: Sequence[Pair], scale: Scale) -> tuple[float, int]:
    """Brier skill over the pairs' own frequency of wins, on hard pairs alone, and how many they are."""
    hard = [pair for pair in pairs if 0.0 < abs(pair.gap[scale]) < pair.hard]
    if not hard:
        return float("nan"), 0
    return skill_of([pair.chance for pair in hard], [pair.gap[scale] < 0 for pair in hard]), len(hard)


def _chosen(config: Config) -> list[World]:
    found = read_worlds()
    return [one for family in config.families for one in [w for w in found if w.family == family][: config.per_family]]


def _mean_of(rows: Iterable[Mapping[str, float]]) -> Row:
    every = list(rows)
    return {name: float(np.mean([row[name] for row in every])) for name in every[0]}


_TEXT = """Rivals and ours see the same proxies and keep to the same caps. Regret at the target scale has a part that no
method can escape from proxies alone: the row of the best of the proxies' truth."""
