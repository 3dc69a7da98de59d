"""How a plan is carried out on documents: the copies of every cell, and the sampler parameters that come nearest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from infolaw.errors import RecipeError

from .build import read_profile
from .corpus import Corpus
from .plan import Plan
from .sampling.inversion import Box
from .sampling.nearest import nearest_params

WIDE = Box(cutoff=(0.0, 1.0), exponent=(0.0, 8.0), floor=(0.0, 100.0))
"""Ranges of the parameters: the form of eq. 3 beyond the ranges of Alg. 1, which give at most two copies of a tenth."""
MOST_NOTES = 3


def carried_out(plan: Plan, corpus: Corpus, path: str | Path) -> Plan:
    """Return the plan with what draws it from the documents of its corpus; as it is where that was built from a table.

    `copies` are what ``infolaw sample PLAN`` compiles to its table, exactly the plan's tokens by cell; the parameters are
    the nearest of eq. 3's form, criteria weighed alike.

    Parameters
    ----------
    plan : Plan
    corpus : Corpus
        In the plan's cells.
    path : str or Path
        Its file, with the profile beside it.
    """
    definition = corpus.bucket_definition or {}
    if corpus.documents is None or definition.get("by", "rank") != "rank":
        return plan
    try:
        profile = read_profile(path)
        if not len(profile.criteria):
            return plan
        edges = tuple(definition.get("edges", (0.0, 1.0)))
        found = nearest_params(profile, dict(plan.weights), plan.tokens, edges, box=WIDE)
    except RecipeError as error:
        return replace(plan, warnings=(*plan.warnings, f"no sampler parameters are in this plan: {error}"))
    rest = len(found.sentences) - MOST_NOTES
    notes = [*found.sentences[:MOST_NOTES], *([f"and {rest} cells more"] if rest > 0 else [])]
    sampler = {
        "documents": corpus.documents["fingerprint"],
        "edges": list(edges),
        "copies": {row.cell: row.trained / row.available for row in plan.ledger},
        "criteria": list(found.params.criteria),
        "domains": found.params.to_dict(),
        "distance": found.distance,
        "notes": notes,
    }
    return replace(plan, sampler=sampler)
