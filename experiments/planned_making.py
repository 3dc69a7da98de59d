"""How the worlds to plan in were drawn: constants from a seed, sizes of effects, noise and supplies as in real tables.

Runs of 10M to 400M parameters on 5 to 80 tokens each, losses of 2 to 4 nats, noise of .2 to .4 % (`tiny_lm_runs` .3 %) and
up to 2.5 times as much for proxies; the costliest run is compute-optimal, and the budgets are 10 and 100 times its FLOP.
The corpus holds .3 to 1.2 times the tokens that a compute-optimal run would read at the larger budget, so that good cells,
which are small, are worth repeating. Worlds where recipes differ less or more than real ones are drawn again: a standard
deviation of .5 to 5 % of the loss over a swarm, and .3 to 8 % between today's mixture and the best.

`write_worlds` made ``data/planned_worlds.json``; calling it again gives the same worlds as far as numpy draws the same
numbers, which is why the file, not the seed, is the truth. `cheap_worlds` draws more of the same families, unsearched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from infolaw.units import Array, tokens_for, train_flops

from .frozen import write_records
from .planned_designs import PROXY_TOKENS_PER_PARAM, setting_of
from .planned_optimum import searched
from .planned_worlds import FORMS, PATH, REACH, PlannedWorld, record_of, world_of
from .planted_designs import capped, proxies

SEED = 20267
PER_FAMILY = 15
SPREAD, GAIN = (0.005, 0.05), (0.003, 0.08)
SHAPES = ((3, 4), (2, 6), (1, 6), (5, 0), (4, 3))
"""Domains and buckets of the corpora, in turn; 0: domains alone; one domain: buckets alone."""
SMALL = ((2, 3), (1, 5), (4, 0))
"""The same for cheap worlds."""
LAWS = ("infolaw_e", "repetition", "repetition:harm=ratio")
LARGER = 1.3
"""Share of one bucket to the one above it: the best is the smallest."""


def write_worlds(path: Path = PATH, seed: int = SEED) -> None:
    """Draw every world, find its best plans, write the file."""
    found = []
    for family in FORMS:
        for k in range(PER_FAMILY):
            for turn in count():
                rng = np.random.default_rng([seed, list(FORMS).index(family), k, turn])
                world = world_of(record_of(drawn_world(family, f"{family}-{k}", k, SHAPES[k % len(SHAPES)], rng)))
                if not _spreads(world, rng):
                    continue
                world = world_of(record_of(searched(world, rng)))
                if _gains(world):
                    break
            found.append(world)
    write_records(path, map(record_of, found), seed)


def cheap_worlds(n: int, seed: int = SEED + 1) -> Iterator[PlannedWorld]:
    """Draw `n` worlds of few cells, families in turn, whose best plans are not known."""
    for k in range(n):
        family, turn = list(FORMS)[k % len(FORMS)], k // len(FORMS)
        rng = np.random.default_rng([seed, k])
        shape = SMALL[turn % len(SMALL)]
        drawn = (drawn_world(family, f"cheap-{family}-{turn}", turn, shape, rng) for _ in count())
        yield next(world for world in drawn if _spreads(world, rng))


def drawn_world(family: str, name: str, k: int, shape: tuple[int, int], rng: np.random.Generator) -> PlannedWorld:
    """World of a family, its best plans not found yet."""
    cells, natural = _cells(shape, rng)
    smallest = float(np.exp(rng.uniform(np.log(1e7), np.log(2.5e7))))
    sizes = np.geomspace(smallest, smallest * rng.uniform(8.0, 16.0), 5)
    max_flops = float(train_flops(sizes[-1], PROXY_TOKENS_PER_PARAM * sizes[-1]))
    most = np.sqrt(REACH[-1] * max_flops / 6.0 * PROXY_TOKENS_PER_PARAM)  # tokens of a compute-optimal target
    unique = natural * most * rng.uniform(0.3, 1.2)
    middle = float(np.exp(np.log(sizes).mean()))
    world = PlannedWorld(
        name=name,
        family=family,
        law="",
        cells=cells,
        unique_tokens=unique,
        today=natural,
        max_epochs=float(rng.choice([12.0, 20.0, 32.0])),
        sizes=sizes,
        max_flops=max_flops,
        n_runs=int(rng.integers(30, 61)),
        n_proxies=int(rng.choice([32, 64, 128])),
        noise_runs=float(np.exp(rng.uniform(np.log(0.002), np.log(0.004)))),
        noise_proxies=0.0,
        constants={"n_params": np.array(middle), "tokens": np.array(PROXY_TOKENS_PER_PARAM * middle)},
        best_n_params=np.ones(len(REACH)),
        best=np.ones((len(REACH), len(cells))),
    )
    law = LAWS[k % len(LAWS)] if shape[1] else LAWS[1 + k % 2]  # infolaw_e needs buckets
    world = replace(world, law=law if family == "joint" else "", noise_proxies=world.noise_runs * rng.uniform(1.2, 2.5))
    leaning = natural**0.9 * np.exp(-rng.uniform(0.0, 0.3) * world.bucket + 0.3 * rng.standard_normal(len(cells)))
    caps = np.minimum(1.0, world.max_epochs * unique / (2.0 * most))
    world = replace(world, today=capped(leaning / leaning.sum(), caps))
    return replace(world, constants={**world.constants, **_CONSTANTS[family](world, rng)})


def _cells(shape: tuple[int, int], rng: np.random.Generator) -> tuple[tuple[str, ...], Array]:
    """Names of the cells, and their shares in the corpus: domains differ, better buckets are smaller."""
    n_domains, n_buckets = shape
    names = [f"domain{d}" for d in range(n_domains)]
    own = np.exp(0.7 * rng.standard_normal(n_domains))
    if not n_buckets:
        return tuple(names), own / own.sum()
    shares = LARGER ** np.arange(n_buckets) * np.exp(0.25 * rng.standard_normal((n_domains, n_buckets)))
    shares[:, 0] *= 0.5
    natural = (own[:, None] * shares / shares.sum(1, keepdims=True)).ravel()
    before = [f"{name}/" for name in names] if n_domains > 1 else [""]
    return tuple(f"{name}q{q}" for name in before for q in range(n_buckets)), natural / natural.sum()


def _spreads(world: PlannedWorld, rng: np.random.Generator) -> bool:
    """Whether recipes differ as much as real ones do, and the loss falls to what large models reach."""
    n = float(world.sizes[0])
    losses = world.loss(n, PROXY_TOKENS_PER_PARAM * n, proxies(setting_of(world, 1.0, 1.0), 256, rng))
    top = np.sqrt(world.budgets[-1] / 6.0 / PROXY_TOKENS_PER_PARAM)
    last = float(world.loss(top, tokens_for(world.budgets[-1], top), world.today)[0])
    return bool(SPREAD[0] <= losses.std() / losses.mean() <= SPREAD[1] and losses.mean() < 5.0 and 1.8 < last < 3.2)


def _gains(world: PlannedWorld) -> bool:
    """Whether today's mixture is above the best by as much as real ones are, at both budgets."""
    for k, budget in enumerate(world.budgets):
        n, best = float(world.best_n_params[k]), world.best_loss(k)
        gain = float(world.loss(n, tokens_for(budget, n), world.today)[0]) / best - 1.0
        if not GAIN[0] <= gain <= GAIN[1]:
            return False
    return True


