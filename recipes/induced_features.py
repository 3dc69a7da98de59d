"""What sampler parameters induce on a corpus, as features: shares, epochs and mean quality ranks, from the profile's sample.

Two draws with the same shares, repetition and ranks are the same data, whatever the parameters that led there: so these
are what a loss can depend on. `recipes.swarm` holds them as columns; a search asks for those of parameters nobody has run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infolaw.errors import RecipeError
from infolaw.units import Array

from .sampling import MergedHistogram, Merger, Normaliser, Profile, SamplerParams, bucket_table, expected_copies, merge_bins
from .sampling.exact import inclusive_rank
from .sampling.normalise import SIGMA_BITS
from .sampling.params import SHAPES
from .swarm import Swarm

EDGES = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Ranks between the quality buckets of the cells."""
MOST_DOCUMENTS = 4096
"""Documents of each domain's sample that are used: a draw is then known to 1 or 2 % of its tokens, in milliseconds."""


@dataclass(frozen=True, eq=False)
class _Sample:
    """Documents of one domain that carry all their scores."""

    sigma: Array
    cell: NDArray[np.int64]
    tokens: NDArray[np.int64]
    factor: float


class Inducer:
    """Shares, epochs and mean ranks of draws from one corpus.

    Parameters
    ----------
    profile : Profile
        Of the corpus: `build.read_profile`.
    edges : sequence of float
        Ranks of the equally weighted merge that cut a domain's documents into cells, from 0 to 1.
    n_documents : int
        Documents of each domain's sample that are used.

    Raises
    ------
    RecipeError
        If the documents have no scores.
    """

    def __init__(self, profile: Profile, edges: Sequence[float] = EDGES, n_documents: int = MOST_DOCUMENTS) -> None:
        if not len(profile.criteria):
            raise RecipeError("The corpus has no scores, so sampler parameters have nothing to rank by; score it first.")
        self.n_buckets = len(edges) - 1
        self.criteria, self.domains = profile.criteria.names, profile.domains
        equal = Merger.of(Normaliser.from_profile(profile))
        buckets = bucket_table(MergedHistogram.estimate(profile, equal), edges)
        self._samples = [_sample_of(profile, d, equal, buckets[d], n_documents) for d in range(len(self.domains))]

    @property
    def cells(self) -> tuple[str, ...]:
        """Names of the cells: domain by bucket."""
        return tuple(f"{domain}/q{k}" for domain in self.domains for k in range(self.n_buckets))

    @property
    def ranks(self) -> tuple[str, ...]:
        """Names of the mean ranks: domain by criterion."""
        return tuple(f"{domain}:{criterion}" for domain in self.domains for criterion in self.criteria)

    def __call__(self, params: SamplerParams, tokens: float | None = None) -> dict[str, Array]:
        """What a draw by `params` comes to.

        Parameters
        ----------
        params : SamplerParams
        tokens : float, optional
            Trained on [tokens]; by default all that is drawn, once.

        Returns
        -------
        dict
            ``shares`` and ``epochs`` by cell, ``(n_cells,)``: epochs are tokens over the distinct tokens drawn, 0 where
            nothing is. ``ranks``, ``(n_domains * n_criteria,)``: token-weighted mean quality rank of what is drawn, 0 =
            best, one half where nothing is.
        """
        if set(params.criteria) != set(self.criteria):
            raise RecipeError(
                f"The parameters weigh {', '.join(params.criteria)}; the corpus is scored by {', '.join(self.criteria)}: "
                "name the same scores."
            )
        rows = params.aligned(self.domains)
        merge = rows.criterion_weights[:, [params.criteria.index(name) for name in self.criteria]]
        drawn, unique = np.zeros((2, len(self.domains), self.n_buckets))
        ranks = np.full((len(self.domains), len(self.criteria)), 0.5)
        for d, sample in enumerate(self._samples):
            if not len(sample.tokens):
                continue
            rank = inclusive_rank(sample.sigma @ (merge[d] / merge[d].sum()), sample.tokens)
            copies = expected_copies(rank, *(getattr(rows, shape)[d] for shape in SHAPES))
            weight = copies * sample.tokens * sample.factor
            drawn[d] = np.bincount(sample.cell, weight, self.n_buckets)
            unique[d] = np.bincount(sample.cell, np.minimum(copies, 1.0) * sample.tokens * sample.factor, self.n_buckets)
            if weight.sum() > 0:
                ranks[d] = weight @ sample.sigma / weight.sum()
        total = float(drawn.sum())
        if not total:
            raise RecipeError("These parameters draw nothing from the corpus: raise a floor or a cutoff.")
        read = drawn if tokens is None else drawn * (tokens / total)
        passes = np.divide(read, unique, out=np.zeros_like(read), where=unique > 0)
        return {"shares": (drawn / total).ravel(), "epochs": passes.ravel(), "ranks": ranks.ravel()}


