"""Which law predicts runs it has not seen, on every development table: the whole family and `auto`, failures included.

Splits, each fitted on the small or little repeated and judged on the rest: datablations (Muennighoff et al. 2023, arXiv:
2305.16264) by size, repetition and compute; tiny_lm_runs (shipped) by size, and by size and recipe at once; marin's isoFLOP
grids across corpora; the overtraining runs of Gadre et al. (2024, arXiv:2403.08540).

Expected: no fixed law wins everywhere; `auto` is, over the datablations splits, as good as the best fixed law and nowhere
more than a tenth worse than Chinchilla; on unseen recipes at an unseen size it halves Chinchilla's error. Minutes.

Where we differ from what we asked of ourselves: ten cheapest runs on a new corpus (marin) 1.02 %, asked 1; five runs of
Gadre et al. 1.08 % on rpj, asked .8, and 2.8 % on c4, asked 2 (the errors at 1.4B and 6.9B have opposite signs), with
half-widths to 7 %, asked 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from infolaw import fit
from infolaw.errors import InfolawError
from infolaw.units import Array

from .report import Check, Report, Row
from .shared import data_folder
from .splits import CASES, Case

CLAIM = "auto extrapolates over repetition as well as the best fixed law, and halves Chinchilla's error on new recipes."
FIXED = ("chinchilla", "data_constrained", "infolaw", "infolaw_e", "prescriptive", "repetition")


@dataclass(frozen=True)
class Config:
    """Folder of the tables; laws; bootstrap of the intervals and of the paired differences; which cases."""

    data: Path = field(default_factory=data_folder)
    laws: tuple[str, ...] = (*FIXED, "auto")
    n_bootstrap: int = 300
    cases: tuple[str, ...] = tuple(CASES)

    @classmethod
    def tiny(cls, **changes: Path) -> Config:
        """Return seconds' work: the shipped table and two laws."""
        return cls(laws=("chinchilla", "repetition"), n_bootstrap=50, cases=("tiny_lm",), **changes)


@dataclass(frozen=True)
class Outcome:
    """One law on one case: errors [%] by row, and how its 90 % interval did."""

    case: Case
    law: str
    errors: Array
    coverage: float
    width: float
    score: float
    inside: Any

    @property
    def mean(self) -> float:
        """Mean absolute error [%]."""
        return float(np.abs(self.errors).mean())


def run(config: Config) -> Report:
    """Fit every law on every split and judge it on the rest."""
    cases = [case for name in config.cases for case in CASES[name](config.data)]
    outcomes = [judge(case, law, config) for case in cases for law in laws_for(case, config)]
    table: dict[tuple[str, str], Outcome] = {(o.case.name, o.law): o for o in outcomes}
    tables = {
        "Mean absolute error on held-out runs [%]": _errors(_shown(cases), config.laws, table),
        "90 % intervals on held-out runs: coverage / half-width [%] / score [%]": _intervals(
            _shown(cases), config.laws, table
        ),
    }
    if "auto" in config.laws:
        tables["auto against Chinchilla: difference of the error [%], paired over runs"] = _paired(
            _shown(cases), table, config
        )
    return Report(CLAIM, tuple(_checks(cases, config, table)), tables, _TEXT)


_TEXT = (
    "These tables are for development; the method was tuned on them, not the rows. Unbounded penalties (prescriptive) "
    "explode outside the repetition they were fitted on. Where no law is clearly better inside the training runs, auto is "
    "Chinchilla, and misses what a braver choice would have won (compute below the 60th percentile)."
)


def laws_for(case: Case, config: Config) -> tuple[str, ...]:
    """All laws; for the single draws, which only their mean is wanted of, the last of them."""
    return config.laws if case in _shown([case]) else config.laws[-1:]


def judge(case: Case, law: str, config: Config) -> Outcome:
    """Fit one law on the train side of a case and measure it on the other; infinite where it cannot be fitted."""
    try:
        result = fit(law, case.runs, **case.options, bootstrap=config.n_bootstrap)
        points = result.points_of(case.held, case.options.get("group"))
        predicted = result.predict(points)
        ends = result.interval(points, n=config.n_bootstrap)
    except InfolawError:
        nothing = np.full(len(case.test), np.inf)
        return Outcome(case, law, nothing, np.nan, np.nan, np.nan, np.ones(len(nothing), bool))
    losses = case.test.losses
    errors = 100 * (predicted / losses - 1)
    width = ends.upper - ends.lower
    miss = np.maximum(ends.lower - losses, 0) + np.maximum(losses - ends.upper, 0)
    inside = ~np.any([f > result.support.REACH[k] for k, f in result.support.factors(points).items()], axis=0)
    return Outcome(
        case,
        law,
        errors,
        float((miss == 0).mean()),
        float(50 * (width / losses).mean()),
        float(100 * ((width + 20 * miss) / losses).mean()),
        inside,
    )


