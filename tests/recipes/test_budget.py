"""Budgets: what is spent is what was given, however it was given."""

import numpy as np
import pytest

from infolaw.compute import FlopCount
from infolaw.errors import BudgetError
from recipes import Budget


@pytest.mark.parametrize("count", [FlopCount(), FlopCount(exact=True), FlopCount(active_share=0.2)])
@pytest.mark.parametrize("served", [0.0, 1e11])
@pytest.mark.parametrize("fixed", [{"n_params": 1e9}, {"tokens": 2e10}, {"tokens_per_param": 40.0}])
def test_training_and_serving_spend_the_whole_budget(count, served, fixed):
    budget = Budget(flops=1e21, inference_tokens=served, count=count, **fixed)
    n_params, tokens = budget.size
    spent = budget.spent(n_params, tokens) + float(count.per_served_token(n_params)) * served
    assert spent == pytest.approx(1e21, rel=1e-9)
    for name, value in fixed.items():
        found = {"n_params": n_params, "tokens": tokens, "tokens_per_param": tokens / n_params}[name]
        assert found == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"n_params": 2.0, "tokens": 60.0}, (2.0, 60.0)),
        ({"n_params": 2.0, "tokens_per_param": 30.0}, (2.0, 60.0)),
        ({"tokens": 60.0, "tokens_per_param": 30.0}, (2.0, 60.0)),
    ],
)
def test_two_of_size_tokens_and_ratio_fix_the_third(given, size):
    assert Budget(**given).size == size


def test_serving_more_than_the_budget_is_refused_with_the_numbers():
    with pytest.raises(BudgetError, match="serving 1e\\+15 tokens with 1e\\+09 parameters takes the whole budget"):
        _ = Budget(flops=1e21, n_params=1e9, inference_tokens=1e15).size


def test_sizes_searched_span_the_ratios_and_leave_tokens_to_train_on():
    budget = Budget(flops=1e21, inference_tokens=1e12)
    sizes = budget.sizes(9)
    assert (np.diff(sizes) > 0).all()
    assert all(budget.tokens_at(float(n)) > 0 for n in sizes)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"flops": 1e21, "n_params": 1e9, "tokens": 1e9}, "given: flops, n_params, tokens"),
        ({"flops": 1e21, "n_params": 1e9, "overtraining": 5.0}, "given: flops, n_params, overtraining"),
        ({"n_params": 1e9, "overtraining": 5.0}, "needs flops"),
        ({"flops": 1e21, "inference_tokens": -1.0}, "inference_tokens = -1"),
        ({"flops": 1e21, "tokens_per_param": 0.0}, "tokens_per_param = 0"),
        ({"flops": 1e21, "count": FlopCount(exact=True, depth=32)}, "describe one model"),
    ],
)
def test_a_budget_that_is_none_is_refused_by_name(given, said):
    with pytest.raises(BudgetError, match=said):
        Budget(**given)
