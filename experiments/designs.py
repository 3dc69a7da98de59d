"""Designs: which proxy runs to do, for which question.

`infolaw_design` (sizes x recipes x repetition, at several tokens per parameter), `regmix_design` (mixtures of domains),
`quadmix_design` (parameters of the sampler), `repeated` (seeds, for the noise). Each is a list of configurations, the
same for the same arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infolaw.errors import ExperimentError
from recipes.sampling import SamplerParams
from recipes.search import regmix_mixtures

from .proxy import RunConfig
from .proxy.sizes import size_of
from .proxy.text import open_text

RECIPES: dict[str, tuple[float, ...]] = {
    "hq": (0.40, 0.40, 0.15, 0.05, 0.00, 0.00),
    "mq": (0.15, 0.30, 0.25, 0.15, 0.10, 0.05),
    "mlq": (0.08, 0.20, 0.22, 0.20, 0.16, 0.14),
    "lq": (0.00, 0.00, 0.10, 0.20, 0.30, 0.40),
    "flat": (1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6),
    "ends": (0.30, 0.10, 0.05, 0.05, 0.10, 0.40),
    "top": (0.80, 0.20, 0.00, 0.00, 0.00, 0.00),
}
"""Shares of six quality buckets, best first; ``nat``, the natural shares, is added from the corpus."""
NATURAL = "nat"
FRESH = 0.125
"""Passes over the pool of proxies that are to see no text twice: the pool is 8 times what they read."""


@dataclass(frozen=True)
class Base:
    """What the runs of a design share.

    Attributes
    ----------
    corpus : str
        Folder of a scored corpus.
    options : mapping
        Further fields of `RunConfig`: backend, schedule, target, eval_tokens ...
    """

    corpus: str
    options: Mapping[str, Any]

    def n_params(self, width: int) -> int:
        """Parameters without embeddings at a width."""
        return size_of(RunConfig("size", self.corpus, 1, width, {"all": 1.0}, {"all": 1.0}, **self.options)).n_params

    def tokens(self, width: int, ratio: float) -> int:
        """Tokens of a run at so many a parameter, in whole batches."""
        batch = RunConfig("size", self.corpus, 1, width, {"all": 1.0}, {"all": 1.0}, **self.options).batch
        return max(1, round(ratio * self.n_params(width) / batch)) * batch

    def buckets(self) -> dict[str, float]:
        """Share of each quality bucket in the training text, best first."""
        train, _ = open_text(self.corpus)
        return _shares(train, [f"q{bucket}" for bucket in train.buckets])

    def domains(self) -> dict[str, float]:
        """Share of each domain in the training text."""
        train, _ = open_text(self.corpus)
        return _shares(train, train.domains)

    def run(
        self,
        name: str,
        width: int,
        tokens: float,
        weights: Mapping[str, float],
        pool: float,
        labels: Mapping[str, Any],
        natural: Mapping[str, float],
        seed: int = 0,
    ) -> RunConfig:
        """One run on a pool of `pool` tokens with the natural shares."""
        unique = {cell: natural[cell] * pool for cell in weights}
        config = RunConfig(name, self.corpus, int(tokens), width, weights, unique, seed=seed, labels=labels, **self.options)
        return replace(config, tokens=config.n_steps * config.batch)


def recipes_of(natural: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Recipes of the quality design over the buckets of a corpus.

    Raises
    ------
    ExperimentError
        If the corpus has no six buckets.
    """
    if len(natural) != 6:
        raise ExperimentError(f"the quality design is of 6 buckets and the corpus has {', '.join(natural)}: score it again.")
    shares = {name: dict(zip(natural, weights, strict=True)) for name, weights in RECIPES.items()}
    return {NATURAL: dict(natural), **shares}


