from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infolaw.errors import RecipeError
from recipes.batch import Batch
from recipes.sampling import Criteria, Normaliser, Profile
from recipes.sampling.histogram import N_BINS
from recipes.sampling.sketch import SKETCH_SIZE

CRITERIA = Criteria.parse(["edu:higher", "perplexity"])
Maker = Callable[..., Batch]
Taker = Callable[[Batch, np.ndarray], Batch]

SCORE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 1.0, 5.0, 1e300, -1e-300, np.nan]),
    st.floats(0.999, 1.001),
)
ROW = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 3), st.integers(0, 2**40), SCORE, SCORE, st.integers(-1, 2))


def batch_of(rows: list[tuple[int, int, int, float, float, int]]) -> Batch:
    columns = list(zip(*rows, strict=True)) or [()] * 6
    return Batch(
        ids=np.array(columns[0], np.uint64),
        domain=np.array(columns[1], np.int32),
        domains=("web", "code", "books", "law"),
        tokens=np.array(columns[2], np.int64),
        scores=np.array(columns[3:5], np.float64).T.reshape(-1, 2),
        bucket=np.array(columns[5], np.int16),
    )


def profile_of(*batches: Batch, criteria: Criteria = CRITERIA) -> Profile:
    profile = Profile.empty(criteria)
    for batch in batches:
        profile.update(batch)
    return profile


