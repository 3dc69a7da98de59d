"""Search: from a swarm of proxies to the mixture to train on, and how sure that is.

Read `region` (what is allowed), `objective` (what is minimised), `beliefs` (what surrogates say), then `recommend`; beside
them `candidates` and `descent` (how mixtures are found) and `batch` (which proxies to run next).
"""

from __future__ import annotations

from .batch import noisy_expected_improvement, thompson
from .beliefs import Beliefs, distance
from .candidates import regmix_mixtures
from .descent import improved, lowest, mean_of_best
from .front import front_mixtures
from .methods import METHODS
from .objective import Objective, pareto_front
from .recommend import Setting, recommend
from .recommendation import Price, Recommendation, Rival
from .region import Group, Region
from .repetition import Repetition
from .sampler_space import Evolution, RandomDraws, SamplerSpace, search_params

__all__ = [
    "METHODS",
    "Beliefs",
    "Evolution",
    "Group",
    "Objective",
    "Price",
    "RandomDraws",
    "Recommendation",
    "Region",
    "Repetition",
    "Rival",
    "SamplerSpace",
    "Setting",
    "distance",
    "front_mixtures",
    "improved",
    "lowest",
    "mean_of_best",
    "noisy_expected_improvement",
    "pareto_front",
    "recommend",
    "regmix_mixtures",
    "search_params",
    "thompson",
]