@dataclass(frozen=True)
class Grid:
    """InfoLaw's design, a fraction of the full factorial.

    At every width: all recipes at the middle ratio and one pass; `probes` at every pass count and at every ratio; the
    natural recipe at `extremes`; and seeds. At the largest two widths all recipes also repeat the pool, at the largest
    with all seeds, so that the best of them there can be told. Tokens per parameter vary, since the law cannot be told from
    runs in which tokens are proportional to size.

    Attributes
    ----------
    widths : tuple of int
    ratios : tuple of float
        Tokens per parameter; the middle one is that of the recipes.
    passes : tuple of float
        Tokens / pool, of the probes.
    extremes : tuple of float
        The same, of the natural recipe alone, at all but the largest width.
    probes : tuple of str
        Recipes that vary in passes and ratios.
    recipes : tuple of str
        All of them.
    held : tuple of str
        Recipes that laws are tested on: at the largest width they too vary in ratios.
    seeds : tuple of int
        Further seeds of the probes at the middle ratio and one pass, of the first and last probe at the first of `passes`,
        and of the natural recipe at every other of `extremes`.
    long : int
        Widths, from the smallest, that also train at ratios above the middle one.
    """

    widths: tuple[int, ...]
    ratios: tuple[float, ...] = (20.0, 5.0, 10.0, 40.0, 80.0)
    passes: tuple[float, ...] = (4.0, 16.0)
    extremes: tuple[float, ...] = (8.0, 32.0, 64.0, 100.0)
    probes: tuple[str, ...] = (NATURAL, "mq", "hq")
    recipes: tuple[str, ...] = (NATURAL, *RECIPES)
    held: tuple[str, ...] = ("mlq", "ends")
    seeds: tuple[int, ...] = (1, 2)
    long: int = 3

    @property
    def middle(self) -> float:
        """Tokens per parameter at which recipes are compared: the first."""
        return self.ratios[0]

    def cells(self) -> list[tuple[int, str, float, float, int]]:
        """Every run as (width, recipe, passes, tokens per parameter, seed), cheapest first within a width."""
        found: list[tuple[int, str, float, float, int]] = []
        for k, width in enumerate(self.widths):
            found += [(width, recipe, 1.0, self.middle, 0) for recipe in self.recipes]
            found += [(width, recipe, passes, self.middle, 0) for recipe in self.probes for passes in self.passes]
            ratios = [ratio for ratio in self.ratios[1:] if k < self.long or ratio < self.middle]
            varied = self.probes if k < len(self.widths) - 1 else (*self.probes, *self.held)
            found += [(width, recipe, 1.0, ratio, 0) for recipe in varied for ratio in ratios]
            if k < len(self.widths) - 1:
                found += [(width, NATURAL, passes, self.middle, 0) for passes in self.extremes]
                found += [
                    (width, NATURAL, passes, self.middle, seed) for passes in self.extremes[1::2] for seed in self.seeds
                ]
            if k >= len(self.widths) - 2:
                found += [(width, recipe, self.passes[0], self.middle, 0) for recipe in self.recipes]
            ends = (self.probes[0], self.probes[-1])
            found += [(width, recipe, 1.0, self.middle, seed) for recipe in self.probes for seed in self.seeds]
            found += [(width, recipe, self.passes[0], self.middle, seed) for recipe in ends for seed in self.seeds]
        last, pools = self.widths[-1], (1.0, self.passes[0])
        found += [
            (last, name, passes, self.middle, seed) for name in self.recipes for passes in pools for seed in self.seeds
        ]
        return list(dict.fromkeys(found))


def infolaw_design(base: Base, grid: Grid) -> list[RunConfig]:
    """Runs of a grid over the quality buckets of a corpus.

    Raises
    ------
    ExperimentError
        If the corpus is too small for the largest pool; the message says how much more it needs.
    """
    natural = base.buckets()
    weights = recipes_of(natural)
    found = []
    for width, recipe, passes, ratio, seed in grid.cells():
        tokens = base.tokens(width, ratio)
        name = f"w{width}-{recipe}-k{passes:g}-t{ratio:g}-s{seed}"
        labels = {"design": "infolaw", "recipe": recipe, "kappa": passes, "ratio": ratio}
        found.append(base.run(name, width, tokens, weights[recipe], tokens / passes, labels, natural, seed))
    check_pools(base, found)
    return found


