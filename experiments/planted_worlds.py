"""Planted truths: worlds whose loss of mixture weights is known exactly, at the scale of proxies and at the target's.

A world has 10 to 30 domains, a natural mixture (the prior), losses on 5 to 12 validation domains averaged into one to three
targets, and noise. Its truth is

    L_i(w) = floor_i + scale_i * shape_i(u(w)) + harm_i * sum_j w_j max(0, epochs_j / onset - 1)

with floor and scale of each of the two scales, and u the shares as a model feels them: worth_j times what repetition leaves
of them, supply_j (1 + R (1 - exp(-(epochs_j - 1) / R))) beyond one pass (Muennighoff et al. 2023). Proxies read every token
once, unless their pool was cut as small as the target's (`simulated`). The shapes are one function a family (`SHAPES`):
two inside the families our surrogates assume, four outside. All constants are in ``data/planted_worlds.json``, written
once from a seed by `experiments.planted_making`, before any method was tuned on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from infolaw.errors import ExperimentError
from infolaw.units import Array

from .frozen import plain, read_records

PATH = Path(__file__).parent / "data" / "planted_worlds.json"
INSIDE = ("log_linear", "smooth")
"""Families inside ours: the data mixing law, and draws of a Gaussian process of a concave transform."""

Scale = Literal["proxy", "target"]
Constants = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a method is told of a world.

    Attributes
    ----------
    prior, supply : Array
        Natural mixture, and distinct tokens of each domain as a share of the target's tokens, ``(n_domains,)``.
    max_epochs : float
        Most passes over a domain at the target.
    importance : Array
        Weight of each target in the loss that counts, ``(n_targets,)``, sum 1.
    simulated : bool
        The proxies' pool was cut down so that they repeat data as often as the target would.
    baselines : mapping of str to Array
        Mixtures that the recommended one is to be compared with, ``(n_domains,)`` each.
    """

    prior: Array
    supply: Array
    max_epochs: float
    importance: Array
    simulated: bool
    baselines: Mapping[str, Array] = field(default_factory=dict)

    @property
    def caps(self) -> Array:
        """Largest share of each domain at the target, ``(n_domains,)``."""
        return np.minimum(1.0, self.max_epochs * self.supply)


@dataclass(frozen=True, kw_only=True)
class World(Setting):
    """One planted truth. `best` are the best weights within the caps at both scales, ``(2, n_domains)``; see the module."""

    name: str
    family: str
    targets: Array
    constants: Constants
    floor: Array
    scale: Array
    worth: Array
    half_life: float
    harm: Array
    onset: float
    noise_shared: float
    noise_each: Array
    best: Array

    @property
    def inside(self) -> bool:
        """Whether our surrogates assume its family."""
        return self.family in INSIDE

    @property
    def setting(self) -> Setting:
        """What a method is told."""
        return Setting(**{member.name: getattr(self, member.name) for member in fields(Setting)})

    @property
    def noise(self) -> float:
        """Standard deviation of a proxy's measured loss [nats]."""
        return float(np.hypot(self.noise_shared, np.linalg.norm(self.importance @ self.targets * self.noise_each)))

    def losses(self, weights: Array, at: Scale) -> Array:
        """True loss on every validation domain ``(n, n_validation)`` of weights ``(n, n_domains)`` [nats/token]."""
        k = ("proxy", "target").index(at)
        shares, extra = weights, 0.0
        if at == "target" or self.simulated:
            again = np.maximum(weights / self.supply - 1.0, 0.0)
            fresh = np.minimum(weights, self.supply)
            shares = fresh + self.supply * self.half_life * -np.expm1(-again / self.half_life)
            extra = (weights * np.maximum(0.0, (again + 1.0) / self.onset - 1.0)).sum(-1, keepdims=True) * self.harm
        if at == "target":
            shares = shares * self.worth
        return np.asarray(self.floor[k] + self.scale[k] * SHAPES[self.family](shares, self.constants) + extra)

    def loss(self, weights: Array, at: Scale) -> Array:
        """True loss that counts, ``(n,)``: targets weighted by importance [nats/token]."""
        return np.asarray(self.losses(np.atleast_2d(weights), at) @ self.targets.T @ self.importance)

    def regret(self, weights: Array, at: Scale = "target") -> Array:
        """Return how far weights lie above the best within the caps, ``(n,)`` [nats/token]."""
        return np.asarray(self.loss(weights, at) - self.loss(self.best[("proxy", "target").index(at)], at))

    def measured(self, weights: Array, rng: np.random.Generator) -> Array:
        """Losses of proxy runs, ``(n, n_targets)``, with noise: one draw shared by a run's losses, one of each."""
        noise = self.noise_shared * rng.standard_normal((len(weights), 1))
        noise = noise + self.noise_each * rng.standard_normal((len(weights), len(self.noise_each)))
        return np.asarray((self.losses(weights, "proxy") + noise) @ self.targets.T)


