"""Which law to trust on these runs: fit on the small and cheap, predict the large and costly, keep what wins clearly.

Read `select` first. Every law of the family predicts the same held-out runs: the largest by FLOP, by size, by epochs, and
unseen mixtures. A law must beat the baseline clearly to be used at all (a law that sees more also invents more outside
its runs), and beat it again without any fifth of the runs; those that do and are as good as the best are averaged. The
choice is repeated on resampled held-out errors: how often each law would have been chosen goes into the intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from .folds import folds_of, held_out_errors
from .laws import Law, law_named
from .observations import Observations
from .units import Array
from .validation import BASELINE

CANDIDATES = (
    BASELINE,
    "data_constrained",
    "infolaw",
    "infolaw_e",
    "repetition",
    "repetition:harm=ratio",
    "repetition:harm=size",
)
"""Laws that `auto` weighs, simplest first."""

FOR_MIXTURES = ("mixing", "concave_mixing")
"""Laws that see shares and no supplies: weighed where there are cells and nothing repeats."""

CLEARLY_BETTER = 0.8
"""A law is used only if its held-out error is below this share of the baseline's."""
AS_GOOD = 1.15
"""Laws whose held-out error is within this factor of the best are averaged."""
WORST_FOLD = 1.5
"""A law that errs this many times more than the baseline on any fold is unstable, and left out."""
UNSTABLE = "not stable: lost without a part of the runs"
N_PARTS, N_CONFIRMED = 5, 4
"""A law must win again in this many of so many repeats, each without one part of the runs."""
_N_RESAMPLES = 400

Runs: TypeAlias = "np.ndarray[Any, Any]"
Progress = Callable[[int, int], None]
"""Called with the number of fits done and to do."""


@dataclass(frozen=True)
class Candidate:
    """One law on all folds.

    Attributes
    ----------
    law : Law
    errors_pct : tuple of float
        Mean absolute error on each fold [%]; ``inf`` where it could not be fitted.
    ratio, worst_ratio : float
        Its error relative to the baseline's: geometric mean over folds, and on its worst fold.
    frequency : float
        How often it would be used, over resamples of the held-out errors.
    verdict : str
        ``chosen``, or why not.
    """

    law: Law
    errors_pct: tuple[float, ...]
    ratio: float
    worst_ratio: float
    frequency: float
    verdict: str

    @property
    def is_unstable(self) -> bool:
        """Whether it won on all runs and not without a part of them."""
        return self.verdict == UNSTABLE


@dataclass(frozen=True)
class Selection:
    """The laws to use, and how all candidates did.

    Attributes
    ----------
    chosen : tuple of Law
    candidates : tuple of Candidate
    folds : tuple of str
    reason : str
        One sentence.
    """

    chosen: tuple[Law, ...]
    candidates: tuple[Candidate, ...]
    folds: tuple[str, ...]
    reason: str

    @property
    def is_baseline(self) -> bool:
        """Whether no law was found that is clearly better than the baseline."""
        return self.chosen == (law_named(BASELINE),)


def select(
    observations: Observations,
    laws: Sequence[str | Law] | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Selection:
    """Choose the laws that predict held-out extrapolations best, or the baseline if none is clearly better.

    Parameters
    ----------
    observations : Observations
    laws : sequence of str or Law, optional
        Candidates, simplest first; the baseline is always among them. By default `candidates_for` the runs.
    seed : int
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    Selection
    """
    folds = folds_of(observations, seed)
    laws = candidates_for(observations) if laws is None else laws
    candidates = [law_named(law) for law in dict.fromkeys([BASELINE, *laws])]
    errors: list[list[Array]] = []
    for i, law in enumerate(candidates):
        errors.append([])
        for j, split in enumerate(folds):
            errors[i].append(held_out_errors(law, observations, split, seed))
            if progress is not None:
                progress(i * len(folds) + j + 1, len(candidates) * len(folds))
    usable = [j for j in range(len(folds)) if np.isfinite(errors[0][j]).all() and errors[0][j].mean() > 0]
    names = tuple(folds[j].name for j in usable)
    if not usable:
        return _fewest_constants(candidates, observations)
    kept = [np.stack([errors[i][j] for i in range(len(candidates))]) for j in usable]
    runs = [observations.run_id[folds[j].test] for j in usable]
    found = _judge(candidates, kept, runs, names, seed)
    return found if found.is_baseline else _confirmed(found, observations, seed)


def candidates_for(observations: Observations) -> tuple[str, ...]:
    """Laws worth weighing on these runs: those of repetition, or of shares where cells are seen once."""
    points = observations.points
    once = bool((points.cell_epochs <= 1 + 1e-6).all())
    if not once:
        return CANDIDATES
    if points.weights.shape[1] > 1:
        return (BASELINE, *FOR_MIXTURES, "infolaw_e", "repetition")
    return (BASELINE, "overtraining", "infolaw_e")


def _fewest_constants(laws: list[Law], observations: Observations) -> Selection:
    """Return the simplest law, where no run can be spared to judge by."""
    n_values = [len(law.bind(observations.schema).names) for law in laws]
    law = laws[int(np.argmin(n_values))]
    reason = (
        f"{law.label}: no run can be held out of {observations.n_runs}, so the law of fewest constants is used, unaudited."
    )
    return Selection((law,), (Candidate(law, (), 1.0, 1.0, 1.0, "chosen"),), (), reason)


def _judge(laws: list[Law], errors: list[Array], runs: list[Runs], folds: tuple[str, ...], seed: int) -> Selection:
    """Apply the rule to the errors of each fold, (n_laws, n_test) each, and to resamples of their runs."""
    means = np.stack([fold.mean(1) for fold in errors], 1)[..., None]
    ratio, worst, chosen = (found[:, 0] for found in _rule(means))
    rng = np.random.default_rng(seed)
    again = np.stack([_resampled(fold, run, rng) for fold, run in zip(errors, runs, strict=True)], 1)
    repeated = _rule(again)[2]
    frequency = (repeated / repeated.sum(0)).mean(1)
    candidates = tuple(
        Candidate(
            law,
            tuple(means[i, :, 0].tolist()),
            float(ratio[i]),
            float(worst[i]),
            float(frequency[i]),
            _verdict(bool(chosen[i]), float(ratio[i]), float(worst[i])),
        )
        for i, law in enumerate(laws)
    )
    reason = _reason(laws, ratio, chosen, len(folds))
    return Selection(tuple(law for law, c in zip(laws, chosen, strict=True) if c), candidates, folds, reason)


def _resampled(errors: Array, run_id: Runs, rng: np.random.Generator) -> Array:
    """Mean errors (n_laws, n_resamples) of resamples of whole runs: rows of one run err together."""
    names, run = np.unique(run_id, return_inverse=True)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), _N_RESAMPLES)[:, run.ravel()]
    failed = ~np.isfinite(errors).all(1, keepdims=True)
    return np.where(failed, np.inf, np.where(failed, 0.0, errors) @ (counts / counts.sum(1, keepdims=True)).T)


