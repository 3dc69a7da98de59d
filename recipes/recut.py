"""Cut a corpus anew at other ranks, from the profile beside it: buckets of runs made with other edges become its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from infolaw.errors import RecipeError
from infolaw.weighted import read_predictor

from .build import Build, by_rank, read_profile
from .cell import Cell
from .corpus import Corpus
from .provenance import Evidence, definitions, differing, evidence_behind
from .sampling.buckets import rank_edges


def recut_corpus(path: str | Path, edges: Sequence[float]) -> Build:
    """Cut the corpus of a file at `edges`, without reading a document.

    Parameters
    ----------
    path : str or Path
        ``corpus.yaml``, built from documents with scores; its profile lies beside it.
    edges : sequence of float
        Ranks between buckets, rising between 0 and 1.

    Returns
    -------
    Build
        The new corpus, and the profile it shares with the old one.

    Raises
    ------
    RecipeError
        If the corpus has no profile, or its buckets are not cut by rank.
    """
    corpus, profile = Corpus.read(path), read_profile(path)
    if (corpus.bucket_definition or {}).get("by") != "rank":
        raise RecipeError(f"{path}: its buckets are not cut by the rank of a score, so they cannot be cut elsewhere.")
    tokens, documents, definition = by_rank(profile, rank_edges(edges))
    cells = [
        Cell(f"{domain}/q{k}", float(tokens[row, k]), round(float(documents[row, k])) or None)
        for row, domain in enumerate(profile.domains)
        for k in range(tokens.shape[1])
        if tokens[row, k] > 0
    ]
    return Build(replace(corpus, cells=tuple(cells), bucket_definition=definition), profile)


def fitting_corpus(path: Path, corpus: Corpus, evidence: Evidence) -> tuple[Corpus, list[str]]:
    """Return the corpus with the buckets of some runs, where only the edges differ and its profile is there to cut by.

    Returns
    -------
    corpus : Corpus
        As given where nothing is to be done or nothing can be done; the comparison of evidence then says what is wrong.
    notes : list of str
        What was done.
    """
    wanted = [said for said in definitions(evidence) if differing(said, corpus.bucket_definition) == ["edges"]]
    if len(wanted) != 1 or wanted[0].get("by") != "rank":
        return corpus, []
    inner = wanted[0]["edges"][1:-1]
    try:
        found = recut_corpus(path, inner).corpus
    except RecipeError:
        return corpus, []
    edges = ",".join(f"{edge:g}" for edge in inner)
    return found, [
        f"the buckets of the corpus were cut anew where the runs' were (ranks {edges}), from the sample beside it; to draw "
        f"this plan: infolaw corpus recut {path.name} --buckets {edges} --out NEW.yaml."
    ]


def edges_of(fit: Path | None) -> tuple[float, ...]:
    """Ranks between the buckets of a fit's runs.

    Raises
    ------
    RecipeError
        If they remember none, or several.
    """
    found = [] if fit is None else definitions(evidence_behind(read_predictor(fit)))
    edges = {tuple(said["edges"][1:-1]) for said in found if said.get("by") == "rank"}
    if len(edges) != 1:
        raise RecipeError(f"{fit}: its runs remember {len(edges)} ways to cut buckets by rank; give --buckets.")
    return edges.pop()
