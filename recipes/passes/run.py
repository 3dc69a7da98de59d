"""One run of the passes: what each leaves for the next, in the folder of its state."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infolaw.errors import RecipeError
from infolaw.files import package_version
from infolaw.progress import Tell

from ..documents.reading import read_batches
from ..sampling.exact_merger import MOST_DOCUMENTS, ExactMerger
from ..sampling.normalise import Normaliser
from .bins import merged_histogram, score_shards
from .drawing import DrawRule, count_last_copies, draw_shards, id_rule, sum_last_copies
from .executors import Executor
from .groups import ShardGroup, group_shards
from .materialise import Source, plan_outputs, write_output
from .profiling import profile_pass, refuse_absent_scores
from .request import Request, spread
from .sample import KINDS, CellRow, Sample
from .tally import Piece, Tally
from .tasks import Receipt, Task, committed, failpoint, fingerprint_of, run_tasks
from .token_cut import find_cut

if TYPE_CHECKING:
    from ..documents.collection import Documents
    from ..sampling.copy_table import CopyTable
    from ..sampling.merged import MergedHistogram
    from ..sampling.profile import Profile

STEPS = 8
"""Most tries to draw at least the budget; every one asks for twice the margin of the one before."""

ID_BYTES = 9
"""Of a document in a manifest, about [bytes]; in a positional one it is an eighth."""


@dataclass
class Run:
    """Passes over `documents` for `request`; see `recipes.passes.draw.sample_corpus`."""

    documents: Documents
    request: Request
    given: Profile | None
    kind: str
    seed: int
    identity: str
    out: Path
    progress: Callable[[str], Tell] | None
    state: Path
    executor: Executor
    is_exact: bool = False

    @cached_property
    def groups(self) -> list[ShardGroup]:
        """What one task reads."""
        return group_shards(self.documents.shards)

    @cached_property
    def profile(self) -> Profile:
        """First pass."""
        if self.given is not None:
            return self.given
        tell = self.tell("reading the documents' metadata")
        found = profile_pass(self.documents, self.documents.criteria, self.executor, self.state, tell).profile
        if self.request.params is not None:
            refuse_absent_scores(self.documents, found)
        return found

    @cached_property
    def _profile_mark(self) -> str:
        return self.profile.fingerprint

    @cached_property
    def scored(self) -> list[Path]:
        """Second pass: a partial a group."""
        weights = self.request.merge_weights(self.profile.domains, self.profile.criteria)
        columns, stated = self.documents.columns, self.request.stated_buckets
        mark = fingerprint_of("bins", self._profile_mark, weights, stated, self.is_exact, package_version())
        place = self.state / f"tables-{mark}"
        if not place.exists():
            with committed(place) as temporary:
                self._tables(weights).write(temporary)
        tasks = [
            Task(
                f"bins-{group.key}",
                partial(score_shards, group.shards, columns, place, weights, stated, self.is_exact),
                mark,
                group.size,
                is_kept=False,
            )
            for group in self.groups
        ]
        run_tasks(tasks, self.state, self.executor, self.tell("ranking documents"))
        return [self.state / task.key for task in tasks]

    @cached_property
    def merged(self) -> MergedHistogram:
        """Histogram of the merged score."""
        merged = merged_histogram(self.scored, self.profile.domains)
        if not np.array_equal(merged.documents.sum(axis=1), self.profile.documents):
            raise RecipeError(
                f"{self.documents.root} holds {int(merged.documents.sum())} documents, the corpus' profile counts "
                f"{int(self.profile.documents.sum())}, or others by domain; build the corpus again from these documents."
            )
        failpoint("reduced")
        return merged

    def planned(self) -> Sample:
        """What a run would write."""
        table = self.request.table(self.merged)
        rows = self._rows(table, None)
        provenance = self._provenance(table, None)
        return Sample(
            self.out, self.kind, rows, (), self._size(rows), None, provenance, tuple(self.request.notes(self.merged))
        )

    def drawn(self, shard_tokens: int) -> Sample:
        """Draw and write all but the result file."""
        table, rule = self.request.table(self.merged), self._rule(self.request)
        parts = self._parts(rule, shard_tokens)
        tally = Tally.merged([receipt.facts["tally"] for receipt in parts], rule.n_cells)
        files = [f"{self._folder}/{receipt.key}" for receipt in parts]
        if self.kind in KINDS[2:]:
            files = self._documents(parts, shard_tokens)
        n_bytes = sum((self.out / name).stat().st_size for name in files)
        provenance, notes = self._provenance(table, rule), tuple(self.request.notes(self.merged))
        return Sample(
            self.out, self.kind, self._rows(table, tally), tuple(files), n_bytes, tally.fingerprint, provenance, notes
        )

    def clear(self) -> None:
        """Remove partials and receipts; only the result counts from now on."""
        for left in self.state.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != "lock":
                left.unlink()

    def tell(self, what: str) -> Tell | None:
        """Line of progress."""
        return None if self.progress is None else self.progress(what)

    @property
    def _folder(self) -> str:
        return self.kind if self.kind in KINDS[:2] else "documents"

    def _tables(self, weights: list[list[float]] | None) -> Normaliser | ExactMerger:
        """What turns scores into bins."""
        if not self.is_exact:
            return Normaliser.from_profile(self.profile)
        if (total := int(self.profile.documents.sum())) > MOST_DOCUMENTS:
            raise RecipeError(
                f"--exact holds all scores in memory, of at most {MOST_DOCUMENTS:,} documents; these are {total:,}: "
                "leave it out, ranks by bins are within .001."
            )
        columns = replace(self.documents.columns, id="")
        batches = [batch for shard in self.documents.shards for batch in read_batches(shard, columns)]
        return ExactMerger.of(batches, self.profile.domains, self.profile.criteria, weights)

    def _rule(self, request: Request) -> DrawRule:
        """What draws a request, after the rules of the stages before it."""
        before = None if request.before is None else self._rule(request.before)
        buckets, cells = request.buckets(self.merged)
        rule = DrawRule(request.table(self.merged), buckets, len(cells) // len(buckets), self.seed, before=before)
        return rule if request.tokens is None else self._cut(rule, request, request.tokens)

    def _cut(self, rule: DrawRule, request: Request, tokens: int) -> DrawRule:
        """Draw a little more than the budget, then find the cut that meets it."""
        margin = 4 * spread(rule.table, self.merged) / tokens + 1e-4
        for _ in range(STEPS):
            table = request.table(self.merged, 1 + margin)
            ample = replace(rule, table=table if rule.before is None else rule.before.table.joined(table))
            place, mark = self._write_rule(ample)
            tasks = [
                Task(
                    f"last-{mark}-{group.key}",
                    partial(count_last_copies, group.shards, self.documents.columns, scored, place),
                    mark,
                    group.size,
                    is_kept=False,
                )
                for group, scored in zip(self.groups, self.scored, strict=True)
            ]
            receipts = run_tasks(tasks, self.state, self.executor, self.tell("meeting the token budget"))
            total = sum(receipt.facts["tokens"] for receipt in receipts)
            if total >= tokens:
                last = sum_last_copies([self.state / task.key for task in tasks])
                return replace(ample, cut=find_cut(total, last, tokens, self.seed))
            margin = 2 * margin + (tokens - total) / tokens
        raise RecipeError(
            f"No draw reached {tokens} tokens, the last one {total}: documents are too few; ask for more copies."
        )

    def _parts(self, rule: DrawRule, shard_tokens: int) -> list[Receipt]:
        """Third pass: a part of a manifest a group; for documents, positional ones in the state."""
        place, mark = self._write_rule(rule)
        is_documents = self.kind in KINDS[2:]
        limit = shard_tokens if is_documents else None
        kind = "positional" if is_documents else self.kind
        tasks = [
            Task(
                f"part-{group.key}.parquet",
                partial(draw_shards, group.shards, self.documents.columns, scored, place, kind, limit),
                fingerprint_of(mark, kind, limit),
                group.size,
                is_kept=not is_documents,
            )
            for group, scored in zip(self.groups, self.scored, strict=True)
        ]
        folder = self.state / "counts" if is_documents else self.out / kind
        return run_tasks(tasks, folder, self.executor, self.tell("drawing"), receipts=self.state / "parts")

    def _documents(self, parts: Sequence[Receipt], shard_tokens: int) -> list[str]:
        """Output shards of the documents themselves."""
        sources: list[Source] = []
        pieces: list[Piece] = []
        for group, receipt in zip(self.groups, parts, strict=True):
            first = len(sources)
            part = self.state / "counts" / receipt.key
            sources.extend(Source(shard, part, place) for place, shard in enumerate(group.shards))
            for epoch, shard, *rest in receipt.facts["pieces"]:
                pieces.append(Piece(epoch, first + shard, *rest))
        outputs = plan_outputs(pieces, sources, self.seed, shard_tokens)
        mark = fingerprint_of(self.identity, [receipt.checksum for receipt in parts])
        tasks = []
        for output in outputs:
            own = {piece.shard: sources[piece.shard] for piece in output.pieces}
            work = partial(write_output, output, own, self.kind, self.seed)
            tasks.append(Task(f"{output.name}.{self.kind}", work, mark, output.documents))
        tell = self.tell("writing documents")
        run_tasks(tasks, self.out / "documents", self.executor, tell, receipts=self.state / "written")
        return [f"documents/{task.key}" for task in tasks]

    def _write_rule(self, rule: DrawRule) -> tuple[Path, str]:
        """Rule for the workers, and the mark of all that draws by it."""
        mark = fingerprint_of(rule.mark, self.documents.fingerprint, package_version())
        place = self.state / f"rule-{mark}.npz"
        if not place.exists():
            with committed(place) as temporary:
                rule.write(temporary)
        return place, mark

    def _rows(self, table: CopyTable, tally: Tally | None) -> tuple[CellRow, ...]:
        """Planned against realised, by cell."""
        buckets, cells = self.request.buckets(self.merged)
        n_domains = len(buckets)
        spots = (np.arange(n_domains)[:, None] * (len(cells) // n_domains) + buckets).reshape(-1)
        held = self.merged.tokens.astype(float)
        copies = table.copies
        sums = [np.bincount(spots, (held * part).reshape(-1), len(cells)) for part in (1.0, copies, np.minimum(copies, 1))]
        realised = np.zeros((len(cells), 4), np.int64) if tally is None else tally.cells
        return tuple(
            CellRow(name, int(sums[0][k]), float(sums[1][k]), int(drawn[3]), float(sums[2][k]), int(drawn[1]), int(drawn[0]))
            for k, (name, drawn) in enumerate(zip(cells, realised, strict=True))
            if sums[0][k]
        )

    def _size(self, rows: Sequence[CellRow]) -> int:
        """Estimate of what would be written [bytes]."""
        documents = int(self.merged.documents.sum())
        if self.kind == "positional":
            return documents // 8
        unique = sum(row.planned_unique for row in rows) / max(1, int(self.merged.tokens.sum()))
        if self.kind == "manifest":
            return int(ID_BYTES * documents * unique)
        held = sum({shard.place: shard.size for shard in self.documents.shards}.values())
        return int(held * sum(row.planned for row in rows) / max(1, int(self.merged.tokens.sum())))

    def _provenance(self, table: CopyTable, rule: DrawRule | None) -> Mapping[str, Any]:
        cut = None if rule is None or rule.cut is None else {**rule.cut.to_dict(), "table": rule.table.fingerprint}
        return {
            "identity": self.identity,
            "version": package_version(),
            "seed": self.seed,
            "documents": self.documents.fingerprint,
            "root": self.documents.root,
            "profile": self._profile_mark,
            "table": table.fingerprint,
            "ranks": "exact" if self.is_exact else "binned",
            "ids": id_rule(self.documents.columns),
            "budget": self.request.tokens,
            "cut": cut,
        }