def _surface(rng: np.random.Generator) -> dict[str, Any]:
    """Chinchilla's constants at the runs' centre, about those published."""
    return {
        "floor": rng.uniform(1.5, 1.85),
        "a": rng.uniform(0.4, 0.7),
        "alpha": rng.uniform(0.28, 0.38),
        "b": rng.uniform(0.75, 1.15),
        "beta": rng.uniform(0.25, 0.34),
    }


def _density(world: PlannedWorld, rng: np.random.Generator, spread: float) -> Array:
    """Worth of a fresh token of every cell: domains differ, each falls with its buckets by its own rate; natural mean 1."""
    n_domains = world.domain.max() + 1
    domain, slope = spread * rng.standard_normal(n_domains), rng.uniform(0.1, 0.6, n_domains)
    worth = np.exp(domain[world.domain] - slope[world.domain] * world.bucket + 0.05 * rng.standard_normal(len(world.cells)))
    return np.asarray(worth / (worth @ world.natural))


def _joint(world: PlannedWorld, rng: np.random.Generator) -> dict[str, Array]:
    c, n0, d0 = _surface(rng), float(world.constants["n_params"]), float(world.constants["tokens"])
    theta = rng.uniform(0.15, 0.6)
    density = np.exp(-theta * world.bucket) if world.bucket.any() else np.ones(len(world.cells))
    shared = {"E": c["floor"], "A": c["a"] * n0 ** c["alpha"], "alpha": c["alpha"], "beta": c["beta"]}
    if world.law == "infolaw_e":
        appetite, s = rng.uniform(2.0, 5.0), rng.uniform(0.0, 0.12)
        info = d0 * np.log(d0) * -np.expm1(-appetite / np.log(d0)) * (density @ world.natural)
        own = {"B": c["b"] * info ** c["beta"], "l": appetite * n0**-s, "s": s}
    else:
        floors = c["floor"] + 0.08 * rng.standard_normal(world.domain.max() + 1)[world.domain] + 0.02 * world.bucket
        own = {"E": floors, "B": c["b"] * (d0 * (density @ world.natural)) ** c["beta"], "R": rng.uniform(4.0, 15.0)}
        own |= {"P": rng.uniform(0.02, 0.3), "kappa": rng.uniform(0.1, 0.5), "mu": rng.uniform(0.1, 0.5)}
    return {name: np.array(value) for name, value in {**shared, "theta": theta, **own}.items()}


