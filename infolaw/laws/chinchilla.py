"""Chinchilla: a model-size term and a data term above an irreducible loss; the baseline every claim must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..points import Points
from ..units import FLOPS_PER_PARAM_TOKEN, Array
from .base import Constants, Law
from .parameter import Centre, Parameter

IRREDUCIBLE = Parameter("E", (0.0, 20.0), "loss of an endless model on endless data", "E", "nats/token", linear=True)
MODEL_TERM = Parameter(
    "A",
    (1e-8, 1e3),
    "size of the model term (its value at the runs' centre is bounded)",
    "A",
    "nats * parameters^alpha",
    log=True,
    linear=True,
    centre=Centre("alpha", "n_params"),
)
DATA_TERM = Parameter(
    "B",
    (1e-8, 1e3),
    "size of the data term (its value at the runs' centre is bounded)",
    "B",
    "nats * tokens^beta",
    log=True,
    linear=True,
    centre=Centre("beta", "tokens"),
)
MODEL_EXPONENT = Parameter("alpha", (0.0, 3.0), "how fast the model term falls with N", "alpha", start=(0.05, 1.0))
DATA_EXPONENT = Parameter("beta", (0.0, 3.0), "how fast the data term falls with D", "beta", start=(0.05, 1.0))


def model_term(p: Constants, x: Points) -> Array:
    """A / N^alpha, (n_batch, n_points) [nats/token]."""
    return np.asarray(p["A"] * np.exp(-p["alpha"] * x.log_n_params))


def closed_form_n_params(p: Constants, flops: float) -> Array:
    """Minimise A/N^alpha + B/D^beta at 6 N D = flops (Hoffmann et al. 2022, eq. 4), (n_batch, 1) [parameters]."""
    alpha, beta = p["alpha"], p["beta"]
    balance = np.log(alpha * p["A"]) - np.log(beta * p["B"])
    return np.asarray(np.exp((balance + beta * np.log(flops / FLOPS_PER_PARAM_TOKEN)) / (alpha + beta)))


@dataclass(frozen=True)
class Chinchilla(Law):
    """L = E + A/N^alpha + B/D^beta on total tokens: blind to quality and repetition.

    References
    ----------
    .. [1] Hoffmann et al. (2022), "Training Compute-Optimal Large Language Models", eq. 2, arXiv:2203.15556.
    .. [2] Besiroglu et al. (2024), "Chinchilla Scaling: A replication attempt", arXiv:2404.10102.
    """

    name = "chinchilla"
    formula = "L = E + A/N^alpha + B/D^beta"
    reference = "Hoffmann et al. 2022, arXiv:2203.15556, eq. 2"
    parameters = (IRREDUCIBLE, MODEL_TERM, DATA_TERM, MODEL_EXPONENT, DATA_EXPONENT)

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        return np.asarray(p["E"] + model_term(p, x) + p["B"] * np.exp(-p["beta"] * x.log_tokens))

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by the five constants."""
        by_a, by_b = np.exp(-p["alpha"] * x.log_n_params), np.exp(-p["beta"] * x.log_tokens)
        return {
            "E": np.ones((1, 1)),
            "A": by_a,
            "B": by_b,
            "alpha": -p["A"] * by_a * x.log_n_params,
            "beta": -p["B"] * by_b * x.log_tokens,
        }

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return zeros: all tokens are alike."""
        return np.zeros((1, 1, 1))

    def optimal_n_params(self, p: Constants, flops: float) -> Array:
        """Return N* (Hoffmann et al. 2022, eq. 4)."""
        return closed_form_n_params(p, flops)
