"""What others plan from the same runs: `(Task) -> one Answer a budget`, each within the user's cap on passes.

- ``quality_first``: Chinchilla's size, the best buckets first up to four passes (corpora without buckets: the domains whose
  share lowers the proxies' loss most, by ridge regression).
- ``regmix``: RegMix as released (`planted_rivals.regmix`) at the proxies' scale: it knows no supply; Chinchilla's size.
- ``olmix``: Olmix as released (`planted_rivals.olmix`) with its cap of four passes; Chinchilla's size.
- ``law``: this library's laws alone, chosen by `auto` from a short list on the law runs, its plan.
- ``surrogate``: this library's surrogate alone on the proxies, searched within four passes; Chinchilla's size.

Chinchilla's size is 20 tokens a parameter. (Its law fitted to these runs, which differ in recipe, gives from .5 to 2000: the
rule serves the rivals better.) A cap that leaves too few tokens is raised to the least that does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from infolaw import RunTable
from infolaw.auto import fit_auto
from infolaw.errors import InfolawError
from infolaw.observations import observe
from infolaw.units import CHINCHILLA_TOKENS_PER_PARAM, Array, tokens_for
from recipes import Budget, Constraints, Corpus, Recipe, make_plan

from .planted_designs import capped
from .planted_rivals import olmix as olmix_shares
from .planted_rivals import regmix as regmix_shares
from .planted_worlds import Setting

CAP = 4.0
LAWS = ("data_constrained", "infolaw_e", "repetition", "concave_mixing")
RIDGE = 1e-2
STEEP = 30.0
FEW = 20
"""Bootstrap repeats where only the plan is wanted, not its interval."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a user brings: law runs, proxies, corpus, the mixture in use, constraints, budgets [FLOP], a seed."""

    runs: RunTable
    swarm: RunTable
    corpus: Corpus
    baseline: Recipe
    constraints: Constraints
    budgets: tuple[float, ...]
    seed: int = 0

    @cached_property
    def proxies(self) -> tuple[Array, Array]:
        """Mixtures ``(n_runs, n_cells)`` and losses ``(n_runs, 1)`` of the proxies."""
        frame = self.swarm.frame
        weights = frame[[f"weight:{cell}" for cell in self.corpus.names]].to_numpy(float)
        return weights, frame[["loss"]].to_numpy(float)

    @cached_property
    def sizes(self) -> tuple[float, ...]:
        """Chinchilla's size at every budget: 20 tokens a parameter [parameters]."""
        return tuple(float(np.sqrt(flops / 6.0 / CHINCHILLA_TOKENS_PER_PARAM)) for flops in self.budgets)

    def setting(self, tokens: float, max_epochs: float) -> Setting:
        """Return what a mixture searcher is told; passes at least as many as `tokens` need."""
        supply = self.corpus.unique_tokens / tokens
        enough = max(max_epochs, (1 + 1e-6) / supply.sum())
        return Setting(prior=self.corpus.natural, supply=supply, max_epochs=enough, importance=np.ones(1), simulated=False)

    def rng(self, name: str) -> np.random.Generator:
        """Generator of one method."""
        return np.random.default_rng([self.seed, *name.encode()])


@dataclass(frozen=True)
class Answer:
    """A plan at one budget: size [parameters] and shares ``(n_cells,)``."""

    n_params: float
    weights: Array


Planner: TypeAlias = Callable[[Task], list[Answer]]
Shares: TypeAlias = Callable[[Task, float], Array]
"""(task, tokens) -> shares ``(n_cells,)``."""


def at_chinchilla(task: Task, shares: Shares) -> list[Answer]:
    """Plans of Chinchilla's size with shares by some method, pressed under the user's cap."""
    answers = []
    for flops, n_params in zip(task.budgets, task.sizes, strict=True):
        tokens = float(tokens_for(flops, n_params))
        allowed = task.setting(tokens, task.constraints.max_epochs or np.inf).caps
        answers.append(Answer(n_params, capped(np.maximum(shares(task, tokens), 1e-12), allowed)))
    return answers


def quality_first(task: Task) -> list[Answer]:
    """Best buckets first up to four passes."""
    rank = np.array([float((cell.bucket or "q0")[1:]) for cell in task.corpus.cells])
    if not task.corpus.buckets:
        X, y = task.proxies
        shares, losses = X - X.mean(0), y[:, 0] - y.mean()
        slope = np.linalg.solve(shares.T @ shares + RIDGE * np.eye(X.shape[1]), shares.T @ losses)
        rank = np.argsort(np.argsort(slope)).astype(float)
    base = task.corpus.natural * np.exp(-STEEP * (rank - rank.min()))
    return at_chinchilla(task, lambda task, tokens: capped(np.maximum(base, 1e-250), task.setting(tokens, CAP).caps))


def regmix(task: Task) -> list[Answer]:
    """RegMix at the proxies' scale."""
    weights = regmix_shares(*task.proxies, task.setting(1.0, np.inf), task.rng("regmix"))
    return at_chinchilla(task, lambda task, tokens: weights)


def olmix(task: Task) -> list[Answer]:
    """Olmix within four passes."""
    return at_chinchilla(
        task, lambda task, tokens: olmix_shares(*task.proxies, task.setting(tokens, CAP), task.rng("olmix"))
    )


def surrogate(task: Task) -> list[Answer]:
    """Plan by this library's surrogate within four passes."""
    from recipes.search import Beliefs, Objective, Region
    from recipes.search import Setting as Search
    from recipes.search.methods import descent
    from recipes.surrogates import GaussianProcess

    X, y = task.proxies
    beliefs = Beliefs.fitted(GaussianProcess(), X, y, ("loss",))
    objective = Objective.of(("loss",), np.ones(1), beliefs.predict(task.corpus.natural[None])[0])

    def shares(task: Task, tokens: float) -> Array:
        caps = task.setting(tokens, CAP).caps
        region = Region(task.corpus.names, np.zeros(len(caps)), caps)
        return np.asarray(descent(Search(beliefs, region, objective, task.corpus.natural, task.seed)))

    return at_chinchilla(task, shares)


def law(task: Task) -> list[Answer]:
    """Plan by this library's laws alone."""
    chosen = fit_auto(observe(task.runs), LAWS, heldout=None, n_bootstrap=FEW, seed=task.seed)
    answers = []
    for flops, n_params in zip(task.budgets, task.sizes, strict=True):
        options: Any = {"details": False, "baseline": task.baseline, "constraints": task.constraints, "seed": task.seed}
        try:
            plan = make_plan(chosen, task.corpus, Budget(flops=flops), **options)
        except InfolawError:  # the law has no optimal size
            plan = make_plan(chosen, task.corpus, Budget(flops=flops, n_params=n_params), **options)
        answers.append(Answer(plan.n_params, np.array([plan.weights[cell] for cell in task.corpus.names])))
    return answers


RIVALS: dict[str, Planner] = {
    "quality_first": quality_first,
    "regmix": regmix,
    "olmix": olmix,
    "law": law,
    "surrogate": surrogate,
}
"""Every rival by its name."""
