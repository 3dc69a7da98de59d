"""What a corpus file says of the documents it was built from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from infolaw.errors import RecipeError
from infolaw.files import package_version

from .corpus import Corpus
from .sampling.profile import Profile

if TYPE_CHECKING:
    from .documents.collection import Documents
    from .documents.mapping import Columns

TIES_WORTH_SAYING = 0.05
"""Share of documents above which ties are told."""


def source_of(documents: Documents, profile: Profile, notes: Sequence[str]) -> dict[str, Any]:
    """Return the ``documents`` section of a corpus file; `notes` are said after its own."""
    columns = documents.columns
    names = profile.criteria.names
    return {
        "root": documents.root,
        "files": documents.n_files,
        "documents": int(profile.documents.sum()),
        "fingerprint": documents.fingerprint,
        "profile": profile.fingerprint,
        "columns": {
            "name": columns.name,
            "id": columns.id,
            "domain": columns.domain,
            "tokens": columns.tokens,
            "tokens_per_byte": columns.tokens_per_byte,
            "text": columns.text,
            "scores": [str(score) for score in columns.scores],
            "bucket": columns.bucket,
            "bucket_labels": list(columns.bucket_labels),
            "missing_domain": columns.missing_domain,
        },
        "missing": dict(zip(names, profile.missing.sum(axis=0).tolist(), strict=True)),
        "tied": dict(zip(names, profile.tied.sum(axis=0).tolist(), strict=True)),
        "notes": [*_notes(columns, profile), *notes],
        "version": package_version(),
    }


def columns_of(corpus: Corpus) -> Columns:
    """Columns that a corpus was built with, so that a draw reads its documents alike.

    Raises
    ------
    RecipeError
        If it was built from an inventory.
    """
    from .documents.mapping import Columns, Score

    if corpus.documents is None:
        raise RecipeError("The corpus was built from an inventory, so it knows no columns of documents; name them.")
    known = dict(corpus.documents["columns"])
    known["scores"] = tuple(map(Score.parse, known["scores"]))
    known["bucket_labels"] = tuple(known["bucket_labels"])
    return Columns(**known, tokenizer=corpus.tokenizer)


def _notes(columns: Columns, profile: Profile) -> list[str]:
    """What a reader must know of ids, tokens and scores."""
    notes = []
    if columns.id is None:
        notes.append("documents are known by file and row: a manifest is tied to these files")
    if columns.tokens_per_byte is not None:
        notes.append(f"tokens are not counted but {columns.tokens_per_byte:g} a byte of text")
    total, tied = int(profile.documents.sum()), profile.tied.sum(axis=0)
    for index, name in enumerate(profile.criteria.names):
        missing = int(profile.missing[:, index].sum())
        if missing:
            notes.append(f"{name} is missing in {missing} of {total} documents, which count as the worst of their domain")
        gone = [d for d, m, n in zip(profile.domains, profile.missing[:, index], profile.documents, strict=True) if m == n]
        if gone:
            notes.append(f"{name} is missing in all documents of {', '.join(gone)}")
        if tied[index] > TIES_WORTH_SAYING * total:
            notes.append(f"{name}: about {tied[index] / total:.0%} of the documents share their score; ties share a bucket")
    return notes