def log_linear(u: Array, c: Constants) -> Array:
    """Data mixing law (Ye et al. 2024): exp(sum_j t_ij u_j)."""
    return np.asarray(np.exp(u @ c["slope"].T))


def smooth(u: Array, c: Constants) -> Array:
    """Draw of a Gaussian process (Matern-5/2, one length a domain) of sqrt(u), as a sum over centres, with a trend."""
    v, centres = np.sqrt(u) / c["length"], np.sqrt(c["centres"]) / c["length"]
    square = (v**2).sum(1)[:, None] + (centres**2).sum(1) - 2 * v @ centres.T
    r = np.sqrt(5.0 * np.maximum(square, 0.0))
    return np.asarray(((1 + r + r**2 / 3) * np.exp(-r)) @ c["height"].T - np.sqrt(u) @ c["trend"].T)


def threshold(u: Array, c: Constants) -> Array:
    """Nothing below a share, all above another, straight between; some skills need two domains; and a power law."""
    ramp = np.clip((u - c["start"]) / c["width"], 0.0, 1.0)
    first, second = c["pairs"].astype(int)
    return -ramp @ c["gain"].T - np.minimum(ramp[:, first], ramp[:, second]) @ c["joint"].T + power_law(u, c)


def low_rank(u: Array, c: Constants) -> Array:
    """Few latent skills z = V u, each a power law, and products of them that help or hurt."""
    z = u @ c["skills"].T
    own = (z + c["offset"]) ** -c["power"] @ c["need"].T
    return np.asarray(own + np.einsum("nk,ikl,nl->ni", z, c["product"], z))


def best_source(u: Array, c: Constants) -> Array:
    """Only the best source counts (a 6-norm over domains), and of groups of domains only the weakest (a soft minimum)."""
    best = (u**6 @ (c["transfer"] ** 6).T) ** (1 / 6)
    weakest = -np.log(np.exp(-c["sharpness"] * (u @ c["groups"].T)).mean(1)) / c["sharpness"]
    return np.asarray((best + c["offset"]) ** -c["power"] - weakest[:, None] * c["balance"])


def power_law(u: Array, c: Constants) -> Array:
    """Additive effective data: (sum_j transfer_ij u_j + offset_i)^-power_i."""
    return np.asarray((u @ c["transfer"].T + c["offset"]) ** -c["power"])


SHAPES: dict[str, Callable[[Array, Constants], Array]] = {
    "log_linear": log_linear,
    "smooth": smooth,
    "threshold": threshold,
    "low_rank": low_rank,
    "best_source": best_source,
    "repetition": power_law,
}
"""Family -> (shares as felt (n, n_domains), constants) -> shape (n, n_validation)."""


@cache
def read_worlds(path: Path = PATH) -> tuple[World, ...]:
    """Read the frozen worlds; see `frozen.read_records`."""
    try:
        return tuple(map(world_of, read_records(path, "planted")))
    except (TypeError, KeyError) as error:
        raise ExperimentError(f"{path} holds no planted worlds: {error}") from None


def world_of(record: Mapping[str, Any]) -> World:
    """World of plain values, as the file has them."""
    made: dict[str, Any] = {
        name: np.array(value, float) if isinstance(value, list) else value for name, value in record.items()
    }
    for name in ("prior", "best"):
        made[name] = made[name] / made[name].sum(-1, keepdims=True)  # sums that rounding left a little off one
    made["constants"] = {name: np.array(value, float) for name, value in record["constants"].items()}
    return World(**made)


def record_of(world: World) -> dict[str, Any]:
    """Plain values of a world, five significant digits of every constant."""
    members = {member.name: getattr(world, member.name) for member in fields(World) if member.name != "baselines"}
    return {name: plain(value) for name, value in members.items()}
