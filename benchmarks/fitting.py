"""How fast and how surely laws are fitted, against the published procedures and scipy. CPU seconds, one thread of BLAS.

    python benchmarks/fitting.py [--quick] [--json] [--data DIR]

1. Chinchilla on the 240 recovered runs: our fit (64 shapes drawn, 12 refined), 20 seeds, 1000 bootstrap refits.
2. The published procedure there: 4500 starts of L-BFGS; --quick times a seeded sample of them and extrapolates.
3. scipy.optimize.least_squares from grid starts and from our own. Nobody knows the optimum beforehand, so the ratios
   compare equal evidence, the optimum reached 12 times; ``_first_arrival`` is the time of an oracle that stops scipy at
   its first arrival, against our whole fit.
4. InfoLaw's joint fit against its paper's 100,000 draws, error at 7B parameters and 425B tokens (``infolaw_rival``).
5. Every law, and `auto` unless --quick, on tables of repetition and of recipes (``law_speeds``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from chinchilla_rivals import PUBLISHED_GRID, Surface, grid_sample, tally
from infolaw_rival import (
    APPETITE_RANGE,
    PAPER_RATIO,
    TARGET,
    THETA_RANGE,
    VARIED_RATIO,
    design,
    observed,
    published_procedure,
    true_loss,
)
from law_speeds import auto_seconds, speeds
from threadpoolctl import threadpool_limits

from experiments.chinchilla import OBJECTIVE, WITHOUT_FIVE
from experiments.shared import shared_runs
from infolaw.errors import InfolawError
from infolaw.fitting import N_REFINED, N_STARTS, fit_law
from infolaw.laws import LAWS, BoundLaw, InfoLaw, Parameter
from infolaw.objectives import HUBER_REPLICATION
from infolaw.observations import Observations, observe
from infolaw.points import Schema
from infolaw.rendering import table
from infolaw.starts import draw_starts

N_SEEDS = 20
NOISE = (0.0005, 0.001, 0.003, 0.01)


class RangedInfoLaw(InfoLaw):
    """InfoLaw kept within the ranges that the paper's procedure draws from: equal prior knowledge."""

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        ranges = {"theta": THETA_RANGE, "b": APPETITE_RANGE}
        return tuple(
            replace(p, bounds=ranges[p.name], start=ranges[p.name]) if p.name in ranges else p
            for p in super().parameters_for(schema)
        )


def our_fits(seen: Observations, delta: float | None) -> tuple[float, float, np.ndarray]:
    """CPU seconds of a fit, CPU seconds of 1000 bootstrap refits, objective from each seed."""
    law = LAWS["chinchilla"]
    begin = time.process_time()
    fits = [fit_law(law, seen, huber_delta=delta, n_bootstrap=1000, seed=seed) for seed in range(N_SEEDS)]
    fitted = time.process_time()
    _ = fits[0].replicates  # computed when first asked for
    return (fitted - begin) / N_SEEDS, time.process_time() - fitted, np.array([fit.objective for fit in fits])


def our_starts(seen: Observations, bound: BoundLaw, surface: Surface, seed: int) -> tuple[np.ndarray, float]:
    """The very starts that our fit refines, as rows (a, b, e, alpha, beta), and the CPU seconds of drawing them."""
    begin = time.process_time()
    starts = draw_starts(bound, seen.points, seen.losses, N_STARTS, np.random.default_rng(seed))
    c = bound.decode(starts)
    logs = [np.log(np.maximum(c[name], 1e-6)) for name in ("A", "B", "E")]
    vectors = np.concatenate([*logs, c["alpha"], c["beta"]], 1)
    first = [float((surface.evaluate(*vector)[0] ** 2).sum()) for vector in vectors]
    return vectors[np.argsort(first, kind="stable")[:N_REFINED]], time.process_time() - begin


