"""Which law, alone or with a residual, predicts runs it has not seen: larger ones, more repeated ones, other mixtures.

Read `folds_of_evidence`, then `judged` (the rule), then `model_error` (what they err in together, as it enters intervals).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infolaw.errors import InfolawError, RecipeError
from infolaw.folds import folds_of
from infolaw.model_error import ModelError, growth, places
from infolaw.points import Points, Support
from infolaw.refitting import refit
from infolaw.result import FitResult
from infolaw.units import Array
from infolaw.validation import Split

from .corrected import Corrected, Form
from .evidence import Evidence
from .residual import Residual

KINDS = ("largest-flops", "largest-n-params", "most-epochs", "mixtures")
STEEPNESS = 6.0
"""A form that errs 12 % more than the best gets half of its share: several nearly as good are wrong in different ways."""
FAR_BEHIND = 2.0
"""A form that errs this many times more than the best gets none."""
N_RESAMPLES = 200
LEAST_CONTRAST = 0.001
"""Error of a contrast between recipes `USUAL_SPREAD` apart that is taken for granted [log loss]."""
USUAL_SPREAD = 0.3
LEAST_STRETCH = 0.05
"""Error of what is said of a recipe, as a share of it, that is taken for granted."""
USUAL_LEVEL = 0.005
"""Error inside the box beyond the fit's own spread that is taken for granted, and outweighed by two hold-outs [log loss]."""
N_WORLDS = 50


def folds_of_evidence(evidence: Evidence, seed: int = 0) -> list[Split]:
    """Hold-outs: the largest and most repeated law runs, with all proxies to learn from, and mixtures in thirds of both."""
    own = ~evidence.is_proxy
    found = []
    for split in folds_of(evidence.law_rows(own), seed):
        if split.name.startswith(KINDS[:3]) and split.name.endswith(":0.3"):
            test = np.zeros(len(own), bool)
            test[own] = split.test
            found.append(Split(split.name, ~test, test))
    return [*found, *(split for split in folds_of(evidence.rows, seed) if split.name.startswith("mixtures"))]


@dataclass(frozen=True, eq=False)
class Trial:
    """A form fitted without one fold and asked for it.

    Attributes
    ----------
    fitted : Corrected or None
        None where it could not be fitted.
    errors : ndarray, (n_test,)
        ln(predicted) - ln(measured); ``inf`` where there is none.
    """

    fitted: Corrected | None
    errors: Array


def wholes_of(
    law: Sequence[Form], evidence: Evidence, near: Residual | None, n_bootstrap: int, seed: int
) -> list[Corrected | None]:
    """Fit the forms of one law to all rows, the law itself once; None where one cannot be fitted."""
    known, found = None, list[Corrected | None]()
    for form in law:
        try:
            fitted = Corrected.fitted(form, evidence, law=known, near=near, n_bootstrap=n_bootstrap, seed=seed)
        except (InfolawError, np.linalg.LinAlgError):
            found.append(None)
        else:
            known = fitted.law
            found.append(fitted)
    return found


def trials_of(
    wholes: Sequence[Corrected | None],
    evidence: Evidence,
    folds: Sequence[Split],
    near: Sequence[Residual | None],
    seed: int,
) -> list[list[Trial]]:
    """Fit the forms of one law to one side of every fold and predict the other, ``[form][fold]``.

    `wholes` are their fits to all rows; `near` is what another law left of each fold.
    """
    law, parts = next((one.law for one in wholes if one is not None), None), [fold.train for fold in folds]
    laws = [None] * len(folds) if law is None else refit(law, parts, n_bootstrap=N_WORLDS, seed=seed)
    return [[_trial(one, *known, evidence, seed) for known in zip(laws, folds, near, strict=True)] for one in wholes]


def _trial(
    whole: Corrected | None, law: FitResult | None, fold: Split, near: Residual | None, evidence: Evidence, seed: int
) -> Trial:
    test = evidence.rows.take(fold.test)
    try:
        if whole is None or law is None:
            raise RecipeError("the law cannot be fitted to all rows, or not without those of this fold.")
        fitted = Corrected.fitted(whole.form, evidence, fold.train, law=law, near=near, seed=seed)
        errors = np.log(fitted.predict(test.points) / test.losses)
        return Trial(fitted, np.where(np.isfinite(errors), errors, np.inf))
    except (InfolawError, np.linalg.LinAlgError):
        return Trial(None, np.full(len(test), np.inf))


@dataclass(frozen=True)
class Score:
    """One form on all folds.

    Attributes
    ----------
    label : str
    errors_pct : mapping of str to float
        Mean absolute error by kind of hold-out [%].
    ratio : float
        Geometric mean of these, relative to the best form's.
    weight, frequency : float
        Share in the prediction, and in the draws: its mean share over resampled hold-outs.
    """

    label: str
    errors_pct: Mapping[str, float]
    ratio: float
    weight: float
    frequency: float


