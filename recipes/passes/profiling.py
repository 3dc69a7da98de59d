"""First pass: the profile of the documents, one partial a group of shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial as bind
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infolaw.errors import RecipeError
from infolaw.files import package_version
from infolaw.progress import Tell

from ..documents.profiling import Partial, profile_of
from ..sampling.profile import Profile
from .executors import Executor
from .groups import group_shards
from .tasks import Task, fingerprint_of, run_tasks

if TYPE_CHECKING:
    from ..documents.collection import Documents
    from ..documents.mapping import Columns
    from ..documents.shard import Shard
    from ..sampling.criteria import Criteria


def profile_pass(
    documents: Documents, criteria: Criteria, executor: Executor, folder: Path, tell: Tell | None = None
) -> Partial:
    """Read the metadata of all documents once; partials and receipts lie in `folder`."""
    identity = fingerprint_of("profile", repr(documents.columns), repr(criteria), package_version())
    tasks = [
        Task(
            f"profile-{group.key}",
            bind(_write_partial, group.shards, documents.columns, criteria),
            identity,
            group.size,
            is_kept=False,
        )
        for group in group_shards(documents.shards)
    ]
    partials = (Partial.read(folder / receipt.key) for receipt in run_tasks(tasks, folder, executor, tell))
    whole = next(partials, Partial(Profile.empty(criteria)))
    for partial in partials:
        whole.merge(partial)
    return whole


def refuse_absent_scores(documents: Documents, profile: Profile) -> None:
    """Raise `RecipeError` if a score is missing in all documents."""
    total = int(profile.documents.sum())
    for score, missing in zip(documents.columns.scores, profile.missing.sum(axis=0), strict=True):
        if missing == total:
            raise RecipeError(
                f"{documents.root}: the score {score.name!r} (column {score.column}) is missing in all {total} documents; "
                "name the right column, or leave the score out."
            )


def _write_partial(shards: Sequence[Shard], columns: Columns, criteria: Criteria, path: Path) -> Mapping[str, Any]:
    found = profile_of(shards, columns, criteria)
    found.write(path)
    return {"documents": int(found.profile.documents.sum())}