def _confirmed(found: Selection, observations: Observations, seed: int) -> Selection:
    """Keep what wins again without a part of the runs in most repeats; the baseline where nothing does."""
    baseline = law_named(BASELINE)
    laws = [baseline, *found.chosen]
    names, run = np.unique(observations.run_id, return_inverse=True)
    part = (np.random.default_rng(seed).permutation(len(names)) % N_PARTS)[run.ravel()]
    wins, repeats = np.zeros(len(laws)), 0
    for k in range(N_PARTS):
        rest = observations.take(part != k)
        means = [[held_out_errors(law, rest, fold, seed).mean() for fold in folds_of(rest, seed)] for law in laws]
        usable = np.isfinite(means[0]) & (np.array(means[0]) > 0)
        if usable.any():
            ratio, worst, _ = _rule(np.array(means)[:, usable, None])
            wins, repeats = wins + ((ratio < CLEARLY_BETTER) & (worst < WORST_FOLD))[:, 0], repeats + 1
    stable = {law for law, won in zip(laws, wins, strict=True) if won >= N_CONFIRMED / N_PARTS * repeats}
    lost = {law: int(won) for law, won in zip(laws[1:], wins[1:], strict=True) if law not in stable}
    if not lost:
        return found
    chosen = tuple(law for law in found.chosen if law in stable) or (baseline,)
    said = ", ".join(f"{law.label} wins again in {won} of {repeats}" for law, won in lost.items())
    used = " + ".join(law.label for law in chosen)
    reason = f"{used}: {said} repeats without a fifth of the runs ({N_CONFIRMED} of {N_PARTS} are asked)."
    candidates = tuple(
        replace(c, verdict=UNSTABLE) if c.law in lost else replace(c, verdict="chosen") if c.law in chosen else c
        for c in found.candidates
    )
    return replace(found, chosen=chosen, candidates=candidates, reason=reason)


def _rule(means: Array) -> tuple[Array, Array, Array]:
    """Ratio to the baseline, worst ratio, and whether chosen, each (n_laws, n), of mean errors (n_laws, n_folds, n)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(means) - np.log(means[:1])
    logs = np.where(np.isnan(logs), np.inf, logs)
    ratio, worst = np.exp(logs.mean(1)), np.exp(logs.max(1))
    passed = (ratio < CLEARLY_BETTER) & (worst < WORST_FOLD)
    best = np.where(passed, ratio, np.inf).min(0)
    chosen = passed & (ratio <= best * AS_GOOD)
    chosen[0] |= ~passed.any(0)
    return ratio, worst, chosen


def _verdict(chosen: bool, ratio: float, worst: float) -> str:
    if chosen:
        return "chosen"
    if not np.isfinite(ratio):
        return "could not be fitted on some fold"
    if worst >= WORST_FOLD:
        return f"unstable: {worst:.2g} times the baseline's error on its worst fold"
    return "behind the best" if ratio < CLEARLY_BETTER else f"not clearly better than {BASELINE}"


def _reason(laws: list[Law], ratio: Array, chosen: Array, n_folds: int) -> str:
    names = " + ".join(law.label for law, is_chosen in zip(laws, chosen, strict=True) if is_chosen)
    if not chosen[0]:
        return (
            f"{names}: held-out error {ratio[chosen].min():.2f} of {BASELINE}'s over {n_folds} extrapolations inside the "
            f"runs (below {CLEARLY_BETTER} is asked)."
        )
    reason = f"{names}: no law is clearly better over {n_folds} extrapolations inside the runs"
    if len(laws) == 1 or not np.isfinite(ratio[1:]).any():
        return reason + "."
    other = 1 + int(np.argmin(ratio[1:]))
    return f"{reason} (best other: {laws[other].label}, {ratio[other]:.2f} of its error)."