def regmix_design(
    base: Base, n: int, width: int, ratio: float, *, over: str = "domains", passes: float = FRESH, seed: int = 0
) -> list[RunConfig]:
    """Small proxies on Dirichlet mixtures of domains or buckets, as RegMix draws them: see `regmix_mixtures`.

    By default from a pool so large that hardly a text repeats, as in RegMix. The first `n` mixtures are the same at every
    width.
    """
    natural = base.domains() if over == "domains" else base.buckets()
    mixtures = regmix_mixtures(np.array(list(natural.values())), n, np.random.default_rng([seed, 3]))
    tokens = base.tokens(width, ratio)
    found = []
    for k, row in enumerate(mixtures):
        labels = {"design": f"regmix-{over}", "recipe": f"mix{k}", "kappa": passes, "ratio": ratio}
        weights = dict(zip(natural, (row / row.sum()).tolist(), strict=True))
        found.append(base.run(f"regmix-{over}-w{width}-{k}", width, tokens, weights, tokens / passes, labels, natural, seed))
    check_pools(base, found)
    return found


def quadmix_design(
    base: Base, n: int, width: int, ratio: float, criteria: Mapping[str, str], *, pool: float, seed: int = 0
) -> list[RunConfig]:
    """Small proxies on what QuaDMix's sampler draws by parameters from Alg. 1.

    Parameters
    ----------
    base : Base
    n, width, ratio
        Runs, their width, and tokens per parameter.
    criteria : mapping of str to str
        Columns of the corpus with scores, and which way each is better: ``lower`` or ``higher``.
    pool : float
        Tokens that the sampler draws from, as a multiple of those trained on.
    seed : int
    """
    rng = np.random.default_rng([seed, 4])
    domains = open_text(base.corpus)[0].domains
    tokens = base.tokens(width, ratio)
    found = []
    for k in range(n):
        params = SamplerParams.draw(rng, domains, tuple(criteria))
        sampler = {
            "domains": params.to_dict(),
            "better": dict(criteria),
            "seed": seed,
            "pool": float(int(tokens * pool)),
        }
        labels: dict[str, str | float] = {"design": "quadmix", "recipe": f"params{k}", "ratio": ratio}
        for d, domain in enumerate(domains):
            for c, name in enumerate(criteria):
                labels[f"param:{domain}:{name}"] = float(params.criterion_weights[d, c])
            for shape in ("steepness", "cutoff", "exponent", "floor"):
                labels[f"param:{domain}:{shape}"] = float(getattr(params, shape)[d])
        options = {**base.options, "sampler": sampler, "seed": seed, "labels": labels}
        config = RunConfig(f"quadmix-{k}", base.corpus, int(tokens), width, **options)
        found.append(replace(config, tokens=config.n_steps * config.batch))
    return found


def repeated(configs: Sequence[RunConfig], seeds: Sequence[int]) -> list[RunConfig]:
    """Every run once a seed, named by it."""
    return [replace(config, run_id=f"{config.run_id}-s{seed}", seed=seed) for config in configs for seed in seeds]


def check_pools(base: Base, configs: Sequence[RunConfig]) -> None:
    """Refuse runs whose pools the corpus cannot fill, before any is trained.

    Raises
    ------
    ExperimentError
        Naming the run that asks for most, its cell, and how much more text is needed.
    """
    train, _ = open_text(base.corpus)
    cells = {cell for config in configs for cell in config.unique}
    held = {cell: train.tokens_of(cell) for cell in cells}
    worst = [(c.unique[cell] - held[cell], c.run_id, cell, c.unique[cell]) for c in configs for cell in c.unique]
    lacking, run_id, cell, asked = max(worst)
    if lacking > 0:
        raise ExperimentError(
            f"run {run_id!r} needs a pool of {asked:,.0f} tokens of {cell}, and {base.corpus} holds {held[cell]:,}: build a "
            f"corpus with {lacking:,.0f} tokens more of it, or ask for smaller models or fewer tokens."
        )


def _shares(text: Any, cells: Sequence[str]) -> dict[str, float]:
    """Shares of cells in the text."""
    held = np.array([text.tokens_of(cell) for cell in cells], float)
    return dict(zip(cells, (held / held.sum()).tolist(), strict=True))
