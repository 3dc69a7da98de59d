"""Requests from files: sampler parameters, a recipe or a plan, told apart by what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infolaw.errors import RecipeError

from ..plan import Plan
from ..plan_file import read_mapping
from ..recipe import Recipe
from ..sampling.params import SamplerParams
from .request import EDGES, Request

Part = tuple[dict[str, float], int]
"""Shares and tokens of a stage."""


def read_request(
    path: str | Path,
    *,
    tokens: float | None = None,
    max_epochs: int | None = None,
    buckets: Mapping[str, Any] | None = None,
    stage: int | None = None,
) -> Request:
    """Read what to sample by.

    Parameters
    ----------
    path : path
        Sampler parameters (YAML with ``domains``), a plan (``kind: plan``; its tokens hold unless `tokens` says
        otherwise) or a recipe (YAML with ``weights``, or CSV).
    tokens : float, optional
        Token budget [tokens].
    max_epochs : int, optional
        Most copies of a document.
    buckets : mapping, optional
        The corpus' bucket definition, by which a recipe's ``q0``, ``q1`` ... are meant.
    stage : int, optional
        Of a staged plan: this stage alone, 1 is the first; what the stages before it have drawn is not drawn again before
        all of its cell has been.

    Raises
    ------
    RecipeError
        If the file is none of these, it has no such stage, or a recipe weighs buckets and nobody says how they are cut.
    """
    definition = dict(buckets or {})
    stated = len(definition.get("labels") or ()) or None if definition.get("by") == "statement" else None
    edges = tuple(definition.get("edges", EDGES))
    whole = None if tokens is None else round(tokens)
    content = {} if Path(path).suffix.lower() == ".csv" else read_mapping(path)
    if stage is not None and (content.get("kind") != "plan" or tokens is not None):
        why = "only a plan has stages" if tokens is None else "a stage has tokens of its own"
        raise RecipeError(f"{path}: --stage {stage} says which part of a staged plan to draw, and {why}.")
    earlier: list[Part] = []
    if "domains" in content:
        return Request(SamplerParams.read(path), tokens=whole, max_epochs=max_epochs, edges=edges)
    if content.get("kind") == "plan":
        plan = Plan.read(path)
        weights, whole = dict(plan.weights), round(plan.tokens) if whole is None else whole
        if stage is not None:
            *earlier, (weights, whole) = plan.stages_until(stage)
    else:
        weights = dict(Recipe.read(path).weights)
    cut = [cell for cell in weights if _has_bucket(cell)]
    if cut and not definition:
        raise RecipeError(
            f"{path} weighs the bucket {cut[0]!r}, and only a corpus says how buckets are cut; give --corpus corpus.yaml."
        )
    if definition.get("by") == "statement" and stated is None:
        stated = 1 + max((int(cell.rpartition("q")[2]) for cell in cut), default=0)
    stated, before = stated if cut else None, None
    for shares, total in earlier:
        before = Request(weights=shares, tokens=total, edges=edges, stated_buckets=stated, before=before)
    return Request(None, weights, whole, max_epochs, edges, stated, before)


def _has_bucket(cell: str) -> bool:
    from ..cell import Cell

    return Cell(cell, 1.0).bucket is not None
