"""How a plan reads in a terminal: the decision first, then the sizes, the ledger, and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infolaw.rendering import amount, table

from .mismatch import CellEpochs, Mismatch
from .schedule_text import schedule_text

_LEDGER = ("cell", "weight", "available", "trained", "epochs", "unique", "of cell", "1 % more")
"""Columns of the ledger; the last is the fall of the loss [nats] by 1 % more distinct tokens of the cell."""
_TELLABLE = 100.0
"""Compute beyond so many times is said to be more."""
_NAMES = {
    "baseline": "your mix of today",
    "natural": "the natural mix",
    "best_bucket": "the best bucket only",
}


def difference_line(rival: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """One sentence: the plan against one other recipe."""
    times = rival["equivalent_compute"]
    compute = "a loss that it reaches at no compute" if times is None else f"{times:.2f}x compute"
    compute = compute if times is None or times <= _TELLABLE else f"more than {_TELLABLE:g}x compute"
    return (
        f"Against {_NAMES.get(rival['name'], rival['name'])}, at {amount(plan['n_params'])} parameters and "
        f"{amount(plan['tokens'])} tokens: {rival['difference']:+.4f} nats "
        f"({_level(plan)}: {rival['lower']:+.4f} to {rival['upper']:+.4f}) = {compute}, P(better) {rival['p_better']:.2f}"
    )


def plan_text(plan: Mapping[str, Any]) -> str:
    """Return the text of a plan, from the plain values of `Plan.to_dict`."""
    loss, n_params, tokens = plan["interval"], plan["n_params"], plan["tokens"]
    held = "not measured"
    if loss["heldout_pct"] is not None:
        held = f"{loss['heldout_pct']:.3g} % mean error ({loss['heldout_split']})"
    factors = ", ".join(f"{name} {value:.3g}x" for name, value in plan["extrapolation"].items())
    noise = f"{loss['bootstrap_lower']:.4f} to {loss['bootstrap_upper']:.4f}"
    return "\n".join(
        [
            *(difference_line(rival, plan) for rival in plan["versus"]),
            "",
            f"size       {n_params:.4g} parameters, {tokens:.4g} tokens ({tokens / n_params:.3g} a parameter), "
            f"{plan['flops']:.4g} FLOP",
            *([f"budget     {plan['provenance']['budget']['said']}"] if "budget" in plan["provenance"] else []),
            f"loss       {loss['value']:.4f} nats/token, {_level(plan)} {loss['lower']:.4f} to {loss['upper']:.4f} "
            f"(law {plan['law']})",
            f"  of it    noise of the runs (bootstrap) {noise}",
            f"           error of the law, held out: {held}",
            *_parts(loss["parts"]),
            *_targets(plan),
            f"beyond     {factors}, as many times outside the runs",
            "",
            table(_LEDGER, [*map(_row, plan["ledger"])]),
            *([schedule_text(plan["schedule"])] if plan["schedule"] else []),
            *_alternatives(plan),
            *(f"\nwarning    {text}" for text in plan["warnings"]),
            *_proxies(plan),
            *_sampler(plan),
            *([f"\nnext       {plan['next_runs']['sentence']} (`infolaw design`)"] if plan["next_runs"] else []),
            *_offers(plan),
        ]
    )


def _proxies(plan: Mapping[str, Any]) -> list[str]:
    """Return the pools of matched proxies, where runs and target repeat differently."""
    if plan["mismatch"] is None:
        return []
    found = plan["mismatch"]
    repeats = Mismatch(**{**found, "cells": tuple(CellEpochs(**cell) for cell in found["cells"])})
    return [] if repeats.is_matched else [f"\nproxies    {repeats.remedy()}"]


def _sampler(plan: Mapping[str, Any]) -> list[str]:
    """Return how documents are drawn, and how near sampler parameters come to the plan."""
    if plan["sampler"] is None:
        return []
    far = f"{plan['sampler']['distance']:.1%} of the tokens lie elsewhere (`infolaw params CORPUS --like PLAN --wide`)"
    return [f"\nsampler    `infolaw sample PLAN` draws these copies by cell exactly; of the nearest parameters {far}"]


def _offers(plan: Mapping[str, Any]) -> list[str]:
    """Point to the worth of what is on offer."""
    offered = plan["provenance"].get("constraints", {}).get("offers", [])
    return [f"\noffers     {len(offered)}: `infolaw value PLAN FIT CORPUS` says what they are worth"] if offered else []


def _parts(parts: Mapping[str, float]) -> list[str]:
    names = {
        "parameters": "constants",
        "model_error": "error of the law inside the runs",
        "extrapolation": "and beyond them",
        "run_noise": "one run (not in the interval)",
    }
    said = [f"{words} {parts[name]:.4f}" for name, words in names.items() if name in parts]
    return [f"           standard deviations: {', '.join(said)}"] if said else []


def _targets(plan: Mapping[str, Any]) -> list[str]:
    """Return what becomes of every target, where several were weighed."""
    if not plan["targets"]:
        return []
    rows = [
        [
            one["target"],
            f"{one['weight']:.3g}",
            f"{one['loss']:.4f}",
            f"{one['difference']:+.4f}",
            f"{one['lower']:+.4f} to {one['upper']:+.4f}",
            f"{one['p_better']:.2f}",
        ]
        for one in plan["targets"]
    ]
    first = plan["versus"][0]["name"]
    header = ["target", "weight", "loss", f"against {_NAMES.get(first, first)}", _level(plan), "P(better)"]
    return ["", table(header, rows), ""]


def _alternatives(plan: Mapping[str, Any]) -> list[str]:
    """What binds, what is as good, and what would change the decision."""
    said = [f"cost       {price['constraint']}: {price['cost']:.4f} nats" for price in plan["prices"]]
    cells = list(plan["weights"])
    if plan["equals"]:
        rows = [[cell, *(f"{w.get(cell, 0.0):.3f}" for w in (plan["weights"], *plan["equals"]))] for cell in cells]
        names = ["plan", *(f"or {k}" for k in range(1, len(plan["equals"]) + 1))]
        said += ["", "recipes that cannot be told from the plan's", table(["cell", *names], rows)]
    for one in plan["sensitivities"]:
        moves = max(cells, key=lambda cell: abs(one["weights"].get(cell, 0.0) - plan["weights"][cell]))
        said.append(
            f"if only    {one['assumption']} held: {one['shift']:.0%} of the tokens would move ({moves} to "
            f"{one['weights'].get(moves, 0.0):.3f}), and the plan would lose {one['regret']:.4f} nats to that recipe"
        )
    return ["", *said] if said else []


def _level(plan: Mapping[str, Any]) -> str:
    return f"{100 * plan['interval']['level']:g} %"


def _row(row: Mapping[str, Any]) -> list[str]:
    return [
        row["cell"],
        f"{row['weight']:.4f}",
        *(amount(row[name]) for name in ("available", "trained")),
        f"{row['epochs']:.2f}",
        amount(row["unique"]),
        f"{row['unique_share']:.0%}",
        f"{row['marginal'] * row['available'] / 100:.1e}",
    ]
