"""Fit whatever law predicts best: selection by held-out extrapolation, then one fit or an average of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from .ensemble import Ensemble
from .errors import FitError
from .fitting import fit_law
from .laws import Law
from .observations import Observations
from .result import FitResult
from .selection import Progress, select
from .validation import DEFAULT_HOLDOUT, audit, held_out

Priors: TypeAlias = Mapping[str, tuple[float, float]]
RARE = 0.05
"""Laws chosen less often than this over the resamples are left out of the draws."""


def fit_auto(
    observations: Observations,
    laws: Sequence[str | Law] | None = None,
    *,
    heldout: str | None = DEFAULT_HOLDOUT,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> FitResult | Ensemble:
    """Select laws on the runs, fit those chosen, and audit what they say together.

    Parameters
    ----------
    observations : Observations
    laws : sequence of str or Law, optional
        Candidates; those that the runs call for by default.
    heldout : str or None
        Runs to hold out for the audit.
    seed : int
    progress : callable, optional
        Called with the number of fits done and to do.
    **options
        See `fitting.fit_law`.

    Returns
    -------
    FitResult or Ensemble
        One fit if one law was chosen, with the reason among its warnings.
    """
    found = select(observations, laws, seed=seed, progress=progress)
    plausible = [c for c in found.candidates if c.verdict == "chosen" or (c.frequency >= RARE and not c.is_unstable)]
    own, unused = _own_priors([c.law for c in plausible], observations, options.pop("priors", None) or {})
    reason = " ".join([found.reason, *unused])

    def fits(rows: Observations) -> tuple[FitResult, ...]:
        return tuple(fit_law(c.law, rows, seed=seed, priors=p, **options) for c, p in zip(plausible, own, strict=True))

    members = fits(observations)
    if len(members) == 1:
        only = replace(members[0], warnings=(f"auto: {reason}", *members[0].warnings))
        return only if heldout is None else audit(only, heldout, priors=own[0], **options)
    weights = tuple(float(c.verdict == "chosen") / len(found.chosen) for c in plausible)
    together = Ensemble(members, weights, tuple(c.frequency for c in plausible), reason)
    if heldout is None:
        return together

    def refit(train: Observations) -> Ensemble:
        return replace(together, members=fits(train))

    error, said = held_out(refit, observations, heldout)
    return replace(together, heldout=error, reason=" ".join([reason, *said]))


def _own_priors(laws: Sequence[Law], observations: Observations, priors: Priors) -> tuple[list[Priors], list[str]]:
    """The priors that each law has a constant for, and a sentence for those it has none for."""
    known = [
        {*bound.names, *(owner.name for owner in bound.owners)} for bound in (law.bind(observations.schema) for law in laws)
    ]
    strange = [name for name in priors if not any(name in names for names in known)]
    if strange:
        constants = "; ".join(f"{law.label}: {', '.join(sorted(n))}" for law, n in zip(laws, known, strict=True))
        raise FitError(
            f"a prior is given for {strange[0]!r}, but no law in use has it ({constants}): name the law with --law."
        )
    said = [
        f"The prior on {name} is not used by {law.label}, which has no such constant."
        for law, names in zip(laws, known, strict=True)
        for name in priors
        if name not in names
    ]
    return [{name: prior for name, prior in priors.items() if name in names} for names in known], said
