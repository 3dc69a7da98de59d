"""Whether runs and corpus speak of the same things: tokenizer, unit of the loss, buckets, cells.

Runs remember what they were made from in the columns of `infolaw.run_columns.EVIDENCE`; a fit keeps the values. What does
not fit is refused with its reason, or accepted by name and then said in the plan.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from infolaw.cells import bucket_of
from infolaw.errors import RecipeError
from infolaw.predictor import Predictor
from infolaw.run_columns import listed

from .corpus import Corpus
from .mismatch import observations_of

ACCEPTABLE = ("tokenizer", "loss-unit", "buckets", "cells")
"""What a user may accept in spite of a mismatch."""
NATS = ("nats", "nats/token", "nats per token")
Evidence = Mapping[str, tuple[str, ...]]


def evidence_in(corpus: Corpus) -> dict[str, str]:
    """Return what runs that draw from a corpus should remember, by column."""
    said = {"corpus_fingerprint": corpus.fingerprint}
    if corpus.tokenizer is not None:
        said["tokenizer"] = corpus.tokenizer
    if corpus.bucket_definition is not None:
        said["bucket_definition"] = json.dumps(dict(corpus.bucket_definition), sort_keys=True)
    return said


def evidence_behind(predictor: Predictor) -> Evidence:
    """Return what the runs of a predictor remember; nothing where it keeps no runs."""
    seen = observations_of(predictor)
    return {} if seen is None else seen.evidence


def settle(predictor: Predictor, corpus: Corpus, accept: Collection[str] = ()) -> list[str]:
    """Compare what a predictor's runs were made from with a corpus.

    Parameters
    ----------
    predictor : Predictor
    corpus : Corpus
    accept : collection of str
        Names in `ACCEPTABLE` of what is taken in spite of a mismatch.

    Returns
    -------
    list of str
        Sentences for the plan.

    Raises
    ------
    RecipeError
        On a mismatch that was not accepted, with the reason and the way on.
    """
    evidence, cells = evidence_behind(predictor), predictor.schema.cells
    further = [("loss-unit", _unit(predictor.schema.target, evidence)), ("cells", _cells(corpus, cells))]
    return settle_evidence(evidence, cells, corpus, accept, further)


def settle_evidence(
    evidence: Evidence,
    cells: Sequence[str],
    corpus: Corpus,
    accept: Collection[str] = (),
    further: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Compare what runs over `cells` remember with a corpus; `further` are mismatches found elsewhere, by name.

    Raises
    ------
    RecipeError
        As in `settle`.
    """
    unknown = [name for name in accept if name not in ACCEPTABLE]
    if unknown:
        raise RecipeError(f"--accept {unknown[0]} is none of {', '.join(ACCEPTABLE)}.")
    found = [*further, ("tokenizer", _tokenizer(evidence, corpus)), ("buckets", _buckets(evidence, corpus, cells))]
    for name, problem in found:
        if problem and name not in accept:
            raise RecipeError(f"{problem} To go on all the same: --accept {name}.")
    notes = [f"accepted ({name}): {problem}" for name, problem in found if problem]
    return [*notes, *_mixed(evidence, corpus), *_changed(evidence, corpus, cells)]


def loss_unit(target: str) -> str:
    """Unit of a fit's target by its name; a column that is no loss has a unit of its own.

    Examples
    --------
    >>> loss_unit("loss:code"), loss_unit("bpb(loss, 4.3)"), loss_unit("1 - acc")
    ('nats/token', 'bits per byte', "the unit of '1 - acc'")
    """
    units = {_term_unit(term) for term in target.split(" + ")}
    return units.pop() if len(units) == 1 else f"the unit of {target!r}"


def _term_unit(term: str) -> str:
    weight, _, rest = term.partition(" ")
    name = rest if rest and weight.replace(".", "", 1).replace("e-", "", 1).isdigit() and not rest.startswith("-") else term
    if name == "loss" or name.startswith("loss:"):
        return "nats/token"
    return "bits per byte" if name.startswith("bpb(") else f"the unit of {name!r}"


