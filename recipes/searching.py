"""From a swarm of proxies and a corpus to a recommended mixture: the one call behind ``infolaw search``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from infolaw.errors import RecipeError
from infolaw.files import package_version
from infolaw.observations import evidence_of
from infolaw.units import Array

from .choosing import choose_surrogate
from .constraints import Constraints
from .corpus import Corpus
from .provenance import settle_evidence
from .recipe import Recipe
from .search import (
    METHODS,
    Beliefs,
    Objective,
    Recommendation,
    Region,
    Repetition,
    Setting,
    noisy_expected_improvement,
    recommend,
)
from .search.beliefs import Features, same
from .search.objective import Kind
from .skill import Skill
from .surrogates import SURROGATES, MultiFidelity, Surrogate
from .swarm import FIDELITY, Swarm, check_same_cells

REPEATED = 1.5
"""Mean passes of the median proxy from which repetition counts as seen."""
WORTH_SAYING = 1e-3


@dataclass(frozen=True, eq=False)
class Found:
    """What a search of a swarm found.

    Attributes
    ----------
    recommendation : Recommendation
    skills : mapping of str to Skill
        Held-out skill of each target's surrogate; empty where the surrogate was given by name.
    setting : Setting
        What was searched: for pictures and further questions.
    next_proxies : ndarray, (n_next, n_cells)
        Mixtures to run next, those first that are expected to gain most.
    today : ndarray, (n_cells,)
        The mixture that was compared with first.
    notes : tuple of str
        What was settled on the way in.
    """

    recommendation: Recommendation
    skills: Mapping[str, Skill]
    setting: Setting
    next_proxies: Array
    today: Array
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values: the recommendation, skills, and what to run next."""
        cells = self.recommendation.cells
        return {
            **self.recommendation.to_dict(),
            "skills": {name: skill.to_dict() for name, skill in self.skills.items()},
            "notes": list(self.notes),
            "next_proxies": [dict(zip(cells, row, strict=True)) for row in self.next_proxies.tolist()],
        }

    def __str__(self) -> str:
        from infolaw.rendering import table

        parts = ["\n".join([str(self.recommendation), *(f"note       {text}" for text in self.notes)])]
        parts += [f"{name}\n{skill}" for name, skill in self.skills.items()]
        if len(self.next_proxies):
            rows = [[f"{share:.3f}" for share in row] for row in self.next_proxies]
            parts.append("proxies to run next\n" + table(list(self.recommendation.cells), rows))
        return "\n\n".join(parts)


def search_swarm(
    swarm: Swarm,
    corpus: Corpus,
    targets: Sequence[str] = (),
    *,
    tokens: float | None = None,
    weights: Mapping[str, float] | None = None,
    higher_is_better: Sequence[str] = (),
    kind: Kind = "sum",
    guard: bool = False,
    constraints: Constraints | None = None,
    groups: Mapping[str, tuple[Sequence[str], float, float]] | None = None,
    baseline: Recipe | None = None,
    surrogate: str = "auto",
    method: str = "descent",
    n_next: int = 0,
    accept: Collection[str] = (),
    notes: Sequence[str] = (),
    seed: int = 0,
) -> Found:
    """Fit surrogates to proxies and search for the best mixture that a corpus can supply.

    Parameters
    ----------
    swarm : Swarm
        Proxies with mixture weights; of several sizes or token counts, the largest is what is predicted.
    corpus : Corpus
        Of the same cells; its natural mixture is the prior.
    targets : sequence of str
        Which losses or metrics; all of `weights` where these are given.
    tokens : float, optional
        Tokens of the target run: caps on epochs hold there [tokens].
    weights, higher_is_better, kind, guard
        See `search.Objective.of`.
    constraints, groups
        See `search.Region.of`.
    baseline : Recipe, optional
        The mixture in use today: what is compared with, and what the guard protects.
    surrogate : str
        Name in `SURROGATES`, or ``auto``: chosen for each target by cross-validation.
    method : str
        Name in `search.METHODS`.
    n_next : int
        Proxies to propose.
    accept : collection of str
        What is taken in spite of a mismatch of proxies and corpus; see `provenance.settle_evidence`.
    notes : sequence of str
        What was settled before, for the answer's notes.
    seed : int

    Raises
    ------
    RecipeError, BudgetError
        If cells differ, a target or name is unknown, or no mixture meets the limits.
    """
    chosen = _targets(swarm, targets, weights)
    check_same_cells(swarm.cells, corpus.names)
    if method not in METHODS:
        raise RecipeError(f"there is no method {method!r}; there are {', '.join(METHODS)}.")
    told = settle_evidence(evidence_of(swarm.runs), swarm.cells, corpus, accept)
    region = _region(corpus, tokens, constraints, groups)
    beliefs, skills, learnt = _beliefs(swarm, corpus.names, chosen, surrogate, seed)
    today = corpus.natural if baseline is None else baseline.array(corpus.names)
    objective = Objective.of(
        chosen,
        beliefs.noise,
        beliefs.predict(today[None])[0],
        weights,
        higher_is_better=higher_is_better,
        kind=kind,
        guard=guard,
    )
    repetition = None if tokens is None or repeats(swarm) else Repetition(corpus.unique_tokens / tokens)
    setting = Setting(beliefs, region, objective, corpus.natural, seed, repetition)
    provenance = {
        "version": package_version(),
        "seed": seed,
        "surrogate": [fitted.name for fitted in beliefs.surrogates],
        "method": method,
        "swarm": swarm.runs.fingerprint,
        "corpus": corpus.fingerprint,
        "tokens": tokens,
    }
    with threadpool_limits(1):  # on a thousand rows threads only wait for each other
        found = recommend(
            setting,
            {"today's mixture": today} if baseline is not None else None,
            best=METHODS[method](setting),
            provenance=provenance,
        )
        proposed = noisy_expected_improvement(setting, n_next) if n_next else np.zeros((0, len(region.names)))
    return Found(found, skills, setting, proposed, today, (*notes, *told, *learnt, *_priced(repetition, found.weights)))


