"""Repetition: repeated data first lose their worth, then cost: a harm that is bounded in the number of passes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..points import Points, Schema
from ..units import Array
from .base import Constants, Law, density_of
from .chinchilla import DATA_EXPONENT, DATA_TERM, IRREDUCIBLE, MODEL_EXPONENT, MODEL_TERM, model_term
from .data_constrained import SPENT
from .parameter import Parameter

_HARM = {"size": ("kappa",), "ratio": ("kappa",), "both": ("kappa", "mu")}


@dataclass(frozen=True)
class Repetition(Law):
    """L = sum_d E_d w_d + A/N^alpha + B/D'^beta (1 + P sum_d w_d (1 - e^(-(R_d - 1)/R*)) N^kappa U^-mu).

    D' = sum_d e^(-theta d) U_d (1 + R* (1 - e^(-(R_d - 1)/R*))): passes saturate as in data-constrained scaling, tokens of
    worse buckets count for less, and what is left of the data term grows by a share that saturates with the same
    passes, more for larger models and smaller pools. The floor is the mixture's own: a model trained on other text than
    it is judged by keeps a distance that no number of tokens closes. Sizes and pools are measured at the runs' centre.

    Attributes
    ----------
    harm : {"both", "ratio", "size"}
        Harm grows with N^kappa U^-mu, with (N/U)^kappa, or with N^kappa.

    References
    ----------
    .. [1] Own form; its parts from Muennighoff et al. (2023), arXiv:2305.16264, and Lovelace et al. (2026),
       arXiv:2605.01640, whose unbounded penalty it replaces. See ``docs/decisions.md`` for what was tried.
    """

    harm: Literal["both", "ratio", "size"] = "both"

    sees_recipe = True
    name = "repetition"
    formula = "L = sum_d E_d w_d + A/N^alpha + B/D'^beta (1 + P sum_d w_d (1 - e^(-(epochs_d - 1)/R)) N^kappa U^-mu)"
    reference = "own form, after Muennighoff et al. 2023, arXiv:2305.16264, and Lovelace et al. 2026, arXiv:2605.01640"
    needs = ("n_params", "tokens", "unique_tokens or weight: and unique:")

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        """Return the constants: a floor for every cell, theta only where there are several buckets."""
        floor = replace(IRREDUCIBLE, shape=("cell",), alike=True) if len(schema.cells) > 1 else IRREDUCIBLE
        theta = Parameter(
            "theta", (-1.0, 5.0), "how fast a token's worth falls from bucket to bucket", "theta", start=(0, 1)
        )
        powers = {
            "kappa": Parameter("kappa", (0.0, 2.0), "growth of the harm with model size", "kappa", start=(0.0, 1.0)),
            "mu": Parameter("mu", (0.0, 2.0), "fall of the harm with the pool", "mu", start=(0.0, 1.0)),
        }
        return (
            floor,
            MODEL_TERM,
            DATA_TERM,
            MODEL_EXPONENT,
            DATA_EXPONENT,
            SPENT,
            Parameter(
                "P", (1e-6, 1e2), "share that full repetition adds to the data term", "P", start=(1e-3, 1.0), log=True
            ),
            *(powers[name] for name in _HARM[self.harm]),
            *((theta,) if len({b for b in schema.buckets if b is not None}) > 1 else ()),
        )

    def fixed(self, schema: Schema) -> dict[str, Array]:
        """Return the bucket of every cell (0 where it has none) and the centre of the runs."""
        buckets = np.array([bucket or 0 for bucket in schema.buckets], float)
        return {"bucket": buckets, "log_n": np.array(schema.log_n_params), "log_d": np.array(schema.log_tokens)}

    def _floor(self, p: Constants, x: Points) -> Array:
        return np.asarray((p["E"] * x.weights).sum(-1)) if p["E"].ndim == 3 else np.asarray(p["E"])

    def _reach(self, p: Constants, x: Points) -> tuple[Array, Array]:
        """Logarithms that kappa and mu multiply: of the size, and of the pool, at the runs' centre."""
        size, pool = x.log_n_params - p["log_n"], np.log(x.cell_seen.sum(1)) - p["log_d"]
        return (size - pool, pool) if self.harm == "ratio" else (size, pool)

    def _parts(self, p: Constants, x: Points) -> tuple[Array, Array, Array, Array, Array, Array]:
        """Worth by cell, D', spent share by cell, growth of the harm, harm, B D'^-beta."""
        spent = -np.expm1(-x.cell_repeats / p["R"][..., None])
        density = density_of(p)
        worth = density * x.cell_seen * (1 + p["R"][..., None] * spent)
        effective = worth.sum(-1)
        size, pool = self._reach(p, x)
        grows = np.exp(p["kappa"] * size - p["mu"] * pool) if "mu" in p else np.exp(p["kappa"] * size)
        harm = p["P"] * (spent * x.weights).sum(-1) * grows
        return worth, effective, spent, grows, harm, p["B"] * effective ** -p["beta"]

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        *_, harm, data = self._parts(p, x)
        return np.asarray(self._floor(p, x) + model_term(p, x) + data * (1 + harm))

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by all constants."""
        worth, effective, spent, grows, harm, data = self._parts(p, x)
        model = np.exp(-p["alpha"] * x.log_n_params)
        passes = x.cell_repeats
        by_r = -np.exp(-passes / p["R"][..., None]) * passes / p["R"][..., None] ** 2  # d spent / d R
        density = density_of(p)
        worth_by_r = (density * x.cell_seen * (spent + p["R"][..., None] * by_r)).sum(-1)
        by_effective = -p["beta"] * data / effective * (1 + harm)
        size, pool = self._reach(p, x)
        return {
            "E": x.weights if p["E"].ndim == 3 else np.ones((1, 1)),
            "A": model,
            "alpha": -p["A"] * model * x.log_n_params,
            "B": data / p["B"] * (1 + harm),
            "beta": -data * np.log(effective) * (1 + harm),
            "R": by_effective * worth_by_r + data * p["P"] * grows * (by_r * x.weights).sum(-1),
            "P": data * harm / p["P"],
            "kappa": data * harm * size,
            "mu": -data * harm * pool,
            "theta": -by_effective * (worth * p["bucket"]).sum(-1),
        }

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return derivatives by shares: of the floor, of D', and of the harm."""
        _, effective, spent, grows, harm, data = self._parts(p, x)
        tokens, half = x.tokens[:, None], p["R"][..., None]
        left = np.exp(-x.cell_repeats / half)
        density = density_of(p)
        by_effective = -p["beta"] * data / effective * (1 + harm)
        by_spent = np.where(x.is_fresh, 0.0, left / half) * tokens / np.maximum(x.cell_unique, 1.0)
        shrinks = p["mu"] if "mu" in p else p["kappa"] if self.harm == "ratio" else np.zeros((1, 1))
        by_pool = (-shrinks * data * harm / x.cell_seen.sum(1))[..., None] * x.is_fresh * tokens
        by_harm = (data * p["P"] * grows)[..., None] * (spent + x.weights * by_spent)
        floor = p["E"] if p["E"].ndim == 3 else 0.0
        return np.asarray(floor + by_effective[..., None] * density * left * tokens + by_harm + by_pool)
