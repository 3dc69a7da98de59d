from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recipes.batch import Batch


def make_batch(n: int, n_domains: int = 3, n_criteria: int = 2, seed: int = 0) -> Batch:
    """A corpus of correlated normal scores and lognormal tokens."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    return Batch(
        ids=rng.integers(0, 2**63, n).astype(np.uint64),
        domain=rng.integers(0, n_domains, n).astype(np.int32),
        domains=tuple(f"d{i}" for i in range(n_domains)),
        tokens=rng.lognormal(6, 0.7, n).astype(np.int64) + 1,
        scores=0.6 * common + 0.8 * rng.normal(size=(n, n_criteria)),
    )


def take(batch: Batch, rows: np.ndarray) -> Batch:
    """The rows chosen, in that order."""
    columns = {name: getattr(batch, name)[rows] for name in ("ids", "domain", "tokens", "scores")}
    return replace(batch, **columns)


@pytest.fixture(name="take")
def _take() -> Callable[[Batch, np.ndarray], Batch]:
    return take


@pytest.fixture(name="make_batch")
def _make_batch() -> Callable[..., Batch]:
    return make_batch
