"""Exact ranks through the passes: the same copies as sorting gives, whatever the shards, and near those by bins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_corpus import documents, draw, params, write_corpus, write_lines

from infolaw.errors import RecipeError
from recipes.passes import run
from recipes.passes.manifest import read_manifest
from recipes.sampling import Criteria
from recipes.sampling.exact import exact_counts
from recipes.sampling.exact_merger import ExactMerger


def drawn(out: Path) -> dict[int, int]:
    ids, counts = read_manifest(out / "manifest")
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


def test_exact_draws_are_those_of_sorting_and_the_same_from_any_files(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", sizes=(3000,), row_group=3000)
    draw(corpus, tmp_path / "out", exact=True, seed=5)
    found = documents(corpus)
    (batch,) = [batch for shard in found.shards for batch in found.batches(shard)]
    counts = exact_counts(batch, Criteria(("edu", "ppl"), ("higher", "lower")), params(), 5)
    expected = dict(zip(batch.ids[counts > 0].tolist(), counts[counts > 0].tolist(), strict=True))
    assert drawn(tmp_path / "out") == expected
    draw(write_lines(tmp_path / "lines"), tmp_path / "other", exact=True, seed=5, executor="processes")
    assert drawn(tmp_path / "other") == expected
    binned = draw(corpus, tmp_path / "binned", seed=5)
    assert binned.provenance["ranks"] == "binned"
    near = drawn(tmp_path / "binned")
    assert len(near.items() ^ expected.items()) < 0.02 * len(expected)


def test_too_large_a_corpus_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    monkeypatch.setattr(run, "MOST_DOCUMENTS", 2999)
    with pytest.raises(RecipeError, match=r"at most 2,999 documents; these are 3,000: leave it out"):
        draw(corpus, tmp_path / "out", exact=True)


def test_more_ranks_than_16_bits_hold_are_drawn_too(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = 70_000
    scores = np.random.default_rng(0).permutation(n).astype(float)
    columns = {"id": np.arange(n), "domain": ["web"] * n, "tokens": np.ones(n, int), "edu": scores, "ppl": -scores}
    (tmp_path / "corpus").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "corpus" / "a.parquet")
    found = documents(tmp_path / "corpus")
    batches = [batch for shard in found.shards for batch in found.batches(shard)]
    assert ExactMerger.of(batches, ("web",), found.criteria, None).n_bins == n
    sample = draw(found, tmp_path / "out", exact=True)
    assert sample.provenance["ranks"] == "exact"
    assert sum(row.available for row in sample.rows) == n
