"""The command `search`: the best mixture for a corpus from proxies that were run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infolaw.cli import Column, Columns, Json, Quiet, Seed, Where, column_pairs, leave, show

from .corpus import CorpusFile, load_corpus

if TYPE_CHECKING:
    from ..swarm import Swarm

app = typer.Typer()


@app.command()
def search(
    corpus: CorpusFile,
    swarm: Annotated[list[Path], typer.Argument(help="Proxies: RegMix's or Olmix's tables, or one wide table.")],
    target: Annotated[list[str] | None, typer.Option(help="Loss or metric; repeat the option for several.")] = None,
    objective: Annotated[
        Path | None, typer.Option(help="YAML: weights by target, higher_is_better, kind (sum, worst), guard.")
    ] = None,
    tokens: Annotated[float | None, typer.Option(help="Tokens of the target run: caps on epochs hold there.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="The recipe in use today: YAML or CSV (cell, weight).")] = None,
    constraints: Annotated[
        Path | None, typer.Option(help="YAML: max_epochs, cell_max_epochs, min_share, max_share.")
    ] = None,
    max_epochs: Annotated[float | None, typer.Option(help="Most passes over any cell.")] = None,
    surrogate: Annotated[str, typer.Option(help="auto (by cross-validation), or the name of one.")] = "auto",
    method: Annotated[
        str | None,
        typer.Option(help="descent, regmix, regmix_paper or olmix; with --sampler evolution or quadmix."),
    ] = None,
    sampler: Annotated[
        bool, typer.Option("--sampler", help="Search QuaDMix sampler parameters: columns param:<domain>:<name>.")
    ] = False,
    next_proxies: Annotated[int, typer.Option("--next", help="Propose so many proxies to run next.")] = 0,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures of the answer.")] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="Take in spite of a mismatch of proxies and corpus: tokenizer or buckets.")
    ] = None,
    where: Where = None,
    column: Column = None,
    columns: Columns = None,
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help=".json: the whole answer; .yaml or .csv: the recipe.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Find the best mixture of a corpus from a swarm of proxies, with intervals, and how surely it beats today's."""
    from dataclasses import replace

    from infolaw.files import to_json, write_atomically

    from ..constraints import Constraints
    from ..objective_file import read_objective
    from ..recipe import Recipe
    from ..searching import search_swarm
    from ..swarm import read_swarm

    proxies = read_swarm(*swarm, columns=columns, column=column_pairs(column))
    proxies = proxies.select(where) if where else proxies
    if sampler:
        _search_sampler(corpus, proxies, target or [], method or "evolution", out, seed, as_json, quiet)
        return
    rules = Constraints.read(constraints) if constraints else Constraints()
    wishes = read_objective(objective) if objective else {}
    supply, notes = load_corpus(corpus), list[str]()
    if supply.bucket_definition is not None:
        from infolaw.observations import evidence_of

        from ..recut import fitting_corpus

        supply, notes = fitting_corpus(corpus, supply, evidence_of(proxies.runs))
    found = search_swarm(
        proxies,
        supply,
        target or (),
        tokens=tokens,
        constraints=replace(rules, max_epochs=rules.max_epochs if max_epochs is None else max_epochs),
        baseline=None if baseline is None else Recipe.read(baseline),
        surrogate=surrogate,
        method=method or "descent",
        n_next=next_proxies,
        accept=accept or (),
        notes=notes,
        seed=seed,
        **wishes,
    )
    if out is not None and out.suffix == ".json":
        write_atomically(out, to_json(found.to_dict()))
    elif out is not None:
        found.recommendation.recipe.write(out)
    if pictures is not None:
        from ..search_plots import save_all

        save_all(found, pictures)
    show(str(found), found.to_dict(), as_json=as_json, quiet=quiet)
    leave(found.recommendation.is_far)


def _search_sampler(
    corpus: Path, proxies: Swarm, target: list[str], method: str, out: Path | None, seed: int, as_json: bool, quiet: bool
) -> None:
    """Sampler parameters in place of a mixture."""
    from infolaw.errors import RecipeError
    from infolaw.files import to_json, write_atomically

    from ..build import read_profile
    from ..sampler_search import search_sampler

    if len(target) > 1:
        raise RecipeError(f"--sampler searches for one target and got {', '.join(target)}: name the one that counts.")
    if corpus.suffix.lower() not in {".yaml", ".yml"}:
        raise RecipeError(f"{corpus}: --sampler needs the documents' scores: build corpus.yaml of them (corpus build).")
    found = search_sampler(proxies, read_profile(corpus), *target, method=method, seed=seed)
    if out is not None and out.suffix == ".json":
        write_atomically(out, to_json(found.to_dict()))
    elif out is not None:
        found.params.write(out)
    show(str(found), found.to_dict(), as_json=as_json, quiet=quiet)
    leave(found.is_far)
