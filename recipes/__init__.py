"""Data recipes: which documents, how much of each, how often; and the plan that a law and a corpus make together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .budget import Budget
from .cell import Cell
from .constraints import Constraints
from .corpus import Corpus
from .exporters import EXPORTERS, export
from .plan import Plan
from .plan_parts import Versus
from .planner import make_plan
from .recipe import LedgerRow, Recipe, ledger
from .sampling import CopyTable, Criteria, SamplerParams
from .waterfill import waterfill

if TYPE_CHECKING:
    from .build import build_corpus
    from .choosing import choose_surrogate
    from .documents import open_documents
    from .passes.draw import sample_corpus
    from .sampler_search import search_sampler
    from .searching import search_swarm
    from .surrogates import SURROGATES
    from .swarm import Swarm, read_swarm

_LATER = {
    "SURROGATES": "surrogates",
    "Swarm": "swarm",
    "build_corpus": "build",
    "choose_surrogate": "choosing",
    "open_documents": "documents",
    "read_swarm": "swarm",
    "sample_corpus": "passes.draw",
    "search_sampler": "sampler_search",
    "search_swarm": "searching",
}
"""Names whose modules load pyarrow, scipy or scikit-learn: imported when first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'recipes' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LATER[name]}", __name__), name)


__all__ = [
    "SURROGATES",
    "EXPORTERS",
    "Budget",
    "Cell",
    "Constraints",
    "CopyTable",
    "Corpus",
    "Criteria",
    "LedgerRow",
    "Plan",
    "Recipe",
    "SamplerParams",
    "Swarm",
    "Versus",
    "build_corpus",
    "choose_surrogate",
    "export",
    "ledger",
    "make_plan",
    "open_documents",
    "read_swarm",
    "sample_corpus",
    "search_sampler",
    "search_swarm",
    "waterfill",
]
