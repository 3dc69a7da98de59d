from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infolaw.errors import RecipeError
from recipes.sampling import SamplerParams, expected_copies


@pytest.mark.parametrize(
    ("rank", "steepness", "cutoff", "exponent", "floor", "by_hand"),
    [
        (0.05, 100.0, 0.05, 0.7, 0.001, 1.001),  # at the cutoff: 1 + epsilon
        (0.06, 100.0, 0.05, 0.7, 0.001, 0.001),  # beyond it: epsilon
        (0.0, 100.0, 0.1, 1.0, 0.0, 2 / (1 + math.exp(-10))),  # 1.99991
        (0.04, 50.0, 0.08, 0.5, 0.0005, math.sqrt(2 / (1 + math.exp(-2))) + 0.0005),  # 1.32774
        (0.02, 10.0, 0.09, 0.0, 0.0002, 1.0002),  # no exponent: one copy
    ],
)
def test_equation_3_by_hand(
    rank: float, steepness: float, cutoff: float, exponent: float, floor: float, by_hand: float
) -> None:
    assert expected_copies(rank, steepness, cutoff, exponent, floor) == pytest.approx(by_hand, rel=1e-14)


@given(
    steepness=st.floats(0, 1e300),
    cutoff=st.floats(0, 1),
    exponent=st.floats(0, 50),
    floor=st.floats(0, 10),
)
def test_copies_never_rise_with_the_rank_and_never_overflow(
    steepness: float, cutoff: float, exponent: float, floor: float
) -> None:
    copies = expected_copies(np.linspace(0, 1, 301), steepness, cutoff, exponent, floor)
    assert np.all(np.diff(copies) <= 0)
    assert np.all((copies >= floor) & (copies <= 2**exponent + floor))


@pytest.mark.parametrize("steepness", ["log", "linear"])
def test_a_drawn_parameter_set_lies_in_the_box_of_algorithm_1(steepness: str) -> None:
    params = SamplerParams.draw(np.random.default_rng(0), [f"d{i}" for i in range(2000)], ["a", "b", "c"], steepness)
    assert np.allclose(params.criterion_weights.sum(axis=1), 1)
    for values, high in ((params.cutoff, 0.1), (params.exponent, 1), (params.floor, 0.001)):
        assert 0 <= values.min() < 0.05 * high
        assert 0.95 * high < values.max() <= high
    median = {"log": 10**1.5, "linear": 500.0}[steepness]
    assert np.median(params.steepness) == pytest.approx(median, rel=0.15)


def test_one_seed_draws_one_parameter_set() -> None:
    one, again, other = (SamplerParams.draw(np.random.default_rng(s), ["x", "y"], ["a"]) for s in (0, 0, 1))
    assert one == again
    assert one != other


def test_parameters_come_back_from_their_file(tmp_path: Path) -> None:
    params = SamplerParams.draw(np.random.default_rng(0), ["web", "code"], ["edu", "dclm"])
    params.write(tmp_path / "params.yaml")
    assert SamplerParams.read(tmp_path / "params.yaml") == params


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("steepness", "lambda", "lambda"),
        ("schema_version: 1", "schema_version: 2", "schema_version"),
        ("edu: ", "education: ", "weighs"),
        ("cutoff: ", "cutoff: 1", "in \\[0, 1\\]"),
    ],
)
def test_a_broken_file_is_refused_with_its_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    SamplerParams.draw(np.random.default_rng(0), ["web"], ["edu"]).write(path)
    path.write_text(path.read_text().replace(old, new, 1) if old != "edu: " else path.read_text().replace(old, new))
    with pytest.raises(RecipeError, match=f"params.yaml.*{message}"):
        SamplerParams.read(path)


def test_an_unknown_domain_is_told_with_both_sets() -> None:
    params = SamplerParams.draw(np.random.default_rng(0), ["web", "code"], ["edu"])
    assert params.aligned(["code"]).cutoff[0] == params.cutoff[1]
    with pytest.raises(RecipeError, match="holds the domain books.*web, code.*corpus has books, web"):
        params.aligned(["books", "web"])
