"""`sample_corpus`: the passes over a corpus, one after the other, each resumable, and the sample they make.

1. Profile (given, or made), 2. domain and merged bin of every document and their histogram, from which the copy table
follows, 3. counts. A token budget needs one more look at the counts; documents are written last.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolaw.errors import OutputError, RecipeError
from infolaw.progress import Tell

from .duplicates import refuse_duplicates
from .executors import open_executor
from .folder import owned_folder, read_result, write_result
from .materialise import SHARD_TOKENS
from .request import Request
from .run import Run
from .sample import KINDS, Sample
from .tasks import fingerprint_of

if TYPE_CHECKING:
    from ..documents.collection import Documents
    from ..sampling.profile import Profile

RESULT = "sample.json"


def sample_corpus(
    request: Request,
    documents: Documents,
    out: str | Path,
    *,
    kind: str = "manifest",
    seed: int = 0,
    profile: Profile | None = None,
    workers: int | None = None,
    executor: str = "threads",
    shard_tokens: int = SHARD_TOKENS,
    exact: bool = False,
    check_duplicates: bool = False,
    dry_run: bool = False,
    progress: Callable[[str], Tell] | None = None,
) -> Sample:
    """Draw documents and write which, or write them.

    A document's copies depend on nothing but the seed, its id, domain and scores, and the table; the table on nothing
    but the set of documents. So shards, their order, executors and restarts do not matter.

    Parameters
    ----------
    request : Request
        What is wanted: sampler parameters or a recipe, and the token budget.
    documents : Documents
        From `recipes.documents.open_documents`.
    out : path
        Folder, made if needed; a folder of a run that was stopped is carried on with.
    kind : str
        ``manifest``, ``positional``, ``parquet`` or ``jsonl.zst``.
    seed : int
        Of the draw, and of the order of written documents.
    profile : Profile, optional
        Of these documents, from `corpus build`; without it a first pass makes one.
    workers, executor
        See `recipes.passes.executors.open_executor`.
    shard_tokens : int
        Largest shard of documents [tokens].
    exact : bool
        Ranks by sorting all documents in memory, for small corpora, in place of 16,384 bins a domain.
    check_duplicates : bool
        Look for ids that stand twice, and refuse them: one more pass.
    dry_run : bool
        Say what would be written, write nothing.
    progress : callable, optional
        Opens a line of progress, see `infolaw.progress.rate_on_stderr`.

    Returns
    -------
    Sample
        Planned against realised, and where it is.

    Raises
    ------
    RecipeError
        If the documents cannot be read or do not fit the request.
    OutputError
        If `out` cannot be written, is in use, or holds another sample.
    """
    if kind not in KINDS or shard_tokens < 1:
        raise RecipeError(f"{kind} with shards of {shard_tokens} tokens cannot be written; choose among {', '.join(KINDS)}.")
    given = None if profile is None else profile.fingerprint
    options = (kind, seed % 2**64, shard_tokens if kind in KINDS[2:] else None, given, exact)
    identity = fingerprint_of(1, documents.fingerprint, repr(documents.columns), request.fingerprint, *options)
    run_in = partial(Run, documents, request, profile, kind, seed % 2**64, identity, Path(out), progress)
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="infolaw-") as folder, open_executor(executor, workers) as place:
            return run_in(Path(folder), place, exact).planned()
    with owned_folder(Path(out)) as state:
        done = read_result(Path(out) / RESULT)
        if done is not None:
            return _finished(Path(out), done, identity)
        with open_executor(executor, workers) as place:
            run = run_in(state, place, exact)
            if check_duplicates:
                refuse_duplicates(documents, run.groups, state, place, run.tell("looking for ids that stand twice"))
            sample = run.drawn(shard_tokens)
        write_result(Path(out) / RESULT, sample.to_dict())
        run.clear()
    return sample


def _finished(out: Path, content: dict[str, Any], identity: str) -> Sample:
    if content["provenance"]["identity"] != identity:
        raise OutputError(
            f"{out} holds another sample (of other documents, recipe, seed or options). Choose another --out, or remove it."
        )
    return Sample.from_dict(out, content)