def _errors(cases: Sequence[Case], laws: Sequence[str], table: dict[tuple[str, str], Outcome]) -> tuple[Row, ...]:
    return tuple(
        {
            "split": case.name,
            "fitted": float(len(case.train)),
            "held out": float(len(case.test)),
            **{law: table[case.name, law].mean for law in laws},
        }
        for case in cases
    )


def _intervals(cases: Sequence[Case], laws: Sequence[str], table: dict[tuple[str, str], Outcome]) -> tuple[Row, ...]:
    def shown(outcome: Outcome) -> str:
        return f"{outcome.coverage:.2f} / {outcome.width:.3g} / {outcome.score:.3g}"

    return tuple({"split": case.name, **{law: shown(table[case.name, law]) for law in laws}} for case in cases)


def _paired(cases: Sequence[Case], table: dict[tuple[str, str], Outcome], config: Config) -> tuple[Row, ...]:
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for case in cases:
        gap = np.abs(table[case.name, "auto"].errors) - np.abs(table[case.name, "chinchilla"].errors)
        means = rng.choice(gap, (2000, len(gap))).mean(1)
        low, high = np.quantile(means, [0.05, 0.95])
        rows.append({"split": case.name, "difference": float(gap.mean()), "5 %": float(low), "95 %": float(high)})
    return tuple(rows)


def _checks(cases: Sequence[Case], config: Config, table: dict[tuple[str, str], Outcome]) -> list[Check]:
    def log_error(law: str, chosen: Sequence[Case]) -> float:
        return float(np.mean([np.log(table[case.name, law].mean) for case in chosen]))

    checks = []
    repeated = [case for case in cases if case.name.startswith("datablations") and case.counted]
    if repeated and "auto" in config.laws:
        best = min(log_error(law, repeated) for law in config.laws if law in FIXED)
        ours = log_error("auto", repeated)
        checks.append(Check("datablations: mean log error, auto", best, ours, "at most", source="best fixed law"))
        ratios = [table[c.name, "auto"].mean / table[c.name, "chinchilla"].mean for c in repeated]
        checks.append(Check("datablations: auto / Chinchilla, worst split", 1.1, max(ratios), "at most"))
        worst = max(np.abs(table[c.name, "auto"].errors[table[c.name, "auto"].inside]).max() for c in repeated)
        checks.append(Check("datablations: auto, worst error inside the support [%]", 30.0, float(worst), "at most"))
    law = "auto" if "auto" in config.laws else "repetition"
    fresh = [case for case in cases if " x " in case.name]
    if fresh:
        ratios = [table[c.name, law].mean / table[c.name, "chinchilla"].mean for c in fresh]
        name = f"tiny_lm: {law} / Chinchilla, mean over unseen sizes x recipes"
        checks.append(Check(name, 0.5, float(np.mean(ratios)), "at most"))
    return [*checks, *_transfer_checks(cases, table, law)]


def _transfer_checks(cases: Sequence[Case], table: dict[tuple[str, str], Outcome], law: str) -> list[Check]:
    """Few runs on a new corpus (marin), and five small runs (gadre)."""
    means = {case.name: table[case.name, law].mean for case in cases}
    draws = [mean for name, mean in means.items() if name.startswith("marin: draw")]
    asked = {"marin: ten cheapest": 1.0, "gadre: rpj": 0.8, "gadre: c4_original": 2.0}
    checks = [Check(f"{n}, {law} [%]", asked[n], means[n], "at most", source="own target") for n in asked if n in means]
    if draws:
        name = f"marin: mean of {len(draws)} random draws, {law} [%]"
        checks.append(Check(name, 1.0, float(np.mean(draws)), "at most", source="own target"))
    five = [table[case.name, law] for case in cases if case.name.startswith("gadre")]
    if five:
        held = float(sum(o.coverage * len(o.errors) for o in five))
        checks.append(Check(f"gadre: large runs inside {law}'s interval, of 4", 3.0, held, "at least", source="own target"))
        widest = max(o.width for o in five)
        checks.append(Check(f"gadre: half-width of {law}'s interval [%]", 6.0, widest, "at most", source="own target"))
    return checks


def _shown(cases: Sequence[Case]) -> list[Case]:
    """Cases that get a row of their own: not the single draws."""
    return [case for case in cases if not case.name.startswith("marin: draw")]
