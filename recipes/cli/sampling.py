"""Commands that draw documents: sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from infolaw.cli import Json, Quiet, Seed, show
from infolaw.errors import RecipeError
from infolaw.progress import rate_on_stderr

from ..corpus import Corpus

app = typer.Typer()


@app.command()
def sample(
    recipe: Annotated[Path, typer.Argument(help="Sampler parameters, a plan, or a recipe: YAML, JSON or CSV.")],
    paths: Annotated[list[str], typer.Argument(help="Documents: files, folders, globs, URLs.")],
    out: Annotated[Path, typer.Option(help="Folder of the sample; a stopped run is carried on with there.")],
    corpus: Annotated[Path | None, typer.Option(help="Their corpus.yaml: saves a pass, defines buckets.")] = None,
    documents: Annotated[str | None, typer.Option(help="Write the documents themselves: parquet or jsonl.zst.")] = None,
    manifest: Annotated[bool, typer.Option("--manifest", help="Write (id, count) rows; the default.")] = False,
    positional: Annotated[bool, typer.Option("--positional", help="Write a count a row of every file: smaller.")] = False,
    tokens: Annotated[float | None, typer.Option(help="Tokens of the sample, every copy counted; met exactly.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most copies of a document; more are refused.")] = None,
    stage: Annotated[int | None, typer.Option(help="Of a staged plan: this stage alone; the same --seed for each.")] = None,
    shard_tokens: Annotated[float, typer.Option(help="Largest shard of written documents, in tokens.")] = 2e8,
    exact: Annotated[bool, typer.Option("--exact", help="Rank by sorting all documents; for small corpora.")] = False,
    check_duplicates: Annotated[bool, typer.Option("--check-duplicates", help="Refuse ids that stand twice.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, how large.")] = False,
    workers: Annotated[int | None, typer.Option(help="Threads or processes.")] = None,
    executor: Annotated[str, typer.Option(help="threads, processes, dask or dask=ADDRESS.")] = "threads",
    mapping: Annotated[str | None, typer.Option(help="Layout by name (fineweb, dclm, dolma ...) or a YAML file.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of ids; none: by file and row.")] = None,
    domain: Annotated[str | None, typer.Option(help="Column, path:REGEX (its group) or value:NAME.")] = None,
    tokens_column: Annotated[str | None, typer.Option(help="Column of token counts.")] = None,
    tokens_per_byte: Annotated[float | None, typer.Option(help="Instead of counts: tokens per byte of text.")] = None,
    score: Annotated[list[str] | None, typer.Option(help="[NAME=]COLUMN:higher or :lower (which is better).")] = None,
    bucket: Annotated[str | None, typer.Option(help="Column or path:REGEX of a stated quality bucket (0 = best).")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    missing_domain: Annotated[str | None, typer.Option(help="Domain of documents that have none.")] = None,
    as_json: Json = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Draw documents by parameters, a recipe or a plan: a manifest, or the documents; planned against realised."""
    from ..build import read_profile
    from ..corpus_source import columns_of
    from ..documents import open_documents
    from ..passes.draw import sample_corpus
    from ..passes.reading import read_request
    from ..passes.sample import sample_text

    known = None if corpus is None else Corpus.read(corpus)
    given: dict[str, Any] = {
        "id": id_column,
        "domain": domain,
        "tokens": tokens_column,
        "tokens_per_byte": tokens_per_byte,
        "scores": score or (),
        "bucket": bucket,
        "text": text,
        "missing_domain": missing_domain,
    }
    columns = columns_of(known) if known is not None and mapping is None else None
    found = open_documents(*paths, mapping=mapping, columns=columns, **given)
    definition = None if known is None else known.bucket_definition
    drawn = sample_corpus(
        read_request(recipe, tokens=tokens, max_epochs=epochs, buckets=definition, stage=stage),
        found,
        out,
        kind=_kind(documents, manifest, positional),
        seed=seed,
        profile=None if corpus is None else read_profile(corpus),
        workers=workers,
        executor=executor,
        shard_tokens=round(shard_tokens),
        exact=exact,
        check_duplicates=check_duplicates,
        dry_run=dry_run,
        progress=rate_on_stderr(quiet or as_json),
    )
    show(sample_text(drawn), drawn.to_dict(), as_json=as_json, quiet=quiet)


def _kind(documents: str | None, manifest: bool, positional: bool) -> str:
    """What to write, from the three options of which one may be given."""
    wanted = [kind for kind, given in ((documents, documents), ("manifest", manifest), ("positional", positional)) if given]
    if len(wanted) > 1:
        raise RecipeError("--documents, --manifest and --positional exclude each other; give one of them.")
    return str(wanted[0]) if wanted else "manifest"
