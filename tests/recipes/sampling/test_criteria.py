from __future__ import annotations

import pytest

from infolaw.errors import RecipeError
from recipes.sampling import Criteria


def test_directions_turn_every_criterion_to_lower_is_better() -> None:
    criteria = Criteria.parse(["edu:higher", "a:b:lower", "perplexity"])
    assert criteria.names == ("edu", "a:b", "perplexity")
    assert criteria.signs.tolist() == [-1.0, 1.0, 1.0]
    assert Criteria.from_dict(criteria.to_dict()) == criteria


@pytest.mark.parametrize(
    "given",
    [
        {"names": ("a", "a"), "directions": ("lower", "lower")},
        {"names": ("a",), "directions": ()},
        {"names": ("a",), "directions": ("up",)},
        {"names": ("a",), "directions": ("lower",), "normalisation": "softmax"},
        {"names": ("a",), "directions": ("lower",), "missing": "zero"},
    ],
)
def test_what_breaks_a_rule_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        Criteria(**given)  # type: ignore[arg-type]
