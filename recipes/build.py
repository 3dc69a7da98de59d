"""Build a corpus from documents: one streaming pass, its partials merged, cells cut by domain and quality bucket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolaw.errors import OutputError, RecipeError
from infolaw.files import write_atomically
from infolaw.progress import Tell

from .cell import Cell
from .corpus import Corpus
from .corpus_source import source_of
from .documents.profiling import Partial
from .passes.executors import open_executor
from .passes.folder import owned_folder
from .passes.profiling import profile_pass, refuse_absent_scores
from .sampling.buckets import bucket_sums, bucket_table, rank_edges
from .sampling.criteria import Criteria
from .sampling.merged import MergedHistogram, Merger
from .sampling.normalise import Normaliser
from .sampling.profile import Profile
from .sampling.sketch import SKETCH_SIZE

if TYPE_CHECKING:
    from .documents.collection import Documents
    from .documents.mapping import Columns

EDGES = (0.05, 0.2, 0.5)
"""Ranks between the default buckets: the best 5 %, the next 15 %, 30 % and 50 % of a domain's tokens."""


@dataclass(frozen=True)
class Build:
    """A corpus and the profile it was cut from.

    Attributes
    ----------
    corpus : Corpus
        Cells, and in ``documents`` what they were read from and what a reader must know.
    profile : Profile
        Histograms, counts and samples that every later draw starts from.
    """

    corpus: Corpus
    profile: Profile

    def write(self, path: str | Path) -> None:
        """Write ``corpus.yaml`` and, before it and beside it, ``<stem>.profile.npz``; each whole or not at all.

        Raises
        ------
        OutputError
            If the folder does not exist or cannot be written to.
        """
        write_atomically(profile_path(path), self.profile.to_bytes())
        self.corpus.write(path)


def parse_edges(text: str) -> tuple[float, ...]:
    """Ranks between buckets from ``0.05,0.2,0.5``.

    Raises
    ------
    RecipeError
        If they are no numbers that rise between 0 and 1.
    """
    try:
        edges = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise RecipeError(f"--buckets {text!r} is no list of ranks; write such as 0.05,0.2,0.5.") from None
    return rank_edges(edges)[1:-1]


def profile_path(corpus_path: str | Path) -> Path:
    """Where the profile of a corpus file lies."""
    return Path(corpus_path).with_suffix(".profile.npz")


def read_profile(corpus_path: str | Path) -> Profile:
    """Profile beside a corpus file.

    Raises
    ------
    RecipeError
        If the corpus was not built from documents, or the profile is missing or another one's.
    """
    known = Corpus.read(corpus_path).documents
    place = profile_path(corpus_path)
    if known is None:
        raise RecipeError(f"{corpus_path}: built from an inventory, so without a profile; build it from the documents.")
    try:
        profile = Profile.from_bytes(place.read_bytes())
    except OSError as error:
        raise RecipeError(f"{place}: the profile cannot be read ({error.strerror}); build the corpus again.") from None
    if profile.fingerprint != known["profile"]:
        raise RecipeError(f"{place}: not the profile that {corpus_path} was built with; build the corpus again.")
    return profile


def build_corpus(
    documents: Documents,
    *,
    edges: Sequence[float] = EDGES,
    criteria: Criteria | None = None,
    executor: str = "threads",
    workers: int | None = None,
    out: str | Path | None = None,
    tell: Tell | None = None,
) -> Build:
    """Read the metadata of all documents once and cut them into cells.

    Cells are domains; with scores, domain by bucket of quality rank (equal weights, rank normalisation unless `criteria`
    says otherwise; ties share a bucket); with a stated bucket, domain by that bucket.

    Parameters
    ----------
    documents : Documents
        From `recipes.documents.open_documents`.
    edges : sequence of float
        Ranks between buckets, rising between 0 and 1; unused without scores or with a stated bucket.
    criteria : Criteria, optional
        In place of ``documents.criteria``: another normalisation, another rule for missing scores.
    executor, workers
        See `recipes.passes.executors.open_executor`.
    out : str or Path, optional
        Where ``corpus.yaml`` and its profile go. Partials lie in ``.<stem>.partials`` beside it until it is written, so
        that the same call takes up a stopped pass; without `out` in a temporary folder, which other machines do not see.
    tell : callable, optional
        Told the documents done and to do.

    Raises
    ------
    RecipeError
        If there is no document, a score is missing in all of them, or a value breaks a rule.
    """
    criteria = documents.criteria if criteria is None else criteria
    inner = rank_edges(edges)
    with ExitStack() as stack:
        place = stack.enter_context(_partials(out))
        pool = stack.enter_context(open_executor(executor, workers))
        whole = profile_pass(documents, criteria, pool, place, tell)
        built = _cut(documents, whole, inner)
        if out is not None:
            built.write(out)
    return built


