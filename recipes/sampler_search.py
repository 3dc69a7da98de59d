"""From a swarm of sampler parameters and a corpus's profile to the parameters to sample by: ``infolaw search --sampler``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infolaw.errors import RecipeError
from infolaw.files import package_version
from infolaw.units import Array

from .choosing import choose_surrogate
from .induced_features import EDGES, Inducer, params_of
from .sampling import Profile, SamplerParams
from .search import Beliefs, Rival, SamplerSpace, distance, search_params
from .search.recommendation import FAR
from .skill import Skill
from .surrogates import BoostedTrees, GaussianProcess, OfColumns, Surrogate
from .swarm import Swarm

DESCRIPTIONS = ("params", "shares", "domains", "domains+ranks", "shares+ranks")
"""How recipes may be described to a surrogate; cross-validation chooses."""
TREES = ("params", "domains+ranks")
SURFACES, LEVEL = 400, 0.9
EVALUATIONS = 4000


@dataclass(frozen=True, eq=False)
class SamplerFound:
    """Sampler parameters to use, and how sure they are.

    Attributes
    ----------
    params : SamplerParams
    target : str
    description : str
        What the surrogate was told of a recipe, see `DESCRIPTIONS`.
    skill : Skill
        Held-out, the choice of description and surrogate included.
    predicted, lower, upper : float
        The target under these parameters, 90 %, without the noise of a run.
    rivals : tuple of Rival
        The best proxy, and what QuaDMix's own search finds on the same surrogate.
    shares : mapping of str to float
        By domain, of the tokens drawn.
    distance : float
        From the proxies, see `search.distance`.
    provenance : mapping
    """

    params: SamplerParams
    target: str
    description: str
    skill: Skill
    predicted: float
    lower: float
    upper: float
    rivals: tuple[Rival, ...]
    shares: Mapping[str, float]
    distance: float
    provenance: Mapping[str, Any]

    @property
    def is_far(self) -> bool:
        """Whether the draw lies outside what the proxies tried."""
        return self.distance > FAR

    def to_dict(self) -> dict[str, Any]:
        """Plain values with a schema version."""
        return {
            "kind": "sampler_recommendation",
            "schema_version": 1,
            "criteria": list(self.params.criteria),
            "params": self.params.to_dict(),
            "target": {"name": self.target, "value": self.predicted, "lower": self.lower, "upper": self.upper},
            "description": self.description,
            "skill": self.skill.to_dict(),
            "rivals": [vars(rival) for rival in self.rivals],
            "shares": dict(self.shares),
            "distance": self.distance,
            "provenance": dict(self.provenance),
        }

    def __str__(self) -> str:
        from infolaw.rendering import table

        p = self.params
        names = [*p.criteria, "steepness", "cutoff", "exponent", "floor"]
        rows = [
            [domain, f"{self.shares[domain]:.3f}", *(f"{v:.3g}" for v in p.criterion_weights[d])]
            + [f"{getattr(p, name)[d]:.3g}" for name in names[len(p.criteria) :]]
            for d, domain in enumerate(p.domains)
        ]
        said = [
            f"{r.difference:+.4f} ({r.lower:+.4f} to {r.upper:+.4f}) against {r.name}, P(better) {r.p_better:.2f}"
            for r in self.rivals
        ]
        far = "warning    the draw leaves what the proxies tried; run a proxy there first" if self.is_far else ""
        return "\n".join(
            [
                *said,
                "",
                table(["domain", "share", *names], rows),
                "",
                f"{self.target}  {self.predicted:.4f} (90 % {self.lower:.4f} to {self.upper:.4f})",
                f"distance   {self.distance:.2f} of the usual distance between neighbouring proxies",
                *([far] if far else []),
                "",
                str(self.skill),
            ]
        )


def search_sampler(
    swarm: Swarm,
    profile: Profile,
    target: str | None = None,
    *,
    higher_is_better: bool = False,
    method: str = "evolution",
    n: int = EVALUATIONS,
    edges: Sequence[float] = EDGES,
    seed: int = 0,
) -> SamplerFound:
    """Choose a description and a surrogate by cross-validation, and search the sampler parameters of the best target.

    Parameters
    ----------
    swarm : Swarm
        Proxies with ``param:<domain>:<name>`` columns.
    profile : Profile
        Of the corpus, with the scores that the parameters weigh.
    target : str, optional
        Loss or metric; needed where the swarm has several.
    higher_is_better : bool
    method : {"evolution", "quadmix"}
        See `search.search_params`.
    n : int
        Evaluations of the surrogate.
    edges : sequence of float
        See `Inducer`.
    seed : int

    Raises
    ------
    RecipeError
        If parameters, domains or criteria do not fit the corpus, or the target is unknown or missing everywhere.
    """
    if target is None and len(swarm.targets) > 1:
        raise RecipeError(
            f"the swarm has {len(swarm.targets)} targets, {', '.join(swarm.targets)}: name the one that counts."
        )
    target = target or swarm.targets[0]
    losses = swarm.losses(target)[:, 0]
    kept = swarm.select(np.isfinite(losses))
    tried, sign = params_of(kept), -1.0 if higher_is_better else 1.0
    y = sign * losses[np.isfinite(losses)]
    described = Described(SamplerSpace(tried[0].domains, tried[0].criteria), Inducer(profile, edges))
    seen = described(tried)
    fitted = choose_surrogate(seen, y, np.arange(len(y)), seed, described.candidates())
    beliefs = Beliefs((target,), (fitted,), seen, y[:, None]).calibrated()
    needs_corpus = bool(set(fitted.columns) - set(described.columns("params")))

    def values(vectors: Array) -> Array:
        return np.asarray(fitted.predict(described(map(described.space.decode, vectors), needs_corpus)))

    found = {
        name: search_params(values, described.space.domains, described.space.criteria, method=name, n=n, seed=seed)
        for name in dict.fromkeys((method, "quadmix"))
    }
    points = np.concatenate([described(found.values()), seen[[int(y.argmin())]]])
    draws = sign * beliefs.draws(points, SURFACES, seed)[..., 0]
    ends = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    others = {**{f"{name}'s own search": k for k, name in enumerate(found) if k}, "the best proxy": len(points) - 1}
    shares = described.shares(points[:1])[0]
    return SamplerFound(
        found[method],
        target,
        fitted.skill_.chosen.partition(":")[0],
        fitted.skill_,
        float(sign * fitted.predict(points[:1])[0]),
        float(np.quantile(draws[:, 0], ends[0])),
        float(np.quantile(draws[:, 0], ends[1])),
        tuple(_rival(name, draws[:, 0] - draws[:, k], sign) for name, k in others.items()),
        dict(zip(described.space.domains, _by_domain(shares, described), strict=True)),
        float(distance(described.shares(points[:1]), described.shares(seen))[0]),
        {"version": package_version(), "seed": seed, "method": method, "swarm": swarm.runs.fingerprint, "n": n},
    )


class Described:
    """Sampler parameters as one row of features: themselves in the unit box, and what they induce on the corpus."""

    def __init__(self, space: SamplerSpace, inducer: Inducer) -> None:
        self.space, self.inducer = space, inducer
        sizes = {"params": len(space.names), "shares": len(inducer.cells), "ranks": len(inducer.ranks)}
        sizes["domains"] = len(inducer.domains)
        ends = np.cumsum(list(sizes.values()))
        self.places = {name: range(int(end) - size, int(end)) for (name, size), end in zip(sizes.items(), ends, strict=True)}

    def __call__(self, params: Iterable[SamplerParams], needs_corpus: bool = True) -> Array:
        """Features ``(n_recipes, n_features)``; without the corpus, zero but for the parameters."""
        rows = []
        for one in params:
            own = self.space.encode(one)
            row = np.zeros(self.places["domains"].stop)
            row[: len(own)] = own
            if needs_corpus:
                found = self.inducer(one)
                domains = found["shares"].reshape(len(self.inducer.domains), -1).sum(1)
                row[len(own) :] = np.concatenate([found["shares"], found["ranks"], domains])
            rows.append(row)
        return np.array(rows)

    def columns(self, description: str) -> tuple[int, ...]:
        """Which features a description is made of."""
        return tuple(column for part in description.split("+") for column in self.places[part])

    def shares(self, rows: Array) -> Array:
        """Shares of the cells, ``(n_recipes, n_cells)``."""
        return rows[:, list(self.places["shares"])]

    def candidates(self) -> dict[str, Surrogate]:
        """Every description with a Gaussian process, and two of them with trees."""
        models: list[tuple[str, Surrogate]] = [(name, GaussianProcess()) for name in DESCRIPTIONS]
        models += [(name, BoostedTrees()) for name in TREES]
        return {f"{name}: {model.name}": OfColumns(model, self.columns(name)) for name, model in models}


def _by_domain(shares: Array, described: Described) -> list[float]:
    totals = dict(zip(described.inducer.domains, shares.reshape(len(described.inducer.domains), -1).sum(1), strict=True))
    return [float(totals[domain]) for domain in described.space.domains]


def _rival(name: str, gaps: Array, sign: float) -> Rival:
    low, high = np.quantile(gaps, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    better = float((sign * gaps < 0).mean()) + 0.5 * float((gaps == 0).mean())
    return Rival(name, float(gaps.mean()), float(low), float(high), better)
