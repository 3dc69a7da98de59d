"""Commands that make sampler parameters: params."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infolaw.cli import Json, Quiet, Seed, show
from infolaw.errors import RecipeError

from ..corpus import Corpus

app = typer.Typer()


@app.command()
def params(
    corpus: Annotated[Path, typer.Argument(help="corpus.yaml, built from documents.")],
    out: Annotated[Path, typer.Option(help="Where the parameters go: YAML, as `sample` takes them.")],
    like: Annotated[Path | None, typer.Option(help="Recipe, or plan, whose draw they are to come nearest to.")] = None,
    tokens: Annotated[
        float | None, typer.Option(help="With --like: tokens of the sample, every copy counted; a plan has them.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="With --like: most passes over a cell.")] = None,
    wide: Annotated[bool, typer.Option("--wide", help="With --like: beyond the ranges of Alg. 1, as in plans.")] = False,
    steepness: Annotated[str, typer.Option(help="Without --like: how Alg. 1 draws it, log or linear.")] = "log",
    as_json: Json = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Draw QuaDMix parameters by Alg. 1, or find those nearest to a recipe and say how near they come."""
    import numpy as np

    from ..build import read_profile
    from ..carried import WIDE
    from ..sampling.inversion_text import inversion_content, inversion_text
    from ..sampling.nearest import nearest_params
    from ..sampling.params import SamplerParams

    profile, definition = read_profile(corpus), Corpus.read(corpus).bucket_definition or {}
    if like is None:
        if tokens is not None or epochs is not None:
            raise RecipeError("--tokens and --epochs say how near to come to a recipe; give it by --like.")
        drawn = SamplerParams.draw(np.random.default_rng(seed), profile.domains, profile.criteria.names, steepness)
        drawn.write(out)
        said = f"parameters of {len(drawn.domains)} domains, drawn by Alg. 1 with seed {seed}, in {out}"
        show(said, {"params": drawn.to_dict()}, as_json=as_json, quiet=quiet)
        return
    weights, tokens = _wanted(like, tokens)
    if tokens is None:
        raise RecipeError("A recipe says shares, not how much; give --tokens.")
    if definition.get("by") == "statement":
        raise RecipeError(f"{corpus}: its buckets are stated by the documents; parameters know no buckets but of ranks.")
    edges = tuple(definition.get("edges", (0.0, 1.0)))
    found = nearest_params(profile, weights, tokens, edges, epochs, WIDE if wide else None)
    found.params.write(out)
    show(inversion_text(found, out), inversion_content(found), as_json=as_json, quiet=quiet)


def _wanted(like: Path, tokens: float | None) -> tuple[dict[str, float], float | None]:
    """Shares and tokens of a recipe's or plan's file."""
    from ..plan import Plan
    from ..plan_file import read_mapping
    from ..recipe import Recipe

    if like.suffix.lower() != ".csv" and read_mapping(like).get("kind") == "plan":
        plan = Plan.read(like)
        return dict(plan.weights), tokens or plan.tokens
    return dict(Recipe.read(like).weights), tokens
