"""How good a plan is against others' where the truth is known, and how long it takes. CPU seconds, one thread.

    python benchmarks/planner.py [--quick] [--json] [--folder DIR] [--workers N]

1. Planted worlds of `experiments.planned` kept for judgement: mean regret over worlds and both budgets, ours over the best
   rival's; share of intervals at the chosen plan that hold the true loss, inside the families. Four worlds of each family
   and 60 cheap ones (--quick: one of each, 4 cheap ones, the rivals that take no time), shared out over two processes.
   All worlds, with intervals: `python -m experiments run planned`.
2. `plan` for 26 domains x 6 buckets, 200 draws of every law: joint prediction of 40 law runs and 128 proxies, size, recipe
   and everything that is printed. Its fit is timed apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from experiments.planned import OURS, Config, cheap_trial, planned_worlds, trial
from experiments.planned_designs import PROXY_TOKENS_PER_PARAM, law_runs, measured
from experiments.planned_making import cheap_worlds, drawn_world
from experiments.planted_designs import dirichlet
from infolaw.errors import InfolawError
from infolaw.observations import observe
from infolaw.rendering import table
from recipes import Budget, make_plan
from recipes.joint import fit_joint

SHAPE, N_DRAWS, N_RUNS, N_PROXIES, CONCENTRATION = (26, 6), 200, 40, 128, 50.0
TIMED_LAWS = ("infolaw_e",)
"""Laws of the timed plan, alone and with a residual of the proxies: the whole family takes minutes to fit over 156 cells."""
QUICK_RIVALS = ("quality_first", "olmix", "surrogate")
PER_FAMILY, CHEAP, QUICK_CHEAP = 4, 60, 4
MOST_SECONDS, MOST_RATIO = 5.0, 0.5


def judged(config: Config, pool: Executor) -> dict[str, Any]:
    """Regrets and coverage over planted worlds."""
    trials = list(pool.map(partial(trial, config=config), planned_worlds(config)))
    cheap = list(pool.map(partial(cheap_trial, config=config), cheap_worlds(config.n_cheap)))
    regret = {name: float(np.mean([one.regret[name] for one in trials])) for name in trials[0].regret}
    rival = min(config.rivals, key=lambda name: regret[name])
    held = [one.held for one in cheap if one.family != "outside"]
    return {
        "n_worlds": len(trials),
        "regret_nats": regret[OURS],
        "best_rival": rival,
        "best_rival_regret_nats": regret[rival],
        "regret_ratio": regret[OURS] / regret[rival],
        "n_cheap_worlds_inside": len(held),
        "coverage": float(np.mean(held)),
    }


def timed() -> dict[str, Any]:
    """CPU seconds of a plan over 156 cells."""
    world = drawn_world("domains", "wide", 0, SHAPE, np.random.default_rng(0))
    rng, n = np.random.default_rng(1), float(world.sizes[0])
    runs = law_runs(replace(world, n_runs=N_RUNS), rng)
    mixtures = dirichlet(np.tile(CONCENTRATION * world.natural, (N_PROXIES, 1)), rng)
    points = world.points(n, PROXY_TOKENS_PER_PARAM * n, mixtures)
    swarm = measured(world, points, world.noise_proxies, rng, "proxies")
    begin = time.process_time()
    joint = fit_joint(observe(runs), swarm, world.corpus, laws=TIMED_LAWS, n_bootstrap=N_DRAWS)
    joint.draws(world.points(world.sizes[-1], world.max_flops, world.today), N_DRAWS)  # what a fit keeps, made once
    fitted = time.process_time()
    budget = Budget(flops=float(world.budgets[1]))
    plan = make_plan(joint, world.corpus, budget, baseline=world.baseline, constraints=world.constraints)
    spent = time.process_time() - fitted
    return {"n_cells": len(plan.weights), "n_draws": N_DRAWS, "fit_s": fitted - begin, "plan_s": spent, "law": plan.law}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four worlds, three rivals: within 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--folder", type=Path, help="where rivals' plans are kept from run to run")
    parser.add_argument("--workers", type=int, default=2, help="processes that worlds are shared out over")
    options = parser.parse_args()
    config = Config(PER_FAMILY, "odd", n_cheap=CHEAP, n_workers=options.workers, kept=options.folder)
    if options.quick:
        config = replace(config, per_family=1, rivals=QUICK_RIVALS, n_cheap=QUICK_CHEAP)
    try:
        with ProcessPoolExecutor(config.n_workers, initializer=threadpool_limits, initargs=(1,)) as pool:
            price = pool.submit(timed)
            numbers = {**judged(config, pool), **price.result()}
    except InfolawError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    lost = [] if numbers["regret_ratio"] <= MOST_RATIO else [f"regret is {numbers['regret_ratio']:.2f} of the best rival's"]
    lost += [] if numbers["plan_s"] <= MOST_SECONDS else [f"a plan over 156 cells takes {numbers['plan_s']:.1f} s"]
    if options.json:
        print(json.dumps({**numbers, "lost": lost}))
        return 0
    rows = [[name, value if isinstance(value, str) else f"{value:.6g}"] for name, value in numbers.items()]
    print(table(["plans in planted worlds, and their price", "value"], rows))
    print("\nWhere ours loses\n" + "\n".join(lost or ["nowhere here"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
