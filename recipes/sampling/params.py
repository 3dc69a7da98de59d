"""QuaDMix parameters: eq. 3 (expected copies by rank) and Alg. 1 (how they are drawn).

References
----------
.. [1] Liu et al. (2025), "QuaDMix: Quality-Diversity Balanced Data Selection for Efficient LLM Pretraining",
   arXiv:2504.16511, eq. 3 and Alg. 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from infolaw.errors import RecipeError
from infolaw.units import Array

SHAPES = ("steepness", "cutoff", "exponent", "floor")
STEEPNESS = ("log", "linear")


def expected_copies(
    rank: ArrayLike, steepness: ArrayLike, cutoff: ArrayLike, exponent: ArrayLike, floor: ArrayLike
) -> Array:
    """Expected copies of a document by its rank: eq. 3.

    ``S(r) = (2 / (1 + exp(-steepness (cutoff - r))))^exponent + floor`` for ``r <= cutoff``, else ``floor``. It never
    rises with the rank, is ``1 + floor`` at the cutoff and at most ``2^exponent + floor``.

    Parameters
    ----------
    rank : array_like
        Quality rank in [0, 1], 0 = best.
    steepness, cutoff, exponent, floor : array_like
        Lambda, omega, eta and epsilon of the paper; broadcast against `rank`.

    Returns
    -------
    ndarray
        Copies a document; 1.3 = one copy, and a second with probability .3.

    Examples
    --------
    >>> expected_copies([0.0, 0.1, 0.2], 100.0, 0.1, 1.0, 0.001).round(4).tolist()
    [2.0009, 1.001, 0.001]
    """
    rank, cutoff = np.asarray(rank, np.float64), np.asarray(cutoff, np.float64)
    inside = np.maximum(cutoff - rank, 0.0)  # the exponential only ever falls: no overflow at any steepness
    curve: Array = (2.0 / (1.0 + np.exp(-np.asarray(steepness, np.float64) * inside))) ** exponent
    copies: Array = np.where(rank <= cutoff, curve, 0.0) + np.asarray(floor, np.float64)
    return copies


@dataclass(frozen=True)
class SamplerParams:
    """Parameters of the sampler: one row a domain.

    Parameters
    ----------
    domains : tuple of str
    criteria : tuple of str
        Names, in the order of the columns of `criterion_weights`.
    criterion_weights : (n_domains, n_criteria)
        alpha of eq. 1; not negative; only their proportions inside a domain matter.
    steepness, cutoff, exponent, floor : (n_domains,)
        lambda >= 0, omega in [0, 1], eta >= 0, epsilon >= 0 [copies].

    Raises
    ------
    RecipeError
        If a value breaks these rules; the message names the domain.
    """

    domains: tuple[str, ...]
    criteria: tuple[str, ...]
    criterion_weights: Array = field(repr=False)
    steepness: Array = field(repr=False)
    cutoff: Array = field(repr=False)
    exponent: Array = field(repr=False)
    floor: Array = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.domains)
        if not n or len(set(self.domains)) < n:
            raise RecipeError(f"The sampler's domains are {', '.join(self.domains) or 'none'}; name each once.")
        for name, shape in (("criterion_weights", (n, len(self.criteria))), *((name, (n,)) for name in SHAPES)):
            values = np.asarray(getattr(self, name), np.float64)
            if values.shape != shape:
                raise RecipeError(f"{name} has the shape {values.shape}; {shape} is needed: one row a domain.")
            high = 1.0 if name == "cutoff" else np.inf
            bad = ~(np.isfinite(values) & (values >= 0) & (values <= high)).reshape(n, -1).all(axis=1)
            if name == "criterion_weights" and self.criteria:
                bad |= values.sum(axis=1) <= 0
            if bad.any():
                domain = self.domains[int(np.flatnonzero(bad)[0])]
                rule = "in [0, 1]" if name == "cutoff" else "finite and not negative, not all zero"
                raise RecipeError(f"{name} of domain {domain!r} is {values[bad][0].tolist()}; it must be {rule}.")
            object.__setattr__(self, name, values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SamplerParams):
            return NotImplemented
        same = (self.domains, self.criteria) == (other.domains, other.criteria)
        return same and all(np.array_equal(getattr(self, n), getattr(other, n)) for n in ("criterion_weights", *SHAPES))

    __hash__ = None  # type: ignore[assignment]

    def expected_copies(self, rank: ArrayLike) -> Array:
        """Eq. 3 for every domain: `rank` ``(n_domains, n)``, or ``(n,)`` alike for all -> ``(n_domains, n)``."""
        ranks = np.asarray(rank, np.float64)
        copies = np.empty((len(self.domains), ranks.shape[-1]))
        for d in range(len(self.domains)):  # domain by domain: no large intermediate arrays
            row = slice(d, d + 1)
            own = ranks[row] if ranks.ndim == 2 else ranks[None]
            copies[row] = expected_copies(own, *(getattr(self, name)[row, None] for name in SHAPES))
        return copies

    def aligned(self, domains: Sequence[str]) -> SamplerParams:
        """Return the rows of `domains`, in that order; rows of other domains are left out.

        Raises
        ------
        RecipeError
            If one of `domains` has no parameters; the message names both sets.
        """
        lost = [name for name in domains if name not in self.domains]
        if lost:
            raise RecipeError(
                f"The corpus holds the domain {', '.join(lost)}, for which there are no sampler parameters; there are "
                f"some for {', '.join(self.domains)}, and the corpus has {', '.join(domains)}: use the same names."
            )
        rows = [self.domains.index(name) for name in domains]
        values = (getattr(self, name)[rows] for name in ("criterion_weights", *SHAPES))
        return SamplerParams(tuple(domains), self.criteria, *values)

    @classmethod
    def draw(
        cls, rng: np.random.Generator, domains: Sequence[str], criteria: Sequence[str], steepness: str = "log"
    ) -> SamplerParams:
        """Draw parameters at random: Alg. 1.

        Parameters
        ----------
        rng : Generator
        domains, criteria : sequence of str
        steepness : str
            ``"log"``: lambda = 10^(3U); ``"linear"``: 1000 U (the paper's typesetting allows both).
        """
        if steepness not in STEEPNESS:
            raise RecipeError(f"steepness {steepness!r} is not among {', '.join(STEEPNESS)}; choose one.")
        n = len(domains)
        common = 1.0 - rng.random(len(criteria))  # in (0, 1]: never all zero
        weights = common / max(common.sum(), 1.0e-300) * (1.0 - rng.random((n, len(criteria))))
        weights = weights / weights.sum(axis=1, keepdims=True) if len(criteria) else weights
        cutoff, exponent, floor, turn = 0.1 * rng.random(n), rng.random(n), rng.random(n) / 1000, rng.random(n)
        steep = 10.0 ** (3 * turn) if steepness == "log" else 1000 * turn
        return cls(tuple(domains), tuple(criteria), weights, steep, cutoff, exponent, floor)

    def to_dict(self) -> dict[str, dict[str, object]]:
        """One entry a domain: its criterion weights by name, steepness, cutoff, exponent, floor."""
        return {
            name: {
                "criterion_weights": dict(zip(self.criteria, self.criterion_weights[d].tolist(), strict=True)),
                **{shape: float(getattr(self, shape)[d]) for shape in SHAPES},
            }
            for d, name in enumerate(self.domains)
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, object]], criteria: Sequence[str]) -> SamplerParams:
        """Inverse of `to_dict`; every domain must weigh exactly `criteria`."""
        for name, entry in data.items():
            weighed = entry["criterion_weights"]
            if not isinstance(weighed, Mapping) or set(weighed) != set(criteria):
                raise RecipeError(
                    f"Domain {name!r} weighs {', '.join(map(str, weighed or ()))}; the criteria are "  # type: ignore[call-overload]
                    f"{', '.join(criteria)}: weigh each once (0 is allowed)."
                )
        weights = [[entry["criterion_weights"][c] for c in criteria] for entry in data.values()]  # type: ignore[index]
        shapes = (np.array([entry[shape] for entry in data.values()], np.float64) for shape in SHAPES)
        array = np.array(weights, np.float64).reshape(len(data), len(criteria))
        return cls(tuple(data), tuple(criteria), array, *shapes)

    @classmethod
    def read(cls, path: str | Path) -> SamplerParams:
        """Read a YAML file (schema_version 1); `RecipeError` names the file and the place in it."""
        from .params_file import read_params

        return read_params(path)

    def write(self, path: str | Path) -> None:
        """Write as YAML, whole or not at all."""
        from .params_file import write_params

        write_params(path, self)