def judged(labels: Sequence[str], folds: Sequence[Split], errors: Sequence[Sequence[Array]], seed: int) -> tuple[Score, ...]:
    """Apply the rule to signed errors, ``errors[form][fold]`` (n_test,) each, and to resamples of the runs.

    Raises
    ------
    RecipeError
        If no form could be fitted on every fold.
    """
    size = [np.stack([np.abs(errors[i][j]) for i in range(len(labels))]) for j in range(len(folds))]
    kinds = [next(kind for kind in KINDS if fold.name.startswith(kind)) for fold in folds]
    means = _by_kind([fold.mean(1, keepdims=True) for fold in size], kinds)
    if not np.isfinite(means).all(1).any():
        raise RecipeError("no law could be fitted to these runs and proxies on every hold-out; use `plan` without proxies.")
    ratio, weight = (found[:, 0] for found in _rule(means))
    rng = np.random.default_rng([seed, 6])
    again = [rng.multinomial(fold.shape[1], np.full(fold.shape[1], 1 / fold.shape[1]), N_RESAMPLES) for fold in size]
    finite = [np.where(np.isfinite(fold), fold, 1e6) for fold in size]
    resampled = [fold @ n.T / fold.shape[1] for fold, n in zip(finite, again, strict=True)]
    frequency = _rule(_by_kind(resampled, kinds))[1].mean(1)
    used = list(dict.fromkeys(kinds))
    return tuple(
        Score(
            label,
            {kind: 100 * float(means[i, used.index(kind), 0]) for kind in used},
            float(ratio[i]),
            float(weight[i]),
            float(frequency[i]),
        )
        for i, label in enumerate(labels)
    )


def _by_kind(folds: Sequence[Array], kinds: Sequence[str]) -> Array:
    """Mean errors (n_forms, n_kinds, n) of folds (n_forms, n) each."""
    return np.stack(
        [np.mean([f for f, k in zip(folds, kinds, strict=True) if k == kind], axis=0) for kind in dict.fromkeys(kinds)], 1
    )


def _rule(means: Array) -> tuple[Array, Array]:
    """Geometric mean over kinds relative to the best form's, and the share of each form, each (n_forms, n)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(means)
    total = np.where(np.isfinite(logs).all(1), logs.mean(1), np.inf)
    behind = total - total.min(0)
    share = np.where(behind <= np.log(FAR_BEHIND), np.exp(-STEEPNESS * behind), 0.0)
    return np.exp(behind), share / share.sum(0)


@dataclass(frozen=True, eq=False)
class Held:
    """What one hold-out says of the forms that are kept.

    Attributes
    ----------
    name : str
    best : Corrected or None
        The best form, fitted without these runs.
    best_errors : ndarray, (n_test,)
    errors : ndarray, (n_members, n_test)
        ln(predicted) - ln(measured) of every form.
    points : Points
        The runs held out.
    support : Support
        The box of what was fitted.
    noise : ndarray, (n_test,)
        Standard deviation of every run held out [log loss].
    """

    name: str
    best: Corrected | None
    best_errors: Array
    errors: Array
    points: Points
    support: Support
    noise: Array


def model_error(folds: Sequence[Held], shares: Array) -> tuple[ModelError, float]:
    """What the average of the forms errs in beyond the noise of runs and its own spread: a level, a stretch of contrasts.

    Its own spread, as the draws have it: of the best form by the noise of the runs, and of contrasts between the forms.

    Parameters
    ----------
    folds : sequence of Held
    shares : ndarray, (n_members,)
        Of the forms in the average.

    Returns
    -------
    ModelError
        Its contrast is the least that is taken for granted.
    float
        Error of contrasts between recipes of one size as a share of the contrasts predicted: root mean square over the
        kinds of hold-outs, so that unseen repetition counts as much as unseen sizes.
    """
    levels, missed, said = [USUAL_LEVEL], dict[str, float](), dict[str, float]()
    for fold in folds:
        if fold.best is None or not np.isfinite(fold.errors).all():
            continue
        member, kind = places(fold.points), next(kind for kind in KINDS if fold.name.startswith(kind))
        own = np.log(fold.best.predict(fold.points))
        errors = shares @ fold.errors
        apart, between = np.log(fold.best.draws(fold.points, N_WORLDS, 0)) - own, fold.errors - errors
        grown = (member / member.sum(0)).T / growth(fold.points, fold.support)
        known = np.median(((apart @ grown.T) ** 2).mean(1)) + (grown**2 @ fold.noise**2).mean()
        level = ((grown @ errors) ** 2).mean() - known
        levels.append(float(np.sqrt(max(level, 0.0))))
        inner = np.median(_squares(apart, member)) + shares @ _squares(between, member)
        inner += (fold.noise**2).mean() * (len(errors) - member.shape[1])
        missed[kind] = missed.get(kind, 0.0) + float(_squares(errors, member) - inner)
        said[kind] = said.get(kind, 0.0) + float(_squares(own + errors - fold.best_errors, member))
    parts = [max(missed[kind], 0.0) / said[kind] for kind in said if said[kind] > 1e-6]
    stretch = float(np.sqrt(np.mean(parts))) if parts else 0.0
    least = LEAST_CONTRAST / USUAL_SPREAD
    return ModelError(float(np.median(levels)), least, 1.0, len(levels) - 1), max(stretch, LEAST_STRETCH)


def _squares(values: Array, member: Array) -> Array:
    """Sum of squares of values (..., n_points) about the mean of their place, (...)."""
    return np.asarray(((values - values @ (member / member.sum(0)) @ member.T) ** 2).sum(-1))
