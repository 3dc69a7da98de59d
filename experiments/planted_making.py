"""How the planted worlds were drawn: constants from a seed, sizes of effects and noise as in published run tables.

Sizes: over RegMix's designs a validation loss of its 1M models varies by .3 to 1.5 nats (standard deviation) and the mean
over 13 by .31; models of a few million parameters differ by .3 to 1.3 % of a loss from seed to seed; rankings of mixtures
at the two scales correlate .9 to .99; the best mixture of a design of hundreds lies about two standard deviations below
their mean, so worlds whose best lies more than 2.5 below the natural mixture are drawn again.

`write_worlds` made ``data/planted_worlds.json``; calling it again with its seed gives the same worlds as far as numpy draws
the same numbers, which is why the file, not the seed, is the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from infolaw.units import Array

from .frozen import write_records
from .planted_designs import capped, proxies, within
from .planted_worlds import PATH, SHAPES, Constants, Scale, World, record_of, world_of

SEED = 20251
KINKED = ("threshold", "best_source")
"""Families whose best weights need the longest search."""
SCALES: tuple[Scale, ...] = ("proxy", "target")
MOST_GAIN, STEP, PATIENCE, GAINED = 2.5, 1e-6, 40, 1e-4
PER_FAMILY = {"log_linear": 16, "smooth": 16, "threshold": 8, "low_rank": 8, "best_source": 8, "repetition": 8}


def write_worlds(path: Path = PATH, seed: int = SEED) -> None:
    """Draw every world, find its best weights, write the file."""
    worlds = []
    for family, n_worlds in PER_FAMILY.items():
        for k in range(n_worlds):
            rng = np.random.default_rng([seed, list(SHAPES).index(family), k])
            world = drawn_world(family, f"{family}-{k}", rng)
            while not _realistic(world, rng):
                world = drawn_world(family, f"{family}-{k}", rng)
            world = world_of(record_of(world))
            first = {at: best_weights(world, at, rng) for at in SCALES}
            best = np.stack([kicked(world, at, weights, rng) for at, weights in first.items()])
            found = world_of(record_of(replace(world, best=best)))
            worlds.append(sharpened(found, seed) if family in KINKED else found)
    write_records(path, map(record_of, worlds), seed)


def sharpened(world: World, seed: int, first: int = 1) -> World:
    """World whose best weights are searched for again, until more patient kicks from three starts gain nothing."""
    for turn in count(first):
        rng, ends = np.random.default_rng([seed, turn, *world.name.encode()]), []
        for at, best in zip(SCALES, world.best, strict=True):
            starts = (best, capped(world.prior, world.caps), capped(np.ones(len(best)), world.caps))
            found = np.stack([kicked(world, at, start, rng, 2 * PATIENCE) for start in starts])
            ends.append(found[world.loss(found, at).argmin()])
        gains = [-float(world.regret(end, at)[0]) for at, end in zip(SCALES, ends, strict=True)]
        world = world_of(record_of(replace(world, best=np.stack(ends))))
        if max(gains) < GAINED:
            break
    return world


def drawn_world(family: str, name: str, rng: np.random.Generator) -> World:
    """World of a family, its best weights not found yet (all equal)."""
    d, m = int(rng.integers(10, 31)), int(rng.integers(5, 13))
    prior = np.exp(1.1 * rng.standard_normal(d))
    prior = prior / prior.sum()
    often = family == "repetition"
    pool = float(np.exp(rng.uniform(np.log(0.8), np.log(1.4)) if often else rng.uniform(np.log(1.0), np.log(4.0))))
    constants = _CONSTANTS[family](_transfer(rng, d, m), prior, rng)
    world = World(
        prior=prior,
        supply=pool * prior,
        max_epochs=5.0 if often else 4.0,
        importance=np.ones(1),
        simulated=often and bool(rng.random() < 0.5),
        name=name,
        family=family,
        targets=np.ones((1, m)) / m,
        constants=constants,
        floor=np.zeros((2, m)),
        scale=np.ones((2, m)),
        worth=np.exp(0.1 * rng.standard_normal(d)),
        half_life=float(rng.uniform(4.0, 10.0) if often else rng.uniform(6.0, 20.0)),
        harm=rng.uniform(0.005, 0.03, m) if often else np.zeros(m),
        onset=float(rng.uniform(1.5, 3.0)),
        noise_shared=float(np.exp(rng.uniform(np.log(0.003), np.log(0.012)))),
        noise_each=np.exp(rng.uniform(np.log(0.008), np.log(0.03), m)),
        best=np.ones((2, d)),
    )
    return _with_targets(_with_sizes(world, rng), rng)


def _realistic(world: World, rng: np.random.Generator) -> bool:
    """Whether the natural mixture is above the best by at most `MOST_GAIN` standard deviations of a design's losses."""
    spread = world.loss(proxies(world.setting, 512, rng), "proxy").std()
    gain = world.loss(world.prior, "proxy") - world.loss(best_weights(world, "proxy", rng, n_starts=2), "proxy")
    return bool(gain[0] <= MOST_GAIN * spread)