def _unit(target: str, evidence: Evidence) -> str:
    said = [unit for unit in evidence.get("loss_unit", ()) if unit.lower() not in NATS]
    unit = said[0] if said else loss_unit(target)
    if unit in NATS:
        return ""
    return f"the fit is of {unit}, and a plan speaks of nats per token: its losses and differences would be {unit}."


def _tokenizer(evidence: Evidence, corpus: Corpus) -> str:
    used = evidence.get("tokenizer", ())
    if corpus.tokenizer is None or not used or corpus.tokenizer in used:
        return ""
    return (
        f"the runs counted tokens with {', '.join(used)}, the corpus with {corpus.tokenizer}: tokens, losses and epochs are "
        "not those of the runs; count the corpus with the runs' tokenizer."
    )


def _mixed(evidence: Evidence, corpus: Corpus) -> list[str]:
    used = evidence.get("tokenizer", ())
    others = [name for name in used if name != corpus.tokenizer]
    if corpus.tokenizer is None or corpus.tokenizer not in used or not others:
        return []
    return [f"some runs counted tokens with {', '.join(others)}, the corpus with {corpus.tokenizer}: losses are not alike."]


def _buckets(evidence: Evidence, corpus: Corpus, cells: Sequence[str]) -> str:
    if all(bucket_of(cell) is None for cell in cells):
        return ""
    for said in definitions(evidence):
        differs = differing(said, corpus.bucket_definition)
        if differs:
            way = "re-cut the corpus by `infolaw corpus recut CORPUS --like FIT --out NEW.yaml`, which needs its profile"
            if differs != ["edges"]:
                way = "build the corpus with the runs' buckets, or fit runs made with the corpus'"
            return f"the buckets of the runs are not those of the corpus (they differ in {', '.join(differs)}): {way}."
    return ""


def _changed(evidence: Evidence, corpus: Corpus, cells: Sequence[str]) -> list[str]:
    before = [name for name in evidence.get("corpus_fingerprint", ()) if name != corpus.fingerprint]
    if not before:
        return []
    alike = definitions(evidence) and any(bucket_of(cell) is not None for cell in cells)
    meaning = "buckets are defined alike, " if alike else ""
    return [
        f"the runs drew from corpus {listed(before, 3)}, the plan draws from {corpus.fingerprint}: {meaning}supplies and "
        "epochs are the plan's."
    ]


def _cells(corpus: Corpus, cells: Sequence[str]) -> str:
    held = {cells[k] for k in corpus.aggregate(cells)}
    absent = [cell for cell in cells if cell not in held]
    if not absent:
        return ""
    return (
        f"the corpus holds nothing of the law's cells {', '.join(absent)} (it has {', '.join(corpus.names)}): add them, or "
        "plan without drawing from them."
    )


def definitions(evidence: Evidence) -> list[dict[str, Any]]:
    """Bucket definitions of the runs.

    Raises
    ------
    RecipeError
        If one is no JSON object.
    """
    found = []
    for text in evidence.get("bucket_definition", ()):
        try:
            data = json.loads(text)
        except json.JSONDecodeError:
            data = None
        if not isinstance(data, dict):
            raise RecipeError(f"bucket_definition {text[:60]!r} of the runs is no JSON object: write the corpus' own.")
        found.append(data)
    return found


def differing(first: Mapping[str, Any], second: Mapping[str, Any] | None) -> list[str]:
    """Keys in which two bucket definitions differ; how exactly their tokens were counted does not matter.

    Examples
    --------
    >>> differing({"by": "rank", "edges": [0, 0.5, 1], "counts": "exact"}, {"by": "rank", "edges": [0, 0.2, 1]})
    ['edges']
    """
    if second is None:
        return ["the corpus states none"]
    keys = [key for key in dict.fromkeys([*first, *second]) if key != "counts"]
    return [key for key in keys if json.dumps(first.get(key)) != json.dumps(second.get(key))]