@given(rows=st.lists(ROW, max_size=40), cuts=st.lists(st.integers(0, 40), max_size=4), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_shards_of_any_order_and_size_merged_in_any_order_leave_the_same_bytes(
    rows: list[tuple[int, int, int, float, float, int]], cuts: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    bounds = [0, *sorted(cuts), len(rows)]
    shards = [batch_of(shuffled[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)]
    renamed = [replace(s, domain=3 - s.domain, domains=s.domains[::-1]) for s in shards[::2]]
    partials = [profile_of(shard) for shard in [*renamed, *shards[1::2]]]
    merged = Profile.empty(CRITERIA)
    for i in rng.permutation(len(partials)):
        merged.merge(partials[i])
    assert merged.to_bytes() == profile_of(batch_of(rows)).to_bytes()


def test_a_large_corpus_leaves_the_same_profile_whole_shuffled_and_in_shards(make_batch: Maker, take: Taker) -> None:
    batch = make_batch(150_000, n_domains=2)
    order = np.random.default_rng(1).permutation(len(batch))
    whole = profile_of(batch)
    shards = [profile_of(take(batch, part)) for part in np.array_split(order, 7)]
    merged = shards[3]
    for i in (5, 0, 1, 6, 2, 4):
        merged.merge(shards[i])
    assert merged.to_bytes() == whole.to_bytes() == profile_of(take(batch, order)).to_bytes()
    assert len(whole.sketch("d0")) == SKETCH_SIZE
    again, table = Normaliser.from_profile(merged), Normaliser.from_profile(whole)
    assert np.array_equal(again.table, table.table)


def test_counts_are_those_of_the_documents(make_batch: Maker) -> None:
    batch = make_batch(5000)
    batch.scores[::10, 0] = np.nan
    batch.tokens[7::50] = 0
    profile = profile_of(replace(batch, bucket=(batch.domain % 2).astype(np.int16)))
    for d, name in enumerate(profile.domains):
        here = batch.domain == batch.domains.index(name)
        absent = here & np.isnan(batch.scores[:, 0])
        assert profile.documents[d] == here.sum()
        assert profile.tokens[d] == batch.tokens[here].sum() == profile.bucket_tokens[d].sum()
        assert profile.missing[d].tolist() == [absent.sum(), 0]
        assert profile.missing_tokens[d, 0] == batch.tokens[absent].sum()
        assert profile.histogram(name, "edu").tokens.sum() == batch.tokens[here & ~absent].sum()
        assert len(profile.sketch(name)) == here.sum()


def test_a_profile_comes_back_from_its_bytes_and_goes_on_counting(make_batch: Maker) -> None:
    first, second = make_batch(4000, seed=1), make_batch(4000, n_domains=5, seed=2)
    stored = Profile.from_bytes(profile_of(first).to_bytes())
    stored.update(second)
    assert stored.to_bytes() == profile_of(second, first).to_bytes()
    assert stored.fingerprint == profile_of(second, first).fingerprint != profile_of(first).fingerprint


@pytest.mark.parametrize("content", [b"", b"not an archive", Profile.empty(CRITERIA).to_bytes()[:200]])
def test_bytes_that_are_no_profile_are_refused(content: bytes) -> None:
    with pytest.raises(RecipeError, match="build it again"):
        Profile.from_bytes(content)


def test_quantiles_and_shares_are_those_of_the_tokens(make_batch: Maker) -> None:
    batch = make_batch(20_000, n_domains=1)
    held = profile_of(batch).histogram("d0", "perplexity")
    order = np.argsort(batch.scores[:, 1])
    reached = np.cumsum(batch.tokens[order]) / batch.tokens.sum()
    for share in (0.01, 0.3, 0.5, 0.99):
        exact = batch.scores[order[np.searchsorted(reached, share)], 1]
        assert held.quantile(share) == pytest.approx(exact, rel=0.02, abs=1e-3)
        assert held.cdf(held.quantile(share)) == pytest.approx(share, abs=5e-3)


def test_an_outlier_widens_the_window_and_loses_no_token() -> None:
    rows = [(i, 0, 10, 0.5 + 1e-9 * i, 1.0, -1) for i in range(1000)]
    outliers = [(7000, 0, 10, 1e308, -1e308, -1), (7001, 0, 10, -np.inf, np.inf, -1)]
    profile = profile_of(batch_of(rows), batch_of(outliers))
    assert profile.histogram("web", "edu").tokens.sum() == 10 * 1002
    assert profile.histograms.tokens.shape == (2, N_BINS)
    assert profile.to_bytes() == profile_of(batch_of(outliers + rows)).to_bytes()


def test_tied_scores_are_counted_from_the_sample(make_batch: Maker) -> None:
    batch = make_batch(60_000, n_domains=1)
    batch.scores[:, 0] = np.round(batch.scores[:, 0])
    batch.scores[:30_000, 1] = 4.0
    tied = profile_of(batch).tied[0]
    assert tied[0] == pytest.approx(60_000, abs=5)
    assert tied[1] == pytest.approx(30_000, rel=0.05)


def test_a_domain_that_no_document_has_is_not_in_the_profile(make_batch: Maker) -> None:
    batch = replace(make_batch(100), domains=("d0", "d1", "d2", "empty"))
    assert profile_of(batch).domains == ("d0", "d1", "d2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": np.full(10, -3)}, "Row 0 has -3 tokens"),
        ({"domain": np.full(10, 9, np.int32)}, "Row 0 has no domain"),
        ({"domain": np.full(10, -1, np.int32)}, "Row 0 has no domain"),
        ({"scores": np.zeros((10, 3))}, "2 criteria are declared"),
    ],
)
def test_a_bad_batch_is_refused_and_nothing_counted(make_batch: Maker, change: dict[str, object], message: str) -> None:
    profile = Profile.empty(CRITERIA)
    with pytest.raises(RecipeError, match=message):
        profile.update(replace(make_batch(10), **change))  # type: ignore[arg-type]
    assert profile.to_bytes() == Profile.empty(CRITERIA).to_bytes()


def test_a_missing_score_is_refused_where_the_criteria_say_so(make_batch: Maker) -> None:
    batch = make_batch(10)
    batch.scores[4, 1] = np.nan
    with pytest.raises(RecipeError, match="Row 4 has no score 'perplexity'"):
        profile_of(batch, criteria=replace(CRITERIA, missing="refuse"))


def test_profiles_of_other_criteria_are_not_merged() -> None:
    with pytest.raises(RecipeError, match="cannot be merged"):
        Profile.empty(CRITERIA).merge(Profile.empty(Criteria.parse(["edu", "perplexity"])))
