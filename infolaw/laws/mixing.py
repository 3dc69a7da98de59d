"""Data mixing laws: what the shares of the cells do to one evaluation loss, at every size and number of tokens.

Read `Mixing` first (the published law, with terms for size and tokens), then `ConcaveMixing`, which says two things
differently: a mixture scales the reducible loss instead of shifting the loss, and the first share of a cell counts most.
Both are blind to repetition: they see shares, not supplies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..points import Points, Schema
from ..units import Array
from .base import Constants, Law
from .chinchilla import Chinchilla, closed_form_n_params, model_term
from .data_constrained import SPENT, diminished, worth_of
from .parameter import Parameter

CELL_LOSS = Parameter(
    "K",
    (1e-4, 1e3),
    "mixture term when training on this cell alone",
    "k e^t",
    "nats/token",
    (0.05, 5.0),
    True,
    shape=("cell",),
)
GAIN = Parameter(
    "g",
    (-10.0, 10.0),
    "ln by which a model trained on this cell alone lowers the reducible loss",
    "g",
    start=(-1.0, 1.0),
    shape=("cell",),
)
CONCAVITY = Parameter(
    "q", (0.02, 1.0), "1: every share of a cell counts alike; near 0: the first counts most", "q", start=(0.1, 0.9)
)

LEAST_SHARE = 1e-6
"""Share at which the endless slope of a share of 0 is taken."""


@dataclass(frozen=True)
class Mixing(Law):
    """L = E + A/N^alpha + B/D^beta + prod_j K_j^w_j: the data mixing law above Chinchilla's surface.

    The published ``c + k exp(sum_j t_j w_j)`` has one constant too many, as shares sum to 1: with ``K_j = k exp(t_j)`` its
    second term is the geometric mean of the cells' own terms. ``c`` takes the size and token terms. With one cell it is
    Chinchilla.

    References
    ----------
    .. [1] Ye et al. (2024), "Data Mixing Laws: Optimizing Data Mixtures by Predicting Language Modeling Performance",
       eq. 6, arXiv:2403.16952; the terms in N and D are an extension.
    """

    name = "mixing"
    formula = "L = E + A/N^alpha + B/D^beta + prod_j K_j^w_j"
    reference = "Ye et al. 2024, arXiv:2403.16952, extended by terms in N and D"
    needs = ("n_params", "tokens", "weight:<cell>...")
    sees_recipe = True

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        """Return Chinchilla's five constants, and one a cell where there are several."""
        return (*Chinchilla.parameters, *((CELL_LOSS,) if len(schema.cells) > 1 else ()))

    def _mixture_term(self, p: Constants, x: Points) -> Array:
        return np.exp((x.weights * np.log(p["K"])).sum(-1)) if "K" in p else np.zeros((1, 1))

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        return np.asarray(Chinchilla().predict(p, x) + self._mixture_term(p, x))

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by all constants."""
        by_cell = self._mixture_term(p, x)[..., None] * x.weights / p.get("K", 1.0)
        return {**Chinchilla().partials(p, x), "K": by_cell}

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return derivatives by shares."""
        return np.asarray(self._mixture_term(p, x)[..., None] * np.log(p["K"])) if "K" in p else np.zeros((1, 1, 1))

    def optimal_n_params(self, p: Constants, flops: float) -> Array:
        """Return N*: the mixture shifts the loss and leaves N* alone."""
        return closed_form_n_params(p, flops)


