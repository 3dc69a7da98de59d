"""Sampler parameters as vectors in a unit box, and how they are searched: ask for vectors, tell what they are worth.

QuaDMix's own procedure is `RandomDraws`: 100,000 draws of its Alg. 1, mean of the best 10. `Evolution` leaves the cloud of
Alg. 1 where a surrogate can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from ..sampling import SamplerParams

CUTOFF, FLOOR, DECADES = 0.1, 1e-3, 3.0
"""Alg. 1 draws omega up to `CUTOFF`, epsilon up to `FLOOR`, and lambda over `DECADES` of ten."""
BLOCK = 10_000
SEPARABLE_FROM = 50
"""Values from which only variances are learnt, not correlations: a full matrix would need too many candidates."""


@dataclass(frozen=True)
class SamplerSpace:
    """Vectors (N + 4) M long, every value in [0, 1], for M domains and N criteria.

    Attributes
    ----------
    domains, criteria : tuple of str

    References
    ----------
    .. [1] Liu et al. (2025), "QuaDMix: Quality-Diversity Balanced Data Selection for Efficient LLM Pretraining",
       arXiv:2504.16511, Alg. 1.
    """

    domains: tuple[str, ...]
    criteria: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Name of every value, domain by domain: its criterion weights, then the shape of its sampling function."""
        own = (*self.criteria, "steepness", "cutoff", "exponent", "floor")
        return tuple(f"{domain}:{name}" for domain in self.domains for name in own)

    def encode(self, params: SamplerParams) -> Array:
        """Parameters to a vector (n_values,); what lies outside Alg. 1's ranges comes to lie outside the box."""
        rows = params.aligned(self.domains)
        merge = rows.criterion_weights / rows.criterion_weights.sum(1, keepdims=True)
        steep = np.log10(np.maximum(rows.steepness, 1e-12)) / DECADES
        return np.column_stack([merge, steep, rows.cutoff / CUTOFF, rows.exponent, rows.floor / FLOOR]).ravel()

    def decode(self, vector: Array) -> SamplerParams:
        """A vector (n_values,) to parameters; values are taken to the box first, criterion weights to sum one."""
        rows = np.clip(np.asarray(vector, float), 0.0, 1.0).reshape(len(self.domains), -1)
        merge = rows[:, : len(self.criteria)] + 1e-9
        steep, cutoff, exponent, floor = rows[:, len(self.criteria) :].T
        merge = merge / merge.sum(1, keepdims=True)
        return SamplerParams(
            self.domains, self.criteria, merge, 10 ** (DECADES * steep), CUTOFF * cutoff, exponent, FLOOR * floor
        )

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Vectors (n, n_values) of Alg. 1: criterion weights share a global part, lambda is log-uniform."""
        n_domains, n_criteria = len(self.domains), len(self.criteria)
        shared = rng.random((n, 1, n_criteria))
        own = shared / shared.sum(2, keepdims=True) * rng.random((n, n_domains, n_criteria))
        merge = own / own.sum(2, keepdims=True)
        return np.concatenate([merge, rng.random((n, n_domains, 4))], 2).reshape(n, -1)


class Searcher(Protocol):
    """Proposes vectors and learns from what they are worth; the caller evaluates them, by a surrogate or by training."""

    def ask(self) -> Array:
        """Vectors to evaluate, (n, n_values)."""
        ...

    def tell(self, vectors: Array, values: Array) -> None:
        """Take in what they are worth, (n,), lower is better."""
        ...

    @property
    def best(self) -> Array:
        """The vector to use, (n_values,)."""
        ...


class RandomDraws:
    """Draws of Alg. 1; the best is the mean of the `k` best seen."""

    def __init__(self, space: SamplerSpace, seed: int = 0, k: int = 10, n: int = BLOCK) -> None:
        self.space, self.k, self.n = space, k, n
        self.rng = np.random.default_rng(seed)
        self.kept, self.values = np.zeros((0, len(space.names))), np.zeros(0)

    def ask(self) -> Array:
        """Vectors of Alg. 1, (n, n_values)."""
        return self.space.draw(self.n, self.rng)

    def tell(self, vectors: Array, values: Array) -> None:
        """Keep the best `k`."""
        vectors, values = np.concatenate([self.kept, vectors]), np.concatenate([self.values, values])
        best = np.argsort(values, kind="stable")[: self.k]
        self.kept, self.values = vectors[best], values[best]

    @property
    def best(self) -> Array:
        """Mean of the best, (n_values,)."""
        if not len(self.kept):
            raise RecipeError("nothing was told yet: ask for vectors and tell what they are worth first.")
        return np.asarray(self.kept.mean(0))


class Evolution:
    """Covariance matrix adaptation within the box, from the mean of the best draws of Alg. 1 (or a vector of the user's).

    References
    ----------
    .. [1] Hansen and Ostermeier (2001), "Completely derandomized self-adaptation in evolution strategies"; for many values
       Ros and Hansen (2008), "A simple modification in CMA-ES achieving linear time and space complexity".
    """

    def __init__(self, start: Array, seed: int = 0, width: float = 0.2) -> None:
        from cmaes import CMA, SepCMA

        kind: Any = SepCMA if len(start) >= SEPARABLE_FROM else CMA
        bounds = np.tile([0.0, 1.0], (len(start), 1))
        mean = np.clip(np.asarray(start, float), 0.0, 1.0)
        self.state = kind(mean=mean, sigma=width, bounds=bounds, seed=seed)
        self.found, self.value = mean, np.inf

    def ask(self) -> Array:
        """One generation, (population, n_values)."""
        return np.array([self.state.ask() for _ in range(self.state.population_size)])

    def tell(self, vectors: Array, values: Array) -> None:
        """Adapt, and keep the best."""
        self.state.tell(list(zip(vectors, values.tolist(), strict=True)))
        if values.min() < self.value:
            self.found, self.value = vectors[values.argmin()], float(values.min())

    @property
    def best(self) -> Array:
        """The best vector told, (n_values,)."""
        return np.asarray(self.found)


def search_params(
    values: Callable[[Array], Array],
    domains: Sequence[str],
    criteria: Sequence[str],
    *,
    method: str = "evolution",
    n: int = 100_000,
    seed: int = 0,
) -> SamplerParams:
    """Search the sampler parameters of the lowest value.

    Parameters
    ----------
    values : callable
        Vectors (n, n_values) in the order of `SamplerSpace.names` -> what is minimised (n,): a surrogate's ``predict``.
    domains, criteria : sequence of str
    method : {"evolution", "quadmix"}
        ``quadmix`` is the paper's: `n` draws of Alg. 1, mean of the best 10; ``evolution`` spends half of `n` so, and the
        rest from there.
    n : int
        Evaluations.
    seed : int

    Raises
    ------
    RecipeError
        If there is no such method.
    """
    if method not in ("evolution", "quadmix"):
        raise RecipeError(f"there is no method {method!r} for sampler parameters; there are evolution and quadmix.")
    space = SamplerSpace(tuple(domains), tuple(criteria))
    first = n if method == "quadmix" else n // 2
    draws = RandomDraws(space, seed, n=min(BLOCK, first))
    _run(draws, values, first)
    if method == "quadmix":
        return space.decode(draws.best)
    evolution = Evolution(draws.kept[0], seed)
    _run(evolution, values, n - first)
    better = evolution.value < draws.values[0]
    return space.decode(evolution.best if better else draws.kept[0])


def _run(searcher: Searcher, values: Callable[[Array], Array], n: int) -> None:
    spent = 0
    while spent < n:
        vectors = searcher.ask()
        searcher.tell(vectors, np.asarray(values(vectors), float))
        spent += len(vectors)