def _with_sizes(world: World, rng: np.random.Generator) -> World:
    """Level and spread of each validation loss over a design, at both scales."""
    m = world.floor.shape[1]
    shape = SHAPES[world.family](proxies(world.setting, 512, rng), world.constants)
    scale = rng.uniform(0.2, 0.8, m) / shape.std(0)
    scales = np.stack([scale, scale * rng.uniform(0.45, 0.7, m)])
    levels = np.stack([rng.uniform(4.6, 6.0, m), rng.uniform(2.0, 3.2, m)])
    return replace(world, floor=levels - scales * shape.mean(0), scale=scales)


def _with_targets(world: World, rng: np.random.Generator) -> World:
    """One to three targets, each an average of some or all validation losses."""
    m, n_targets = world.floor.shape[1], int(rng.choice([1, 1, 2, 3]))
    chosen = rng.random((n_targets, m)) < (1.0 if n_targets == 1 else 0.5)
    chosen[np.arange(n_targets), rng.integers(0, m, n_targets)] = True
    weights = chosen * rng.dirichlet(np.full(m, 3.0), n_targets)
    importance = rng.dirichlet(np.full(n_targets, 5.0))
    return replace(world, targets=weights / weights.sum(1, keepdims=True), importance=importance)


def _transfer(rng: np.random.Generator, d: int, m: int) -> Array:
    """How much a token of each domain is worth for each validation loss: own domain 1, relatives less, ``(m, d)``."""
    places = rng.standard_normal((d, 3))
    own = np.concatenate([rng.permutation(d)[:m], rng.integers(0, d, max(0, m - d))])
    distance = np.square(places[own][:, None] - places[None]).sum(-1)
    worth = 0.6 * np.exp(-0.5 * distance) * np.exp(0.3 * rng.standard_normal((m, d))) + 0.02
    worth[np.arange(m), own] = 1.0
    return np.asarray(np.minimum(worth, 1.0))


def _log_linear(transfer: Array, prior: Array, rng: np.random.Generator) -> dict[str, Any]:
    strength = rng.uniform(1.5, 4.0, (len(transfer), 1))
    return {"slope": 0.3 * rng.standard_normal(transfer.shape) - strength * transfer**0.7}


def _smooth(transfer: Array, prior: Array, rng: np.random.Generator) -> dict[str, Any]:
    m, d = transfer.shape
    centres = np.round(rng.dirichlet(3.0 * np.sqrt(prior) / np.sqrt(prior).sum(), 32), 3)
    return {
        "length": rng.uniform(0.4, 1.5, d),
        "centres": centres,
        "height": rng.standard_normal((m, 32)),
        "trend": 1.2 * transfer * rng.uniform(0.5, 1.5, (m, 1)),
    }


def _power(transfer: Array, prior: Array, rng: np.random.Generator) -> dict[str, Any]:
    m = len(transfer)
    return {
        "transfer": transfer,
        "offset": np.exp(rng.uniform(np.log(3e-3), np.log(3e-2), m)),
        "power": rng.uniform(0.1, 0.35, m),
    }


def _threshold(transfer: Array, prior: Array, rng: np.random.Generator) -> dict[str, Any]:
    m, d = transfer.shape
    order, few = rng.permutation(d), np.argsort(-transfer, 1)[:, :3]
    gain, base = np.zeros((m, d)), _power(transfer, prior, rng)
    np.put_along_axis(gain, few, rng.uniform(0.0, 0.25, few.shape), 1)
    return {
        **base,
        "start": np.clip(prior * rng.uniform(0.3, 1.5, d), 0.005, 0.15),
        "width": rng.uniform(0.015, 0.08, d),
        "gain": gain,
        "pairs": np.stack([order[:4], order[4:8]]).astype(float),
        "joint": rng.uniform(0.0, 0.1, (m, 4)),
    }


