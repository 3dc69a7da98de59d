"""InfoLaw: loss is a power of the information taken in, summed over quality buckets, each read several times.

Read `information` first, then `InfoLaw` (the paper's form, without irreducible loss) and `InfoLawE` (with it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import LawError
from ..points import Points, Schema
from ..units import Array
from .base import Constants, Law, density_of
from .chinchilla import IRREDUCIBLE, MODEL_EXPONENT, MODEL_TERM, model_term
from .parameter import CellValue, Centre, Parameter


def information(density: Array, appetite: Array, seen: Array, epochs: Array, log_k: Array) -> tuple[Array, Array, Array]:
    """sum_d f_d M_d logK (1 - exp(-lambda R_d / logK)), and its derivatives by lambda and by each f_d.

    Parameters
    ----------
    density : ndarray, (n_batch, 1 or n_points, n_cells)
        Information f_d per token of each cell.
    appetite : ndarray, (n_batch, 1 or n_points)
        lambda(N): how fast a model of this size takes it in.
    seen, epochs : ndarray, (n_points, n_cells)
        M_d [tokens] and R_d.
    log_k : ndarray, (n_points,)
        Logarithm of the run's tokens.

    Returns
    -------
    info, by_appetite : ndarray, (n_batch, n_points)
    by_density : ndarray, (n_batch, n_points, n_cells)
    """
    left = np.exp(-(appetite / log_k)[..., None] * epochs)
    by_density = (seen * log_k[:, None]) * (1 - left)
    info = (density * by_density).sum(-1)
    by_appetite = (density * (seen * epochs) * left).sum(-1)
    return info, by_appetite, by_density


def information_by_token(appetite: Array, x: Points, log_k: Array) -> Array:
    """Information of one token more in every cell at density 1, (n_batch, n_points, n_cells)."""
    rate = (appetite / log_k)[..., None]
    return np.asarray(log_k[:, None] * np.where(x.is_fresh, -np.expm1(-rate), rate * np.exp(-rate * x.cell_epochs)))


def require_buckets(law: str, schema: Schema) -> Array:
    """Quality bucket of every cell; a law over buckets cannot do without."""
    if len(schema.cells) > 1 and any(bucket is None for bucket in schema.buckets):
        without = ", ".join(c for c, b in zip(schema.cells, schema.buckets, strict=True) if b is None)
        raise LawError(
            f"law {law!r} needs a quality bucket in every cell (q0, q1, ... or <domain>/q0, ...), but {without} "
            "has none. Bucket the corpus by quality, or use a law that needs none, such as chinchilla."
        )
    return np.array([bucket or 0 for bucket in schema.buckets], float)


@dataclass(frozen=True)
class InfoLaw(Law):
    """L = alpha info^-beta, info = sum_d e^(-theta d) M_d logK (1 - e^(-lambda R_d / logK)), lambda = a ln N + b.

    The paper's exact form. Its units are not published; they are explicit here and all constants are refitted.
    It has no irreducible loss, and repetition never hurts.

    Attributes
    ----------
    token_unit, param_unit, log_base : float
        K and M_d are counted in `token_unit` tokens, N in `param_unit` parameters; base of all logarithms.

    References
    ----------
    .. [1] Zhou, Liu et al. (2026), "InfoLaw: Information Scaling Laws for Large Language Models with
       Quality-Weighted Mixture Data and Repetition", arXiv:2605.02364.
    """

    token_unit: float = 1.0
    param_unit: float = 1.0
    log_base: float = math.e

    sees_recipe = True
    name = "infolaw"
    formula = "L = alpha info^-beta, info = sum_d e^(-theta d) M_d logK (1 - e^(-(a ln N + b) R_d / logK))"
    reference = "Zhou, Liu et al. 2026, arXiv:2605.02364"
    needs = ("n_params", "tokens", "weight:q0...", "unique:q0...")
    no_optimum = (
        "at fixed 6ND the information of fresh tokens only falls with model size, so the loss always prefers a "
        "smaller model on more tokens"
    )

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        """Return five constants; theta only where there are several buckets."""
        buckets = require_buckets(self.name, schema)
        log_base = math.log(self.log_base)
        size = Centre("a", "n_params", -1 / log_base, math.log(self.param_unit))
        scale = Centre("beta", "tokens", 1.0, math.log(self.token_unit))
        theta = Parameter("theta", (-1.0, 10.0), "how fast information falls from bucket to bucket", "theta", start=(0, 2))
        return (
            *((theta,) if np.ptp(buckets) > 0 else ()),
            Parameter("a", (0.0, 5.0), "growth of lambda with ln N", "a", "1/ln(parameters)", start=(0.0, 0.5)),
            Parameter("b", (1e-3, 1e3), "lambda at N = 1 (bounded at the centre)", "b", start=(0.2, 20), centre=size),
            Parameter(
                "alpha",
                (1e-6, 1e3),
                "loss at one unit of information",
                "alpha",
                "nats",
                log=True,
                linear=True,
                centre=scale,
            ),
            Parameter("beta", (1e-4, 3.0), "how fast loss falls with information", "beta", start=(0.01, 0.5)),
        )

    def fixed(self, schema: Schema) -> dict[str, Array]:
        """Return the bucket of every cell."""
        return {"bucket": require_buckets(self.name, schema)}

    def _log_n(self, x: Points) -> Array:
        return (x.log_n_params - math.log(self.param_unit)) / math.log(self.log_base)

    def _info(self, p: Constants, x: Points) -> tuple[Array, Array, Array]:
        log_k = (x.log_tokens - math.log(self.token_unit)) / math.log(self.log_base)
        appetite = p["a"] * self._log_n(x) + p["b"]
        return information(density_of(p), appetite, x.cell_seen / self.token_unit, x.cell_epochs, log_k)

    def info(self, p: Constants, x: Points) -> Array:
        """Information that a run takes in, (n_batch, n_points) [token units times logarithms]."""
        return self._info(p, x)[0]

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return derivatives by shares, through the information."""
        log_k = (x.log_tokens - math.log(self.token_unit)) / math.log(self.log_base)
        by_info = -p["beta"] * p["alpha"] * self.info(p, x) ** -(p["beta"] + 1)
        by_token = information_by_token(p["a"] * self._log_n(x) + p["b"], x, log_k)
        return np.asarray(by_info[..., None] * density_of(p) * by_token * (x.tokens / self.token_unit)[:, None])

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        return np.asarray(p["alpha"] * self.info(p, x) ** -p["beta"])

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by the five constants."""
        info, by_appetite, by_density = self._info(p, x)
        power = info ** -p["beta"]
        by_info = -p["beta"] * p["alpha"] * power / info
        return {
            "theta": -by_info * (density_of(p) * by_density * p["bucket"]).sum(-1),
            "a": by_info * by_appetite * self._log_n(x),
            "b": by_info * by_appetite,
            "alpha": power,
            "beta": -p["alpha"] * power * np.log(info),
        }

    def cell_value(self, p: Constants, n_params: float, tokens: float) -> CellValue:
        """Marginal information of a token of each cell (methods: water-filling)."""
        x = Points.build(n_params, tokens)
        log_k = (math.log(tokens) - math.log(self.token_unit)) / math.log(self.log_base)
        return value_of_cells(p, float(np.ravel(p["a"] * self._log_n(x) + p["b"])[0]) / log_k)


def value_of_cells(p: Constants, x: float) -> CellValue:
    """Fresh: f_d (1 - e^-x) logK; repeated: f_d lambda e^(-x R), with x = lambda / logK. In units of logK."""
    return CellValue(density_of(p).reshape(-1, len(p["bucket"]))[0] * -math.expm1(-x), x / math.expm1(x), x)


@dataclass(frozen=True)
class InfoLawE(Law):
    """L = E + A/N^alpha + B info^-beta: InfoLaw above an irreducible loss, with a model term of its own.

    What the paper's form lacks on real runs: a floor, and a size term that data cannot buy off.

    Attributes
    ----------
    growth : {"power", "log"}
        lambda(N) = lambda_0 (N / centre)^s, or a ln N + b as in the paper.

    References
    ----------
    .. [1] Zhou, Liu et al. (2026), arXiv:2605.02364, extended; see ``docs/decisions.md``.
    """

    growth: Literal["power", "log"] = "power"

    sees_recipe = True
    name = "infolaw_e"
    formula = "L = E + A/N^alpha + B info^-beta, info as in infolaw, lambda = l N^s (or a ln N + b)"
    reference = "own extension of Zhou, Liu et al. 2026, arXiv:2605.02364"
    needs = ("n_params", "tokens", "weight:q0...", "unique:q0...")

    def parameters_for(self, schema: Schema) -> tuple[Parameter, ...]:
        """Return eight constants; theta only where there are several buckets."""
        inner = {p.name: p for p in InfoLaw().parameters_for(schema)}
        appetite: tuple[Parameter, ...] = (inner["a"], inner["b"])
        if self.growth == "power":
            centre = Centre("s", "n_params", -1.0)
            appetite = (
                Parameter("s", (-1.0, 1.0), "lambda grows as N^s", "s", start=(-0.2, 0.3)),
                Parameter("l", (1e-3, 1e3), "lambda at N = 1", "l", start=(0.2, 20), log=True, centre=centre),
            )
        info_term = Parameter(
            "B",
            (1e-8, 1e3),
            "loss above the floor at one unit of information",
            "B",
            "nats",
            log=True,
            linear=True,
            centre=Centre("beta", "tokens"),
        )
        theta = (inner["theta"],) if "theta" in inner else ()
        beta = Parameter("beta", (1e-3, 3.0), "how fast loss falls with information", "beta", start=(0.05, 1.0))
        return (IRREDUCIBLE, MODEL_TERM, info_term, MODEL_EXPONENT, beta, *theta, *appetite)

    def fixed(self, schema: Schema) -> dict[str, Array]:
        """Return the bucket of every cell."""
        return {"bucket": require_buckets(self.name, schema)}

    def _appetite(self, p: Constants, x: Points) -> Array:
        if self.growth == "power":
            return np.asarray(p["l"] * np.exp(p["s"] * x.log_n_params))
        return np.asarray(p["a"] * x.log_n_params + p["b"])

    def _info(self, p: Constants, x: Points) -> tuple[Array, Array, Array]:
        return information(density_of(p), self._appetite(p, x), x.cell_seen, x.cell_epochs, x.log_tokens)

    def info(self, p: Constants, x: Points) -> Array:
        """Information that a run takes in, (n_batch, n_points) [tokens times logarithms]."""
        return self._info(p, x)[0]

    def predict(self, p: Constants, x: Points) -> Array:
        """Loss [nats/token]."""
        return np.asarray(p["E"] + model_term(p, x) + p["B"] * self.info(p, x) ** -p["beta"])

    def partials(self, p: Constants, x: Points) -> dict[str, Array]:
        """Return derivatives by all constants."""
        info, by_appetite, by_density = self._info(p, x)
        power, size = info ** -p["beta"], np.exp(-p["alpha"] * x.log_n_params)
        by_info = -p["beta"] * p["B"] * power / info
        through = by_info * by_appetite
        appetite = self._appetite(p, x)
        return {
            "E": np.ones((1, 1)),
            "A": size,
            "alpha": -p["A"] * size * x.log_n_params,
            "B": power,
            "beta": -p["B"] * power * np.log(info),
            "theta": -by_info * (density_of(p) * by_density * p["bucket"]).sum(-1),
            "a": through * x.log_n_params,
            "b": through,
            "l": through * appetite / p.get("l", 1.0),
            "s": through * appetite * x.log_n_params,
        }

    def by_share(self, p: Constants, x: Points) -> Array:
        """Return derivatives by shares, through the information."""
        by_info = -p["beta"] * p["B"] * self.info(p, x) ** -(p["beta"] + 1)
        by_token = information_by_token(self._appetite(p, x), x, x.log_tokens)
        return np.asarray(by_info[..., None] * density_of(p) * by_token * x.tokens[:, None])

    def cell_value(self, p: Constants, n_params: float, tokens: float) -> CellValue:
        """Marginal information of a token of each cell."""
        appetite = float(np.ravel(self._appetite(p, Points.build(n_params, tokens)))[0])
        return value_of_cells(p, appetite / math.log(tokens))
