"""Sigma, merge and rank (eq. 1 and 2) against the same by sorting all documents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolaw.errors import RecipeError
from infolaw.units import Array
from recipes.batch import Batch
from recipes.sampling import (
    Criteria,
    MergedHistogram,
    Merger,
    Normaliser,
    Profile,
    SamplerParams,
    bucket_table,
    exact_ranks,
    integer_weights,
)

Maker = Callable[..., Batch]
Scores = Callable[[np.random.Generator, int], Array]

KINDS: dict[str, Scores] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0, 2, n),
    "uniform": lambda rng, n: rng.random(n),
    "concentrated": lambda rng, n: 1000 + 1e-3 * rng.normal(size=n),
    "near one": lambda rng, n: 1 / (1 + np.exp(-rng.normal(3, 4, n))),
    "tied": lambda rng, n: rng.integers(0, 6, n).astype(float),
    "half tied": lambda rng, n: np.maximum(rng.normal(size=n), 0.1),
    "tied at the clip": lambda rng, n: np.minimum(rng.lognormal(0, 1, n), 2.7),
    "heavy-tailed": lambda rng, n: rng.standard_cauchy(n) ** 3,
    "huge": lambda rng, n: rng.normal(size=n) * 1e305,
    "crowd and outliers": lambda rng, n: np.where(rng.random(n) < 1e-3, rng.normal(size=n) * 1e6, rng.normal(7, 1e-4, n)),
    "float32": lambda rng, n: rng.normal(3, 0.5, n).astype(np.float32).astype(float),
    "constant": lambda rng, n: np.full(n, 3.0),
}
"""Where most documents crowd into few of the 2^14 bins (a range of 10^305; outliers 10^10 times farther than the crowd
is wide), the steps inside a bin come from the sample, and merged with other criteria show its error."""


def merged_by_bins(batch: Batch, criteria: Criteria, params: SamplerParams) -> tuple[Array, np.ndarray, MergedHistogram]:
    """Rank and bin of each document as the sampler gives them, and the histogram."""
    profile = Profile.empty(criteria)
    profile.update(batch)
    merger = Merger.of(Normaliser.from_profile(profile), params.aligned(profile.domains).criterion_weights)
    domain, bins = merger.bins(batch)
    merged = MergedHistogram(profile.domains)
    merged.add(domain, bins, batch.tokens)
    return merged.rank[domain, bins], bins, merged


def corpus(columns: list[Array], seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    n = len(columns[0])
    tokens = rng.lognormal(6, 0.5, n).astype(np.int64) + 1
    return Batch(np.arange(n, dtype=np.uint64), np.zeros(n, np.int32), ("all",), tokens, np.stack(columns, axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_of_one_criterion_are_within_a_thousandth_of_exact_ones(kind: str) -> None:
    batch = corpus([KINDS[kind](np.random.default_rng(3), 200_000)], seed=1)
    criteria = Criteria.parse(["score"])
    params = SamplerParams.draw(np.random.default_rng(0), ["all"], ["score"])
    error = np.abs(merged_by_bins(batch, criteria, params)[0] - exact_ranks(batch, criteria, params))
    assert error.max() <= 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_of_merged_criteria_are_within_a_thousandth_of_exact_ones(kind: str) -> None:
    allowed = {"huge": 3e-3, "crowd and outliers": 8e-3}.get(kind, 1e-3)  # see KINDS
    rng = np.random.default_rng(4)
    batch = corpus([KINDS[kind](rng, 200_000), rng.normal(size=200_000), KINDS["lognormal"](rng, 200_000)], seed=2)
    criteria = Criteria.parse(["a:higher", "b", "c"])
    params = SamplerParams.draw(np.random.default_rng(1), ["all"], criteria.names)
    error = np.abs(merged_by_bins(batch, criteria, params)[0] - exact_ranks(batch, criteria, params))
    assert error.max() <= allowed
    assert np.sqrt(np.mean(error**2)) <= allowed / 3


def test_a_domain_no_larger_than_its_sample_has_exact_ranks_but_for_shared_bins() -> None:
    rng = np.random.default_rng(0)
    batch = corpus([rng.normal(size=900), rng.lognormal(size=900)], seed=3)
    criteria = Criteria.parse(["a", "b:higher"])
    params = SamplerParams.draw(np.random.default_rng(5), ["all"], criteria.names)
    ranks, bins, _ = merged_by_bins(batch, criteria, params)
    _, where, sharing = np.unique(bins, return_inverse=True, return_counts=True)
    alone = sharing[where] == 1
    assert alone.sum() > 800
    assert np.abs(ranks - exact_ranks(batch, criteria, params))[alone].max() < 2e-3  # one swap of neighbours


@given(scores=st.lists(st.floats(allow_nan=True), min_size=1, max_size=60), seed=st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_a_better_score_never_has_a_worse_rank(scores: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = corpus([np.array(scores)], seed=seed)
    batch.tokens[rng.random(len(scores)) < 0.3] = 0
    criteria = Criteria.parse(["score:higher"])
    ranks, bins, _ = merged_by_bins(batch, criteria, SamplerParams.draw(rng, ["all"], ["score"]))
    order = np.argsort(-np.nan_to_num(np.array(scores), nan=-np.inf), kind="stable")
    assert np.all(np.diff(ranks[order]) >= 0)
    assert np.all(np.diff(bins[order].astype(int)) >= 0)
    assert ranks.max() == pytest.approx(1.0)


def test_ties_share_the_rank_of_their_last_document() -> None:
    batch = corpus([np.array([1.0, 1.0, 2.0, 2.0, 2.0, 9.0])], seed=0)
    batch.tokens[:] = [10, 20, 5, 5, 0, 60]
    ranks, bins, _ = merged_by_bins(
        batch, Criteria.parse(["s"]), SamplerParams.draw(np.random.default_rng(0), ["all"], ["s"])
    )
    assert ranks.tolist() == [0.3, 0.3, 0.4, 0.4, 0.4, 1.0]
    assert len(set(bins.tolist())) == 3


def test_a_missing_score_is_the_worst() -> None:
    batch = corpus([np.array([np.nan, 3.0, 1.0, np.nan])], seed=0)
    batch.tokens[:] = 25
    ranks = merged_by_bins(batch, Criteria.parse(["s"]), SamplerParams.draw(np.random.default_rng(0), ["all"], ["s"]))[0]
    assert ranks.tolist() == [1.0, 0.5, 0.25, 1.0]


def test_domains_of_one_document_of_no_tokens_or_of_no_score_have_rank_one(make_batch: Maker) -> None:
    batch = make_batch(3000, n_domains=4)
    batch.domain[batch.domain == 1] = 0
    batch.domain[5] = 1
    batch.tokens[batch.domain == 2] = 0
    batch.scores[batch.domain == 3] = np.nan
    params = SamplerParams.draw(np.random.default_rng(0), batch.domains, ["a", "b"])
    ranks = merged_by_bins(batch, Criteria.parse(["a", "b"]), params)[0]
    assert set(ranks[batch.domain != 0]) == {1.0}
    assert np.unique(ranks[batch.domain == 0]).size > 1000


def test_without_criteria_all_documents_of_a_domain_are_tied(make_batch: Maker) -> None:
    batch = make_batch(100, n_criteria=0)
    ranks = merged_by_bins(batch, Criteria((), ()), SamplerParams.draw(np.random.default_rng(0), batch.domains, []))[0]
    assert set(ranks) == {1.0}


@pytest.mark.parametrize("normalisation", ["zscore", "minmax"])
def test_other_normalisations_are_linear_in_the_score(normalisation: str) -> None:
    rng = np.random.default_rng(0)
    batch = corpus([rng.normal(50, 4, 40_000)], seed=1)
    profile = Profile.empty(Criteria.parse(["s"], normalisation))
    profile.update(batch)
    scores = batch.scores[:, 0]
    sigma = Normaliser.from_profile(profile).sigma(np.zeros(len(batch), np.int64), 0, scores) / 2**24
    weights = batch.tokens / batch.tokens.sum()
    mean = scores @ weights
    deviation = np.sqrt((scores - mean) ** 2 @ weights)
    low, high = {"zscore": (mean - 8 * deviation, mean + 8 * deviation), "minmax": (scores.min(), scores.max())}[
        normalisation
    ]
    assert np.abs(sigma - (scores - low) / (high - low)).max() < 2e-3
    order = np.argsort(scores)
    assert np.all(np.diff(sigma[order]) >= 0)


def test_infinite_scores_have_a_rank_and_no_z_score() -> None:
    batch = corpus([np.array([-np.inf, 0.0, np.inf])], seed=0)
    for normalisation in ("rank", "zscore"):
        profile = Profile.empty(Criteria.parse(["s"], normalisation))
        profile.update(batch)
        if normalisation == "rank":
            assert np.all(np.diff(Normaliser.from_profile(profile).sigma(np.zeros(3, np.int64), 0, batch.scores[:, 0])) > 0)
        else:
            with pytest.raises(RecipeError, match="infinite scores 's'"):
                Normaliser.from_profile(profile)


def test_scores_beyond_those_of_the_profile_count_as_its_best_and_worst() -> None:
    batch = corpus([np.linspace(1, 2, 1000)], seed=0)
    profile = Profile.empty(Criteria.parse(["s"]))
    profile.update(batch)
    normaliser = Normaliser.from_profile(profile)
    sigma = normaliser.sigma(np.zeros(4, np.int64), 0, np.array([-1e9, 1.0, 2.0, 1e9]))
    assert sigma[0] <= sigma[1] < sigma[2] <= sigma[3]


@given(st.lists(st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3).filter(lambda row: sum(row) > 0), min_size=1))
def test_integer_weights_sum_to_two_to_the_16_and_are_within_one_of_the_share(rows: list[list[float]]) -> None:
    weights = np.array(rows)
    whole = integer_weights(weights)
    assert np.all(whole.sum(axis=1) == 2**16)
    assert np.all(whole >= 0)
    assert np.abs(whole - weights / weights.sum(axis=1, keepdims=True) * 2**16).max() <= 1


def test_merged_histograms_add_up_in_any_order_and_come_back_from_bytes(make_batch: Maker) -> None:
    batch = make_batch(5000)
    bins = np.random.default_rng(0).integers(0, 2**14, 5000)
    parts = [MergedHistogram(batch.domains) for _ in range(3)]
    for part, rows in zip(parts, np.array_split(np.arange(5000), 3), strict=True):
        part.add(batch.domain[rows], bins[rows], batch.tokens[rows])
    whole = MergedHistogram(batch.domains)
    whole.add(batch.domain, bins, batch.tokens)
    assert parts[2].merge(parts[0]).merge(parts[1]).to_bytes() == whole.to_bytes()
    again = MergedHistogram.from_bytes(whole.to_bytes())
    assert np.array_equal(again.tokens, whole.tokens)
    assert np.array_equal(again.documents, whole.documents)
    with pytest.raises(RecipeError, match="cannot be added"):
        whole.merge(MergedHistogram(["other"]))


def test_an_unknown_domain_is_told_with_both_sets(make_batch: Maker) -> None:
    profile = Profile.empty(Criteria.parse(["a", "b"]))
    profile.update(make_batch(100, n_domains=2))
    with pytest.raises(RecipeError, match="hold the domain d2.*knows d0, d1"):
        Merger.of(Normaliser.from_profile(profile)).bins(make_batch(100, n_domains=3))


def test_buckets_cut_the_tokens_of_every_domain_at_their_edges(make_batch: Maker) -> None:
    batch = make_batch(60_000)
    params = SamplerParams.draw(np.random.default_rng(0), batch.domains, ["a", "b"])
    ranks, bins, merged = merged_by_bins(batch, Criteria.parse(["a", "b"]), params)
    bucket = bucket_table(merged, (0, 0.05, 0.2, 1))[batch.domain, bins]
    for d in range(3):
        shares = np.bincount(bucket[batch.domain == d], batch.tokens[batch.domain == d])
        assert shares / shares.sum() == pytest.approx([0.05, 0.15, 0.8], abs=1e-3)
    assert ranks[bucket == 0].max() <= 0.05 < ranks[bucket == 1].min()
    with pytest.raises(RecipeError, match="must rise"):
        bucket_table(merged, (0, 0.5, 0.2, 1))


def test_a_rank_on_an_edge_belongs_to_the_better_bucket() -> None:
    merged = MergedHistogram(["x"], n_bins=4)
    merged.add(np.zeros(4, np.int64), np.arange(4), np.array([25, 25, 25, 25]))
    assert bucket_table(merged, (0, 0.25, 0.5, 1)).tolist() == [[0, 1, 2, 2]]
