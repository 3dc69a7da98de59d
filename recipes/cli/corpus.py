"""Commands of a corpus: corpus build, corpus show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from infolaw.cli import Json, Out, Quiet, Seed, show
from infolaw.errors import RecipeError
from infolaw.progress import Tell, rate_on_stderr

from ..corpus import Corpus

app = typer.Typer(no_args_is_help=True, help="Build or show a corpus: cells with their distinct tokens.")

CorpusFile = Annotated[
    Path, typer.Argument(help="corpus.yaml, or an inventory CSV (domain, bucket, tokens, documents, path).")
]


def load_corpus(path: Path) -> Corpus:
    """Read a corpus file or an inventory table."""
    return Corpus.from_inventory(path) if path.suffix.lower() == ".csv" else Corpus.read(path)


@app.command("build")
def corpus_build(
    paths: Annotated[
        list[str],
        typer.Argument(help="Documents: files, folders, globs, URLs; or one inventory CSV (domain, bucket, tokens ...)."),
    ],
    mapping: Annotated[
        str | None, typer.Option(help="Layout by name (fineweb, fineweb_edu, dclm, nemotron_cc, dolma ...) or a YAML file.")
    ] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of ids; none: by file and row.")] = None,
    domain: Annotated[str | None, typer.Option(help="Column, path:REGEX (its group) or value:NAME.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Column of token counts.")] = None,
    tokens_per_byte: Annotated[float | None, typer.Option(help="Instead of counts: tokens per byte of text.")] = None,
    score: Annotated[
        list[str] | None, typer.Option(help="[NAME=]COLUMN:higher or :lower (which is better); nested by dots.")
    ] = None,
    bucket: Annotated[str | None, typer.Option(help="Column or path:REGEX of a stated quality bucket (0 = best).")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    missing_domain: Annotated[str | None, typer.Option(help="Domain of documents that have none.")] = None,
    missing: Annotated[str, typer.Option(help="A missing score counts as the worst, or: refuse.")] = "worst",
    normalisation: Annotated[str, typer.Option(help="How scores are made alike: rank, zscore, minmax.")] = "rank",
    buckets: Annotated[str | None, typer.Option(help="Ranks between quality buckets: 0.05,0.2,0.5.")] = None,
    tokenizer: Annotated[str | None, typer.Option(help="What the tokens were counted with.")] = None,
    workers: Annotated[int | None, typer.Option(help="Threads or processes.")] = None,
    executor: Annotated[str, typer.Option(help="threads, processes, dask or dask=ADDRESS.")] = "threads",
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option(help="Where corpus.yaml goes; its profile goes beside it.")] = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Build a corpus: in one pass over documents' metadata, or from an inventory table."""
    from ..corpus_text import corpus_data, corpus_text

    columns = {
        "id": id_column,
        "domain": domain,
        "tokens": tokens,
        "tokens_per_byte": tokens_per_byte,
        "scores": score,
        "bucket": bucket,
        "text": text,
        "missing_domain": missing_domain,
    }
    if len(paths) == 1 and paths[0].lower().endswith(".csv"):
        _no_options({**columns, "mapping": mapping, "buckets": buckets})
        corpus = Corpus.from_inventory(paths[0], tokenizer)
        if out is not None:
            corpus.write(out)
    else:
        options = {**columns, "scores": score or (), "tokenizer": tokenizer, "mapping": mapping}
        tell = rate_on_stderr(quiet or as_json)
        corpus = _from_documents(paths, options, (normalisation, missing), buckets, executor, workers, out, tell)
    show(corpus_text(corpus), corpus_data(corpus), as_json=as_json, quiet=quiet)


def _from_documents(
    paths: list[str],
    options: dict[str, Any],
    rules: tuple[str, str],
    buckets: str | None,
    executor: str,
    workers: int | None,
    out: Path | None,
    open_line: Callable[[str], Tell] | None,
) -> Corpus:
    from dataclasses import replace

    from ..build import EDGES, build_corpus, parse_edges
    from ..documents import open_documents

    documents = open_documents(*paths, **options)
    built = build_corpus(
        documents,
        edges=EDGES if buckets is None else parse_edges(buckets),
        criteria=replace(documents.criteria, normalisation=rules[0], missing=rules[1]),
        executor=executor,
        workers=workers,
        out=out,
        tell=None if open_line is None else open_line("reading documents"),
    )
    return built.corpus


def _no_options(given: dict[str, Any]) -> None:
    """Refuse options of documents beside an inventory."""
    for name, value in given.items():
        if value:
            option = {"scores": "score"}.get(name, name).replace("_", "-")
            raise RecipeError(f"--{option} is for documents; an inventory says all itself: leave it out.")


@app.command("show")
def corpus_show(corpus: CorpusFile, as_json: Json = False, quiet: Quiet = False, seed: Seed = 0, out: Out = None) -> None:
    """Show the cells of a corpus."""
    from ..corpus_text import corpus_data, corpus_text

    found = load_corpus(corpus)
    show(corpus_text(found), corpus_data(found), as_json=as_json, quiet=quiet, out=out)


@app.command("recut")
def corpus_recut(
    corpus: Annotated[Path, typer.Argument(help="corpus.yaml, built from documents, with its profile beside it.")],
    out: Annotated[Path, typer.Option(help="Where the new corpus.yaml goes; the profile goes beside it.")],
    buckets: Annotated[str | None, typer.Option(help="Ranks between quality buckets: 0.05,0.2,0.5.")] = None,
    like: Annotated[Path | None, typer.Option(help="A fit whose runs remember their buckets.")] = None,
    as_json: Json = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Cut the buckets of a corpus elsewhere, without reading a document."""
    from ..build import parse_edges
    from ..corpus_text import corpus_data, corpus_text
    from ..recut import edges_of, recut_corpus

    if (buckets is None) == (like is None):
        raise RecipeError("say where to cut: --buckets 0.05,0.2,0.5 or --like FIT, one of the two.")
    found = recut_corpus(corpus, parse_edges(buckets) if buckets is not None else edges_of(like))
    found.write(out)
    show(corpus_text(found.corpus), corpus_data(found.corpus), as_json=as_json, quiet=quiet)
