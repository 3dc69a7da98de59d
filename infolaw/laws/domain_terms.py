"""Domain terms: every domain feeds a data term of its own, its repeated tokens fade, and the others help it a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..points import Points, Schema
from ..units import Array
from .base import Constants, Law, density_of
from .chinchilla import DATA_EXPONENT, DATA_TERM, IRREDUCIBLE, MODEL_EXPONENT, MODEL_TERM, model_term
from .data_constrained import SPENT, diminished, worth_of
from .parameter import Parameter

OWN_TERM = Parameter(
    "B",
    (1e-6, 1e3),
    "size of a domain's data term (its value at the runs' centre is bounded)",
    "B",
    "nats * tokens^beta",
    log=True,
    linear=True,
    shape=("domain",),
    centre=DATA_TERM.centre,
)
LEAK = Parameter("leak", (1e-4, 1.0), "what a token is worth to the other domains", "l", start=(0.01, 0.5), log=True)
HARM = Parameter("P", (1e-6, 1e2), "share that full repetition adds to the data terms", "P", start=(1e-3, 1.0), log=True)
HARM_GROWTH = Parameter("kappa", (0.0, 2.0), "growth of the harm with model size", "kappa", start=(0.0, 1.0))
WEAR = Parameter("omega", (-0.5, 1.5), "how much sooner larger models use up a pass", "omega", start=(0.0, 0.5))
QUALITY = Parameter("theta", (-1.0, 5.0), "how fast a token's worth falls from bucket to bucket", "theta", start=(0, 1))


@dataclass(frozen=True)
class DomainTerms(Law):
    """L = E + A/N^alpha + sum_g B_g (D'_g + l D')^-beta: what an evaluation over several domains asks of a mixture.

    D'_g sums e^(-theta d) U_d (1 + R* (1 - e^(-(epochs_d - 1)/R*))) over the buckets of domain g, and D' all of them. A
    starved domain costs without bound, so no optimum lies in a corner of the simplex. With one domain it is a
    data-constrained law over quality buckets.

    Attributes
    ----------
    harm : {"none", "bounded"}
        Whether spent passes also cost: all terms grow by 1 + P sum_d w_d (1 - e^(-(epochs_d - 1)/R*)) N^kappa, as in
        ``repetition``, with N at the runs' centre.
    passes : {"alike", "sooner"}
        Whether larger models use up passes sooner: R* N^-omega, with N at the runs' centre.

    References
    ----------
    .. [1] After "Explaining Data Mixing Scaling Laws" (2026), whose loss is such a sum over domains, with the repetition of
       Muennighoff et al. (2023), arXiv:2305.16264, eq. 5.
    """

    harm: Literal["none", "bounded"] = "none"
    passes: Literal["alike", "sooner"] = "alike"

    sees_recipe = True
    name = "domain_terms"
    formula = "L = E + A/N^alpha + sum_g B_g (D'_g + l D')^-beta, D'_g as in data_constrained over the cells of domain g"
    reference = "after Explaining Data Mixing (2026) and Muennighoff et al. 2023, arXiv:2305.16264"
    needs = ("n_params", "tokens", "weight:<domain>...")

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        """Return the constants: a term for every domain, theta where there are several buckets."""
        several = len({bucket for bucket in schema.buckets if bucket is not None}) > 1
        own = (OWN_TERM, LEAK) if len(schema.domains) > 1 else (OWN_TERM,)
        rest = (*((QUALITY,) if several else ()), *((HARM, HARM_GROWTH) if self.harm == "bounded" else ()))
        rest = (*rest, *((WEAR,) if self.passes == "sooner" else ()))
        return (IRREDUCIBLE, MODEL_TERM, MODEL_EXPONENT, DATA_EXPONENT, *own, SPENT, *rest)

    def fixed(self, schema: Schema) -> dict[str, Array]:
        """Return the bucket of every cell, and which domain it belongs to, (n_cells, n_domains)."""
        member = np.array([[float(domain == own) for domain in schema.domains] for own in schema.domain_of_cell])
        buckets = np.array([bucket or 0 for bucket in schema.buckets], float)
        return {"bucket": buckets, "member": member, "log_n": np.array(schema.log_n_params)}

    def _saturation(self, p: Constants, x: Points) -> Array:
        """R* of every point, with a last axis."""
        wear = np.exp(-p["omega"] * (x.log_n_params - p["log_n"])) if "omega" in p else 1.0
        return np.asarray((p["R"] * wear)[..., None])

    def _harm(self, p: Constants, x: Points) -> tuple[Array, Array]:
        """Share by which spent passes raise the data terms, and its derivative by R."""
        if "P" not in p:
            return np.zeros((1, 1)), np.zeros((1, 1))
        passes, half = x.cell_repeats, self._saturation(p, x)
        left = np.exp(-passes / half)
        grown = p["P"] * np.exp(p["kappa"] * (x.log_n_params - p["log_n"]))
        return grown * ((1 - left) * x.weights).sum(-1), grown * (-left * passes / half**2 * x.weights).sum(-1)

    def _parts(self, p: Constants, x: Points) -> tuple[Array, Array, Array, Array]:
        """Worth by cell and its derivative by R, what feeds every domain, its term, all with a last axis."""
        worth, by_r, _ = diminished(x.cell_seen, x.cell_repeats, self._saturation(p, x))
        density = density_of(p)
        worth, by_r = density * worth, density * by_r
        return worth, by_r, *self._terms(p, worth)

    def _terms(self, p: Constants, worth: Array) -> tuple[Array, Array]:
        """What feeds every domain, and its term."""
        fed = worth @ p["member"]
        if "leak" in p:
            fed = fed + p["leak"][..., None] * worth.sum(-1, keepdims=True)
        return fed, p["B"] * fed ** -p["beta"][..., None]

    def _by_worth(self, p: Constants, fed: Array, terms: Array) -> tuple[Array, Array]:
        """Slope of the terms by the worth of every cell, with a last axis, and by what all domains are fed alike."""
        by_fed = -p["beta"][..., None] * terms / fed
        total = by_fed.sum(-1)
        return by_fed @ p["member"].T + (p["leak"] * total if "leak" in p else 0.0 * total)[..., None], total

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        worth = density_of(p) * worth_of(x.cell_seen, x.cell_repeats, self._saturation(p, x))
        return np.asarray(p["E"] + model_term(p, x) + self._terms(p, worth)[1].sum(-1) * (1 + self._harm(p, x)[0]))

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by all constants."""
        worth, by_r, fed, terms = self._parts(p, x)
        harm, harm_by_r = self._harm(p, x)
        data, terms = terms.sum(-1), terms * (1 + harm)[..., None]
        model, (by_worth, total) = np.exp(-p["alpha"] * x.log_n_params), self._by_worth(p, fed, terms)
        by_r = (by_worth * by_r).sum(-1) + data * harm_by_r  # of the R* at hand
        half = self._saturation(p, x)[..., 0]
        return {
            "E": np.ones((1, 1)),
            "A": model,
            "alpha": -p["A"] * model * x.log_n_params,
            "B": terms / p["B"],
            "beta": -(terms * np.log(fed)).sum(-1),
            "leak": total * worth.sum(-1),
            "R": by_r * half / p["R"],
            "omega": -by_r * half * (x.log_n_params - p["log_n"]),
            "P": data * harm / p.get("P", 1.0),
            "kappa": data * harm * (x.log_n_params - p["log_n"]),
            "theta": -(by_worth * worth * p["bucket"]).sum(-1),
        }

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return derivatives by shares: of what feeds the terms, and of the harm."""
        worth = density_of(p) * worth_of(x.cell_seen, x.cell_repeats, self._saturation(p, x))
        fed, terms = self._terms(p, worth)
        harm, half, tokens = self._harm(p, x)[0], self._saturation(p, x), x.tokens[:, None]
        by_worth, _ = self._by_worth(p, fed, terms * (1 + harm)[..., None])
        left = np.exp(-x.cell_repeats / half)
        slope = by_worth * density_of(p) * left * tokens
        if "P" not in p:
            return np.asarray(slope)
        grown = p["P"] * np.exp(p["kappa"] * (x.log_n_params - p["log_n"])) * terms.sum(-1)
        by_spent = np.where(x.is_fresh, 0.0, left / half) * tokens / np.maximum(x.cell_unique, 1.0)
        return np.asarray(slope + grown[..., None] * (1 - left + x.weights * by_spent))
