"""The joint prediction: forms averaged by what they show on runs held out; draws come from all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from infolaw.laws import CellValue
from infolaw.model_error import HeldOut, ModelError
from infolaw.observations import Observations
from infolaw.points import Points, Schema, Support
from infolaw.uncertainty import EVERY, Interval
from infolaw.units import Array

from .corrected import Corrected
from .evidence import Evidence
from .judging import Score


@dataclass(frozen=True, eq=False)
class Joint:
    """Laws, with or without residuals of the mixture, fitted to law runs and proxies together; a `Predictor`.

    Attributes
    ----------
    members : tuple of Corrected
    weights : tuple of float
        Share of each in the prediction.
    frequencies : tuple of float
        Share of each in the draws: its mean share over resampled hold-outs.
    evidence : Evidence
    scores : tuple of Score
        Of every form that was weighed.
    heldout : HeldOut
        What hold-outs say of the best form.
    stretch : float
        Error of what is said of a recipe, as a share of it (standard deviation).
    reason : str
    """

    members: tuple[Corrected, ...]
    weights: tuple[float, ...]
    frequencies: tuple[float, ...]
    evidence: Evidence
    scores: tuple[Score, ...]
    heldout: HeldOut
    stretch: float
    reason: str = ""

    @property
    def law(self) -> str:
        """Names of what is averaged, the largest share first."""
        order = np.argsort(-np.array(self.weights), kind="stable")
        return " & ".join(self.members[k].form.label for k in order)

    @property
    def schema(self) -> Schema:
        """The finest cells of runs and proxies, the law's groups and target."""
        return self.evidence.rows.schema

    @cached_property
    def support(self) -> Support:
        """The box that runs and proxies cover."""
        return Support.of(self.evidence.rows.points)

    @property
    def observations(self) -> Observations:
        """Runs and proxies."""
        return self.evidence.rows

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why these, and what was settled when runs and proxies were joined."""
        return (f"joint: {self.reason}", *self.evidence.notes)

    @property
    def no_optimum(self) -> str:
        """Why a free model size has no answer, if a member has none."""
        return next((member.law.no_optimum for member in self.members if member.law.no_optimum), "")

    @property
    def sees_recipe(self) -> bool:
        """Whether any member's loss depends on the mixture or on repetition."""
        return any(member.residual is not None or member.law.sees_recipe for member in self.members)

    @property
    def noise_sd(self) -> float:
        """Standard deviation of one law run [log loss]: of repeated seeds, or the least scatter about a member."""
        seeds = self.evidence.rows.seed_noise
        own = ~self.evidence.is_proxy
        return seeds.sd if seeds is not None else float(min(member.noise[own].mean() for member in self.members))

    @property
    def alone(self) -> tuple[tuple[str, Joint], ...]:
        """Every member as if it were all of the prediction."""
        if len(self.members) == 1:
            return ()
        return tuple((m.form.label, replace(self, members=(m,), weights=(1.0,), frequencies=(1.0,))) for m in self.members)

    def predict(self, points: Points) -> Array:
        """Loss (n_points,) [nats/token]: the geometric mean of the members."""
        logs = [np.log(member.predict(points)) for member in self.members]
        return np.asarray(np.exp(np.average(logs, axis=0, weights=self.weights)))

    def by_share(self, points: Points) -> Array:
        """Derivative of the loss by the share of each cell at the same size and tokens, (n_points, n_cells)."""
        relative = np.average([member.log_by_share(points) for member in self.members], axis=0, weights=self.weights)
        return np.asarray(self.predict(points)[:, None] * relative)

    def draws(
        self, points: Points, n: int = 1000, seed: int = 0, *, model_error: bool = True, worlds: slice = EVERY
    ) -> Array:
        """Losses (n, n_points); draw j is one world, the same in every call with this `n` and `seed`.

        How recipes differ is one member's word, as any may be right; how low a loss so much compute reaches, with the usual
        recipe read once, is the word of all: the average errs less than any of them.
        """
        ends = np.cumsum(self.frequencies) / np.sum(self.frequencies)
        turn = np.searchsorted(ends, (np.random.default_rng([seed, 2]).permutation(n) + 0.5) / n)
        turn, index = np.minimum(turn, len(self.members) - 1)[worlds], np.arange(n)[worlds]
        sizes = np.stack([points.n_params, points.tokens, points.group], 1)
        found, place = np.unique(sizes, axis=0, return_inverse=True)
        own, level = _levels(self, tuple(map(tuple, found.tolist())), n, seed)
        logs = np.empty((len(index), len(points)))
        for k, member in enumerate(self.members):
            if (turn == k).any():
                logs[turn == k] = np.log(member.draws(points, n, seed, index[turn == k]))
        loss = np.exp(logs + (level[index] - own[turn, index])[:, place.ravel()])
        if not model_error:
            return loss
        return np.asarray(loss * np.exp(self._errors(points, n, seed)[worlds]))

    def _errors(self, points: Points, n: int, seed: int) -> Array:
        """Errors of log loss (n, n_points): the model error, and what a recipe differs from the usual one by, stretched.

        A law that is wrong about a recipe is wrong in proportion to what it says of it: of two recipes that it finds
        nearly equal it is surer than of one that it calls a disaster.
        """
        usual = Points.build(
            points.n_params, points.tokens, weights=self.usual, unique=points.cell_unique, group=points.group
        )
        contrast = np.log(self.predict(points) / self.predict(usual))
        rng = np.random.default_rng([seed, 7])
        heavy = np.sqrt(ModelError.DF / rng.chisquare(ModelError.DF, (n, 1)))
        wrong = self.stretch * heavy * rng.standard_normal((n, 1)) * contrast
        return self.heldout.model_error.draws(points, self.support, n, seed) + wrong

    @cached_property
    def usual(self) -> Array:
        """Mean recipe of runs and proxies, (n_cells,)."""
        return np.asarray(self.evidence.rows.points.weights.mean(0))

    def interval(self, points: Points, level: float = 0.9, n: int = 1000, seed: int = 0) -> Interval:
        """Interval of the expected loss, (n_points,) each end."""
        return Interval.of(self.draws(points, n, seed), level, self.predict(points))

    def optimal_n_params(self, flops: float, points: Points) -> tuple[float, Array] | None:
        """Return None: a size with its best recipe has no closed form."""
        return None

    def cell_value(self, n_params: float, tokens: float) -> CellValue | None:
        """Return what a token of each cell is worth for a single law without residual in its own cells, or None."""
        only = self.members[0]
        if len(self.members) > 1 or only.residual is not None or only.law.schema.cells != self.schema.cells:
            return None
        return only.law.cell_value(n_params, tokens)

    def __str__(self) -> str:
        from infolaw.rendering import table

        kinds = list(self.scores[0].errors_pct)
        rows = [
            [s.label, *(f"{s.errors_pct[k]:.3g}" for k in kinds), f"{s.ratio:.2f}", f"{s.weight:.0%}", f"{s.frequency:.0%}"]
            for s in self.scores
        ]
        head = ["form", *(f"{kind} [%]" for kind in kinds), "of best", "share", "draws"]
        return f"joint: {self.reason}\n\n" + table(head, rows)


@lru_cache(maxsize=64)
def _levels(joint: Joint, sizes: tuple[tuple[float, ...], ...], n: int, seed: int) -> tuple[Array, Array]:
    """Log loss of the usual recipe, every token read once, in every world at sizes (n_params, tokens, group).

    Of every member, (n_members, n, n_sizes), and their average (n, n_sizes).
    """
    n_params, tokens, group = np.array(sizes).T
    weights = np.tile(joint.usual, (len(sizes), 1))
    once = np.full(weights.shape, np.inf)
    usual = Points.build(n_params, tokens, weights=weights, unique=once, group=group.astype(np.intp))
    own = np.stack([np.log(member.draws(usual, n, seed)) for member in joint.members])
    return own, np.average(own, axis=0, weights=joint.weights)