@dataclass(frozen=True)
class ConcaveMixing(Law):
    """L = E + (A/N^alpha + B/D^beta) exp(-sum_j g_j w_j^q): a mixture scales the reducible loss, with fading returns.

    On real tables a mixture moves ln L by much the same amount at every size, while a shift in nats shrinks with N and D;
    and the step from no share of a cell to a small one is worth far more than the same step later, which w^q says and an
    exponential of w cannot. Both terms take the same factor, so N* does not depend on the mixture. With one cell it is
    Chinchilla.

    Attributes
    ----------
    data : {"total", "fading"}
        D counts every pass, or D' = sum_d U_d (1 + R* (1 - e^(-(epochs_d - 1)/R*))) as in data-constrained scaling.

    References
    ----------
    .. [1] Own extension of Ye et al. (2024), arXiv:2403.16952; see ``docs/decisions.md``.
    """

    data: Literal["total", "fading"] = "total"

    name = "concave_mixing"
    formula = "L = E + (A/N^alpha + B/D^beta) exp(-sum_j g_j w_j^q)"
    reference = "own extension of Ye et al. 2024, arXiv:2403.16952"
    needs = ("n_params", "tokens", "weight:<cell>...")
    sees_recipe = True

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        """Return Chinchilla's five constants, and where there are several cells a gain for each and the concavity."""
        repeated = (SPENT,) if self.data == "fading" else ()
        return (*Chinchilla.parameters, *((GAIN, CONCAVITY) if len(schema.cells) > 1 else ()), *repeated)

    def _data(self, p: Constants, x: Points) -> tuple[Array, Array, Array]:
        """Return B D^-beta, ln D, and the derivative of ln D by R."""
        if "R" not in p:
            return p["B"] * np.exp(-p["beta"] * x.log_tokens), x.log_tokens, np.zeros((1, 1))
        worth, by_r, _ = diminished(x.cell_seen, x.cell_repeats, p["R"][..., None])
        total = worth.sum(-1)
        return p["B"] * total ** -p["beta"], np.log(total), by_r.sum(-1) / total

    def _factor(self, p: Constants, x: Points) -> tuple[Array, Array]:
        """Return exp(-sum_j g_j w_j^q), (n_batch, n_points), and w^q, (n_batch, n_points, n_cells)."""
        if "g" not in p:
            return np.ones((1, 1)), np.zeros((1, 1, 1))
        powers = x.weights ** p["q"][..., None]
        return np.exp(-(p["g"] * powers).sum(-1)), powers

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        return np.asarray(p["E"] + (model_term(p, x) + self._data(p, x)[0]) * self._factor(p, x)[0])

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by all constants."""
        factor, powers = self._factor(p, x)
        data, log_data, by_r = self._data(p, x)
        model = np.exp(-p["alpha"] * x.log_n_params)
        above = factor * (p["A"] * model + data)
        log_weights = np.log(np.where(x.weights > 0, x.weights, 1.0))
        return {
            "E": np.ones((1, 1)),
            "A": model * factor,
            "alpha": -p["A"] * model * x.log_n_params * factor,
            "B": data / p["B"] * factor,
            "beta": -data * log_data * factor,
            "R": -p["beta"] * data * by_r * factor,
            "g": -above[..., None] * powers,
            "q": -above * (p.get("g", 0.0) * powers * log_weights).sum(-1),
        }

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return derivatives by shares; that of a share of 0 is endless, and taken at a millionth."""
        factor, data = self._factor(p, x)[0], self._data(p, x)[0]
        slope = np.zeros((1, 1, 1))
        if "g" in p:
            above, q = factor * (model_term(p, x) + data), p["q"][..., None]
            slope = -above[..., None] * p["g"] * q * np.maximum(x.weights, LEAST_SHARE) ** (q - 1)
        if "R" not in p:
            return np.asarray(slope)
        worth = worth_of(x.cell_seen, x.cell_repeats, p["R"][..., None]).sum(-1)
        left = np.exp(-x.cell_repeats / p["R"][..., None]) * x.tokens[:, None]
        return np.asarray(slope - (factor * p["beta"] * data / worth)[..., None] * left)

    def optimal_n_params(self, p: Constants, flops: float) -> Array:
        """Return N*: the mixture scales both terms and leaves N* alone."""
        return closed_form_n_params(p, flops)