def _low_rank(transfer: Array, prior: Array, rng: np.random.Generator) -> dict[str, Any]:
    m, d = transfer.shape
    skills = rng.gamma(0.5, size=(4, d))
    product = 0.8 * rng.standard_normal((m, 4, 4))
    return {
        "skills": skills / skills.max(1, keepdims=True),
        "offset": np.exp(rng.uniform(np.log(0.01), np.log(0.05), 4)),
        "power": rng.uniform(0.15, 0.5, 4),
        "need": rng.dirichlet(np.ones(4), m),
        "product": (product + product.transpose(0, 2, 1)) / 2,
    }


def _best_source(transfer: Array, prior: Array, rng: np.random.Generator) -> dict[str, Any]:
    m, d = transfer.shape
    groups = np.eye(3)[rng.integers(0, 3, d)].T
    groups[np.arange(3), rng.permutation(d)[:3]] = 1.0
    return {
        **_power(transfer, prior, rng),
        "groups": groups,
        "sharpness": np.array(rng.uniform(8.0, 20.0)),
        "balance": rng.uniform(0.5, 3.0, m),
    }


_CONSTANTS: dict[str, Callable[[Array, Array, np.random.Generator], Constants]] = {
    "log_linear": _log_linear,
    "smooth": _smooth,
    "threshold": _threshold,
    "low_rank": _low_rank,
    "best_source": _best_source,
    "repetition": _power,
}


def best_weights(world: World, at: Scale, rng: np.random.Generator, n_starts: int = 6) -> Array:
    """Best weights within the caps, ``(n_domains,)``: gradient searches from many starts, then exchanges for kinks."""
    caps = world.caps

    def loss(w: Array) -> Array:
        return world.loss(np.maximum(w, 0.0), at)

    pool = within(world.setting, 20_000, rng)
    pool = pool[np.argsort(loss(pool))]
    starts = [*pool[: 20 * n_starts : 20], pool[:50].mean(0), capped(world.prior, caps), capped(np.ones(len(caps)), caps)]
    found = np.array([*(descended(loss, start, caps) for start in starts), *starts])
    ends = [exchanged(loss, start, caps) for start in found[np.argsort(loss(found))][:3]]
    return min(ends, key=lambda w: float(loss(w)[0]))


def descended(loss: Callable[[Array], Array], start: Array, caps: Array) -> Array:
    """Weights that sequential quadratic programming reaches from `start`, by differences in one batch."""
    from scipy.optimize import minimize

    d = len(start)

    def slope(w: Array) -> tuple[float, Array]:
        values = loss(np.concatenate([w[None], w + STEP * np.eye(d)]))
        return float(values[0]), (values[1:] - values[0]) / STEP

    fun: Any = slope
    sums: Any = {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda _: np.ones(d)}
    options: Any = {"maxiter": 200, "ftol": 1e-10}
    limits = [(0.0, float(cap)) for cap in caps]
    found = minimize(fun, start, jac=True, method="SLSQP", bounds=limits, constraints=sums, options=options)
    return capped(np.maximum(found.x, 1e-12), caps)


def kicked(world: World, at: Scale, weights: Array, rng: np.random.Generator, patience: int = PATIENCE) -> Array:
    """Weights that `patience` random kicks in a row, each followed by exchanges, did not better."""
    caps, value, failed = world.caps, float(world.loss(weights, at)[0]), 0
    while failed < patience:
        spread = np.exp(rng.uniform(0.3, 1.5) * rng.standard_normal(len(caps)))
        mixed = 0.8 * weights + 0.2 * rng.dirichlet(np.full(len(caps), 0.3))
        start = capped(np.maximum(mixed * spread, 1e-12), caps)
        end = exchanged(lambda w: world.loss(w, at), start, caps, first=0.1)
        found = float(world.loss(end, at)[0])
        failed = 0 if found < value - 1e-5 else failed + 1
        if found < value:
            weights, value = end, found
    return weights


def exchanged(loss: Callable[[Array], Array], weights: Array, caps: Array, first: float = 0.02, last: float = 1e-5) -> Array:
    """Weights that no exchange between two domains betters: the best exchange of a size is made, then smaller ones."""
    giver, taker = (index.ravel() for index in np.meshgrid(np.arange(len(caps)), np.arange(len(caps))))
    giver, taker = giver[giver != taker], taker[giver != taker]
    rows, value, size = np.arange(len(giver)), float(loss(weights)[0]), first
    while size > last:
        amount = np.minimum(np.minimum(size, weights[giver]), np.maximum(caps[taker] - weights[taker], 0.0))
        moved = np.repeat(weights[None], len(rows), 0)
        moved[rows, giver] -= amount
        moved[rows, taker] += amount
        values = loss(moved)
        best = int(values.argmin())
        if values[best] < value - 1e-8:
            weights, value = moved[best], float(values[best])
        else:
            size /= 3.0
    return weights
