"""How fast a mixture is found, and how good it is, against RegMix's simulation. CPU seconds, one thread.

    python benchmarks/search.py [--quick] [--json] [--data DIR]

1. RegMix's route on its own 512 runs (target: Pile-CC): LightGBM of 1000 trees, plain predict of 1,000,000 Dirichlet
   mixtures (--quick: a tenth, scaled up), mean of the best 100. Ours: a Gaussian process, many starts, descent.
   Both recipes are judged by a Gaussian process on all 768 mixtures, which stands in for the truth.
2. Fits: a Gaussian process of each of the 13 losses on 512 x 17, and the log-linear surrogate of all 13.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from experiments.shared import shared_runs
from infolaw.errors import InfolawError
from infolaw.rendering import table
from recipes.search import Beliefs, Objective, Region, Setting, distance, regmix_mixtures
from recipes.search.methods import descent
from recipes.surrogates import SURROGATES

TARGET = "loss:pile_cc"
N_TREES, RATE = 1000, 0.01
N_CANDIDATES, N_BEST = 1_000_000, 100
BLOCK = 50_000


def tables(folder: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mixtures (768, 17) and losses (768, 13); the first 512 are RegMix's training runs."""
    runs = shared_runs(folder, "regmix.csv")
    frame = runs.frame.sort_values("split", ascending=False, kind="stable")  # train_1m before test_1m
    names = [name for name in frame if name.startswith("loss:") and frame[name].notna().all()]
    weights = frame[[f"weight:{cell}" for cell in runs.cells]].to_numpy(float)
    return weights, frame[names].to_numpy(float), names


def regmix_route(seen: np.ndarray, losses: np.ndarray, prior: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    """RegMix's recipe and its CPU seconds, scaled to the full number of candidates."""
    import lightgbm

    begin = time.process_time()
    model = lightgbm.LGBMRegressor(n_estimators=N_TREES, learning_rate=RATE, n_jobs=1, verbose=-1).fit(seen, losses)
    fitted = time.process_time()
    candidates = regmix_mixtures(prior, n, np.random.default_rng(0))
    values = np.concatenate([model.booster_.predict(candidates[k : k + BLOCK], num_threads=1) for k in range(0, n, BLOCK)])
    spent = (fitted - begin) + (time.process_time() - fitted) * N_CANDIDATES / n
    return candidates[np.argpartition(values, N_BEST)[:N_BEST]].mean(0), spent


def our_route(seen: np.ndarray, losses: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, float]:
    """Our recipe and its CPU seconds, from the runs to the recipe."""
    begin = time.process_time()
    beliefs = Beliefs.fitted(SURROGATES["gaussian_process"](), seen, losses)
    objective = Objective.of(("loss",), beliefs.noise, beliefs.predict(prior[None])[0])
    cells = tuple(str(k) for k in range(len(prior)))
    found = descent(Setting(beliefs, Region.simplex(cells), objective, prior))
    return found, time.process_time() - begin


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """All numbers."""
    weights, losses, names = tables(folder)
    seen, known, prior = weights[:512], losses[:512], weights.mean(0)
    target = known[:, names.index(TARGET)]
    begin = time.process_time()
    for k in range(len(names)):
        SURROGATES["gaussian_process"]().fit(seen, known[:, k])
    gp = time.process_time() - begin
    begin = time.process_time()
    for k in range(len(names)):
        SURROGATES["log_linear"]().fit(seen, known[:, k])
    linear = time.process_time() - begin
    theirs, their_s = regmix_route(seen, target, prior, N_CANDIDATES // 10 if quick else N_CANDIDATES)
    ours, our_s = our_route(seen, target, prior)
    truth = SURROGATES["gaussian_process"]().fit(weights, losses[:, names.index(TARGET)])
    judged = truth.predict(np.stack([theirs, ours, prior, seen[target.argmin()]]))
    away = distance(np.stack([theirs, ours]), seen)
    return {
        "n_proxies": len(seen),
        "n_candidates": N_CANDIDATES,
        "candidates_timed": N_CANDIDATES // 10 if quick else N_CANDIDATES,
        "regmix_s": their_s,
        "our_s": our_s,
        "speedup": their_s / our_s,
        "regmix_loss": judged[0],
        "our_loss": judged[1],
        "prior_loss": judged[2],
        "best_proxy_loss": judged[3],
        "regmix_distance": away[0],
        "our_distance": away[1],
        "gp_fit_13_targets_s": gp,
        "log_linear_fit_13_targets_s": linear,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the candidates: within 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=folder, help="folder of regmix.csv")
    options = parser.parse_args()
    try:
        with threadpool_limits(1):
            numbers = measure(options.data, options.quick)
    except InfolawError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    worse = [] if numbers["our_loss"] <= numbers["regmix_loss"] else ["our recipe's stand-in loss is above RegMix's"]
    if options.json:
        print(json.dumps({**numbers, "lost": worse}))
        return 0
    print(table(["RegMix, 512 runs, 17 domains", "value"], [[name, f"{value:.6g}"] for name, value in numbers.items()]))
    print("\nWhere ours loses\n" + "\n".join(worse or ["nowhere here"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
