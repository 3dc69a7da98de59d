"""What is done with counts: tallies, cuts to a budget, pieces, manifests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolaw.errors import RecipeError
from recipes.documents.shard import Shard
from recipes.passes.groups import group_shards
from recipes.passes.manifest import ShardCounts, manifest_part, read_manifest, read_positional, write_positional
from recipes.passes.materialise import Source, plan_outputs
from recipes.passes.tally import Piece, PieceCutter, Tally
from recipes.passes.token_cut import BINS, TokenCut, cut_bins, find_cut


def drawn(n: int = 1000, seed: int = 0):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 2**64, n, np.uint64)
    return ids, rng.integers(1, 4, n).astype(np.uint8), rng.integers(1, 900, n), rng.integers(0, 6, n)


def test_a_tally_does_not_depend_on_order_or_grouping() -> None:
    columns = drawn()
    order = np.random.default_rng(1).permutation(1000)
    whole = Tally.empty(6)
    whole.add(*columns)
    parts = []
    for rows in np.array_split(order, 7):
        part = Tally.empty(6)
        part.add(*(column[rows] for column in columns))
        parts.append(part.facts())
    merged = Tally.merged(parts, 6)
    assert merged.fingerprint == whole.fingerprint
    assert np.array_equal(merged.cells, whole.cells)
    ids, counts, tokens, _ = columns
    assert merged.totals == {
        "documents": 1000,
        "unique_tokens": tokens.sum(),
        "copies": counts.sum(dtype=int),
        "tokens": (tokens * counts).sum(),
    }


def test_a_digest_tells_one_copy_more_and_one_id_other() -> None:
    ids, counts, tokens, cells = drawn()
    digests = set()
    for moved, more in ((0, 0), (1, 0), (0, 1)):
        tally = Tally.empty(6)
        tally.add(ids + np.uint64(moved), counts + np.uint8(more), tokens, cells)
        digests.add(tally.fingerprint)
    assert len(digests) == 3


@given(n=st.integers(5, 400), share=st.floats(0.7, 1.0), seed=st.integers(0, 2**63))
def test_a_cut_meets_the_budget_within_a_thousandth_or_one_document(n: int, share: float, seed: int) -> None:
    ids, counts, tokens, _ = drawn(n, seed % 97)
    total = int((tokens * counts).sum())
    budget = max(int(share * total), total - int(tokens.sum()))
    last = np.zeros(BINS, np.int64)
    np.add.at(last, cut_bins(ids, seed), tokens)
    after = find_cut(total, last, budget, seed).apply(ids, counts)
    assert abs(int((tokens * after).sum()) - budget) <= max(budget / 1000, tokens.max())
    assert set((counts - after).tolist()) <= {0, 1}


def test_no_cut_takes_nothing() -> None:
    ids, counts, _, _ = drawn()
    assert np.array_equal(TokenCut(BINS, 0).apply(ids, counts), counts)


def cut_up(counts, tokens, limit, block):
    cutter = PieceCutter(0, limit)
    for first in range(0, len(counts), block):
        cutter.add(first, counts[first : first + block], tokens[first : first + block])
    return cutter.finish()


@given(seed=st.integers(0, 1000), limit=st.integers(1, 20_000), block=st.integers(1, 200))
def test_pieces_hold_every_copy_once_and_respect_their_limit(seed: int, limit: int, block: int) -> None:
    _, counts, tokens, _ = drawn(300, seed)
    counts[np.random.default_rng(seed).random(300) < 0.5] = 0
    pieces = cut_up(counts, tokens, limit, block)
    held = np.zeros(300, int)
    for piece in pieces:
        rows = np.arange(piece.first_row, piece.stop_row)
        mine = rows[counts[rows] > piece.epoch]
        held[mine] += 1
        assert (piece.documents, piece.tokens) == (len(mine), tokens[mine].sum())
        assert piece.tokens <= limit or piece.documents == 1
    assert np.array_equal(held, counts)


def test_a_piece_ends_before_a_block_that_does_not_fit() -> None:
    pieces = cut_up(np.ones(30, np.uint8), np.ones(30, int), limit=25, block=10)
    assert [(piece.first_row, piece.stop_row) for piece in pieces] == [(0, 20), (20, 30)]


def shard(name: str, rows: int, groups: int = 1) -> Shard:
    return Shard(name, f"/{name}", "parquet", 10, 1, 0, rows * groups, (0, groups), (rows,) * groups)


def test_outputs_are_of_one_epoch_within_the_target_and_hold_every_piece() -> None:
    sources = [Source(shard(f"{k}.parquet", 10), Path("part"), k) for k in range(9)]
    pieces = [Piece(epoch, k, 0, 10, 5, 30 + k) for epoch in range(2) for k in range(9)]
    outputs = plan_outputs(pieces, sources, seed=0, shard_tokens=100)
    assert sorted((p.epoch, p.shard) for out in outputs for p in out.pieces) == sorted((p.epoch, p.shard) for p in pieces)
    assert all(len({p.epoch for p in out.pieces}) == 1 and out.tokens <= 100 for out in outputs)
    assert all(len({p.shard for p in out.pieces}) == len(out.pieces) for out in outputs)
    orders = [[p.shard for out in plan_outputs(pieces, sources, seed, 100) for p in out.pieces] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_groups_are_of_equal_size_cut_at_row_groups_whatever_the_order() -> None:
    shards = [shard("b.parquet", 10), shard("a.parquet", 10, groups=5), shard("c.parquet", 10), shard("d.parquet", 10)]
    groups = group_shards(shards, 20)
    assert [[part.key for part in group.shards] for group in groups] == [
        ["a.parquet#0-2"],
        ["a.parquet#2-4"],
        ["a.parquet#4-5", "b.parquet#0-1"],
        ["c.parquet#0-1", "d.parquet#0-1"],
    ]
    assert [group.size for group in groups] == [20] * 4
    assert [part.first_row for group in groups for part in group.shards] == [0, 20, 40, 0, 0, 0]
    assert group_shards(shards[::-1], 20) == groups


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    ids, counts, _, _ = drawn()
    with manifest_part(tmp_path / "part.parquet", 3, {"seed": 0}) as add:
        add(ids[:600], counts[:600])
        add(ids[600:], counts[600:])
    found_ids, found_counts = read_manifest(tmp_path)
    assert np.array_equal(found_ids, ids)
    assert np.array_equal(found_counts, counts)
    assert found_counts.dtype == np.uint8


def test_a_positional_manifest_takes_bits_a_document(tmp_path: Path) -> None:
    counts = (np.random.default_rng(0).random(100_000) < 0.1).astype(np.uint8)
    write_positional(tmp_path / "part.parquet", [ShardCounts("a/b.parquet", 0, 100_000, "f", counts)], {})
    (found,) = read_positional(tmp_path)
    assert np.array_equal(found.counts, counts)
    assert (tmp_path / "part.parquet").stat().st_size * 8 < 100_000


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.parquet", "a/../../x.parquet", "a\\..\\x.parquet"])
def test_a_path_outside_the_root_is_refused(tmp_path: Path, name: str) -> None:
    write_positional(tmp_path / "part.parquet", [ShardCounts(name, 0, 3, "f", np.zeros(3, np.uint8))], {})
    with pytest.raises(RecipeError, match="outside the root"):
        list(read_positional(tmp_path))


def test_other_files_are_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no part"):
        read_manifest(tmp_path)
    write_positional(tmp_path / "part.parquet", [ShardCounts("a", 0, 3, "f", np.zeros(3, np.uint8))], {})
    with pytest.raises(RecipeError, match="no part of a manifest list"):
        read_manifest(tmp_path)
    whole = (tmp_path / "part.parquet").read_bytes()
    (tmp_path / "part.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecipeError, match="cannot be read"):
        list(read_positional(tmp_path))
    pq.write_table(pa.table({"count": [1]}), tmp_path / "part.parquet")
    with pytest.raises(RecipeError, match="no part of a positional"):
        list(read_positional(tmp_path))
