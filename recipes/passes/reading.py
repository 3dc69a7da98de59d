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


def read_request(
    path: str | Path,
    *,
    tokens: float | None = None,
    max_epochs: int | None = None,
    buckets: Mapping[str, Any] | None = None,
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

    Raises
    ------
    RecipeError
        If the file is none of these, or a recipe weighs buckets and nobody says how they are cut.
    """
    definition = dict(buckets or {})
    stated = len(definition.get("labels") or ()) or None if definition.get("by") == "statement" else None
    edges = tuple(definition.get("edges", EDGES))
    whole = None if tokens is None else round(tokens)
    content = {} if Path(path).suffix.lower() == ".csv" else read_mapping(path)
    if "domains" in content:
        return Request(SamplerParams.read(path), tokens=whole, max_epochs=max_epochs, edges=edges)
    if content.get("kind") == "plan":
        plan = Plan.read(path)
        weights, whole = dict(plan.weights), round(plan.tokens) if whole is None else whole
    else:
        weights = dict(Recipe.read(path).weights)
    cut = [cell for cell in weights if _has_bucket(cell)]
    if cut and not definition:
        raise RecipeError(
            f"{path} weighs the bucket {cut[0]!r}, and only a corpus says how buckets are cut; give --corpus corpus.yaml."
        )
    if definition.get("by") == "statement" and stated is None:
        stated = 1 + max((int(cell.rpartition("q")[2]) for cell in cut), default=0)
    return Request(weights=weights, tokens=whole, max_epochs=max_epochs, edges=edges, stated_buckets=stated if cut else None)


def _has_bucket(cell: str) -> bool:
    from ..cell import Cell

    return Cell(cell, 1.0).bucket is not None
