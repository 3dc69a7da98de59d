from __future__ import annotations

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.sampling import Box, CopyTable, MergedHistogram, SamplerParams, bucket_table, induced, invert

EDGES = (0.0, 0.05, 0.2, 1.0)
TOKENS = 10**8


def corpus(n_domains: int = 4) -> MergedHistogram:
    merged = MergedHistogram([f"d{i}" for i in range(n_domains)])
    bump = np.exp(-((np.arange(merged.n_bins) / merged.n_bins - 0.5) ** 2) * 4)
    merged.tokens[:] = np.rint(bump / bump.sum() * TOKENS * (1 + np.arange(n_domains)[:, None]))
    merged.documents[:] = 1
    return merged


@pytest.mark.parametrize("seed", range(5))
def test_tokens_of_drawn_parameters_are_reached_by_domain_and_bucket(seed: int) -> None:
    merged = corpus()
    buckets = bucket_table(merged, EDGES)
    truth = SamplerParams.draw(np.random.default_rng(seed), merged.domains, ["a"])
    wanted = induced(CopyTable.from_params(truth, merged), merged, buckets).tokens
    found = invert(wanted, merged, ["a"], np.ones((4, 1)), buckets)
    assert found.is_met
    assert found.reached == pytest.approx(wanted, rel=0.01, abs=1e-4 * wanted.sum())
    assert found.distance < 2e-3


def test_totals_by_domain_are_reached_without_buckets() -> None:
    merged = corpus()
    wanted = np.array([0.15, 0.001, 0.05, 0.0]) * TOKENS
    found = invert(wanted, merged, ["a"], np.ones((4, 1)))
    assert found.is_met
    assert found.reached[:, 0] == pytest.approx(wanted, rel=2e-3, abs=1.0)
    again = induced(CopyTable.from_params(found.params, merged), merged).tokens
    assert np.array_equal(again, found.reached)


def test_more_than_the_form_gives_is_said_and_how_far_it_gets() -> None:
    merged = corpus(2)
    found = invert([0.5 * TOKENS, 0.1 * TOKENS], merged, ["a"], np.ones((2, 1)))
    assert not found.is_met
    assert len(found.sentences) == 1
    assert found.sentences[0].startswith("d0: 5e+07 tokens are wanted, and the nearest this form comes is ")
    assert found.reached[0, 0] == pytest.approx(0.2 * TOKENS, rel=0.02)
    assert found.wanted_shares[0, 0] == pytest.approx(5 / 6)
    assert found.reached_shares[0, 0] == pytest.approx(2 / 3, abs=0.01)
    assert found.distance == pytest.approx(1 / 6, abs=0.01)


def test_a_wider_box_reaches_what_that_of_algorithm_1_cannot() -> None:
    merged = corpus(1)
    wide = Box(cutoff=(0.0, 1.0), exponent=(0.0, 3.0), floor=(0.0, 5.0))
    assert invert([3.0 * TOKENS], merged, ["a"], [[1.0]], box=wide).reached[0, 0] == pytest.approx(3 * TOKENS, rel=2e-3)


def test_a_cap_on_epochs_lowers_what_is_wanted_and_says_so() -> None:
    merged = corpus(1)
    buckets = bucket_table(merged, EDGES)
    found = invert([[0.08 * TOKENS, 0.02 * TOKENS, 0.0]], merged, ["a"], [[1.0]], buckets, max_epochs=1.2)
    assert found.reached[0, 0] <= 1.2 * 0.05 * TOKENS * 1.01
    assert "cap on epochs allows" in found.sentences[0]


@pytest.mark.parametrize("wanted", [[1.0], [-1.0, 2.0], [np.nan, 1.0], [0.0, 0.0], [[1.0, 2.0], [1.0, 2.0]]])
def test_wanted_tokens_that_do_not_fit_are_refused(wanted: list[float]) -> None:
    with pytest.raises(RecipeError, match="do not fit"):
        invert(wanted, corpus(2), ["a"], np.ones((2, 1)))


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(RecipeError, match="cutoff is 0.2 to 0.1"):
        Box(cutoff=(0.2, 0.1))
