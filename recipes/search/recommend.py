"""From beliefs to a recommendation: the best allowed mixture, and how sure it is, over whole drawn surfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infolaw.errors import RecipeError
from infolaw.units import Array

from .beliefs import Beliefs, distance
from .candidates import around, pool
from .descent import lowest
from .limited import limited_optimum
from .objective import Objective
from .recommendation import FAR, Price, Recommendation, Rival
from .region import Group, Region
from .repetition import Repetition

N_POOL = 8_000
"""Candidates whose predictions choose the starts."""
N_TABLE = 300
"""The best of them, on which surfaces are drawn."""
N_NEAR = 700
"""Mixtures about the optimum, on which surfaces are drawn too."""
NEAR = (10.0, 30.0, 100.0, 300.0, 1000.0)
"""Their concentrations: from loosely to closely about it."""
N_DRAWS = 400
LEVEL = 0.9
MOST_EQUALS = 20
BINDS = 1e-4


@dataclass(frozen=True, eq=False)
class Setting:
    """What is searched: beliefs, the region, the objective, and the mixture that candidates are drawn around.

    Attributes
    ----------
    beliefs : Beliefs
    region : Region
    objective : Objective
    prior : ndarray, (n_cells,)
        The natural mixture.
    seed : int
    repetition : Repetition, optional
        What repetition at the target costs beyond what the proxies saw.
    caution : float
        Standard deviations of the prediction that are added to it where the optimum is looked for: the lowest of many
        predictions is low by luck too.
    """

    beliefs: Beliefs
    region: Region
    objective: Objective
    prior: Array
    seed: int = 0
    repetition: Repetition | None = None
    caution: float = 0.0

    def expected(self, weights: Array) -> Array:
        """Predicted objective of proxies (n_points,)."""
        return self.objective(self.beliefs.predict(weights))

    def extra(self, weights: Array) -> Array:
        """What repetition adds to the objective at the target (n_points,)."""
        cost = np.zeros(len(weights)) if self.repetition is None else self.repetition.cost(weights)
        return np.asarray(cost * self.objective.unit)

    def values(self, weights: Array) -> Array:
        """Predicted objective at the target (n_points,)."""
        return np.asarray(self.expected(weights) + self.extra(weights))

    def drawn(self, weights: Array, n: int) -> tuple[Array, Array]:
        """Targets (n, n_points, n_targets) on drawn surfaces, and the objective at the target (n, n_points)."""
        draws = self.beliefs.draws(weights, n, self.seed)
        return draws, np.asarray(self.objective(draws) + self.extra(weights))

    def judged(self, weights: Array) -> Array:
        """What the optimum is the lowest of: the predicted objective, and `caution` times its standard deviation."""
        spread = self.beliefs.spread(weights) if self.caution else None
        if spread is None:
            return self.values(weights)
        doubt = spread @ (np.abs(self.objective.weights) / self.objective.scale)
        return np.asarray(self.values(weights) + self.caution * doubt)

    def slopes(self, weights: Array) -> Array:
        """Derivatives of the predicted objective by the shares, (n_points, n_cells)."""
        by_target = self.beliefs.gradient(weights)
        if by_target is None or self.objective.slope is None:
            raise RecipeError("this objective has no exact derivative: take differences.")
        return np.asarray(by_target @ self.objective.slope + self.extra_slopes(weights))

    def extra_slopes(self, weights: Array) -> Array:
        """Derivatives of `extra` by the shares, (n_points, n_cells)."""
        slopes = np.zeros_like(weights) if self.repetition is None else self.repetition.gradient(weights)
        return np.asarray(slopes * self.objective.unit)

    @property
    def is_smooth(self) -> bool:
        """Whether `slopes` are known."""
        return self.objective.slope is not None and self.has_slopes

    @property
    def has_slopes(self) -> bool:
        """Whether the surrogates' derivatives are known."""
        return self.beliefs.gradient(self.prior[None]) is not None

    def candidates(self, n: int = N_POOL) -> Array:
        """Allowed candidates, best predicted first, (n_points, n_cells)."""
        seen = self.objective(self.beliefs.losses)
        best = self.beliefs.seen[np.argsort(seen, kind="stable")[: max(5, len(seen) // 20)]]
        found = pool(self.region, self.beliefs.seen, best, self.prior, n, self.seed)
        return found[np.argsort(self.values(found), kind="stable")]

    def optimum(self, candidates: Array) -> Array:
        """The mixture that `judged` finds lowest, from the first of the candidates (which come best predicted first)."""
        starts = candidates[:N_TABLE]
        if self.caution and self.beliefs.has_spread:
            return lowest(self.judged, self.region, starts)
        if self.objective.slope is None and self.has_slopes:
            return limited_optimum(self, starts)
        return lowest(self.values, self.region, starts, slopes=self.slopes if self.is_smooth else None)


def recommend(
    setting: Setting,
    baselines: Mapping[str, Array] | None = None,
    *,
    best: Array | None = None,
    n_draws: int = N_DRAWS,
    prices: bool = True,
    provenance: Mapping[str, Any] | None = None,
) -> Recommendation:
    """Search the region and say how sure the answer is.

    Parameters
    ----------
    setting : Setting
    baselines : mapping of str to ndarray (n_cells,), optional
        Mixtures to be compared with; the natural mixture and the best proxy are always among them.
    best : ndarray, (n_cells,), optional
        The mixture to recommend, where another method chose it; by default the optimum that descent finds.
    n_draws : int
        Surfaces drawn.
    prices : bool
        Whether each binding constraint is priced: a search without it each.
    provenance : mapping, optional
        Kept with the answer.

    Returns
    -------
    Recommendation

    Notes
    -----
    Every drawn surface is searched for its own best mixture, over a table of candidates: where these differ, the data do
    not tell. Selection is thus repeated in each draw.
    """
    candidates = setting.candidates()
    best = setting.optimum(candidates) if best is None else best
    seen = setting.objective(setting.beliefs.losses)
    rivals = _rivals(setting, baselines or {}, setting.beliefs.seen[seen.argmin()])
    near = _about(setting, best)
    table = np.concatenate([best[None], *(np.asarray(w)[None] for w in rivals.values()), near, candidates[:N_TABLE]])
    draws, values = setting.drawn(table, n_draws)
    n_rivals = len(rivals)
    free = np.r_[0, 1 + n_rivals : len(table)]
    winners = table[free[values[:, free].argmin(1)]]
    lower, upper = np.quantile(winners, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    ends = np.quantile(draws[:, 0], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    away = float(distance(best[None], setting.beliefs.seen)[0])
    return Recommendation(
        setting.region.names,
        best,
        np.minimum(lower, best),
        np.maximum(upper, best),
        setting.beliefs.targets,
        setting.beliefs.predict(best[None])[0],
        ends[0],
        ends[1],
        tuple(_rival(setting, name, values[:, 0] - values[:, 1 + k]) for k, name in enumerate(rivals)),
        _equals(setting, table[free], values[:, free]),
        away,
        _prices(setting, candidates, best) if prices else (),
        _warnings(away, setting),
        provenance,
    )


def _rivals(setting: Setting, baselines: Mapping[str, Array], best_proxy: Array) -> dict[str, Array]:
    """Baselines, the natural mixture unless it is one of them, and the best proxy."""
    rivals = {name: np.asarray(weights, float) for name, weights in baselines.items()}
    if not any(np.allclose(weights, setting.prior) for weights in rivals.values()):
        rivals["the natural mixture"] = setting.prior
    return {**rivals, "the best proxy": best_proxy}


def _about(setting: Setting, best: Array) -> Array:
    """Allowed mixtures about `best`, (N_NEAR, n_cells)."""
    drawn = around(best[None], N_NEAR, np.random.default_rng([setting.seed, 1]), NEAR)
    return setting.region.project(drawn)


def _rival(setting: Setting, name: str, gaps: Array) -> Rival:
    nats = setting.objective.nats(gaps)
    low, high = np.quantile(nats, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    ties = 0.5 * float((gaps == 0).mean())
    return Rival(name, float(nats.mean()), float(low), float(high), float((gaps < 0).mean()) + ties)


def _equals(setting: Setting, table: Array, values: Array) -> Array:
    """Candidates whose predicted gap to the first is below the noise of one run, spread out, at most `MOST_EQUALS`."""
    scaled = np.abs(setting.objective.weights) * setting.beliefs.noise / setting.objective.scale
    noise = float(np.sqrt((scaled**2).sum()))
    close = np.flatnonzero((values - values[:, :1]).mean(0) <= noise)
    kept = [0]
    while len(kept) < min(MOST_EQUALS, len(close)):
        gap = np.abs(table[close][:, None] - table[kept][None]).sum(2).min(1)
        kept.append(int(close[gap.argmax()]))
    return np.asarray(table[kept])


def _prices(setting: Setting, candidates: Array, best: Array) -> tuple[Price, ...]:
    """What each floor, cap and group limit that holds the optimum back costs."""
    region, now = setting.region, float(setting.judged(best[None])[0])
    freed: dict[str, Region] = {}
    for k, name in enumerate(region.names):
        if region.lower[k] > 0 and best[k] <= region.lower[k] + BINDS:
            lower = np.where(np.arange(len(best)) == k, 0.0, region.lower)
            freed[f"{name} at least {region.lower[k]:.3g}"] = replace(region, lower=lower)
        if region.upper[k] < 1 and best[k] >= region.upper[k] - BINDS:
            upper = np.where(np.arange(len(best)) == k, 1.0, region.upper)
            freed[f"{name} at most {region.upper[k]:.3g}"] = replace(region, upper=upper)
    for group in region.groups:
        total = best[group.members].sum()
        if total <= group.low + BINDS or total >= group.high - BINDS:
            freed[f"{group.name} within [{group.low:.3g}, {group.high:.3g}]"] = replace(
                region, groups=_without(region, group)
            )
    found = []
    for name, wider in freed.items():
        free = replace(setting, region=wider).optimum(np.concatenate([best[None], candidates]))
        found.append(Price(name, float(setting.objective.nats(now - setting.judged(free[None])[0]))))
    return tuple(sorted(found, key=lambda price: -price.cost))


def _without(region: Region, group: Group) -> tuple[Group, ...]:
    return tuple(other for other in region.groups if other is not group)


def _warnings(away: float, setting: Setting) -> tuple[str, ...]:
    n_seen, n_cells = setting.beliefs.seen.shape
    said = []
    if away > FAR:
        said.append(
            f"the recommended mixture is {away:.1f} times as far from every proxy as these are from each other: the "
            "prediction leaves what was tried; run a proxy there first."
        )
    if n_seen < n_cells:
        said.append(f"{n_seen} proxies for {n_cells} cells: most of what the answer rests on was never tried apart.")
    return tuple(said)