def _sample_of(profile: Profile, d: int, equal: Merger, buckets: NDArray[np.int16], n_most: int) -> _Sample:
    """Documents of one domain: quality rank by every criterion (0 = best), cell, tokens."""
    whole = profile.sketch(profile.domains[d])
    tokens, raw = whole.tokens[:n_most], whole.scores[:n_most] * profile.criteria.signs
    rows = np.full(len(tokens), d, np.int64)
    sigma = [equal.normaliser.sigma(rows, c, raw[:, c]) / float(1 << SIGMA_BITS) for c in range(len(profile.criteria))]
    cell = buckets[merge_bins(raw, rows, equal.normaliser, equal.weights)].astype(np.int64)
    return _Sample(np.stack(sigma, 1), cell, tokens, float(profile.tokens[d]) / max(1.0, float(tokens.sum())))


def params_of(swarm: Swarm) -> tuple[SamplerParams, ...]:
    """Sampler parameters of every run, from columns ``param:<domain>:<name>``.

    A name is ``steepness``, ``cutoff``, ``exponent``, ``floor``, or a criterion, whose value is its weight.

    Raises
    ------
    RecipeError
        If there are no such columns, or a domain lacks one; the message names it.
    """
    X, columns = swarm.features("params")
    places = {column.removeprefix("param:"): k for k, column in enumerate(columns)}
    domains = tuple(dict.fromkeys(name.rpartition(":")[0] for name in places))
    criteria = tuple(dict.fromkeys(n for n in (name.rpartition(":")[2] for name in places) if n not in SHAPES))
    lost = [f"param:{d}:{n}" for d in domains for n in (*criteria, *SHAPES) if f"{d}:{n}" not in places]
    if lost or "" in domains:
        raise RecipeError(
            f"The columns {', '.join(columns[:3])} ... do not make up sampler parameters: "
            f"{lost[0] if lost else 'param:<domain>:<name>'} is missing; every domain needs its criteria, "
            f"{', '.join(SHAPES)}."
        )

    def block(names: Sequence[str]) -> Any:
        return X[:, [[places[f"{domain}:{name}"] for name in names] for domain in domains]]

    merge, shapes = block(criteria), block(SHAPES)
    return tuple(SamplerParams(domains, criteria, m, *s.T) for m, s in zip(merge, shapes, strict=True))


def with_induced(swarm: Swarm, inducer: Inducer) -> Swarm:
    """Return the swarm with columns ``share:``, ``epochs:`` and ``rank:`` of what its parameters induce.

    Raises
    ------
    RecipeError
        If the swarm has no parameters, or domains or criteria differ from the corpus's; the message names both sets.
    """
    tokens = swarm.runs.frame["tokens"].to_numpy(float) if "tokens" in swarm.runs.frame else [None] * len(swarm)
    found = [inducer(params, read) for params, read in zip(params_of(swarm), tokens, strict=True)]
    for prefix, names, kind in (
        ("share:", inducer.cells, "shares"),
        ("epochs:", inducer.cells, "epochs"),
        ("rank:", inducer.ranks, "ranks"),
    ):
        swarm = swarm.with_columns(prefix, names, np.stack([one[kind] for one in found]))
    return swarm
