"""Plans and their stages in a trainer's format: one text a stage, and the schedule that says when each holds."""

from __future__ import annotations

from pathlib import Path

from infolaw.files import write_atomically

from ..corpus import Corpus
from ..plan import Plan
from ..recipe import Recipe
from ..schedule_text import schedule_data
from . import export


def export_plan(plan: Plan, corpus: Corpus, to: str, stage: int | None = None, *, seed: int = 0) -> str:
    """Text of a plan, or of one of its stages, in a trainer's format.

    Raises
    ------
    RecipeError
        If the plan has no such stage, or the format cannot hold it.
    """
    weights, tokens = plan.weights, plan.tokens
    if stage is not None:
        weights, tokens = plan.stages_until(stage)[-1]
    return export(Recipe(weights).array(corpus.names), corpus, tokens, to, seed=seed)


def export_stages(plan: Plan, corpus: Corpus, to: str, out: Path | None, *, seed: int = 0) -> str:
    """Write one file a stage beside `out` and the schedule to ``<stem>.schedule.yaml``; without `out` only return them all.

    Every stage is made before any file is written.

    Returns
    -------
    str
        The schedule, and without `out` every stage's text below it.
    """
    import yaml

    schedule = plan.schedule or {"stages": []}
    texts = [export_plan(plan, corpus, to, k, seed=seed + k - 1) for k in range(1, len(schedule["stages"]) + 1)]
    files = [] if out is None else [out.with_name(f"{out.stem}.stage{k}{out.suffix}") for k in range(1, len(texts) + 1)]
    data = yaml.safe_dump(schedule_data(schedule, [file.name for file in files]), sort_keys=False, allow_unicode=True)
    if out is None:
        return data + "".join(f"\n# stage {k}\n{text}" for k, text in enumerate(texts, start=1))
    for file, text in zip(files, texts, strict=True):
        write_atomically(file, text)
    write_atomically(out.with_name(f"{out.stem}.schedule.yaml"), data)
    return data
