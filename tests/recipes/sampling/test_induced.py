from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.batch import Batch
from recipes.sampling import (
    Bucketing,
    CopyTable,
    Criteria,
    MergedHistogram,
    Merger,
    Normaliser,
    Profile,
    SamplerParams,
    bucket_table,
    induced,
    induced_from_sketch,
)

Maker = Callable[..., Batch]
EDGES = (0.0, 0.1, 0.3, 1.0)


def count(merger: Merger, batch: Batch) -> tuple[np.ndarray, np.ndarray, MergedHistogram]:
    domain, bins = merger.bins(batch)
    merged = MergedHistogram(merger.domains)
    merged.add(domain, bins, batch.tokens)
    return domain, bins, merged


def drawn_cells(cell: np.ndarray, counts: np.ndarray, tokens: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Available, drawn and distinct tokens, (3, n_domains, n_buckets)."""
    parts = (tokens, counts * tokens, (counts > 0) * tokens)
    return np.array([np.bincount(cell, part.astype(float), shape[0] * shape[1]).reshape(shape) for part in parts])


def test_induced_tokens_distinct_tokens_and_epochs_are_those_really_drawn(make_batch: Maker) -> None:
    batch = make_batch(150_000)
    profile = Profile.empty(Criteria.parse(["a", "b"]))
    profile.update(batch)
    merger = Merger.of(Normaliser.from_profile(profile))
    domain, bins, merged = count(merger, batch)
    buckets = bucket_table(merged, EDGES)
    table = CopyTable.from_recipe({"d0/q0": 0.5, "d0/q1": 0.1, "d1": 0.3, "d2/q2": 0.1}, 6e7, merged, EDGES)
    outcome = induced(table, merged, buckets)
    counts = table.counts(domain, bins, batch.ids, seed=2)
    available, tokens, unique = drawn_cells(domain * 3 + buckets[domain, bins], counts, batch.tokens, (3, 3))
    assert np.array_equal(outcome.available, available)
    assert outcome.tokens == pytest.approx(tokens, rel=0.02)
    assert outcome.unique == pytest.approx(unique, rel=0.02)
    assert outcome.epochs[0, 0] == pytest.approx(tokens[0, 0] / unique[0, 0], rel=0.01)
    assert outcome.epochs[2, 0] == 0
    assert outcome.shares.sum() == pytest.approx(1.0)


def test_buckets_of_another_merge_are_told_from_the_sample(make_batch: Maker) -> None:
    batch = make_batch(150_000, n_domains=2)
    profile = Profile.empty(Criteria.parse(["a", "b"]))
    profile.update(batch)
    normaliser = Normaliser.from_profile(profile)
    by_b = Merger.of(normaliser, [[0, 1], [0, 1]])
    bucketing = Bucketing.by_rank(by_b, count(by_b, batch)[2], EDGES)
    params = SamplerParams(
        batch.domains,
        ("a", "b"),
        np.array([[0.9, 0.1], [0.5, 0.5]]),
        *np.array([[50.0, 9], [0.1, 0.1], [1, 0.5], [0, 0.001]]),
    )
    merger = Merger.of(normaliser, params.criterion_weights)
    domain, bins, merged = count(merger, batch)
    table = CopyTable.from_params(params, merged)
    outcome = induced_from_sketch(table, profile, merger, bucketing)
    counts = table.counts(domain, bins, batch.ids, seed=0)
    cell = domain * 3 + bucketing.buckets(domain, batch.scores)
    available, tokens, unique = drawn_cells(cell, counts, batch.tokens, (2, 3))
    assert outcome.available == pytest.approx(available, rel=0.05)
    assert np.abs(outcome.shares - tokens / tokens.sum()).max() < 0.015
    assert outcome.unique.sum(axis=1) == pytest.approx(unique.sum(axis=1), rel=0.1)
    fitted = induced_from_sketch(table, profile, merger, bucketing, merged)
    assert fitted.tokens.sum(axis=1) == pytest.approx(induced(table, merged).tokens[:, 0])
    assert fitted.unique.sum(axis=1) == pytest.approx(unique.sum(axis=1), rel=0.03)
    assert outcome.shares[0, 2] > 0.1  # marginals alone would put these into the best buckets


def test_an_estimated_histogram_has_the_tokens_of_the_corpus_and_nearly_its_ranks(make_batch: Maker) -> None:
    batch = make_batch(150_000)
    profile = Profile.empty(Criteria.parse(["a", "b"]))
    profile.update(batch)
    merger = Merger.of(Normaliser.from_profile(profile))
    merged, estimate = count(merger, batch)[2], MergedHistogram.estimate(profile, merger)
    assert np.array_equal(estimate.tokens.sum(axis=1), merged.tokens.sum(axis=1))
    assert np.array_equal(estimate.documents.sum(axis=1), merged.documents.sum(axis=1))
    assert np.abs(estimate.rank - merged.rank).max() < 0.02


def test_stated_buckets_are_taken_as_they_are_and_refused_where_absent() -> None:
    bucketing = Bucketing(2)
    domain, scores = np.zeros(2, np.int64), np.zeros((2, 0))
    assert bucketing.buckets(domain, scores, np.array([1, 0], np.int16)).tolist() == [1, 0]
    for stated in (None, np.array([-1, 0], np.int16), np.array([2, 0], np.int16)):
        with pytest.raises(RecipeError, match="0 to 1"):
            bucketing.buckets(domain, scores, stated)


def test_a_table_and_a_histogram_of_other_domains_are_refused() -> None:
    with pytest.raises(RecipeError, match="other domains"):
        induced(CopyTable.from_copies(["x"], [[1.0]]), MergedHistogram(["y"], 1))
