"""One law, and the residual of the mixture beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from infolaw.errors import InfolawError
from infolaw.fitting import fit_law
from infolaw.laws import Law
from infolaw.points import Points
from infolaw.result import FitResult
from infolaw.uncertainty import EVERY, bootstrap
from infolaw.units import Array

from .evidence import Evidence, Mask, Views
from .residual import Residual, Surfaces

N_STARTS, N_REFINED = 32, 4
"""Random shapes of a law, and those of them that are refined."""
_CLOSE_ENOUGH = 1e-5
"""Share of its objective that the last step of a repeat may promise: a thousandth of a unit of deviance."""


@dataclass(frozen=True)
class Form:
    """What is fitted: a law, alone or with a residual, and what is believed of its constants beforehand.

    Attributes
    ----------
    law : Law
    has_residual : bool
    priors : mapping of str to (float, float)
    """

    law: Law
    has_residual: bool
    priors: Mapping[str, tuple[float, float]] | None = None

    @property
    def label(self) -> str:
        """Name for text and files."""
        return self.law.label + (" + residual" if self.has_residual else "")


@dataclass(frozen=True, eq=False)
class Corrected:
    """Loss = law(n_params, tokens, epochs) * exp(residual(shares)).

    Attributes
    ----------
    form : Form
    law : FitResult
        Fitted to law runs and proxies together.
    residual : Residual or None
        Fitted to what the law leaves of both.
    views : Views
    """

    form: Form
    law: FitResult
    residual: Residual | None
    views: Views

    @classmethod
    def fitted(
        cls,
        form: Form,
        evidence: Evidence,
        mask: Mask | None = None,
        *,
        law: FitResult | None = None,
        near: Residual | None = None,
        n_bootstrap: int = 200,
        seed: int = 0,
    ) -> Corrected:
        """Fit to the rows of `mask` (all by default), or only the residual where `law` was fitted to them before.

        The search for the residual's constants begins at those of `near`, what another law leaves of the same rows.

        Raises
        ------
        InfolawError
            If the law cannot be fitted to them.
        """
        rows = evidence.law_rows(mask)
        starts: Any = {"n_starts": N_STARTS, "n_refined": N_REFINED}
        law = law or fit_law(form.law, rows, n_bootstrap=n_bootstrap, seed=seed, priors=form.priors, **starts)
        if not form.has_residual:
            return cls(form, law, None, evidence.views)
        errors = np.log(rows.losses / law.predict(rows.points))
        if not np.isfinite(errors).all():
            raise InfolawError(f"law {form.label} gives no finite loss on its own runs.")
        shares = evidence.shares if mask is None else evidence.shares[mask]
        return cls(form, law, Residual.fitted(shares, errors, seed, near), evidence.views)

    def predict(self, points: Points) -> Array:
        """Loss (n_points,) of points in the finest cells [nats/token]."""
        loss = self.law.predict(self.views.law_points(points))
        return loss if self.residual is None else loss * np.exp(self.residual.mean(self.views.shares(points)))

    def log_by_share(self, points: Points) -> Array:
        """Derivative of log loss by the share of each of the finest cells, (n_points, n_cells)."""
        seen = self.views.law_points(points)
        slope = self.law.by_share(seen) / self.law.predict(seen)[:, None] @ self.views.to_law.T
        if self.residual is None:
            return np.asarray(slope)
        return np.asarray(slope + self.residual.slope(self.views.shares(points)) @ self.views.to_shares.T)

    def draws(self, points: Points, n: int, seed: int, worlds: Array | slice = EVERY) -> Array:
        """Losses (n, n_points) by the noise of the runs, or some of these worlds: each is the same in every call.

        A world's residual is what the runs leave of that world's law: a law that values a cell less there finds it again
        in the residual.
        """
        index = (np.arange(n) % len(self.law.replicates))[worlds]
        loss = np.array(self.law.bound.predict(self.law.replicates[index], self.views.law_points(points)))
        if self.residual is None:
            return loss
        return loss * np.exp(_surfaces(self.law, self.residual, n, seed).take(worlds)(self.views.shares(points)))

    @property
    def noise(self) -> Array:
        """Standard deviation of every row about the prediction, (n_rows,) [log loss]."""
        level = self.law.noise_sd if self.residual is None else self.residual.process.noise_
        return np.broadcast_to(level * self.law.problem.row_sd, len(self.law.observations))


def with_worlds(members: Sequence[Corrected], max_steps: int = 500) -> tuple[Corrected, ...]:
    """Return the members with their laws' bootstraps done as far as draws need; members of one law share its worlds."""
    laws = {id(member.law): member.law for member in members}
    with threadpool_limits(1):
        for key, law in laws.items():
            options: Any = {"run_id": law.observations.run_id, "tolerance": _CLOSE_ENOUGH, "max_steps": max_steps}
            repeats = bootstrap(law.problem, law.theta, law.n_bootstrap, law.seed, **options)
            laws[key] = replace(law, stored=repeats)
    return tuple(replace(member, law=laws[id(member.law)]) for member in members)


@lru_cache(maxsize=16)
def _surfaces(law: FitResult, residual: Residual, n: int, seed: int) -> Surfaces:
    """Surfaces of a residual, one for every world of its law."""
    rows = law.observations
    return residual.surfaces(np.log(rows.losses / law.draws(rows.points, n, seed, model_error=False)), seed)
