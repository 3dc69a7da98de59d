"""The joint prediction of grid and mixtures on the final runs: what `plan --surrogate` would have said of them."""

from __future__ import annotations

from dataclasses import replace

from infolaw import RunTable
from infolaw.observations import observe
from recipes.joint import fit_joint

from .loop_plan import PLAN, Contest, priced, verdict
from .report import Check, Row


def joint_verdict(
    runs: RunTable, proxies: RunTable, match: Contest, finals: RunTable, sd: float, paired_sd: float, seed: int
) -> tuple[tuple[Check, ...], tuple[Row, ...]]:
    """Price the recipes of a contest by law runs and proxies together, and hold them against what was measured.

    Parameters
    ----------
    runs, proxies : RunTable
        Of the grid, and of mixtures of its buckets.
    match : Contest
    finals : RunTable
        Its runs.
    sd, paired_sd : float
        See `loop_plan.verdict`.
    seed : int
    """
    joint = fit_joint(observe(runs, target="loss"), proxies, match.corpus, seed=seed)
    told = priced(joint, match.plan, match.width, match.corpus, match.weights, seed)
    checks, rows = verdict(told, finals, sd, paired_sd)
    rivals = [row for row in rows if row["recipe"] != PLAN]
    inside = sum(
        told.gain_lower[str(row["recipe"])] <= float(row["plan is better by"]) <= told.gain_upper[str(row["recipe"])]
        for row in rivals
    )
    gains = Check("joint: measured gains inside their 90 % intervals", float(len(rivals)), float(inside), "at least")
    own = next(check for check in checks if check.name.startswith("planned loss"))
    return (replace(own, name=f"joint: {own.name}"), replace(gains, source="own target")), rows