def _domains(world: PlannedWorld, rng: np.random.Generator) -> dict[str, Array]:
    c, n_domains = _surface(rng), world.domain.max() + 1
    density, leak = _density(world, rng, 0.3), rng.uniform(0.03, 0.2)
    beta, need = rng.uniform(0.22, 0.36, n_domains), rng.dirichlet(np.full(n_domains, 4.0))
    own = (density * world.natural) @ np.eye(n_domains)[world.domain]
    return {
        **{name: np.array(c[name]) for name in ("floor", "a", "alpha")},
        "density": density,
        "leak": np.array(leak),
        "beta": beta,
        "need": c["b"] * need / (need @ (own + leak) ** -beta),
        "half_life": rng.uniform(3.0, 20.0, n_domains),
    }


def _log_linear(world: PlannedWorld, rng: np.random.Generator) -> dict[str, Array]:
    n_skills, n_cells = int(rng.integers(4, 9)), len(world.cells)
    skill = rng.dirichlet(np.full(n_skills, 3.0))
    slope = rng.uniform(0.15, 0.5) * rng.standard_normal((n_skills, world.domain.max() + 1))[:, world.domain]
    slope = slope + rng.uniform(0.03, 0.12) * world.bucket + 0.1 * rng.standard_normal((n_skills, n_cells))
    slope = slope - (slope @ world.natural)[:, None]
    return {
        **{name: np.array(value) for name, value in _surface(rng).items()},
        "density": np.ones(n_cells),
        "half_life": np.array(rng.uniform(4.0, 15.0)),
        "slope": slope,
        "skill": skill,
    }


def _outside(world: PlannedWorld, rng: np.random.Generator) -> dict[str, Array]:
    c, n_skills = _surface(rng), int(rng.integers(3, 6))
    skills = rng.gamma(0.7, size=(n_skills, world.domain.max() + 1))[:, world.domain] + 0.05
    skills = skills * np.exp(-rng.uniform(0.1, 0.5, (n_skills, 1)) * world.bucket)
    skills = skills / (skills @ world.natural)[:, None]
    need, norm = rng.uniform(0.5, 1.0, n_skills), rng.uniform(2.0, 5.0)
    return {
        **{name: np.array(c[name]) for name in ("floor", "a", "alpha")},
        "density": np.ones(len(world.cells)),
        "half_life": np.array(rng.uniform(4.0, 12.0)),
        "wears": np.array(rng.uniform(0.0, 0.25)),
        "skills": skills,
        "need": c["b"] * need / ((need**norm).sum() ** (1.0 / norm)),
        "beta": rng.uniform(0.22, 0.36, n_skills),
        "norm": np.array(norm),
        "harm": np.array(rng.uniform(0.01, 0.06)),
        "onset": np.array(rng.uniform(1.5, 4.0)),
        "power": np.array(rng.uniform(1.0, 2.0)),
        "grows": np.array(rng.uniform(0.0, 0.25)),
    }


_CONSTANTS: dict[str, Callable[[PlannedWorld, np.random.Generator], dict[str, Array]]] = {
    "joint": _joint,
    "domains": _domains,
    "log_linear": _log_linear,
    "outside": _outside,
}
