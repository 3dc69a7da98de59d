"""Fit every form to law runs and proxies, weigh them by the runs they have not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from infolaw import RunTable
from infolaw.errors import InfolawError, RecipeError
from infolaw.laws import Law, law_named
from infolaw.model_error import HeldOut
from infolaw.observations import Observations
from infolaw.points import Support
from infolaw.progress import Tell
from infolaw.validation import Split

from ..corpus import Corpus
from .corrected import Corrected, Form, with_worlds
from .evidence import Evidence
from .joint import Joint
from .judging import Held, Score, Trial, folds_of_evidence, judged, model_error, trials_of, wholes_of
from .residual import Residual

LAWS = (
    "chinchilla",
    "data_constrained",
    "infolaw_e",
    "repetition",
    "repetition:harm=ratio",
    "concave_mixing:data=fading",
    "domain_terms:passes=sooner",
    "domain_terms:harm=bounded,passes=sooner",
)
"""Laws that are weighed, each alone and with a residual; chinchilla with one is the proxies' word on mixtures."""
ONCE = ("data_constrained", "infolaw_e", "concave_mixing:data=fading", "domain_terms")
"""Laws that are weighed where no run repeats data."""
LITERATURE = {"R_D": (15.4, 15.0), "R": (15.4, 15.0), "R_N": (5.3, 10.0)}
"""What is believed of repetition where no run repeats: Muennighoff et al. (2023), whose own runs tell it to a factor."""
GROWTH = {"omega": (0.1, 0.2)}
"""What is believed of how much sooner larger models use up passes: runs of few sizes hardly tell, and targets are larger."""
RARE = 0.04
"""Forms with a smaller share are left out."""
FEW_STEPS = 20
"""Of a repeat of the runs behind a hold-out: only the median of their spread is asked for."""
REPEATS = 1.05
"""Passes over a cell above which a run repeats."""


def fit_joint(
    seen: Observations,
    proxies: RunTable,
    corpus: Corpus,
    *,
    laws: Sequence[str | Law] | None = None,
    group: int = 0,
    n_bootstrap: int = 200,
    seed: int = 0,
    progress: Tell | None = None,
) -> Joint:
    """Join law runs and mixture proxies, and choose among laws, surrogates and laws with residuals by held-out runs.

    Parameters
    ----------
    seen : Observations
        Rows behind a fit: ``fit.observations``.
    proxies : RunTable
        See `Evidence.of`.
    corpus : Corpus
    laws : sequence, optional
        By default `LAWS`, or those of `ONCE` with what the literature says of repetition where no run repeats data.
    group : int
        The fit's group that the proxies belong to.
    n_bootstrap, seed : int
    progress : callable, optional
        Called with the number of fits done and to do.

    Returns
    -------
    Joint

    Raises
    ------
    RecipeError
        If no form can be fitted and judged.
    """
    evidence = Evidence.of(seen, proxies, corpus, group)
    forms, notes = _forms(evidence, laws)
    folds = folds_of_evidence(evidence, seed)
    if not folds:
        raise RecipeError(
            "these runs and proxies are too few to hold any out (at least two sizes, or six mixtures): add runs, or plan "
            "without --surrogate."
        )
    wholes, trials = _tried(forms, evidence, folds, n_bootstrap, seed, progress)
    scores = judged([form.label for form in forms], folds, [[t.errors for t in own] for own in trials], seed)
    kept = [k for k, score in enumerate(scores) if max(score.weight, score.frequency) >= RARE]
    members = with_worlds([member for k in kept if (member := wholes[k]) is not None])
    total = sum(scores[k].weight for k in kept)
    weights, frequencies = (
        tuple(scores[k].weight / total for k in kept),
        tuple(scores[k].frequency for k in kept),
    )
    best = int(np.argmin([scores[k].ratio for k in kept]))
    heldout, stretch = _held(evidence, folds, [trials[k] for k in kept], best, members, weights)
    return Joint(members, weights, frequencies, evidence, scores, heldout, stretch, _reason(scores, len(folds), notes))