def chinchilla(seen: Observations, n_grid: int, n_scipy: int) -> dict[str, float]:
    """Parts 1 to 3."""
    seconds, bootstrap, objectives = our_fits(seen, HUBER_REPLICATION)
    default_seconds, default_bootstrap, default_objectives = our_fits(seen, None)
    best, surface, bound = objectives.min(), Surface(seen), LAWS["chinchilla"].bind(seen.schema)
    published = tally(surface.lbfgs, grid_sample(n_grid), HUBER_REPLICATION)
    grid = tally(surface.least_squares, grid_sample(n_scipy, seed=1), HUBER_REPLICATION)
    drawn = [our_starts(seen, bound, surface, seed) for seed in range(5)]
    same = tally(surface.least_squares, np.concatenate([starts for starts, _ in drawn]), HUBER_REPLICATION)
    drawing = float(np.mean([spent for _, spent in drawn]))
    grid_s = published.seconds * len(PUBLISHED_GRID)
    return {
        "n_rows": len(seen),
        "ms_per_fit": 1e3 * seconds,
        "bootstrap_1000_s": bootstrap,
        "objective_worst_of_20_seeds": objectives.max(),
        "seeds_at_optimum": int((objectives <= OBJECTIVE).sum()),
        "ms_per_fit_default_width": 1e3 * default_seconds,
        "bootstrap_1000_s_default_width": default_bootstrap,
        "objective_spread_default_width": float(np.ptp(default_objectives) / default_objectives.min()),
        "published_grid_s": grid_s,
        "published_grid_starts_timed": len(published.objectives),
        "published_grid_best_objective": published.objectives.min(),
        "published_grid_share_at_optimum": published.arrived(best),
        "ratio_to_published_grid": grid_s / seconds,
        "scipy_grid_ms_per_start": 1e3 * grid.seconds,
        "scipy_grid_share_at_optimum": grid.arrived(best),
        "ratio_to_scipy_grid_starts": grid.seconds_to_arrive(best, N_REFINED) / seconds,
        "ratio_to_scipy_grid_starts_first_arrival": grid.seconds_to_arrive(best) / seconds,
        "scipy_same_ms_per_start": 1e3 * same.seconds,
        "scipy_same_share_at_optimum": same.arrived(best),
        "ratio_to_scipy_same_starts": (drawing + same.seconds_to_arrive(best, N_REFINED)) / seconds,
        "ratio_to_scipy_same_starts_first_arrival": (drawing + same.seconds_to_arrive(best)) / seconds,
    }


def infolaw(n_repeats: int) -> list[dict[str, Any]]:
    """Part 4: one row a design, noise and method; errors are of the five unseen recipes' loss [%]."""
    truth = true_loss(TARGET)
    methods = {
        "ours": lambda seen, rng: fit_law(InfoLaw(), seen).predict(TARGET),
        "ours, rival's ranges": lambda seen, rng: fit_law(RangedInfoLaw(), seen).predict(TARGET),
        "100,000 draws": published_procedure,
    }
    rows = []
    for name, ratio in (("paper's", PAPER_RATIO), ("varied K/N", VARIED_RATIO)):
        points = design(ratio)
        for noise in NOISE:
            for method, foresee in methods.items():
                errors, begin = [], time.process_time()
                for repeat in range(n_repeats):
                    rng = np.random.default_rng([repeat, round(1e6 * noise)])
                    predicted = foresee(observed(points, noise, rng), rng)
                    errors.append(100 * float(np.abs(predicted / truth - 1).mean()))
                spent = (time.process_time() - begin) / n_repeats
                columns = ("design", "noise_pct", "method", "mean_error_pct", "median_error_pct", "worst_error_pct", "ms")
                values = (name, 100 * noise, method, np.mean(errors), np.median(errors), max(errors), 1e3 * spent)
                rows.append(dict(zip(columns, values, strict=True)))
    return rows


def lost(numbers: dict[str, float], rows: list[dict[str, Any]]) -> list[str]:
    """Where ours is slower or further off, one sentence each."""
    said = [
        f"{name} is {value:.2g}: the rival is faster" for name, value in numbers.items() if "ratio" in name and value < 1
    ]
    by = {(row["design"], row["noise_pct"], row["method"]): row for row in rows}
    for row in rows:
        rival = by[row["design"], row["noise_pct"], "100,000 draws"]
        for column in ("mean_error_pct", "median_error_pct", "worst_error_pct", "ms"):
            if row[column] > rival[column]:
                where = f"{row['design']} design, noise {row['noise_pct']:g} %, {row['method']}"
                said.append(f"{where}: {column} {row[column]:.3g}, the draws' {rival[column]:.3g}")
    return said


def shown(rows: list[dict[str, Any]]) -> str:
    """Rows as a table to be read."""
    cells = [[str(v) if isinstance(v, str) else f"{v:.3g}" for v in row.values()] for row in rows]
    return table(list(rows[0]), cells)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="samples and fewer repeats: within 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=folder, help="folder of epoch_chinchilla.csv")
    options = parser.parse_args()
    try:
        seen = observe(shared_runs(options.data, "epoch_chinchilla.csv"), where=WITHOUT_FIVE)
    except InfolawError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    n_grid, n_scipy, n_repeats = (300, 200, 10) if options.quick else (len(PUBLISHED_GRID), 1000, 40)
    with threadpool_limits(1):
        numbers = chinchilla(seen, n_grid, n_scipy)
        rows = infolaw(n_repeats)
        laws = speeds(options.data)
        if not options.quick:
            numbers["auto_rows"], numbers["auto_s"] = auto_seconds(options.data)
    worse = lost(numbers, rows)
    if options.json:
        print(json.dumps({**numbers, "infolaw": rows, "infolaw_repeats": n_repeats, "laws": laws, "lost": worse}))
        return 0
    print(table(["Chinchilla, 240 runs", "value"], [[name, f"{value:.7g}"] for name, value in numbers.items()]))
    print(f"\nInfoLaw at 7B / 425B tokens, unseen recipes, {n_repeats} repeats\n{shown(rows)}")
    print(f"\nEvery law\n{shown(laws)}")
    print("\nWhere ours loses\n" + "\n".join(worse or ["nowhere here"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
