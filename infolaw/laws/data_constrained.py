"""Data-constrained scaling: repeated tokens and excess parameters are worth exponentially less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..points import Points
from ..units import Array
from .base import Constants, Law
from .chinchilla import DATA_EXPONENT, DATA_TERM, IRREDUCIBLE, MODEL_EXPONENT, MODEL_TERM
from .parameter import CellValue, Parameter

SPENT = Parameter("R", (0.05, 1e4), "repetitions after which data is spent", "R*", start=(1.0, 50.0), log=True)


def diminished(unique: Array, repeats: Array, saturation: Array) -> tuple[Array, Array, Array]:
    """U + U R* (1 - exp(-R / R*)), and its derivatives by R* and by U where U (1 + R) is held (eq. 5); all broadcast."""
    share = repeats / saturation
    decay = np.exp(-share)
    left = 1 + saturation * (1 - decay)
    return unique * left, unique * (1 - decay * (1 + share)), left - decay * (repeats + 1)


def worth_of(unique: Array, repeats: Array, saturation: Array) -> Array:
    """First of the three values of `diminished`, at a third of their price."""
    return np.asarray(unique * (1 + saturation * (1 - np.exp(-repeats / saturation))))


@dataclass(frozen=True)
class DataConstrained(Law):
    """L = E + A/N'^alpha + B/D'^beta with D' = U + U R*_D (1 - exp(-R_D/R*_D)), N' likewise; seven free constants.

    D' is summed over cells, each with its own repetition. U_N = min(N, N_opt(U_D)) is the compute-optimal size for
    the distinct tokens under the law's own constants.

    References
    ----------
    .. [1] Muennighoff et al. (2023), "Scaling Data-Constrained Language Models", eq. 5-7, arXiv:2305.16264.
    """

    sees_recipe = True
    name = "data_constrained"
    formula = "L = E + A/N'^alpha + B/D'^beta, D' = U + U R*_D (1 - exp(-(epochs-1)/R*_D))"
    reference = "Muennighoff et al. 2023, arXiv:2305.16264, eq. 5-7"
    needs = ("n_params", "tokens", "unique_tokens")
    parameters = (
        IRREDUCIBLE,
        MODEL_TERM,
        DATA_TERM,
        MODEL_EXPONENT,
        DATA_EXPONENT,
        Parameter("R_D", (0.05, 1e4), "repetitions after which data is spent", "R*_D", start=(1.0, 100.0), log=True),
        Parameter("R_N", (0.05, 1e4), "the same for excess parameters", "R*_N", start=(1.0, 100.0), log=True),
    )

    def _matching_size(self, p: Constants, seen: Array) -> tuple[Array, Array]:
        """N_opt(U_D) = G (U_D G)^(beta/alpha), G = (alpha A / beta B)^(1/(alpha+beta)), and ln G."""
        log_g = (np.log(p["alpha"] * p["A"]) - np.log(p["beta"] * p["B"])) / (p["alpha"] + p["beta"])
        return np.exp(log_g + p["beta"] / p["alpha"] * (np.log(seen) + log_g)), log_g

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        size, _ = self._matching_size(p, x.cell_seen.sum(1))
        matched = np.minimum(x.n_params, size)
        n_worth = worth_of(matched, x.n_params / matched - 1, p["R_N"])
        d_worth = worth_of(x.cell_seen, x.cell_repeats, p["R_D"][..., None]).sum(-1)
        return np.asarray(p["E"] + p["A"] * n_worth ** -p["alpha"] + p["B"] * d_worth ** -p["beta"])

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by the seven constants; A, B, alpha and beta also move the matching size U_N."""
        a, b, alpha, beta = p["A"], p["B"], p["alpha"], p["beta"]
        seen = x.cell_seen.sum(1)
        size, log_g = self._matching_size(p, seen)
        excess = x.n_params > size
        matched = np.minimum(x.n_params, size)
        n_worth, n_by_r, n_by_u = diminished(matched, x.n_params / matched - 1, p["R_N"])
        d_worth, d_by_r, _ = diminished(x.cell_seen, x.cell_repeats, p["R_D"][..., None])
        d_worth, d_by_r = d_worth.sum(-1), d_by_r.sum(-1)
        by_a, by_b = n_worth**-alpha, d_worth**-beta
        loss_by_n, loss_by_d = -alpha * a * by_a / n_worth, -beta * b * by_b / d_worth
        through = np.where(excess, loss_by_n * n_by_u * size, 0.0)  # dL / d ln U_N
        ratio = 1 + beta / alpha  # d ln U_N / d ln G
        total = alpha + beta
        return {
            "E": np.ones((1, 1)),
            "A": by_a + through * ratio / (total * a),
            "B": by_b - through * ratio / (total * b),
            "alpha": -a * by_a * np.log(n_worth)
            + through * (ratio * (1 / alpha - log_g) / total - beta / alpha**2 * (np.log(seen) + log_g)),
            "beta": -b * by_b * np.log(d_worth)
            + through * (ratio * (-1 / beta - log_g) / total + (np.log(seen) + log_g) / alpha),
            "R_D": loss_by_d * d_by_r,
            "R_N": loss_by_n * n_by_r,
        }

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return derivatives by shares: of D', and of the matching size through the distinct tokens."""
        a, alpha, beta = p["A"], p["alpha"], p["beta"]
        seen = x.cell_seen.sum(1)
        size, _ = self._matching_size(p, seen)
        matched = np.minimum(x.n_params, size)
        n_worth, _, n_by_u = diminished(matched, x.n_params / matched - 1, p["R_N"])
        d_worth = worth_of(x.cell_seen, x.cell_repeats, p["R_D"][..., None]).sum(-1)
        by_d = -beta * p["B"] * d_worth ** -(beta + 1)
        by_size = np.where(x.n_params > size, -alpha * a * n_worth ** -(alpha + 1) * n_by_u, 0.0)
        by_seen = by_size * size * beta / alpha / seen
        left = np.exp(-x.cell_repeats / p["R_D"][..., None])
        return np.asarray((by_d[..., None] * left + by_seen[..., None] * x.is_fresh) * x.tokens[:, None])

    def cell_value(self, p: Constants, n_params: float, tokens: float) -> CellValue:
        """Every fresh token is worth the same, a repeated one exp(-(epochs-1)/R*_D) of it."""
        return CellValue(np.ones(1), 1.0, 1.0 / float(np.asarray(p["R_D"]).ravel()[0]))
