"""Criteria: what documents are scored on, which way is better, and what a missing score means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

DIRECTIONS = ("lower", "higher")
NORMALISATIONS = ("rank", "zscore", "minmax")
MISSING = ("worst", "refuse")


@dataclass(frozen=True)
class Criteria:
    """The quality criteria of a corpus, in the order of the columns of every score array.

    Parameters
    ----------
    names : tuple of str
        One a criterion; may be empty (then every document of a domain has the same quality).
    directions : tuple of str
        ``"lower"`` or ``"higher"``: which raw scores are better. QuaDMix takes lower for better; inside the sampler
        all scores are turned that way.
    normalisation : str
        Sigma of eq. 1: ``"rank"`` (token-weighted rank inside the domain), ``"zscore"`` or ``"minmax"``.
    missing : str
        ``"worst"``: a missing (NaN) score counts as the worst of its domain, and is counted in the report;
        ``"refuse"``: it is an error.

    Raises
    ------
    RecipeError
        If names repeat, lengths differ, or a word is not one of the above.
    """

    names: tuple[str, ...]
    directions: tuple[str, ...]
    normalisation: str = "rank"
    missing: str = "worst"

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names) or len(self.names) != len(self.directions):
            raise RecipeError(
                f"Criteria {', '.join(self.names)} with directions {', '.join(self.directions)}: "
                "give each criterion once, with one direction."
            )
        for word, allowed in [(d, DIRECTIONS) for d in self.directions] + [
            (self.normalisation, NORMALISATIONS),
            (self.missing, MISSING),
        ]:
            if word not in allowed:
                raise RecipeError(f"{word!r} is not among {', '.join(allowed)}; choose one of these.")

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def parse(cls, texts: tuple[str, ...] | list[str], normalisation: str = "rank", missing: str = "worst") -> Criteria:
        """Criteria from ``"name:higher"`` or ``"name:lower"``; without a direction, lower is better.

        Examples
        --------
        >>> Criteria.parse(["edu:higher", "perplexity"]).directions
        ('higher', 'lower')
        """
        parts = [text.rpartition(":") if text.endswith((":lower", ":higher")) else (text, ":", "lower") for text in texts]
        return cls(tuple(p[0] for p in parts), tuple(p[2] for p in parts), normalisation, missing)

    @property
    def signs(self) -> Array:
        """Factor that turns raw scores into "lower is better", ``(n_criteria,)``."""
        return np.array([1.0 if direction == "lower" else -1.0 for direction in self.directions])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for files."""
        return {
            "names": list(self.names),
            "directions": list(self.directions),
            "normalisation": self.normalisation,
            "missing": self.missing,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Criteria:
        """Inverse of `to_dict`."""
        return cls(tuple(data["names"]), tuple(data["directions"]), data["normalisation"], data["missing"])
