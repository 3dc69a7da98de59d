"""InfoLaw's published optima: which one supply gives both, and what the monotone constraint does to them.

Paper: Zhou, Liu et al. (2026), "InfoLaw: Information Scaling Laws for Large Language Models with Quality-Weighted
Mixture Data and Repetition", arXiv:2605.02364. The paper states neither units nor the supply S. With N in parameters,
natural logarithms, K in tokens and S = 311e9 its constants are tried here.

Expected: water-filling under w_d >= w_{d+1} gives the published optima of a 7B model at 300B and at 1000B tokens within
.02 (L2 over the four published weights), and so does the planner, whose best bucket gets less and whose worse buckets come
in one by one as the tokens grow from 100B to 5000B (the paper's pattern); without the constraint the optimum at 1000B
draws most from the second bucket; and scipy's SLSQP finds the same value of information to 1e-8. A few seconds' work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from infolaw import Points, Schema
from infolaw.laws import CellValue, InfoLaw
from infolaw.points import Support
from infolaw.units import Array
from recipes import Budget, Cell, Constraints, Corpus, make_plan
from recipes.waterfill import value, waterfill

from .known_law import KnownLaw
from .report import Check, Report, Row

CLAIM = (
    "Zhou, Liu et al. 2026: one supply of 311B tokens gives both published 7B optima, and the constraint shapes the second."
)
SOURCE = "Zhou, Liu et al. 2026, arXiv:2605.02364"
PUBLISHED = {"theta": 0.922, "a": 0.140, "b": 0.018, "alpha": 3.7373, "beta": 0.0441}
BUCKETS = np.array([0.05, 0.15, 0.20, 0.20, 0.20, 0.20])
"""Share of the pool in each quality bucket, best first."""
SUPPLY = 311e9
"""Pool S [tokens] that reproduces the optima; not published."""
N_PARAMS = 7e9
OPTIMA = {300e9: {0: 0.548, 1: 0.444}, 1000e9: {0: 0.395, 2: 0.214}}
"""Tokens -> bucket -> published weight of the best 7B recipe, out of 100,000 random ones."""
CELLS = tuple(f"q{k}" for k in range(len(BUCKETS)))
GROWING = (100e9, 300e9, 600e9, 1000e9, 2000e9, 5000e9)
"""Tokens over which the paper's pattern must show."""
IN_USE = 0.005
MONOTONE = (tuple(range(len(BUCKETS))),)


@dataclass(frozen=True)
class Config:
    """Supplies S to try [tokens]; random problems that SLSQP is tried on; repeats of each timing; seed."""

    supplies: tuple[float, ...] = (250e9, 280e9, 300e9, SUPPLY, 320e9, 350e9, 400e9)
    n_problems: int = 40
    n_repeats: int = 20
    seed: int = 0

    @classmethod
    def tiny(cls) -> Config:
        """Return a second's work."""
        return cls(supplies=(300e9, SUPPLY), n_problems=4, n_repeats=2)


