"""From files to a predictor: a fit alone, or with proxies beside its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from infolaw.errors import RecipeError
from infolaw.predictor import Predictor
from infolaw.progress import Tell
from infolaw.weighted import WeightedFit, read_predictor

from ..corpus import Corpus
from ..swarm import read_swarm
from ..targets import Wishes, reweighed
from .fit import fit_joint


def predictor_of(
    fit: str | Path,
    proxies: Sequence[str | Path] | None,
    corpus: Corpus,
    group: str | None = None,
    seed: int = 0,
    progress: Tell | None = None,
    wishes: Wishes | None = None,
) -> Predictor:
    """Read a fit, weigh its targets as is wished, and join it with proxies where there are any, target by target.

    Raises
    ------
    InfolawError
        If a file is not what it should be, or the proxies lack a target of the fit; one sentence.
    """
    found = read_predictor(fit)
    found = found if wishes is None else reweighed(found, wishes)
    if not proxies:
        return found
    table = read_swarm(*proxies).runs
    groups = found.schema.groups
    if group is not None and group not in groups:
        raise RecipeError(f"group {group!r} is none of the fitted groups: {', '.join(groups)}.")
    index = 0 if group is None else groups.index(group)
    options: Any = {"group": index, "seed": seed, "progress": progress}
    if not isinstance(found, WeightedFit):
        return fit_joint(found.observations, table, corpus, **options)
    parts: Any = tuple(fit_joint(part.observations, table, corpus, **options) for part in found.parts)
    return replace(found, parts=parts)