def _tried(
    forms: Sequence[Form], evidence: Evidence, folds: Sequence[Split], n_bootstrap: int, seed: int, progress: Tell | None
) -> tuple[list[Corrected | None], list[list[Trial]]]:
    """Every form on all rows and on every fold; each residual's search begins where that of the law before ended.

    On one thread: small matrices are no faster on several, and far slower where others work.
    """
    wholes, trials = list[Corrected | None](), list[list[Trial]]()
    near: list[Residual | None] = [None] * (1 + len(folds))
    with threadpool_limits(1):
        for i in range(0, len(forms), 2):
            wholes += wholes_of(forms[i : i + 2], evidence, near[0], n_bootstrap, seed)
            trials += trials_of(wholes[i:], evidence, folds, near[1:], seed)
            left = [wholes[-1], *(attempt.fitted for attempt in trials[-1])]
            near = [old if one is None else one.residual for old, one in zip(near, left, strict=True)]
            if progress is not None:
                progress((i + 2) * (1 + len(folds)), len(forms) * (1 + len(folds)))
    return wholes, trials


def _held(
    evidence: Evidence,
    folds: Sequence[Split],
    trials: Sequence[Sequence[Trial]],
    best: int,
    members: Sequence[Corrected],
    weights: Sequence[float],
) -> tuple[HeldOut, float]:
    """What the hold-outs say: the error of the best form on the first of them, model error and stretch of all from all."""
    points, seeds, own = evidence.rows.points, evidence.rows.seed_noise, trials[best]
    fitted = iter(with_worlds([attempt.fitted for attempt in own if attempt.fitted is not None], FEW_STEPS))
    scatter = np.min([member.noise for member in members], axis=0)
    noise = scatter if seeds is None else np.minimum(scatter, seeds.sd)
    asked = [
        Held(
            split.name,
            own[k].fitted and next(fitted),
            own[k].errors,
            np.stack([form[k].errors for form in trials]),
            points.take(split.test),
            Support.of(points.take(split.train)),
            noise[split.test],
        )
        for k, split in enumerate(folds)
    ]
    error, stretch = model_error(asked, np.array(weights))
    pct = 100 * np.expm1(own[0].errors)
    numbers = float(np.abs(pct).mean()), float(pct.mean()), float(np.abs(pct).max())
    return HeldOut(folds[0].name, int(folds[0].train.sum()), len(pct), *numbers, error), stretch


def _forms(evidence: Evidence, laws: Sequence[str | Law] | None) -> tuple[list[Form], str]:
    """What is weighed on these runs, each law alone and with a residual, and a sentence if the literature was asked."""
    repeats = bool((evidence.rows.points.cell_epochs > REPEATS).any())
    notes = ""
    if laws is None and not repeats:
        notes = (
            " No run repeats data, so what repetition costs is the literature's (R*_D 15.4, uncertain by a factor of 2): "
            "a run of 4 or more passes over a small pool would measure it."
        )
    found = []
    for name in laws or (LAWS if repeats else ONCE):
        law = law_named(name)
        try:
            constants = {parameter.name for parameter in law.bind(evidence.law_schema).parameters}
        except InfolawError:
            continue
        believed = GROWTH if repeats else LITERATURE
        priors = {key: value for key, value in believed.items() if key in constants}
        found += [Form(law, has_residual, priors or None) for has_residual in (False, True)]
    if not found:
        raise RecipeError(f"none of the laws {', '.join(map(str, laws or LAWS))} takes the cells of these runs.")
    return found, notes


def _reason(scores: Sequence[Score], n_folds: int, notes: str) -> str:
    ranked = sorted((score for score in scores if score.weight >= RARE), key=lambda score: -score.weight)
    said = ", ".join(f"{score.label} {score.weight:.0%}" for score in ranked)
    return f"shares by the error on {n_folds} hold-outs: {said}.{notes}"
