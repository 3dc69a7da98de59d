"""Compiled loops: loaded only by who samples, kept on disk where that is possible, never out of their arrays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from infolaw.errors import RecipeError
from recipes.batch import Batch
from recipes.sampling import CopyTable, Criteria, MergedHistogram, Profile
from recipes.sampling.sketch import SKETCH_SIZE

WITHOUT_FOLDER = """
from numba.core import caching
caching.CacheImpl._locator_classes = []
import numpy as np
from recipes.sampling import splitmix64
assert hex(int(splitmix64(np.zeros(1, np.uint64))[0])) == "0xe220a8397b1dcdaf"
"""


def test_the_compiler_is_not_loaded_with_the_package() -> None:
    code = "import recipes, recipes.cli, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_loops_compile_where_no_folder_can_keep_them() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_FOLDER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("domain", "bins"), [(1, 0), (0, 4), (-1, 0)])
def test_places_outside_a_table_are_refused(domain: int, bins: int) -> None:
    place = (np.array([0, domain]), np.array([0, bins]))
    with pytest.raises(RecipeError, match="one profile"):
        MergedHistogram(["x"], 4).add(*place, np.ones(2, np.int64))
    with pytest.raises(RecipeError, match="one profile"):
        CopyTable.from_copies(["x"], np.ones((1, 4))).counts(*place, np.zeros(2, np.uint64), 0)


def test_few_ids_shared_by_many_documents_leave_the_same_bounded_sample_in_any_order(
    make_batch: Callable[..., Batch], take: Callable[[Batch, np.ndarray], Batch]
) -> None:
    batch = make_batch(250_000, n_domains=1, n_criteria=1)
    batch = replace(batch, ids=batch.ids % np.uint64(5))
    order = np.random.default_rng(0).permutation(len(batch))
    found = []
    for parts in ([np.arange(len(batch))], np.array_split(order, 4)):
        profile = Profile.empty(Criteria(("a",), ("higher",)))
        for part in parts:
            profile.update(take(batch, part))
        found.append(profile)
    assert found[0].to_bytes() == found[1].to_bytes()
    assert len(found[0].sketch("d0")) == SKETCH_SIZE


def test_a_sample_that_was_asked_for_does_not_change_with_later_documents(make_batch: Callable[..., Batch]) -> None:
    profile = Profile.empty(Criteria(("a",), ("lower",)))
    profile.update(make_batch(1000, n_domains=1, n_criteria=1))
    sample = profile.sketch("d0")
    before = sample.hashes.copy()
    profile.update(make_batch(90_000, n_domains=1, n_criteria=1, seed=1))
    profile.sketch("d0")
    assert np.array_equal(sample.hashes, before)
