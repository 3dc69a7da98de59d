from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from infolaw.errors import RecipeError
from infolaw.units import Array
from recipes.batch import Batch
from recipes.sampling import (
    CopyTable,
    Criteria,
    MergedHistogram,
    Merger,
    Normaliser,
    Profile,
    SamplerParams,
    bucket_table,
    exact_counts,
    exact_ranks,
)

Maker = Callable[..., Batch]
CRITERIA = Criteria.parse(["a", "b:higher"])


@dataclass(frozen=True)
class Built:
    """A corpus and what its passes leave."""

    batch: Batch
    normaliser: Normaliser

    @classmethod
    def of(cls, batch: Batch) -> Built:
        profile = Profile.empty(CRITERIA)
        profile.update(batch)
        return cls(batch, Normaliser.from_profile(profile))

    def merge(self, weights: Array | None = None) -> tuple[np.ndarray, np.ndarray, MergedHistogram]:
        merger = Merger.of(self.normaliser, weights)
        domain, bins = merger.bins(self.batch)
        merged = MergedHistogram(merger.domains)
        merged.add(domain, bins, self.batch.tokens)
        return domain, bins, merged


@pytest.fixture(scope="module")
def built() -> Built:
    rng = np.random.default_rng(0)
    n = 20_000
    return Built.of(
        Batch(
            ids=np.arange(n, dtype=np.uint64),
            domain=np.minimum(rng.geometric(0.3, n) - 1, 5).astype(np.int32),
            domains=tuple("abcdef"),
            tokens=rng.lognormal(6, 1, n).astype(np.int64),
            scores=rng.normal(size=(n, 2)) + rng.normal(size=(n, 1)),
        )
    )


def tail_bound(sizes: Array, chances: Array, excess: float, steps: int = 8) -> float:
    """Bound on the chance that ``sum of sizes`` of independent documents drawn with `chances` is off by `excess` or more.

    Chernoff's: exp(K(s) - s excess) holds at every s > 0, K the logarithm of the generating function; Newton's steps look
    for a small one. Twice that for both sides.
    """
    sizes, excess = sizes * np.sign(excess), abs(excess)
    lean, bound = excess / np.sum(sizes**2 * chances * (1 - chances)), 0.0
    for _ in range(steps):
        grown = chances * np.exp(np.minimum(lean * sizes, 700.0))
        mean = grown / (1 - chances + grown)
        cumulant = np.sum(np.log(1 - chances + grown) - lean * sizes * chances)
        bound = min(bound, cumulant - lean * excess)
        slope, curve = np.sum(sizes * (mean - chances)) - excess, np.sum(sizes**2 * mean * (1 - mean))
        lean = max(lean / 4, lean - slope / curve)
    return min(1.0, 2 * np.exp(bound))