@dataclass(frozen=True)
class Recipe:
    """One search for the best recipe: what tokens are worth, the distinct ones of each bucket, the total, the order."""

    worth: CellValue
    supply: Array
    tokens: float
    monotone: bool

    def information(self, weights: Array) -> float:
        """Information of a recipe, in units of log K."""
        return value(weights * self.tokens, self.worth.fresh, self.worth.drop, self.worth.decay, self.supply)

    def waterfill(self) -> Array:
        """Best weights, exactly, (n_cells,)."""
        w, chains = self.worth, MONOTONE if self.monotone else ()
        return waterfill(w.fresh, w.drop, w.decay, self.supply, self.tokens, chains=chains) / self.tokens

    def slsqp(self) -> Array:
        """Best weights by scipy's general solver from equal weights, (n_cells,).

        Fresh and repeated tokens are separate variables: the same optimum, and smooth, which SLSQP needs (with one
        variable a cell it can stall at the step where a bucket runs out).
        """
        from scipy.optimize import minimize

        n, w, unique = len(self.supply), self.worth, self.supply / self.tokens
        again = w.fresh * w.drop
        scale = float(w.fresh.max())

        def loss(x: Array) -> float:
            repeated = unique * -np.expm1(-w.decay * x[n:] / unique) / w.decay
            return -float(w.fresh @ x[:n] + again @ repeated) / scale

        def slope(x: Array) -> Array:
            return -np.concatenate([w.fresh, again * np.exp(-w.decay * x[n:] / unique)]) / scale

        falls = np.tile(np.eye(n)[:-1] - np.eye(n)[1:], 2)
        sums: Any = {"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda x: np.ones(2 * n)}
        order: Any = {"type": "ineq", "fun": lambda x: falls @ x, "jac": lambda x: falls}
        fresh = np.minimum(1 / n, unique)
        found = minimize(
            loss,
            np.concatenate([fresh, 1 / n - fresh]),
            jac=slope,
            method="SLSQP",
            bounds=[(0, high) for high in (*unique, *np.ones(n))],
            constraints=[sums, order] if self.monotone else [sums],
            options={"ftol": 1e-15, "maxiter": 1000},
        )
        weights = np.clip(found.x[:n] + found.x[n:], 0, None)
        return np.asarray(weights / weights.sum())


def recipe(tokens: float, monotone: bool, supply: float = SUPPLY, n_params: float = N_PARAMS) -> Recipe:
    """Pose the search under the published constants; sizes in parameters and tokens."""
    law = InfoLaw()
    bound, here = law.bind(Schema(CELLS)), Points.build(n_params, tokens, weights=BUCKETS)
    worth = law.cell_value(bound.spread(bound.encode(PUBLISHED)[None], here), n_params, tokens)
    return Recipe(worth, BUCKETS * supply, tokens, monotone)


def planned(tokens: float, supply: float = SUPPLY) -> Array:
    """Weights that `make_plan` gives a 7B model under the published constants and w_d >= w_d+1, (n_cells,)."""
    seen = Support((252e6, N_PARAMS), (1e9, 1e12), (1e18, 4.2e22), (1.0, 40.0), ((0.0, 1.0),) * len(CELLS))
    law = KnownLaw(InfoLaw(), PUBLISHED, Schema(CELLS), seen)
    corpus = Corpus(tuple(map(Cell, CELLS, (BUCKETS * supply).tolist())))
    rules, budget = Constraints(monotone=True), Budget(n_params=N_PARAMS, tokens=tokens)
    plan = make_plan(law, corpus, budget, constraints=rules, details=False)
    return np.array([plan.weights[cell] for cell in CELLS])


def distance(supply: float, tokens: tuple[float, ...] = tuple(OPTIMA), monotone: bool = True) -> float:
    """L2 distance of our optima from the published weights."""
    best = {k: recipe(k, monotone, supply).waterfill() for k in tokens}
    return float(np.sqrt(sum((best[k][cell] - weight) ** 2 for k in tokens for cell, weight in OPTIMA[k].items())))


def run(config: Config) -> Report:
    """Optima, the constraint, the supply, and SLSQP."""
    solvers, gaps, shorts = _against_slsqp(config)
    plans = {k: planned(k) for k in GROWING}
    off = float(np.sqrt(sum((plans[k][cell] - weight) ** 2 for k, best in OPTIMA.items() for cell, weight in best.items())))
    grows = np.diff([(weights > IN_USE).sum() for weights in plans.values()])
    checks = (
        Check("7B optima by the planner at S = 311e9 [L2 over four weights]", 0.02, off, "at most", source=SOURCE),
        Check(
            "smallest fall of the best bucket's share, 100B to 5000B tokens, step by step",
            0.0,
            float(-np.diff([weights[0] for weights in plans.values()]).max()),
            "at least",
            source=SOURCE,
        ),
        Check("buckets that come in from 100B to 5000B tokens", 3.0, float(grows.sum()), "at least", source=SOURCE),
        Check("buckets that drop out on the way", 0.0, float(-grows.clip(max=0).sum()), "at most", source=SOURCE),
        Check("7B optima at S = 311e9 [L2 over four weights]", 0.02, distance(SUPPLY), "at most", source=SOURCE),
        Check("the same without w_d >= w_d+1", 0.02, distance(SUPPLY, monotone=False), "at least", source="own calculation"),
        Check("SLSQP above water-filling, worst [share of the value]", 0.0, gaps, "at most", 1e-8, "own target"),
        Check("SLSQP below water-filling, worst [share of the value]", 0.0, shorts, "at most", 1e-8, "own target"),
    )
    optima = tuple(
        {"tokens": tokens, "constraint": said, **dict(zip(CELLS, recipe(tokens, m).waterfill().tolist(), strict=True))}
        for tokens in OPTIMA
        for m, said in ((True, "w_d >= w_d+1"), (False, "none"))
    )
    scan: tuple[Row, ...] = tuple(
        {"S [tokens]": s, "L2": distance(s), "L2 at 300B": distance(s, (300e9,)), "L2 at 1000B": distance(s, (1000e9,))}
        for s in config.supplies
    )
    pattern: tuple[Row, ...] = tuple(
        {"tokens": tokens, **dict(zip(CELLS, weights.tolist(), strict=True))} for tokens, weights in plans.items()
    )
    tables = {
        "The planner's 7B recipes, w_d >= w_d+1": pattern,
        "Best 7B recipes at S = 311e9": optima,
        "One supply for both optima": scan,
        "Water-filling and SLSQP": solvers,
    }
    ratios = [float(row["time ratio"]) for row in solvers]
    text = (
        "The published recipe at 1000B tokens is the constrained one: free of the order, the second bucket, three times "
        "as large as the first, is repeated less and gets the most tokens. SLSQP takes between "
        f"{min(ratios):.2g} and {max(ratios):.2g} times as long as water-filling; it is the faster one where the order "
        "binds, since the price is then found by bisection."
    )
    return Report(CLAIM, checks, tables, text)


def _against_slsqp(config: Config) -> tuple[tuple[Row, ...], float, float]:
    """Time of both solvers on the published cases; largest excess and shortfall of SLSQP, random cases included."""
    rows: list[Row] = []
    excess: list[float] = []
    for tokens in OPTIMA:
        for monotone in (True, False):
            case = recipe(tokens, monotone)
            ours, theirs = (_seconds(solve, config.n_repeats) for solve in (case.waterfill, case.slsqp))
            excess.append(_excess(case))
            said = "w_d >= w_d+1" if monotone else "none"
            rows.append(
                {
                    "tokens": tokens,
                    "constraint": said,
                    "water-filling [us]": 1e6 * ours,
                    "SLSQP [us]": 1e6 * theirs,
                    "time ratio": theirs / ours,
                    "SLSQP / water-filling - 1": excess[-1],
                }
            )
    rng = np.random.default_rng(config.seed)
    for _ in range(config.n_problems):
        tokens, n_params = np.exp(rng.uniform(np.log([1e10, 1e8]), np.log([3e12, 1e11])))
        excess.append(_excess(recipe(float(tokens), bool(rng.integers(2)), n_params=float(n_params))))
    return tuple(rows), max(excess), -min(excess)


def _excess(case: Recipe) -> float:
    return case.information(case.slsqp()) / case.information(case.waterfill()) - 1


def _seconds(solve: Callable[[], Array], n_repeats: int) -> float:
    """CPU seconds of one call, the mean of some."""
    solve()
    start = time.process_time()
    for _ in range(n_repeats):
        solve()
    return (time.process_time() - start) / n_repeats