@contextmanager
def _partials(out: str | Path | None) -> Iterator[Path]:
    """Folder of partials, owned by this run: removed once the body has ended well, kept where it was stopped."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="infolaw-") as temporary:
            yield Path(temporary)
        return
    if not Path(out).parent.is_dir():
        raise OutputError(f"cannot write {out}: its folder does not exist. Choose a path in a folder that exists.")
    folder = Path(out).with_name(f".{Path(out).stem}.partials")
    with owned_folder(folder) as state:
        yield state
    shutil.rmtree(folder)


def _cut(documents: Documents, whole: Partial, inner: Sequence[float]) -> Build:
    """Cells of a profile."""
    criteria, profile = whole.profile.criteria, whole.profile
    _check(documents, profile)
    if documents.columns.bucket is not None:
        tokens, counts, definition = profile.bucket_tokens, profile.bucket_documents, _stated(documents.columns)
    elif len(criteria):
        tokens, counts, definition = by_rank(profile, inner)
    else:
        tokens, counts, definition = profile.tokens[:, None], profile.documents[:, None], None
    cells, notes = _cells(whole, tokens, counts, definition)
    source = source_of(documents, profile, notes)
    return Build(Corpus(cells, documents.columns.tokenizer, definition, source), profile)


def _check(documents: Documents, profile: Profile) -> None:
    total = int(profile.documents.sum())
    if not total or not profile.tokens.sum():
        raise RecipeError(f"{documents.root}: {documents.n_files} files, {total} documents and no token, so no corpus.")
    refuse_absent_scores(documents, profile)


def _stated(columns: Columns) -> dict[str, Any]:
    return {"by": "statement", "source": columns.bucket, "labels": list(columns.bucket_labels), "counts": "exact"}


def by_rank(profile: Profile, edges: Sequence[float]) -> tuple[Any, Any, dict[str, Any]]:
    """Return tokens and documents by domain and bucket, ``(n_domains, n_buckets)``, and the definition of the buckets."""
    merged = MergedHistogram.estimate(profile, Merger.of(Normaliser.from_profile(profile)))
    table, n_buckets = bucket_table(merged, edges), len(edges) - 1
    sums = (bucket_sums(counts, table, n_buckets) for counts in (merged.tokens, merged.documents))
    is_exact = bool((profile.documents <= SKETCH_SIZE).all())
    definition = {
        "by": "rank",
        "criteria": [f"{n}:{d}" for n, d in zip(profile.criteria.names, profile.criteria.directions, strict=True)],
        "weights": "equal",
        "normalisation": profile.criteria.normalisation,
        "missing": profile.criteria.missing,
        "edges": list(edges),
        "counts": "exact" if is_exact else f"estimated from {SKETCH_SIZE} documents a domain",
    }
    tokens, documents = sums
    return tokens, documents, definition


def _cells(
    whole: Partial, tokens: Any, documents: Any, definition: Mapping[str, Any] | None
) -> tuple[tuple[Cell, ...], list[str]]:
    """Cells that hold tokens, with the files that make up a cell wholly; and what is said of those that hold none."""
    files: dict[tuple[str, int], list[tuple[str, float]]] = {}
    for place, count in sorted(whole.files.items()):
        if count.cell is not None and count.tokens and (definition is None or definition["by"] == "statement"):
            files.setdefault(count.cell, []).append((place, float(count.tokens)))
    cells, empty = [], []
    for row, domain in enumerate(whole.profile.domains):
        for bucket in range(tokens.shape[1]):
            name = domain if definition is None else f"{domain}/q{bucket}"
            held, counted = float(tokens[row, bucket]), round(float(documents[row, bucket]))
            if held <= 0:
                empty.append(name)
                continue
            own = files.get((domain, -1 if definition is None else bucket), [])
            if sum(count for _, count in own) != held:
                own = []
            cells.append(Cell(name, held, counted or None, tuple(p for p, _ in own), tuple(t for _, t in own)))
    said = [f"no cell for {', '.join(empty[:5])}{' ...' * (len(empty) > 5)}: no tokens there"] if empty else []
    return tuple(cells), said