@pytest.mark.parametrize("draws", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_realised_tokens_of_every_domain_are_as_near_the_expectation_as_4_sd_of_a_normal(
    make_batch: Maker, draws: int
) -> None:
    built = Built.of(make_batch(120_000))
    batch, found, kurtoses, bounds = built.batch, [], [], []
    for draw in range(draws):
        params = SamplerParams.draw(np.random.default_rng(draw), batch.domains, CRITERIA.names, ("log", "linear")[draw % 2])
        domain, bins, merged = built.merge(params.criterion_weights)
        table = CopyTable.from_params(params, merged)
        counts = table.counts(domain, bins, batch.ids, seed=draw)
        fraction = table.copies[domain, bins] % 1
        expected = (table.copies * merged.tokens).sum(axis=1)
        realised = np.bincount(domain, counts * batch.tokens.astype(float))
        for d, excess in enumerate(realised - expected):
            rows = (domain == d) & (fraction > 0)
            sizes, chances = batch.tokens[rows].astype(float), fraction[rows]
            spread = chances * (1 - chances)
            variance = np.sum(sizes**2 * spread)
            found.append(excess / np.sqrt(variance))
            kurtoses.append(np.sum(sizes**4 * spread * (1 - 6 * spread)) / variance**2)
            bounds.append(tail_bound(sizes, chances, excess))
    deviations, n = np.array(found), draws * len(batch.domains)
    level = 2 * math.exp(-8)  # what the bound is at 4 sd of a normal, whose chance is 6.3e-5
    assert min(bounds) > level / n  # with all domains of all draws allowed for
    assert sum(bound < level for bound in bounds) <= 1 + 4 * math.sqrt(6.3e-5 * n)
    assert abs(deviations.mean()) < 4 / np.sqrt(n)
    assert abs(np.mean(deviations**2) - 1) < 4 * np.sqrt(np.sum(2 + np.array(kurtoses))) / n


def test_the_bound_on_a_tail_is_above_the_exact_chance_and_near_it() -> None:
    chances, sizes = np.full(30, 0.1), np.ones(30)  # a binomial
    for drawn in (0, 8, 11, 14):
        tail = sum(math.comb(30, k) * 0.1**k * 0.9 ** (30 - k) for k in range(31) if (k >= drawn if drawn else k == 0))
        assert tail <= tail_bound(sizes, chances, drawn - 3) <= 15 * tail
    assert tail_bound(sizes * 700, chances, 27 * 700) == pytest.approx(2 * 0.1**30, rel=0.1)


def test_a_document_gets_its_whole_copies_and_one_more_with_the_probability_of_the_fraction() -> None:
    table = CopyTable.from_copies(["x"], [[0.0, 1e-4, 0.3, 1.0, 2.25, 7.999]])
    ids = np.arange(400_000, dtype=np.uint64)
    for bin_, copies in enumerate([0.0, 1e-4, 0.3, 1.0, 2.25, 7.999]):
        counts = table.counts(np.zeros(ids.size, np.int64), np.full(ids.size, bin_), ids, seed=3)
        whole = int(copies)
        assert set(np.unique(counts)) <= {whole, whole + 1}
        chance = copies - whole
        assert abs((counts > whole).mean() - chance) <= 4 * np.sqrt(chance * (1 - chance) / ids.size)
    assert table.base.tolist() == [[0, 0, 0, 1, 2, 7]]
    assert table.threshold[0, 4] == 2**51
    assert table.max_copies == 8
    assert CopyTable.from_copies(["x"], [[1.0, 3.0]]).max_copies == 3


def test_a_count_depends_on_nothing_but_seed_and_document(built: Built) -> None:
    params = SamplerParams.draw(np.random.default_rng(1), built.batch.domains, CRITERIA.names)
    domain, bins, merged = built.merge(params.criterion_weights)
    table, ids = CopyTable.from_params(params, merged), built.batch.ids
    counts = table.counts(domain, bins, ids, seed=5)
    order = np.random.default_rng(2).permutation(ids.size)
    shards = [table.counts(domain[rows], bins[rows], ids[rows], seed=5) for rows in np.array_split(order, 11)]
    assert np.array_equal(np.concatenate(shards), counts[order])
    assert not np.array_equal(table.counts(domain, bins, ids, seed=6), counts)


def test_copies_never_rise_with_the_rank(built: Built) -> None:
    params = SamplerParams.draw(np.random.default_rng(3), built.batch.domains, CRITERIA.names)
    table = CopyTable.from_params(params, built.merge(params.criterion_weights)[2])
    assert np.all(table.fixed[:, 1:] <= table.fixed[:, :-1])


def test_the_binned_draw_agrees_with_the_exact_one(built: Built) -> None:
    batch = built.batch
    params = SamplerParams.draw(np.random.default_rng(7), batch.domains, CRITERIA.names)
    domain, bins, merged = built.merge(params.criterion_weights)
    counts = CopyTable.from_params(params, merged).counts(domain, bins, batch.ids, seed=9)
    exact = exact_counts(batch, CRITERIA, params, seed=9)
    near = np.abs(exact_ranks(batch, CRITERIA, params) - params.cutoff[domain]) < 2e-3
    assert np.mean((counts != exact)[~near]) < 1e-3
    assert exact.sum() > 100


@pytest.mark.parametrize("edges", [(0, 0.1, 0.4, 1), None])
def test_a_recipe_gives_every_cell_its_tokens(built: Built, edges: tuple[float, ...] | None) -> None:
    domain, bins, merged = built.merge()
    stated = bucket_table(merged, edges or (0, 0.1, 0.4, 1))
    if edges is None:  # the documents state their bucket: buckets are the bins
        bins = stated[domain, bins]
        merged = MergedHistogram(merged.domains, 3)
        merged.add(domain, bins, built.batch.tokens)
        stated = np.broadcast_to(np.arange(3, dtype=np.int16), (6, 3))
    weights = {"a/q0": 0.5, "a/q2": 0.1, "b": 0.25, "c/q1": 0.15, "d": 0.0}
    tokens = 3.0 * built.batch.tokens[built.batch.domain == 0].sum()
    table = CopyTable.from_recipe(weights, tokens, merged, edges)
    counts = table.counts(domain, bins, built.batch.ids, seed=1)
    drawn = np.zeros((6, 3))
    np.add.at(drawn, (domain, stated[domain, bins]), counts * built.batch.tokens.astype(float))
    assert drawn[0, 0] / tokens == pytest.approx(0.5, rel=0.02)
    assert drawn[0, 1] == 0
    assert drawn[0, 2] / tokens == pytest.approx(0.1, rel=0.05)
    assert drawn[1].sum() / tokens == pytest.approx(0.25, rel=0.02)
    assert drawn[2].tolist()[::2] == [0, 0]
    assert drawn[2, 1] / tokens == pytest.approx(0.15, rel=0.02)
    assert drawn[3:].sum() == 0
    assert np.ldexp(table.fixed.astype(float), -53).max() > 14  # 1.5 times all of a, out of a tenth of it


def test_a_plain_bucket_is_shared_by_all_domains_alike(built: Built) -> None:
    merged = built.merge()[2]
    table = CopyTable.from_recipe({"q0": 0.6, "q1": 0.4}, 1e6, merged, (0, 0.2, 1))
    available = merged.tokens[bucket_table(merged, (0, 0.2, 1)) == 0].sum()
    assert table.copies[:, 0] == pytest.approx(0.6e6 / available)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"zoo": 1.0}, "the cell 'zoo'.*a, b, c"),
        ({"a/q3": 1.0}, "the cell 'a/q3'.*3 buckets"),
        ({"a": 0.5, "a/q0": 0.5}, "overlaps"),
        ({"a/q0": 1.0}, "no document with tokens falls"),
        ({"b": 1.0}, "between 0 and 2046"),
    ],
)
def test_a_recipe_that_cannot_be_drawn_is_refused(weights: dict[str, float], message: str) -> None:
    merged = MergedHistogram(["a", "b", "c"])
    merged.add(np.arange(3), np.zeros(3, np.int64), np.array([9, 9, 9]))  # one document a domain: rank 1
    with pytest.raises(RecipeError, match=message):
        CopyTable.from_recipe(weights, 1e5, merged, (0, 0.1, 0.4, 1))


def test_a_table_comes_back_from_its_bytes(built: Built) -> None:
    params = SamplerParams.draw(np.random.default_rng(3), built.batch.domains, CRITERIA.names)
    table = CopyTable.from_params(params, built.merge()[2])
    again = CopyTable.from_bytes(table.to_bytes())
    assert np.array_equal(again.fixed, table.fixed)
    assert again.fingerprint == table.fingerprint
    with pytest.raises(RecipeError, match="copy table"):
        CopyTable.from_bytes(built.merge()[2].to_bytes())


def test_parameters_without_one_of_the_domains_are_refused(built: Built) -> None:
    params = SamplerParams.draw(np.random.default_rng(3), ["a", "b"], CRITERIA.names)
    with pytest.raises(RecipeError, match="no sampler parameters"):
        CopyTable.from_params(params, built.merge()[2])