def _priced(repetition: Repetition | None, weights: Array) -> list[str]:
    """What a reader should know of repetition at the target, where it costs anything."""
    if repetition is None or (worth := float(repetition.worth(weights[None])[0])) > 1 - WORTH_SAYING:
        return []
    cost = float(repetition.cost(weights[None])[0])
    return [
        f"repetition at the target leaves {worth:.1%} of the tokens' worth; by a prior, not by these proxies, that adds "
        f"{cost:.4f} nats to the losses above"
    ]


def repeats(swarm: Swarm) -> bool:
    """Whether the proxies read their data as often as not several times, so that repetition is in their losses."""
    if not {"epochs", "weights"} <= set(swarm.representations):
        return False
    passes = np.nan_to_num(swarm.features("epochs")[0])
    return bool(passes.shape == swarm.weights.shape and np.median((swarm.weights * passes).sum(1)) > REPEATED)


def _targets(swarm: Swarm, targets: Sequence[str], weights: Mapping[str, float] | None) -> tuple[str, ...]:
    chosen = tuple(targets) or tuple(weights or ()) or swarm.targets
    if len(chosen) > 1 and not targets and not weights:
        raise RecipeError(f"the swarm has {len(chosen)} targets, {', '.join(chosen)}: name those that count.")
    return chosen


def _region(
    corpus: Corpus,
    tokens: float | None,
    constraints: Constraints | None,
    groups: Mapping[str, tuple[Sequence[str], float, float]] | None,
) -> Region:
    rules = constraints or Constraints()
    if tokens is None and (rules.max_epochs is not None or rules.cell_max_epochs):
        raise RecipeError("a cap on epochs needs the tokens of the target run: give them (--tokens).")
    return Region.of(corpus, corpus.total_tokens if tokens is None else tokens, rules, groups)


def _beliefs(
    swarm: Swarm, cells: Sequence[str], targets: Sequence[str], surrogate: str, seed: int
) -> tuple[Beliefs, dict[str, Skill], list[str]]:
    """Surrogates of every target, their skills, and what a reader should know."""
    losses = swarm.losses(*targets)
    usable = np.asarray(np.isfinite(losses).all(1))
    kept = swarm.select(usable)
    notes = list(kept.notes())
    if not usable.all():
        notes.append(f"{int(np.sum(~usable))} of {len(usable)} runs lack one of the targets and are not used")
    levels = [name for name in FIDELITY if name in kept.runs.frame and kept.runs.frame[name].nunique() > 1]
    order = [kept.cells.index(cell) for cell in cells]
    seen, losses = kept.weights[:, order], losses[usable]
    marks = np.log(kept.runs.frame[list(levels)].to_numpy(float)) if levels else np.zeros((len(seen), 0))
    shown = np.hstack([seen, marks])
    top = marks[marks.sum(1).argmax()]
    if levels:
        notes.append(f"runs differ in {' and '.join(levels)}: predictions are for the largest, by {MultiFidelity.name}")
    fits, skills = [], {}
    for k, target in enumerate(targets):
        fitted = _fitted(surrogate, shown, losses[:, k], kept.groups, levels, seed)
        fits.append(fitted)
        if hasattr(fitted, "skill_"):
            skills[target] = fitted.skill_
    features: Features = _at(top) if levels else same
    highest = (marks == top).all(1)
    beliefs = Beliefs(tuple(targets), tuple(fits), seen[highest], losses[highest], features, (shown, losses))
    return beliefs.calibrated(), skills, notes


def _fitted(surrogate: str, shown: Array, losses: Array, groups: Any, levels: Sequence[str], seed: int) -> Surrogate:
    if surrogate == "auto" and not levels:
        return choose_surrogate(shown, losses, groups, seed)  # type: ignore[no-any-return]
    name = MultiFidelity.name if surrogate == "auto" else surrogate
    if name not in SURROGATES:
        raise RecipeError(f"there is no surrogate {name!r}; there are auto, {', '.join(SURROGATES)}.")
    settings = {"fidelity": tuple(range(-len(levels), 0))} if levels and name == MultiFidelity.name else {}
    return SURROGATES[name](**settings).fit(shown, losses)


def _at(level: Array) -> Features:
    """Features of mixtures at one fidelity."""

    def features(weights: Array) -> Array:
        return np.hstack([weights, np.broadcast_to(level, (len(weights), len(level)))])

    return features
