"""Compute: hours and devices become FLOP, and an exact count agrees with what was published."""

import numpy as np
import pytest

from infolaw.compute import PEAK_FLOPS, FlopCount, hours_to_flops
from infolaw.errors import BudgetError


def test_hours_are_seconds_times_peak_times_utilisation():
    assert hours_to_flops(1.0, device="A100", utilisation=0.5) == pytest.approx(3600 * 312e12 * 0.5)
    assert hours_to_flops(2.0, flops_per_second=1e14) == pytest.approx(7200 * 1e14)


def test_an_unknown_device_is_answered_with_the_list():
    with pytest.raises(BudgetError, match=f"'h1000' is unknown.*{', '.join(PEAK_FLOPS)}"):
        hours_to_flops(1.0, device="h1000", utilisation=0.4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"device": "h100"},
        {"device": "h100", "flops_per_second": 1e14, "utilisation": 0.4},
        {"device": "h100", "utilisation": 40.0},
        {"flops_per_second": -1.0},
    ],
)
def test_hours_without_a_usable_rate_are_refused(options):
    with pytest.raises(BudgetError):
        hours_to_flops(1.0, **options)


def test_attention_is_the_part_that_palm_reports():
    """PaLM 540B: MFU 46.2 % with and 45.7 % without self-attention (arXiv:2204.02311, table 3)."""
    n = 540e9
    counted = FlopCount(exact=True, depth=118, width=48 * 256, context=2048, embeddings="tied").per_token(n)
    assert counted / (6 * n) == pytest.approx(46.2 / 45.7, abs=1e-3)


def test_the_rule_of_thumb_finds_published_shapes():
    """GPT-3 175B has 96 layers of 12288 (arXiv:2005.14165, table 2.1); Llama 7B 32 of 4096 (arXiv:2302.13971, table 2)."""
    depth, width = FlopCount(exact=True, embeddings="untied", vocabulary=32000).shape(np.array([175e9, 6.7e9]))
    np.testing.assert_allclose(width, [12288, 4096], rtol=0.03)
    np.testing.assert_allclose(depth, [96, 32], rtol=0.03)


@pytest.mark.parametrize("embeddings", ["tied", "untied", "excluded"])
def test_depth_and_width_make_the_size_that_they_were_asked_for(embeddings):
    count = FlopCount(exact=True, embeddings=embeddings)
    n = np.geomspace(1e6, 1e12, 7)
    depth, width = count.shape(n)
    vocabulary = {"tied": 1, "untied": 2, "excluded": 0}[embeddings] * count.vocabulary * width
    np.testing.assert_allclose(12 * depth * width**2 + vocabulary, n, rtol=1e-6)


def test_serving_costs_a_third_and_idle_experts_nothing():
    for count in (FlopCount(), FlopCount(exact=True)):
        np.testing.assert_allclose(3 * count.per_served_token(1e9), count.per_token(1e9))
    assert FlopCount(active_share=0.1).per_token(1e10) == FlopCount().per_token(1e9)
    np.testing.assert_allclose(FlopCount(exact=True, active_share=0.1).per_token(1e10), FlopCount(exact=True).per_token(1e9))


def test_a_depth_of_another_model_is_refused():
    with pytest.raises(BudgetError, match="make .* parameters, the model has 7e"):
        FlopCount(exact=True, depth=4096, width=32).per_token(7e9)
