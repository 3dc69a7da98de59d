"""How a schedule reads in a terminal, and as the YAML that goes with the trainers' files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infolaw.rendering import amount, table


def schedule_text(schedule: Mapping[str, Any]) -> str:
    """Return one column of shares a stage, with the epochs at its end, from the plain values of `Schedule.to_dict`."""
    stages = schedule["stages"]
    header = ["cell", *(word for stage in stages for word in (f"stage {stage['number']}", "epochs"))]
    rows = []
    for k, cell in enumerate(stages[0]["cells"]):
        parts = [stage["cells"][k] for stage in stages]
        rows.append([cell["cell"], *(w for p in parts for w in (f"{p['weight']:.4f}", f"{p['epochs_after']:.2f}"))])
    spans = ", ".join(f"{one['number']}: {amount(one['start'])} to {amount(one['end'])}" for one in stages)
    weight = schedule["decay_weight"]
    if weight == 1:
        order = "the law sees totals, not order: every stage has the plan's recipe (--decay-weight says what the end counts)"
    else:
        order = (
            f"if a token of the last stage counts {weight:g} times, this order gains {schedule['gain']:.4f} nats over the "
            "same\n           recipe in every stage; the law itself sees no order"
        )
    return "\n".join(["", f"stages     tokens {spans}", f"           {order}", "", table(header, rows)])


def schedule_data(schedule: Mapping[str, Any], files: Sequence[str] = ()) -> dict[str, Any]:
    """Return a schedule as a file: for every stage where it begins and ends, its recipe, and the trainer's file of it."""
    stages = []
    for k, stage in enumerate(schedule["stages"]):
        weights = {cell["cell"]: cell["weight"] for cell in stage["cells"] if cell["weight"] > 0}
        one: dict[str, Any] = {"stage": stage["number"], "start_token": stage["start"], "end_token": stage["end"]}
        stages.append({**one, "weights": weights, **({"file": files[k]} if files else {})})
    return {"kind": "schedule", "schema_version": 1, "decay_weight": schedule["decay_weight"], "stages": stages}
