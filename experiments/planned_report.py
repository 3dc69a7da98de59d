"""From trials in planted worlds to a report: regrets by family, paired intervals, coverage, skill of the chances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .planned_trials import CheapTrial, Pair, Trial
from .planned_worlds import FORMS, REACH
from .report import Check, Report, Row
from .scoring import brier_skill, paired_difference, ratio_to_best, reliability_slope

HARD, LEVEL = 3.0, 0.9
HALF, SLACK = 0.5, 1.1
"""Our mean regret is at most this share of the best rival's; in no family more than this many times the best rival's."""


def report_of(
    claim: str, trials: Sequence[Trial], cheap: Sequence[CheapTrial], rivals: Sequence[str], n_bootstrap: int
) -> Report:
    """All checks and tables."""
    checks: list[Check] = []
    tables: dict[str, tuple[Row, ...]] = {}
    for k, reach in enumerate(REACH):
        at = f"{reach:g} times the runs' compute"
        tables[f"Mean regret [nats/token] at {at}, {len(trials)} worlds"] = _means(trials, k, "regret")
        tables[f"Geometric mean of compute wasted [times] at {at}"] = _means(trials, k, "wasted")
        tables[f"Ours less each rival [nats/token] at {at}, 95 % over worlds"] = _paired(trials, k, rivals, n_bootstrap)
        ratio, low, high = ratio_to_best(_regrets(trials, k, rivals), n_bootstrap)
        checks.append(Check(f"regret at {at}, ours / best rival [95 %: {low:.2f} to {high:.2f}]", HALF, ratio, "at most"))
        for family in _families(trials):
            some = [one for one in trials if one.family == family]
            means = _regrets(some, k, rivals).mean(0)
            checks.append(Check(f"the same in family {family}", SLACK, float(means[0] / means[1:].min()), "at most"))
    tables["Where the regret lies: mixture alone, size alone [nats/token]"] = _parts(trials)
    tables["Seconds a world [CPU], mean"] = (_seconds(trials),)
    lowest = min(value for one in trials for values in one.regret.values() for value in values)
    checks.append(Check("lowest regret of any method [nats]", -1e-4, lowest, "at least"))
    if cheap:
        tables["Intervals and chances of our plans"] = tuple(_honesty(cheap, family) for family in ("", *_families(cheap)))
        checks += _honesty_checks(cheap)
    return Report(claim, tuple(checks), tables, _TEXT)


def _families(trials: Sequence[Trial] | Sequence[CheapTrial]) -> list[str]:
    return [family for family in FORMS if any(one.family == family for one in trials)]


def _regrets(trials: Sequence[Trial], k: int, rivals: Sequence[str]) -> np.ndarray:
    return np.array([[one.regret[name][k] for name in ("ours", *rivals)] for one in trials])


def _means(trials: Sequence[Trial], k: int, kind: str) -> tuple[Row, ...]:
    rows: list[Row] = []
    for name in trials[0].regret:
        row: dict[str, float | str] = {"method": name}
        for family in ("", *_families(trials)):
            values = np.array([getattr(one, kind)[name][k] for one in trials if family in ("", one.family)])
            row[family or "all"] = float(np.exp(np.log(values).mean()) if kind == "wasted" else values.mean())
        rows.append(row)
    return tuple(rows)


def _paired(trials: Sequence[Trial], k: int, rivals: Sequence[str], n_bootstrap: int) -> tuple[Row, ...]:
    rows: list[Row] = []
    for rival in rivals:
        row: dict[str, float | str] = {"rival": rival}
        for family in ("", *_families(trials)):
            some = [one for one in trials if family in ("", one.family)]
            own, theirs = _regrets(some, k, (rival,)).T
            mean, low, high = paired_difference(own, theirs, n_bootstrap)
            row[family or "all"] = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
        rows.append(row)
    return tuple(rows)


def _parts(trials: Sequence[Trial]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for name in trials[0].parts:
        row: dict[str, float | str] = {"method": name}
        for k, reach in enumerate(REACH):
            for family in ("", *_families(trials)):
                parts = np.array([one.parts[name][k] for one in trials if family in ("", one.family)]).mean(0)
                row[f"{family or 'all'} {reach:g}x"] = f"{parts[0]:.4f} {parts[1]:.4f}"
        rows.append(row)
    return tuple(rows)


def _seconds(trials: Sequence[Trial]) -> Row:
    return {name: float(np.mean([one.seconds[name] for one in trials])) for name in trials[0].seconds}


def _hard(cheap: Sequence[CheapTrial]) -> list[Pair]:
    return [pair for one in cheap for pair in one.pairs if 0.0 < abs(pair.gap) < HARD * pair.noise]


def _honesty(cheap: Sequence[CheapTrial], family: str) -> Row:
    some = [one for one in cheap if family in ("", one.family)]
    hard, errors = _hard(some), np.array([one.error for one in some])
    chances, won = [pair.chance for pair in hard], [pair.gap < 0 for pair in hard]
    return {
        "family": family or "all",
        "worlds": len(some),
        "coverage": float(np.mean([one.held for one in some])),
        "error / half-width, mean": float(errors.mean()),
        "root mean square": float(np.sqrt(np.square(errors).mean())),
        "hard pairs": len(hard),
        "chance, mean": float(np.mean(chances)) if hard else float("nan"),
        "won": float(np.mean(won)) if hard else float("nan"),
        "Brier skill": brier_skill(chances, won),
        "slope": reliability_slope(chances, won),
    }


def _honesty_checks(cheap: Sequence[CheapTrial]) -> list[Check]:
    inside = [one for one in cheap if one.family != "outside"]
    hard = _hard(cheap)
    chances, won = [pair.chance for pair in hard], [pair.gap < 0 for pair in hard]
    share = float(np.mean([one.held for one in inside]))
    return [
        Check(f"coverage at the chosen plan, {len(inside)} worlds inside the families", LEVEL, share, tolerance=0.03),
        Check(f"Brier skill on {len(hard)} hard pairs", 0.0, brier_skill(chances, won), "at least"),
        Check("reliability slope on them", 1.0, reliability_slope(chances, won), tolerance=0.2),
    ]


_TEXT = """All methods keep to the user's cap on passes; "law" plans by a law chosen on the law runs, "surrogate" from the
proxies. Compute wasted is a lower bound: the best plan's shrunk version is not the best of its own budget."""
